"""What a statement does that is handed to ``execute``."""

from __future__ import annotations

import ast
from enum import Enum

from flake8_dbsession.analysis.effects.work.sql import (
    changes_rows,
    ends_transaction,
    is_temporary,
    sql_statements,
)
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, Scope, last_segment
from flake8_dbsession.analysis.names.texts import text_of
from flake8_dbsession.analysis.names.values import External
from flake8_dbsession.analysis.nodes import nodes_in

_STEPS = 3  # a statement made of another; real code has one or two
# What makes a statement of a text: SQLAlchemy's ``text``, psycopg's ``SQL``, the text's ``format``.
_WRAPPERS = frozenset({"SQL", "text"})
_CHANGES = frozenset({"delete", "insert", "update"})
_MAKERS = ("sqlalchemy.", "sqlmodel.")


class Statement(Enum):
    """What a statement does to the transaction that it is run in."""

    CHANGES_ROWS = "changes rows"
    ENDS = "ends the transaction, or needs none"
    OTHER = "anything else, or not known"


def statement_of(
    expression: ast.expr | None, scope: Scope, inference: Inference, steps: int = _STEPS
) -> Statement:
    """Tell what a statement does.

    Args:
        expression: the first argument of ``execute``: a text, or a construct of SQLAlchemy.
        scope: the scope it is read in.
        inference: follows names.
        steps: how many names, one in the value of another, are followed.

    Returns:
        What it does; of a script, whether any of its statements ends the transaction.
    """
    expression = _unwrapped(expression)
    if expression is None:
        return Statement.OTHER
    text = text_of(expression, scope, inference)
    if text:
        return _of_text(text)
    match expression:
        case ast.Call():
            is_change = _is_construct(expression, scope, inference)
            return Statement.CHANGES_ROWS if is_change else Statement.OTHER
        case ast.Name(id=name) if steps:
            return _of_name(name, scope, inference, steps - 1)
    return Statement.OTHER


def _of_name(name: str, scope: Scope, inference: Inference, steps: int) -> Statement:
    """Tell what all that a name stands for does; what is only added to itself is left out."""
    values = [b.how.value for b in scope.lookup(name) if isinstance(b.how, Assigned)]
    found = {
        statement_of(value, scope, inference, steps)
        for value in values
        if not any(isinstance(n, ast.Name) and n.id == name for n in nodes_in(value))
    }
    return found.pop() if len(found) == 1 else Statement.OTHER


def _of_text(text: str) -> Statement:
    statements = sql_statements(text)
    if any(ends_transaction(each) or is_temporary(each) for each in statements):
        return Statement.ENDS
    is_change = any(map(changes_rows, statements))
    return Statement.CHANGES_ROWS if is_change else Statement.OTHER


def _unwrapped(expression: ast.expr | None) -> ast.expr | None:
    """Give the text inside ``text("...")`` and ``SQL("...").format(...)``."""
    match expression:
        case ast.Call(func=ast.Attribute(value=ast.Call() as inner, attr="bindparams" | "format")):
            return _unwrapped(inner)
        case ast.Call(args=[wrapped, *_]) if last_segment(expression.func) in _WRAPPERS:
            return wrapped
    return expression


def _is_construct(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a chain of calls begins with ``insert(User)`` or ``users.insert()``."""
    function = call.func
    while isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call):
        function = function.value.func
    if last_segment(function) not in _CHANGES:
        return False
    value = inference.value(function, scope)
    if isinstance(value, External):
        return value.name.startswith(_MAKERS)
    return value is None and isinstance(function, ast.Attribute)
