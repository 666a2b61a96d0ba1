"""The names of a function, as far as it matters who can reach what they stand for."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

from flake8_dbsession.analysis.flow import Flowing
from flake8_dbsession.analysis.library.methods import CLOSERS
from flake8_dbsession.analysis.library.python import CONTAINERS
from flake8_dbsession.analysis.library.wrappers import CLOSING, STACKS
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

Closure: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_CLOSURES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.Tuple, ast.ListComp, ast.SetComp, ast.DictComp)
_CONTAINERS = CONTAINERS | {"frozenset", "tuple"}


class Names(NamedTuple):
    """The names of a function.

    Attributes:
        shared: names that it declares ``global`` or ``nonlocal``.
        made_here: local names that only ever stand for objects made in the function.
        containers: those of them that stand for a list, a dictionary or the like.
        closers: local names that only ever stand for a ``close`` method.
        stacks: names of exit stacks that are made in the function.
        closures: the functions defined in it, by name.
        called: names of the functions from outside that it calls.
        of_comprehensions: where a comprehension speaks of names of its own.
    """

    shared: frozenset[str]
    made_here: frozenset[str]
    containers: frozenset[str]
    closers: frozenset[str]
    stacks: frozenset[str]
    closures: dict[str, Closure]
    called: frozenset[str]
    of_comprehensions: frozenset[ast.Name]


def names_of(function: Flowing) -> Names:
    """Gather the names of a function, lambda or module."""
    shared: set[str] = set()
    stacks: set[str] = set()
    stored: Counter[str] = Counter()
    made: Counter[str] = Counter()
    filled: Counter[str] = Counter()
    closers: Counter[str] = Counter()
    closures: dict[str, Closure] = {}
    lambdas: dict[str, Closure] = {}
    inner: set[ast.Name] = set()
    called: set[str] = set()
    for node in own_nodes(function):
        match node:
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                shared.update(names)
            case ast.Name(id=name, ctx=ast.Store()):
                stored[name] += 1
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda() as value):
                lambdas[name] = value
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                made[name] += _makes_container(value) or _makes_object(value)
                filled[name] += _makes_container(value)
                closers[name] += isinstance(value, ast.Attribute) and value.attr in CLOSERS
                if _makes_stack(value):
                    stacks.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                closures[name] = node
            case ast.withitem(context_expr=manager, optional_vars=ast.Name(id=name)):
                if _makes_stack(manager):
                    stacks.add(name)
            case ast.Call(func=ast.Name(id=name)):
                called.add(name)
            case ast.arg(arg=name):
                stored[name] += 1
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                inner.update(_of_comprehension(node))

    def always(counted: Counter[str]) -> frozenset[str]:
        return frozenset(name for name, count in counted.items() if count == stored[name])

    closures |= {name: value for name, value in lambdas.items() if stored[name] == 1}
    return Names(
        frozenset(shared),
        made_here=always(made),
        containers=always(filled),
        closers=always(closers),
        stacks=frozenset(stacks),
        closures=closures,
        called=frozenset(called - stored.keys() - closures.keys()),
        of_comprehensions=frozenset(inner),
    )


def captured(closure: ast.AST) -> frozenset[str]:
    """Give the names that a function, class or generator takes from around it."""
    nodes = own_nodes(closure)
    names = [node for node in nodes if isinstance(node, ast.Name)]
    read = {name.id for name in names}
    bound = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    for node in nodes:
        match node:
            case ast.arg(arg=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                bound.add(name)
                read |= captured(node)
            case ast.Lambda() | ast.ClassDef():
                read |= captured(node)
            case ast.Nonlocal(names=outer) | ast.Global(names=outer):
                return frozenset(read | set(outer))
    return frozenset(read - bound)


def defaults(closure: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Give the parameters of a function that have a default, each with that."""
    if not isinstance(closure, _CLOSURES):
        return
    arguments = closure.args
    positional = [*arguments.posonlyargs, *arguments.args]
    with_default = positional[len(positional) - len(arguments.defaults) :]
    for parameter, default in [
        *zip(with_default, arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]:
        if default is not None:
            yield parameter.arg, default


def closed_names(closure: ast.AST) -> frozenset[str]:
    """Give the names that a closure calls ``close`` on, or has a ``with`` block close."""
    names: set[str] = set()
    for node in nodes_in(closure):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)):
                if method in CLOSERS:
                    names.add(name)
            case ast.withitem(context_expr=ast.Call(func=manager, args=[ast.Name(id=name)])):
                if dotted_name(manager).rpartition(".")[2] in CLOSING:
                    names.add(name)
    return frozenset(names)


def is_generator(closure: Closure) -> bool:
    """Tell whether calling a closure only makes a generator, which runs it later."""
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in own_nodes(closure))


def _of_comprehension(node: ast.AST) -> Iterator[ast.Name]:
    """Give the places where a comprehension speaks of its own targets."""
    names = [each for each in nodes_in(node) if isinstance(each, ast.Name)]
    targets = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    first = set(nodes_in(node.generators[0].iter))  # type: ignore[attr-defined]
    return (name for name in names if name.id in targets and name not in first)


def _makes_stack(value: ast.expr) -> bool:
    name = dotted_name(value.func) if isinstance(value, ast.Call) else ""
    return name.rpartition(".")[2] in STACKS


def _makes_container(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return dotted_name(value.func).rpartition(".")[2] in _CONTAINERS
    return isinstance(value, _DISPLAYS)


def _makes_object(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and (
        dotted_name(value.func).rpartition(".")[2][:1].isupper()
    )
