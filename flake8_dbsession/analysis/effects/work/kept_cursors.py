"""The cursors that an object or a module keeps beside the connections they are of."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from flake8_dbsession.analysis.effects.work.holders import methods_that_bind
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.dotted import expression_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, statements
from flake8_dbsession.analysis.names.values import ClassValue, InstanceValue
from flake8_dbsession.analysis.nodes import dotted_name, own_nodes, unawaited

_CURSOR = ".cursor("


def kept_cursors(connection: str, scope: Scope, inference: Inference) -> list[str]:
    """Give the cursors that are kept beside a connection.

    Args:
        connection: the connection as a function writes it: ``self.conn``, or a module's name.
        scope: the function's scope.
        inference: answers what objects are.

    Returns:
        The cursors as the function writes them: ``self.cur``.
    """
    owner, _, name = connection.rpartition(".")
    beside = _beside(owner, name, scope, inference)
    found = (cursor for cursor, kept in beside.items() if kept == name)
    return [f"{owner}.{cursor}" if owner else cursor for cursor in found]


def connection_of_kept(cursor: str, scope: Scope, inference: Inference) -> str:
    """Give the connection that a cursor is kept beside; empty where it is none of these.

    Args:
        cursor: the cursor as a function writes it: ``self.cur``, or a module's name.
        scope: the function's scope.
        inference: answers what objects are.
    """
    owner, _, name = cursor.rpartition(".")
    connection = _beside(owner, name, scope, inference).get(name, "")
    return f"{owner}.{connection}" if owner and connection else connection


def _beside(owner: str, name: str, scope: Scope, inference: Inference) -> Mapping[str, str]:
    """Give the cursors, and their connections, of an object or, without one, of the module."""
    if owner:
        cls = class_of(owner, scope, inference)
        return _of_class(cls.scope.child(cls.node), cls, inference=inference) if cls else {}
    module = scope.module.scope
    is_modules = scope is not module and scope.defining(name) is module
    return _of_module(module) if is_modules and _CURSOR in scope.module.text else {}


def class_of(owner: str, scope: Scope, inference: Inference) -> ClassValue | None:
    """Give the class of an object that a function has by a name.

    Args:
        owner: the object as the function writes it: ``self``, or a name.
        scope: the function's scope.
        inference: answers what other objects are.
    """
    around = scope.enclosing_class()
    if owner == scope.receiver() and around is not None and around.parent is not None:
        assert isinstance(around.node, ast.ClassDef)
        return ClassValue(around.node, around.parent)
    value = inference.value(expression_of(owner), scope)
    return value.cls if isinstance(value, InstanceValue) else None


@remembered
def _of_class(scope: Scope, cls: ClassValue, *, inference: Inference) -> dict[str, str]:
    if _CURSOR not in scope.module.text and not cls.node.bases:
        return {}
    found: list[tuple[str, str]] = []
    for method in methods_that_bind(cls, inference):
        found += _cursors_made(own_nodes(method.node), f"{method.receiver}.")
    return _of_one_connection(found)


@remembered
def _of_module(module: Scope) -> dict[str, str]:
    made = module.module.statements_with(_CURSOR)
    return _of_one_connection(_cursors_made(statements(made), ""))


def _cursors_made(nodes: Iterable[ast.AST], keeper: str) -> Iterator[tuple[str, str]]:
    """Give the cursors that some code keeps, each with what keeps its connection, if anything.

    Args:
        nodes: the code.
        keeper: what the names of what is kept begin with: ``self.``, or nothing.
    """
    assigned = [
        (dotted_name(target), unawaited(node.value))
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
    ]
    values = dict(assigned)
    kept = [(name, value) for name, value in assigned if name.startswith(keeper)]
    kept_as = {dotted_name(value): name for name, value in kept}
    for name, value in kept:
        match values.get(dotted_name(value), value):
            case ast.Call(func=ast.Attribute(value=owner, attr="cursor")):
                connection = dotted_name(owner)
                if not connection.startswith(keeper):
                    connection = kept_as.get(connection, "")
                yield name.removeprefix(keeper), connection.removeprefix(keeper)


def _of_one_connection(made: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give those that are always cursors of the same connection."""
    found: dict[str, set[str]] = {}
    for cursor, connection in made:
        found.setdefault(cursor, set()).add(connection)
    return {cursor: min(kept) for cursor, kept in found.items() if kept != {""} and len(kept) == 1}
