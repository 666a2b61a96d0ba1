"""The names of a function, as far as it matters who can reach what they stand for."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from flake8_dbsession.analysis.flow import Flowing
from flake8_dbsession.analysis.flow.calls import dotted_name

Closure: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

CLOSERS = frozenset({"close", "aclose", "terminate", "invalidate"})
_CLOSURES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.Tuple, ast.ListComp, ast.SetComp, ast.DictComp)
_CONTAINERS = frozenset({"dict", "list", "set", "deque", "defaultdict"})


class Names(NamedTuple):
    """The names of a function.

    Attributes:
        shared: names that it declares ``global`` or ``nonlocal``.
        made_here: local names that only ever stand for objects made in the function.
        containers: those of them that stand for a list, a dictionary or the like.
        closures: the functions defined in it, by name.
    """

    shared: frozenset[str]
    made_here: frozenset[str]
    containers: frozenset[str]
    closures: dict[str, Closure]


def names_of(function: Flowing) -> Names:
    """Gather the names of a function, lambda or module."""
    shared: set[str] = set()
    stored: Counter[str] = Counter()
    made: Counter[str] = Counter()
    filled: Counter[str] = Counter()
    closures: dict[str, Closure] = {}
    for node in _own_nodes(function):
        match node:
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                shared.update(names)
            case ast.Name(id=name, ctx=ast.Store()):
                stored[name] += 1
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                made[name] += _makes_container(value) or _makes_object(value)
                filled[name] += _makes_container(value)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                closures[name] = node
    made_here = frozenset(name for name, count in made.items() if count == stored[name])
    containers = frozenset(name for name in made_here if filled[name] == stored[name])
    return Names(frozenset(shared), made_here, containers, closures)


def mentioned(closure: ast.AST) -> frozenset[str]:
    """Give the names that a closure reads."""
    return frozenset(node.id for node in ast.walk(closure) if isinstance(node, ast.Name))


def closed_names(closure: ast.AST) -> frozenset[str]:
    """Give the names that a closure calls ``close`` on."""
    return frozenset(
        node.func.value.id
        for node in ast.walk(closure)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOSERS
        and isinstance(node.func.value, ast.Name)
    )


def is_generator(closure: Closure) -> bool:
    """Tell whether calling a closure only makes a generator, which runs it later."""
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in _own_nodes(closure))


def _makes_container(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return dotted_name(value.func).rpartition(".")[2] in _CONTAINERS
    return isinstance(value, _DISPLAYS)


def _makes_object(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and (
        dotted_name(value.func).rpartition(".")[2][:1].isupper()
    )


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    stack = list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (*_CLOSURES, ast.ClassDef)):
            stack += ast.iter_child_nodes(node)
