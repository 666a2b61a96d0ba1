"""What a statement does that is handed to ``execute``."""

from __future__ import annotations

import ast
from enum import Enum

from flake8_dbsession.analysis.effects.work.reading import changes_by_function, filled, only_reads
from flake8_dbsession.analysis.effects.work.sql import (
    changes_rows,
    ends_transaction,
    is_temporary,
    is_write,
    sql_statements,
)
from flake8_dbsession.analysis.library.queries import CHANGES, METHODS, TEXT_MAKERS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.reaching import assigned_before
from flake8_dbsession.analysis.names.scopes import Annotated, Assigned, Scope, original_name
from flake8_dbsession.analysis.names.texts import HOLE, text_of
from flake8_dbsession.analysis.names.values import External, FunctionValue
from flake8_dbsession.analysis.nodes import names, nodes_in

_STEPS = 3  # a statement made of another; real code has one or two
_SELECTS = frozenset({"select", "union", "union_all"})
_MAKERS = ("sqlalchemy.", "sqlmodel.")


class Statement(Enum):
    """What a statement does to the transaction that it is run in."""

    READS = "changes nothing, whatever it calls"
    CHANGES_ROWS = "changes rows"
    DEFINES = "changes what the database is made of"
    ENDS = "ends the transaction, or needs none"
    OTHER = "not known"


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
    expression = _unwrapped(expression, scope, inference)
    if expression is None:
        return Statement.OTHER
    text = text_of(expression, scope, inference)
    if text:
        return _of_text(text)
    match expression:
        case ast.Call():
            return _of_construct(expression, scope, inference, steps)
        case ast.Name() if steps:
            return _of_name(expression, scope, inference, steps - 1)
        case ast.IfExp(body=body, orelse=other):
            kinds = {statement_of(each, scope, inference, steps) for each in (body, other)}
            return kinds.pop() if len(kinds) == 1 else Statement.OTHER
    return Statement.OTHER


def _of_name(reading: ast.Name, scope: Scope, inference: Inference, steps: int) -> Statement:
    """Tell what all that a name may stand for does; what is only added to itself is left out."""
    name = reading.id
    last = assigned_before(reading, scope)
    if last is not None and not names(last, name):
        return statement_of(last, scope, inference, steps)
    hows = [binding.how for binding in scope.lookup(name)]
    values = [how.value for how in hows if isinstance(how, (Annotated, Assigned)) and how.value]
    found = {
        statement_of(value, scope, inference, steps) for value in values if not names(value, name)
    }
    is_all = len(values) == len(hows)
    kind = found.pop() if len(found) == 1 else Statement.OTHER
    return kind if is_all or kind is not Statement.READS else Statement.OTHER


def _of_text(text: str) -> Statement:
    statements = sql_statements(text)
    if any(ends_transaction(each) or is_temporary(each) for each in statements):
        return Statement.ENDS
    if any(map(changes_rows, statements)):
        return Statement.CHANGES_ROWS
    if any(map(is_write, statements)):
        return Statement.DEFINES
    whole = filled(text)
    return Statement.READS if HOLE not in whole and only_reads(whole) else Statement.OTHER


def _unwrapped(expression: ast.expr | None, scope: Scope, inference: Inference) -> ast.expr | None:
    """Give the text inside ``text("...")`` and ``SQL("...").format(...)``."""
    match expression:
        case ast.Call(func=ast.Attribute(value=ast.Call() as inner, attr="bindparams" | "format")):
            return _unwrapped(inner, scope, inference)
        case ast.Call(func=made, args=[wrapped, *_]) if original_name(made, scope) in TEXT_MAKERS:
            if not isinstance(inference.value(made, scope), FunctionValue):
                return wrapped
    return expression


def _of_construct(call: ast.Call, scope: Scope, inference: Inference, steps: int) -> Statement:
    """Tell what a chain of calls does.

    It begins with ``insert(User)`` or ``users.insert()``, or goes on with a statement that has a
    name: ``found.where(...)``.
    """
    function = call.func
    while isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call):
        function = function.value.func
    begins = original_name(function, scope)
    match function:
        case ast.Attribute(value=ast.Name() as built) if begins in METHODS - _SELECTS:
            kind = statement_of(built, scope, inference, steps)
            if kind is not Statement.READS:
                return kind
        case _ if begins not in CHANGES | _SELECTS or not _is_maker(function, scope, inference):
            return Statement.OTHER
    if begins in CHANGES:
        return Statement.CHANGES_ROWS
    inner = (node for node in nodes_in(call) if isinstance(node, ast.Call))
    is_plain = not any(_changes(node, scope) for node in inner)
    return Statement.READS if is_plain else Statement.OTHER


def _changes(call: ast.Call, scope: Scope) -> bool:
    return original_name(call.func, scope) in CHANGES or changes_by_function(call, scope)


def _is_maker(function: ast.expr, scope: Scope, inference: Inference) -> bool:
    """Tell whether a function is SQLAlchemy's, or the method of what cannot be followed."""
    value = inference.value(function, scope)
    if isinstance(value, External):
        return value.name.startswith(_MAKERS)
    return value is None and isinstance(function, ast.Attribute)
