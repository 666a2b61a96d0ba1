"""Whether a provider does more than open a session and end it: a fix would add that to the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.library.python import LOGGERS
from flake8_dbsession.analysis.names.scopes import body_of
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes, unawaited

_ENDING = frozenset({"close", "commit", "flush", "rollback"})
_QUIET = (ast.Pass, ast.Raise, ast.Import, ast.ImportFrom)


def more_than_a_session(provider: FunctionValue | None, opening: str = "") -> int | None:
    """Give the first line of a provider that does more than open and end a session or connection.

    Such as a transaction that it begins, a lock that it holds, options that it opens the session
    with, or another session that it yields on some condition: code that opened its session by hand
    did without.

    Args:
        provider: the provider; None for one that is not found.
        opening: what opens by hand what it gives, where that needs arguments.

    Returns:
        The line; None for a plain provider, and for what is no generator.
    """
    if provider is None or isinstance(provider.node, ast.Lambda):
        return None
    yields = [n.lineno for n in own_nodes(provider.node) if isinstance(n, ast.Yield)]
    if not yields:
        return None
    strange = next(_strange(body_of(provider.node), opening), None)
    if strange is not None:
        return strange.lineno
    return yields[1] if len(yields) > 1 else None


def _strange(body: list[ast.stmt], opening: str) -> Iterator[ast.expr | ast.stmt]:
    """Give what does more, what runs in handlers only left out."""
    for statement in body:
        match statement:
            case ast.Try():
                yield from _strange(
                    [*statement.body, *statement.orelse, *statement.finalbody], opening
                )
            case ast.If():
                yield from _strange([*statement.body, *statement.orelse], opening)
            case ast.With() | ast.AsyncWith():
                first, *others = (item.context_expr for item in statement.items)
                yield from others if _opens_plainly(first, opening) else [first]
                yield from _strange(statement.body, opening)
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                if not (isinstance(value, ast.Constant) or _opens_plainly(value, opening)):
                    yield value
            case ast.Expr(value=value):
                if not (isinstance(value, (ast.Constant, ast.Yield)) or _ends_or_logs(value)):
                    yield value
            case _ if not isinstance(statement, _QUIET):
                yield statement


def _opens_plainly(expression: ast.expr, opening: str) -> bool:
    """Tell whether an expression calls a factory without arguments, or opens as is done by hand."""
    match unawaited(expression):
        case ast.Call(func=function, args=[], keywords=[]):
            return not (isinstance(function, ast.Attribute) and function.attr == "begin")
        case ast.Call(func=ast.Name(id="closing" | "aclosing"), args=[inner], keywords=[]):
            return _opens_plainly(inner, opening)
    return ast.unparse(unawaited(expression)) == opening


def _ends_or_logs(expression: ast.expr) -> bool:
    match unawaited(expression):
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method), args=arguments):
            return name.lstrip("_") in LOGGERS or (method in _ENDING and not arguments)
        case ast.Call(func=ast.Attribute(value=ast.Attribute(), attr=method), args=[]):
            return method in _ENDING
    return False
