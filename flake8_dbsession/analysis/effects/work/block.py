"""What the statements of a block say by themselves, whichever objects their session loads."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence, Set
from functools import cached_property

from flake8_dbsession.analysis.effects.work.callees import Callees
from flake8_dbsession.analysis.effects.work.forms import (
    bindings_of,
    bound_names,
    is_stored,
    makes_object,
    root_name,
)
from flake8_dbsession.analysis.library.python import MUTATORS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, body_of, last_segment
from flake8_dbsession.analysis.names.values import ClassValue
from flake8_dbsession.analysis.nodes import arguments, is_name, own_nodes


class Block:
    """Some statements of a scope.

    Args:
        body: the statements.
        scope: the scope that they stand in.
        inference: finds the classes and functions that they name.

    Attributes:
        callees: what the calls among the statements lead to.
        nodes: their nodes, but for those of the functions that they define.
        calls: the calls among these.
        bound: what they bind, each with the node that does it and the value that it gets.
        local: the names that they bind.
        finished: the calls that run a coroutine to its end, with the coroutine.
        awaited: what is awaited, or run to its end in another way.
        closures: the functions that they define, by their names.
        classes: the classes that they name.
    """

    def __init__(self, body: Sequence[ast.stmt], scope: Scope, inference: Inference) -> None:
        self.callees = Callees(scope, inference)
        self.nodes = [node for statement in body for node in (statement, *own_nodes(statement))]
        self.calls = [node for node in self.nodes if isinstance(node, ast.Call)]
        self.bound = [(node, *bound) for node in self.nodes for bound in bindings_of(node)]
        self.local = {n.id for n in self.nodes if isinstance(n, ast.Name) and is_stored(n)}
        awaited = {n.value for n in self.nodes if isinstance(n, ast.Await)}
        self.finished = dict(self._find_finished(awaited))
        self.awaited = awaited.union(self.finished.values())
        self.closures = _closures(self.nodes)
        self.classes = tuple(_classes(body, scope, inference))
        self._names: dict[ast.AST, frozenset[str]] = {}

    def _find_finished(self, awaited: set[ast.expr]) -> Iterator[tuple[ast.expr, ast.expr]]:
        for call in self.calls:
            finished = self.callees.finished_by(call, is_awaited=call in awaited)
            if finished is not None:
                yield call, finished

    def names_any(self, node: ast.AST, names: Set[str]) -> bool:
        """Tell whether one of some names stands anywhere in a node."""
        if node not in self._names:
            inside = (part for part in ast.walk(node) if isinstance(part, ast.Name))
            self._names[node] = frozenset(name.id for name in inside)
        return not self._names[node].isdisjoint(names)

    def assigned(self, name: str) -> list[ast.expr]:
        """Give what is assigned to a name, but for ``name = name.where(...)``."""
        return self._assigned.get(name, [])

    @cached_property
    def _assigned(self) -> dict[str, list[ast.expr]]:
        found: dict[str, list[ast.expr]] = {}
        for node in self.nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    if not any(is_name(part, name) for part in ast.walk(value)):
                        found.setdefault(name, []).append(value)
        return found

    @cached_property
    def called(self) -> frozenset[ast.expr]:
        """The expressions whose values are called."""
        return frozenset(call.func for call in self.calls)

    @cached_property
    def made(self) -> frozenset[str]:
        """The names that stand for objects which the function makes, or for lists of them."""
        given = self.values_of.items()
        return frozenset(name for name, values in given if any(map(makes_object, values)))

    @cached_property
    def values_of(self) -> dict[str, list[ast.expr]]:
        """What the function gives each name, and puts into the object or list of that name."""
        scope = self.callees.scope
        found: dict[str, list[ast.expr]] = {}
        for node in own_nodes((scope.function() or scope.module.scope).node):
            for target, value in bindings_of(node):
                for name in bound_names(target):
                    found.setdefault(name, []).append(value)
            match node:
                case ast.Call(func=ast.Attribute(value=receiver, attr=method)):
                    if method in MUTATORS:
                        found.setdefault(root_name(receiver), []).extend(arguments(node))
        return found


@remembered
def block_of(scope: Scope, *, inference: Inference) -> Block:
    """Give the whole of a function, which is read once however many call it.

    Args:
        scope: the function's scope.
        inference: as `Block` takes it.
    """
    return Block(body_of(scope.node), scope, inference)


def _closures(nodes: Iterable[ast.AST]) -> dict[str, ast.AST]:
    found: dict[str, ast.AST] = {}
    for node in nodes:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found[name] = node
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda() as function):
                found[name] = function
    return found


def _classes(body: Sequence[ast.stmt], scope: Scope, inference: Inference) -> Iterator[ClassValue]:
    nodes = [node for statement in body for node in ast.walk(statement)]
    names = {node.id: node for node in nodes if isinstance(node, ast.Name)}
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    for expression in (*names.values(), *attributes):
        if last_segment(expression)[:1].isupper():
            value = inference.value(expression, scope)
            if isinstance(value, ClassValue):
                yield value
