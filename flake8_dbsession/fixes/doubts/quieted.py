"""Whether an error of a close, which the code passes over, would be caught further out."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.flow.calls import raises_by_name
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes
from flake8_dbsession.rewriting.closes import is_call_on
from flake8_dbsession.rewriting.edits import Doubt, Kind


def about_quieted_close(
    opening: ast.expr, name: str, scope: Scope, within: ast.stmt | None = None
) -> Iterator[Doubt]:
    """Doubt that an error of a block's close goes where none of the close by hand went.

    Args:
        opening: what opens the session.
        name: the session's name.
        scope: the scope that it stands in.
        within: a statement that comes to stand in the block as a whole; None for none.

    Yields:
        A doubt where a handler around the opening does more than to raise again.
    """
    function = scope.function() or scope.module.scope
    nodes = own_nodes(function.node)
    quieted = [_first(node) for node in nodes if _quiets_close(node, name)]
    outside = (node for node in nodes if isinstance(node, ast.Try) and node is not within)
    for outer in outside:
        catching = [handler for handler in outer.handlers if not _only_raises(handler)]
        inside = {node for statement in outer.body for node in nodes_in(statement)}
        if catching and quieted and opening in inside:
            line = catching[0].lineno
            reason = f"the handler on line {line} would get an error of the close, which none gets"
            yield Doubt(Kind.ERROR_PATH, reason)


def _quiets_close(node: ast.AST, name: str) -> bool:
    """Tell whether a node does nothing but to close a session, and to pass over the error."""
    match node:
        case ast.Try(handlers=[_, *_]):
            return is_call_on(_first(node), name, "close")
        case ast.With(items=items):
            is_quiet = any(last_segment(item.context_expr) == "suppress" for item in items)
            return is_quiet and is_call_on(_first(node), name, "close")
    return False


def _first(node: ast.AST) -> ast.stmt:
    return node.body[0]  # type: ignore[attr-defined,no-any-return]


def _only_raises(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler does nothing for an error but to log it and to raise."""
    *before, last = handler.body
    return isinstance(last, ast.Raise) and all(map(_is_quiet, before))


def _is_quiet(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Call() as call):
            return not raises_by_name(call)
    return False
