"""Whether a call closes a session or rolls it back: by the code of what it calls, or by its name.

A name tells only of a library's function and of what cannot be resolved, where it is all that there
is; a function of the project is asked for its code, whatever it is called.
"""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes

_ROLLING_BACK = ("rollback",)
CLOSING_WORDS = ("clean", "clos", "dispos", "releas", "remov", "teardown")
"""What stands in the name of what closes something."""

_STEPS = 3  # a helper of a helper; real code has one


def closes(call: ast.Call, scope: Scope, inference: Inference, steps: int = _STEPS) -> bool:
    """Tell whether a call closes something.

    Args:
        call: the call.
        scope: the scope that it stands in.
        inference: answers what is called.
        steps: how many functions of the project, one called by the other, are followed.
    """
    return _does(CLOSING_WORDS, call, scope, inference, steps)


def closes_in(function: FunctionValue, inference: Inference, steps: int = _STEPS) -> bool:
    """Tell whether a function of the project closes something, itself or by what it calls."""
    return _does_in(CLOSING_WORDS, function, inference, steps)


def rolls_back(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call rolls something back.

    Args:
        call: the call.
        scope: the scope that it stands in.
        inference: answers what is called.
    """
    return _does(_ROLLING_BACK, call, scope, inference, _STEPS)


def _does(
    words: tuple[str, ...], call: ast.Call, scope: Scope, inference: Inference, steps: int
) -> bool:
    callee = inference.value(call.func, scope)
    if isinstance(callee, FunctionValue):
        return steps > 0 and _does_in(words, callee, inference, steps - 1)
    return any(word in last_segment(call.func).lower() for word in words)


def _does_in(
    words: tuple[str, ...], function: FunctionValue, inference: Inference, steps: int
) -> bool:
    scope = function.scope.child(function.node)
    calls = (node for node in own_nodes(function.node) if isinstance(node, ast.Call))
    return any(_does(words, call, scope, inference, steps) for call in calls)
