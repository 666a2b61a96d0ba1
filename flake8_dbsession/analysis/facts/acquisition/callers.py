"""Who calls a function, anywhere in the project."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.lifetime.process_end import ends_process
from flake8_dbsession.analysis.facts.scope.carrying import calls_in, scopes_mentioning
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import COMPREHENSIONS, LOOPS, Scope
from flake8_dbsession.analysis.names.values import FunctionValue

_DEEPEST = 2  # what a command calls, and what that calls
_TURNS = (*LOOPS, *COMPREHENSIONS)
_MOST_FILES = 40  # that mention a function; one that more do is no part of a command


def is_called_by_commands_only(
    function: Scope, inference: Inference, depth: int = _DEEPEST
) -> bool:
    """Tell whether the process ends with all that calls a function.

    Args:
        function: the function's scope, or that of a method.
        inference: answers what calls stand for; its project is searched for the function's name.
        depth: how many callers, one called by another, are looked at.

    Returns:
        True where something calls it, and every such place lies at a module's top level, in a
        command or in a script's main part, or in what only those call, and never in a loop.
    """
    name = getattr(function.node, "name", "")
    modules = inference.project.modules_mentioning(name, function.module.path)
    if len(modules) > _MOST_FILES:
        return False
    calls = [
        (scope, around)
        for module in modules
        for scope in scopes_mentioning(module.scope, [f"{name}("])
        for call, inner, around in calls_in(scope, (name,))
        if _may_call(call, inner, function, inference)
    ]
    return bool(calls) and all(
        not any(isinstance(node, _TURNS) for node in around)
        and (
            ends_process(caller, inference)
            or (depth > 1 and is_called_by_commands_only(caller, inference, depth - 1))
        )
        for caller, around in calls
    )


def _may_call(call: ast.Call, scope: Scope, function: Scope, inference: Inference) -> bool:
    """Tell whether a call may be one of a function; the same one may have been read twice."""
    value = inference.value(call.func, scope)
    if not isinstance(value, FunctionValue):
        return value is None
    return value.scope.module.path == function.module.path
