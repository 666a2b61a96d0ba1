"""What the call of one method of a session, a connection or a cursor does."""

from __future__ import annotations

import ast
from functools import reduce
from operator import or_

from flake8_dbsession.analysis.effects.work.model import ANYTHING, NOTHING, Did
from flake8_dbsession.analysis.effects.work.statements import Statement, statement_of
from flake8_dbsession.analysis.library.methods import AT_ONCE, Effect, effect_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.values import Resource

_BY_EFFECT = {
    Effect.RECORDS: Did.WRITES,
    Effect.WRITES: Did.WRITES,
    Effect.READS: Did.READS,
    Effect.BEGINS: Did.BEGINS,
    Effect.COMMITS: Did.COMMITS,
    Effect.ROLLS_BACK: Did.ROLLS_BACK,
    Effect.CLOSES: Did.CLOSES,
}
_BY_STATEMENT = {
    Statement.READS: Did.READS,
    Statement.CHANGES_ROWS: Did.WRITES,
    Statement.DEFINES: Did.DEFINES,
    Statement.ENDS: Did.MAY_WRITE | Did.MAY_END,
    Statement.OTHER: Did.MAY_WRITE,
}


def did_by(call: ast.Call, resource: Resource, scope: Scope, inference: Inference) -> Did:
    """Tell what the call of a method does.

    Args:
        call: the call, of a session's, a connection's or a cursor's method.
        resource: what it is called on; a cursor counts as its connection.
        scope: the scope that the call stands in.
        inference: follows the names in a statement's text.
    """
    method = last_segment(call.func)
    effect = effect_of(resource, method)
    if effect is None or method == "run_sync":
        return ANYTHING
    if method == "merge" and _copies_only(call):
        return NOTHING
    if effect & Effect.EXECUTES and not effect & Effect.COMMITS:
        return _by_statement(call, method, scope, inference)
    asks = Did.ASKS if effect & AT_ONCE else NOTHING
    return reduce(or_, (did for each, did in _BY_EFFECT.items() if each & effect), asks)


def _copies_only(call: ast.Call) -> bool:
    """Tell whether ``merge(..., load=False)`` copies an object's state, which needs no flush.

    Source: SQLAlchemy's reference of ``Session.merge``.
    """
    match call:
        case ast.Call(args=[_, ast.Constant(value=False)]):
            return True
    return any(
        keyword.arg == "load"
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is False
        for keyword in call.keywords
    )


def _by_statement(call: ast.Call, method: str, scope: Scope, inference: Inference) -> Did:
    statement = statement_of(call.args[0] if call.args else None, scope, inference)
    if method == "executemany" and statement is not Statement.ENDS:
        return Did.WRITES | Did.ASKS
    return _BY_STATEMENT[statement] | Did.ASKS
