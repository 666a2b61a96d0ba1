"""The objects of a session: what a function calls them, and whether it reads them afterwards."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Set

from flake8_dbsession.analysis.facts.lifetime.helped_work import methods_of
from flake8_dbsession.analysis.library.methods import CHANGING
from flake8_dbsession.analysis.library.python import CONTAINER_READERS, MUTATORS, VALUE_METHODS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Parameter, Scope
from flake8_dbsession.analysis.names.values import InstanceValue
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in, own_nodes
from flake8_dbsession.analysis.source.mentions import is_gated

_OF_NO_OBJECT = MUTATORS | CONTAINER_READERS | frozenset(VALUE_METHODS)


def reads_objects_after(place: ast.AST, scope: Scope, session: str, inference: Inference) -> bool:
    """Tell whether objects of a session are read after a place, which may load them again.

    A flush that failed has expired them all.

    Args:
        place: a call that is given the session, or a handler. What the call itself gives counts
            as no object.
        scope: the scope of its function.
        session: the session as it is written.
        inference: answers what the function is given.
    """
    last = place.end_lineno or place.lineno
    nodes = _nodes_with_session(place.lineno, scope, session)
    names = names_of_loaded(nodes, session) | given_to(CHANGING, list(methods_of(session, nodes)))
    names -= {
        name
        for node in nodes
        if any(inner is place for inner in nodes_in(node))
        for bound, _ in bound_by(node)
        for name in bound
    }
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and node.lineno > last
        and node.attr not in _OF_NO_OBJECT
        and (node.value.id in names or _is_given_object(node.value, scope, inference))
        for node in own_nodes(scope.node)
    )


def _nodes_with_session(line: int, scope: Scope, session: str) -> list[ast.AST]:
    """Give the nodes of the block around a line that opens a session, else of its function."""
    blocks = [
        node
        for node in own_nodes(scope.node)
        if isinstance(node, (ast.With, ast.AsyncWith))
        and node.lineno <= line <= (node.end_lineno or 0)
        and any(
            item.optional_vars is not None and dotted_name(item.optional_vars) == session
            for item in node.items
        )
    ]
    if not blocks:
        return list(own_nodes(scope.node))
    innermost = max(blocks, key=lambda block: block.lineno)
    return [node for statement in innermost.body for node in nodes_in(statement)]


def _is_given_object(name: ast.Name, scope: Scope, inference: Inference) -> bool:
    """Tell whether a parameter is an object of a class that derives from one of a database's."""
    if not any(isinstance(binding.how, Parameter) for binding in scope.bindings(name.id)):
        return False
    value = inference.value(name, scope)
    if not isinstance(value, InstanceValue) or not value.cls.node.bases:
        return False
    return is_gated(value.cls.scope.module.text)


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
    nodes: Iterable[ast.AST], session: str, *, parts: bool = True
) -> frozenset[str]:
    """Give the names that are bound to what comes of a session: rows, and parts of them.

    Args:
        nodes: the nodes of a function, or of a block of it.
        session: the session as it is written.
        parts: whether the names of plain attributes count.
    """
    bindings = [
        (names, value)
        for node in nodes
        for names, value in bound_by(node)
        if parts or not isinstance(value, ast.Attribute)
    ]
    found = {session}
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
