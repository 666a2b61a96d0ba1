"""Engines whose type nothing says, and whose use proves what they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.library.methods import (
    DRIVER_SQL,
    POOLED_ATTRIBUTES,
    SCHEMA_METHODS,
    SCHEMA_OF_ALL,
)
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.scopes import Imported, Scope, last_segment
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.analysis.source.mentions import hints


def is_proven_engine(expression: ast.expr, scope: Scope) -> bool:
    """Tell whether what has a ``connect`` method is an engine of SQLAlchemy by how it is used.

    Args:
        expression: what ``connect`` is called on.
        scope: the scope that it stands in.

    Returns:
        True where the same function gives it, or what it connects, to SQLAlchemy as an engine or
        connection, and for what a session is bound to.
    """
    if "sqlalchemy" not in scope.module.text:
        return False
    function = scope.function()
    is_async = function is not None and isinstance(function.node, ast.AsyncFunctionDef)
    if not is_async and _is_bind(expression):
        return True
    return ast.unparse(expression) in _proven(scope.function() or scope.module.scope)


def _is_bind(expression: ast.expr) -> bool:
    """Tell whether an expression is what a session is bound to, or the engine of that."""
    match expression:
        case ast.Attribute(value=inner, attr="engine"):
            return _is_bind(inner)
        case ast.Call(func=ast.Attribute(attr="get_bind")):
            return True
        case ast.Attribute(value=owner, attr="bind"):
            return hints(last_segment(owner))  # metadata have one too
    return False


@remembered
def _proven(function: Scope) -> frozenset[str]:
    """Give the engines of a function, and what its connections come from, as they are written."""
    nodes = own_nodes(function.node)
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    proven = {ast.unparse(each) for call in calls for each in _given_to_sqlalchemy(call, function)}
    if isinstance(function.node, ast.AsyncFunctionDef):
        return frozenset(proven)  # a connection there may be an asynchronous one
    proven |= {ast.unparse(each) for node in nodes for each in _asked(node)}
    return frozenset(proven.union(*_origins(nodes, proven)))


def _asked(node: ast.AST) -> Iterator[ast.expr]:
    """Give what is asked for an attribute that only SQLAlchemy's connections have."""
    match node:
        case ast.Attribute(value=owner, attr=name) if name == DRIVER_SQL:
            yield owner
        case ast.Attribute(value=ast.Attribute(value=owner, attr="connection"), attr=name) if (
            name in POOLED_ATTRIBUTES
        ):
            yield owner


def _given_to_sqlalchemy(call: ast.Call, function: Scope) -> Iterator[ast.expr]:
    """Give the arguments of a call that SQLAlchemy takes for an engine or connection."""
    name = last_segment(call.func)
    for keyword in call.keywords:
        if keyword.arg == "autoload_with" or (keyword.arg == "bind" and name in SCHEMA_METHODS):
            yield keyword.value
    if call.args and (name in SCHEMA_OF_ALL or _is_inspect(call.func, function)):
        yield call.args[0]


def _is_inspect(callee: ast.expr, scope: Scope) -> bool:
    """Tell whether a callee is SQLAlchemy's ``inspect``, and not the standard library's module."""
    match callee:
        case (
            ast.Name(id="inspect" as name) | ast.Attribute(value=ast.Name(id=name), attr="inspect")
        ):
            hows = (binding.how for binding in scope.lookup(name))
            return any(
                isinstance(how, Imported) and how.module.partition(".")[0] == "sqlalchemy"
                for how in hows
            )
    return False


def _origins(nodes: list[ast.AST], proven: set[str]) -> Iterator[set[str]]:
    """Give what the proven connections come from: ``engine`` of ``conn = engine.connect()``."""
    for node in nodes:
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="connect")) as call:
                if ast.unparse(call) in proven:
                    yield {ast.unparse(owner)}
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Attribute(value=owner, attr="connect")),
            ) if name in proven:
                yield {ast.unparse(owner)}
            case ast.withitem(
                context_expr=ast.Call(func=ast.Attribute(value=owner, attr="connect")),
                optional_vars=ast.Name(id=name),
            ) if name in proven:
                yield {ast.unparse(owner)}
