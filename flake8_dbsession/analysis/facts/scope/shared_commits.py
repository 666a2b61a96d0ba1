"""Whether anybody commits by a session that several coroutines share."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.calls import received_as
from flake8_dbsession.analysis.effects.work.model import Did
from flake8_dbsession.analysis.effects.work.uses import thing_of, uses_of_name
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import ancestors_in
from flake8_dbsession.analysis.names.scopes import LOOPS, Scope
from flake8_dbsession.analysis.names.values import FunctionValue, RoleValue
from flake8_dbsession.analysis.nodes import nodes_in

_COMMITS = Did.COMMITS | Did.MAY_END


def may_commit(
    start: ast.Call, session: ast.expr, known: RoleValue, scope: Scope, inference: Inference
) -> bool:
    """Tell whether the work that a call starts may commit, or the function that starts it.

    Args:
        start: the call.
        session: the session that they share, as it is written there.
        known: what it is.
        scope: the scope of the call.
        inference: answers what is called.

    Returns:
        False where all of it is seen: the session is a name, by which neither the coroutines nor
        the function, once they run, does anything that commits.
    """
    function = scope.function()
    if not isinstance(session, ast.Name) or function is None:
        return True
    inside = set(nodes_in(start))
    loops = [above for above in ancestors_in(start, function) if isinstance(above, LOOPS)]
    first = min((loop.lineno for loop in loops), default=start.lineno)
    ending = _calls_that_may_commit(function, session.id, known=known, inference=inference)
    later = ending[bisect_left(ending, first, key=lambda call: call.lineno) :]
    if any(call not in inside for call in later[: len(inside) + 1]):
        return True
    for call in inside - {start}:
        if isinstance(call, ast.Call):
            found = list(_worked_in(call, session.id, scope, inference))
            if not found and not isinstance(inference.value(call.func, scope), FunctionValue):
                return True
            if any(_commits(at, name, known=known, inference=inference) for at, name in found):
                return True
    return False


@remembered
def _calls_that_may_commit(
    function: Scope, name: str, *, known: RoleValue, inference: Inference
) -> list[ast.Call]:
    """Give the calls by which a function may commit what a session has, in their lines' order."""
    acts = uses_of_name(name, function, thing_of(known), inference).acts
    ending = [
        node for node, work in acts.items() if isinstance(node, ast.Call) and work.ever & _COMMITS
    ]
    return sorted(ending, key=lambda call: call.lineno)


@remembered
def _commits(function: Scope, name: str, *, known: RoleValue, inference: Inference) -> bool:
    return bool(uses_of_name(name, function, thing_of(known), inference).ever & _COMMITS)


def _worked_in(
    call: ast.Call, session: str, scope: Scope, inference: Inference
) -> Iterator[tuple[Scope, str]]:
    """Give where a called function works by a session: by its parameter, or from around it."""
    callee = inference.value(call.func, scope)
    if not isinstance(callee, FunctionValue):
        return
    inside = callee.scope.child(callee.node)
    received = received_as(call, session, scope, inference)
    if received is not None:
        yield inside, received[1]
    elif callee.scope.function() is not None:
        yield inside, session
