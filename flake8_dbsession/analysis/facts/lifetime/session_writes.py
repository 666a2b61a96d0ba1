"""Writes: the calls by which a session notes or makes changes."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.work.sql import is_write, sql_statements
from flake8_dbsession.analysis.names.dotted import dotted_name
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.methods import CHANGING, EXECUTING
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.texts import text_of

# By SQLAlchemy's reference of Query.
_OF_QUERY = frozenset({"delete", "update"})
_BUILDERS = frozenset({"delete", "insert", "update"})


def writes(call: ast.Call, session: str, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call writes through a session.

    Args:
        call: the call.
        session: the session as it is written.
        scope: the scope of the call.
        inference: follows the names in a statement's text.

    Returns:
        True for what is noted for the next flush, for the statements that say so, built or written
        out, and for ``query(...).delete()`` and ``update()``.
    """
    match call.func:
        case ast.Attribute(value=owner, attr=method) if dotted_name(owner) == session:
            if method in CHANGING:
                return True
            is_executed = method in EXECUTING and bool(call.args)
            return is_executed and _is_written(call.args[0], scope, inference)
        case ast.Attribute(value=ast.Call() as query, attr=method) if method in _OF_QUERY:
            return _is_query_of(query, session)
    return False


def _is_written(statement: ast.expr, scope: Scope, inference: Inference) -> bool:
    """Tell whether a statement changes rows."""
    innermost = statement
    while isinstance(innermost, ast.Call):
        if last_segment(innermost) in _BUILDERS:
            return True
        if last_segment(innermost) == "text":
            innermost = innermost.args[0] if innermost.args else innermost.func
            break
        innermost = (
            innermost.func.value if isinstance(innermost.func, ast.Attribute) else innermost.func
        )
    text = text_of(innermost, scope, inference)
    return text is not None and any(map(is_write, sql_statements(text)))


def _is_query_of(query: ast.expr, session: str) -> bool:
    while isinstance(query, ast.Call) and isinstance(query.func, ast.Attribute):
        if query.func.attr == "query" and dotted_name(query.func.value) == session:
            return True
        query = query.func.value
    return False
