"""Calls that wait for something outside the process, by themselves or in a helper."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.locks import library_object
from flake8_dbsession.analysis.library.slow_calls import is_slow
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import External, FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes


def is_slow_call(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call blocks while it waits for something outside the process.

    Args:
        call: the call.
        scope: the scope it stands in.
        inference: answers what is called.
    """
    value = inference.value(call.func, scope)
    if isinstance(value, FunctionValue):
        return works_slowly(value, inference)
    if isinstance(call.func, ast.Attribute):
        owner = library_object(call.func.value, scope, inference)
        return bool(owner) and is_slow(f"{owner}.{call.func.attr}")
    return isinstance(value, External) and is_slow(value.name)


def works_slowly(function: FunctionValue, inference: Inference) -> bool:
    """Tell whether a function of the project blocks for something outside the process."""
    if isinstance(function.node, (ast.AsyncFunctionDef, ast.Lambda)):
        return False
    scope = function.scope.child(function.node)
    return inference.questions.ask(
        scope.memory, "slow", lambda: _holds_slow_call(scope, inference), False, fixed_point=True
    )


def _holds_slow_call(function: Scope, inference: Inference) -> bool:
    return any(
        isinstance(node, ast.Call) and is_slow_call(node, function, inference)
        for node in own_nodes(function.node)
    )
