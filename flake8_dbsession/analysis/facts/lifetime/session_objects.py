"""The objects of a session: what a function calls them, and whether it reads them afterwards."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence, Set

from flake8_dbsession.analysis.facts.lifetime.helped_work import methods_of
from flake8_dbsession.analysis.facts.lifetime.session_calls import SessionCalls
from flake8_dbsession.analysis.library.methods import CHANGING
from flake8_dbsession.analysis.library.python import CONTAINER_READERS, MUTATORS, VALUE_METHODS
from flake8_dbsession.analysis.names.scopes import Parameter
from flake8_dbsession.analysis.names.values import InstanceValue
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in, own_nodes
from flake8_dbsession.analysis.source.mentions import is_gated

_OF_NO_OBJECT = MUTATORS | CONTAINER_READERS | frozenset(VALUE_METHODS)


def reads_objects_after(place: ast.Call | ast.Try, calls: SessionCalls) -> bool:
    """Tell whether objects of a session are read after a place, or returned for others to read.

    A flush that failed has expired them all, and to read one loads it again.

    Args:
        place: a call that is given the session, or the statement that failed. What it gives itself
            counts as no object.
        calls: what the function's calls do to the session.
    """
    nodes = _nodes_with_session(place.lineno, calls)
    names = _objects_in(nodes, calls) - _given_by(place, nodes)
    last = place.end_lineno or place.lineno
    return any(
        _is_object(value, names, calls)
        for node in own_nodes(calls.scope.node)
        if getattr(node, "lineno", 0) > last
        for value in _read_by(node)
    )


def objects_at(line: int, names: Iterable[ast.Name], calls: SessionCalls) -> Iterator[str]:
    """Give those of some names that are of a session's objects.

    Args:
        line: the line at which they are meant.
        names: the names.
        calls: what the function's calls do to the session.
    """
    objects = _objects_in(_nodes_with_session(line, calls), calls)
    yield from (name.id for name in names if _is_object(name, objects, calls))


def _objects_in(nodes: Sequence[ast.AST], calls: SessionCalls) -> frozenset[str]:
    """Give the names of what is loaded by a session, added to it, or given by what holds it."""
    by_holders = frozenset(
        name
        for node in nodes
        for bound, value in bound_by(node)
        if any(isinstance(n, ast.Call) and calls.reach.is_of_carrier(n) for n in nodes_in(value))
        for name in bound
    )
    added = given_to(CHANGING, list(methods_of(calls.session, nodes)))
    return names_of_loaded(nodes, calls.session, given=by_holders) | added


def _given_by(place: ast.Call | ast.Try, nodes: Sequence[ast.AST]) -> frozenset[str]:
    """Give the names that are bound to what a call gives, or in a statement that failed."""
    inside = set(nodes_in(place))
    return frozenset(
        name
        for node in nodes
        for bound, _ in bound_by(node)
        if node in inside or any(inner is place for inner in nodes_in(node))
        for name in bound
    )


def _read_by(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Attribute(value=ast.Name() as value, attr=attr, ctx=ast.Load()):
            if attr not in _OF_NO_OBJECT:
                yield value
        case ast.Return(value=ast.Name() as value):
            yield value


def _is_object(value: ast.expr, names: Set[str], calls: SessionCalls) -> bool:
    """Tell whether a name is an object's: bound to one, or a parameter that is known for one."""
    if not isinstance(value, ast.Name):
        return False
    known = calls.inference.value(value, calls.scope)
    if isinstance(known, InstanceValue):
        is_models = bool(known.cls.node.bases) and is_gated(known.cls.scope.module.text)
        return is_models and (value.id in names or _is_given(value.id, calls))
    return value.id in names


def _is_given(name: str, calls: SessionCalls) -> bool:
    bindings = calls.scope.bindings(name)
    return any(isinstance(binding.how, Parameter) for binding in bindings)


def _nodes_with_session(line: int, calls: SessionCalls) -> Sequence[ast.AST]:
    """Give the nodes of the block around a line that opens the session, else of its function."""
    every = own_nodes(calls.scope.node)
    blocks = [
        node
        for node in every
        if isinstance(node, (ast.With, ast.AsyncWith))
        and node.lineno <= line <= (node.end_lineno or 0)
        and any(calls.is_session(item.optional_vars) for item in node.items)
    ]
    if not blocks:
        return every
    innermost = max(blocks, key=lambda block: block.lineno)
    return [node for statement in innermost.body for node in nodes_in(statement)]


def given_to(names: Set[str], methods: list[tuple[ast.Call, str]]) -> frozenset[str]:
    """Give the names of what is given to the session's methods of some names."""
    return frozenset(
        argument.id
        for call, method in methods
        if method in names
        for argument in call.args
        if isinstance(argument, ast.Name)
    )


def names_of_loaded(
    nodes: Iterable[ast.AST],
    session: str,
    *,
    parts: bool = True,
    given: frozenset[str] = frozenset(),
) -> frozenset[str]:
    """Give the names that are bound to what comes of a session: rows, and parts of them.

    Args:
        nodes: the nodes of a function, or of a block of it.
        session: the session as it is written.
        parts: whether the names of plain attributes count.
        given: further names of such.
    """
    bindings = [
        (names, value)
        for node in nodes
        for names, value in bound_by(node)
        if parts or not isinstance(value, ast.Attribute)
    ]
    found = {session, *given}
    while True:
        more = {
            name
            for names, value in bindings
            if mentions(value, found)
            for name in names
            if name not in found
        }
        if not more:
            return frozenset(found - {session})
        found |= more


def bound_by(node: ast.AST) -> Iterator[tuple[list[str], ast.expr]]:
    """Give the names that a node binds, with what it takes them from."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield [name for target in targets for name in _names(target)], value
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield _names(target), value
        case ast.NamedExpr(target=target, value=value):
            yield _names(target), value
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            yield _names(target), value


def _names(target: ast.expr) -> list[str]:
    return [
        node.id
        for node in nodes_in(target)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


def mentions(node: ast.AST, names: Set[str]) -> bool:
    """Tell whether one of some names stands in a node."""
    return any(
        isinstance(part, (ast.Name, ast.Attribute)) and dotted_name(part) in names
        for part in nodes_in(node)
    )
