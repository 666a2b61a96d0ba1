"""Coroutines that are done with a plain session before they give up control for the first time."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.calls import received_as
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import LOOPS, Scope
from flake8_dbsession.analysis.nodes import is_name, nodes_in, own_nodes, start_of

_WAITING = (ast.AsyncFor, ast.AsyncWith, ast.Await)


def is_done_before_waiting(
    call: ast.expr, session: str, scope: Scope, inference: Inference
) -> bool:
    """Tell whether a coroutine uses a session only before its first ``await``.

    Until then nothing else runs on the event loop, so that such coroutines take turns.

    Args:
        call: the call that makes the coroutine.
        session: the session's name where the call stands.
        scope: the scope of the call.
        inference: answers what is called.

    Returns:
        True for a function of the project that is given the session as an argument of its own, and
        neither waits for anything with it nor uses it in a loop that waits.
    """
    received = received_as(call, session, scope, inference)
    return received is not None and _ends_early(*received)


def _ends_early(function: ast.AST, parameter: str) -> bool:
    nodes = own_nodes(function)
    waits = [start_of(node) for node in nodes if isinstance(node, _WAITING)]
    uses = [start_of(n) for n in nodes if is_name(n, parameter)]
    if any(_waits_with(loop, parameter) for loop in nodes if isinstance(loop, LOOPS)):
        return False
    return not waits or not uses or max(uses) < min(waits)


def _waits_with(loop: ast.AST, parameter: str) -> bool:
    inside = nodes_in(loop)
    is_used = any(is_name(node, parameter) for node in inside)
    return is_used and any(isinstance(node, _WAITING) for node in inside)
