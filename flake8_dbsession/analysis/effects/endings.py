"""Calls that never return: they end the process, or only raise."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.flow import CallEnding, ending_by_name
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Function, Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import dotted_name, own_nodes

_NEVER = frozenset({"Never", "NoReturn"})


class Exits:
    """Answers how calls end, each question once.

    Args:
        inference: answers what the calls stand for.
    """

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._endings: dict[tuple[Scope, str], CallEnding | None] = {}

    def ending(self, call: ast.Call, scope: Scope) -> CallEnding | None:
        """Tell how a call ends that never returns.

        Args:
            call: the call.
            scope: the scope that it stands in.

        Returns:
            The ending; None for a call that returns.
        """
        name = dotted_name(call.func)
        if not name:
            return None
        question = (scope, name)
        if question not in self._endings:
            self._endings[question] = ending_by_name(call) or self._ending_in(call, scope)
        return self._endings[question]

    def _ending_in(self, call: ast.Call, scope: Scope) -> CallEnding | None:
        callee = self._inference.value(call.func, scope)
        if isinstance(callee, FunctionValue) and _never_returns(callee.node):
            return CallEnding.EXITS if _exits(callee.node) else CallEnding.RAISES
        return None


def _never_returns(node: Function) -> bool:
    """Tell whether a function says that it never returns, or plainly ends with leaving."""
    if isinstance(node, ast.Lambda):
        return False
    if node.returns is not None and last_segment(node.returns) in _NEVER:
        return True
    return (
        _leaves(node.body[-1])
        and not decorator_names(node)
        and not any(
            isinstance(part, (ast.Return, ast.Yield, ast.YieldFrom)) for part in own_nodes(node)
        )
    )


def _leaves(statement: ast.stmt) -> bool:
    match statement:
        case ast.Raise(exc=ast.expr() as raised):
            return last_segment(raised) != "NotImplementedError"
        case ast.Expr(value=ast.Call() as call):
            return ending_by_name(call) is CallEnding.EXITS
    return False


def _exits(node: Function) -> bool:
    """Tell whether a function that never returns ends the process."""
    return any(
        (isinstance(part, ast.Call) and ending_by_name(part) is CallEnding.EXITS)
        or (isinstance(part, ast.Raise) and part.exc and last_segment(part.exc) == "SystemExit")
        for part in own_nodes(node)
    )
