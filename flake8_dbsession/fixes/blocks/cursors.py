"""What of a plain connection is of no use once the connection is closed."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, last_segment
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.fixes.doubts.behaviour import names_read_outside

# What these give is there for good, whatever becomes of the connection.
_FETCHES = frozenset({"fetch", "fetchall", "fetchmany", "fetchone", "fetchrow", "fetchval", "keys"})
_VALUES = frozenset(
    {"all", "any", "bool", "dict", "float", "frozenset", "int", "isinstance", "len", "list", "max"}
    | {"min", "next", "print", "read_sql", "read_sql_query", "repr", "set", "sorted", "str", "sum"}
    | {"tuple"}
)
_NUMBERS = frozenset({"description", "in_transaction", "lastrowid", "rowcount", "total_changes"})


def used_after(connection: str, body: Sequence[ast.stmt], scope: Scope) -> ast.AST | None:
    """Find where a block lets out its connection, or what still reads from it.

    Args:
        connection: the connection's name.
        body: the block's statements.
        scope: the scope that they stand in.

    Returns:
        The first node that hands a cursor or the connection on, or that names one which is read
        outside of the block; None where the connection may be closed at the block's end.
    """
    live = live_names(connection, body)
    later = live & (names_read_outside(body, scope) | _read_by_functions(body, scope))
    for node in _nodes(body):
        if _hands_out(node, live) or (isinstance(node, ast.Name) and node.id in later):
            return node
    return None


def _read_by_functions(body: Sequence[ast.stmt], scope: Scope) -> set[str]:
    """Give what the functions of a module read, where the block stands at its top level."""
    if scope.function() is not None:
        return set()
    functions = (node for node in ast.walk(scope.module.scope.node) if isinstance(node, FUNCTIONS))
    return set().union(*map(_names, functions))


def live_names(connection: str, body: Sequence[ast.stmt]) -> set[str]:
    """Give the names of a connection, its cursors, and what holds either.

    Args:
        connection: the connection's name.
        body: the statements that work with it.
    """
    live, before = {connection}, 0
    while len(live) > before:
        before = len(live)
        for node in _nodes(body):
            live |= {name for target in _bound_to_live(node, live) for name in _names(target)}
    return live


def _bound_to_live(node: ast.AST, live: set[str]) -> list[ast.expr]:
    match node:
        case ast.Assign(targets=targets, value=value) if _is_live(value, live):
            return targets
        case (
            ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.NamedExpr(target=target, value=value)
        ) if _is_live(value, live):
            return [target]
        case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
            return [target] if _is_live(value, live) else []
    return []


def _hands_out(node: ast.AST, live: set[str]) -> bool:
    match node:
        case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
            return _is_live(value, live)
        case ast.Assign(targets=targets, value=value) if _is_live(value, live):
            return not all(isinstance(target, ast.Name) for target in targets)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() | ast.ClassDef():
            return bool(_names(node) & live)
        case ast.Call(func=ast.Attribute(attr="append" | "add" | "put"), args=arguments):
            return any(_is_live(argument, live) for argument in arguments)
    return False


def _is_live(expression: ast.expr, live: set[str]) -> bool:
    """Tell whether a value may be, or hold, or still read from the connection or a cursor."""
    match expression:
        case ast.Call(func=function):
            if last_segment(function) in _FETCHES | _VALUES:
                return False
            return bool(_names(expression) & live)
        case ast.Attribute(value=base, attr=name):
            return name not in _NUMBERS and _is_live(base, live)
        case ast.Subscript(value=base):
            return _is_live(base, live)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.Compare() | ast.JoinedStr():
            return False
        case ast.GeneratorExp() | ast.Lambda() | ast.Name():
            return bool(_names(expression) & live)
    parts = ast.iter_child_nodes(expression)
    return any(_is_live(part, live) for part in parts if isinstance(part, ast.expr))


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _nodes(body: Sequence[ast.stmt]) -> list[ast.AST]:
    return [node for statement in body for node in (statement, *own_nodes(statement))]
