"""What a way does when its block ends: the one place that asks the code for it."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.names.values import FunctionValue, Known
from flake8_dbsession.house.model import Leaving


def leaving_of(
    function: FunctionValue | None, known: Known | None, inference: Inference
) -> Leaving:
    """Tell what a way does when its block ends.

    Args:
        function: the way's function; None where it cannot be followed.
        known: what is known of the way besides, such as what a policy says of it.
        inference: answers what the calls in the function stand for.
    """
    part = known or inference.role(function)
    commits = part.commits if part is not None else None
    if function is None:
        return Leaving(commits)
    return Leaving(
        commits,
        rolls_back=_rolls_back(function),
        raises_again=not _changes_errors(function),
    )


def _rolls_back(function: FunctionValue) -> bool:
    """Tell whether a provider rolls back by hand, or by the block of a transaction."""
    calls = (node for node in ast.walk(function.node) if isinstance(node, ast.Call))
    return any(last_segment(call.func) in ("begin", "rollback") for call in calls)


def _changes_errors(function: FunctionValue) -> bool:
    """Tell whether a handler of a provider ends in anything but raising the error again."""
    handlers = (node for node in ast.walk(function.node) if isinstance(node, ast.ExceptHandler))
    return any(not _raises_again(handler.body[-1]) for handler in handlers)


def _raises_again(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Raise) and statement.exc is None
