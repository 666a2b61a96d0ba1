"""Sessions handed to background tasks, which run when the response has been sent."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.locks import library_object
from flake8_dbsession.analysis.facts.framework.injected_sessions import injected_sessions
from flake8_dbsession.analysis.facts.scope.carrying import (
    as_session,
    calls_in,
    carried,
    scopes_mentioning,
)
from flake8_dbsession.analysis.library.frameworks import BACKGROUND_TASK, BACKGROUND_TASKS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import Role, RoleValue
from flake8_dbsession.analysis.nodes import arguments
from flake8_dbsession.named_tuples import NamedTuple

_NAMES = ("add_task", "BackgroundTask")
_WORDS = [f"{name}(" for name in _NAMES]


class BackgroundSession(NamedTuple):
    """A request's session that a background task is given.

    Attributes:
        node: the call that adds or makes the task.
        session: the session as it is written.
        known: the session.
        scope: the scope of the call.
        ends_early: whether FastAPI ends the dependency before the task runs; None where nothing
            tells.
    """

    node: ast.Call
    session: str
    known: RoleValue
    scope: Scope
    ends_early: bool | None


def background_sessions(tree: Tree, inference: Inference) -> Iterator[BackgroundSession]:
    """Find the sessions that came in as a parameter and go on to a background task.

    Args:
        tree: the visited part of a file.
        inference: answers what callees and arguments stand for.

    Yields:
        One for each call and session.
    """
    for call, scope in background_tasks(tree, inference):
        yield from _given(call, scope, inference)


def background_tasks(tree: Tree, inference: Inference) -> Iterator[tuple[ast.Call, Scope]]:
    """Find the calls that make background tasks of Starlette, with their scopes."""
    for scope in scopes_mentioning(tree.scope, _WORDS):
        for call, inner, _ in calls_in(scope, _NAMES):
            if _makes_task(call, inner, inference):
                yield call, inner


def _makes_task(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    match call.func:
        case ast.Attribute(value=tasks, attr="add_task"):
            return library_object(tasks, scope, inference) in BACKGROUND_TASKS
    if last_segment(call.func) != "BackgroundTask":
        return False
    return inference.qualified_name(call.func, scope) in BACKGROUND_TASK


def _given(call: ast.Call, scope: Scope, inference: Inference) -> Iterator[BackgroundSession]:
    seen = set()
    function = scope.function()
    is_handler = function is not None and isinstance(function.node, FUNCTIONS)
    injected = injected_sessions(function, inference) if function and is_handler else ()
    ends = {session.name: session.ends_early for session in injected}
    for argument in arguments(call):
        for session in carried(argument, scope, inference):
            known = as_session(session, scope, inference)
            text = ast.unparse(session)
            if known is not None and known.role is Role.GIVEN and text not in seen:
                seen.add(text)
                yield BackgroundSession(call, text, known, scope, ends.get(text))
