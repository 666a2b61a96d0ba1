"""What a way does when its block ends, as the effects tell it of its function or manager."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.work.generators import leaves_of
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import FunctionValue, RoleValue
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.house.model import Leaving


def leaving_of(
    function: FunctionValue | None, known: RoleValue | None, inference: Inference
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
    leaves = leaves_of(function, inference)
    handed = inference.result(function).handed
    return Leaving(
        True if handed is not None and handed.commits else leaves.commits,
        leaves.rolls_back,
        raises_again=not _changes_errors(function.scope.child(function.node)),
    )


@remembered
def _changes_errors(function: Scope) -> bool:
    """Tell whether a handler of a provider ends in anything but raising the error again."""
    handlers = (node for node in nodes_in(function.node) if isinstance(node, ast.ExceptHandler))
    return any(not _raises_again(handler.body[-1]) for handler in handlers)


def _raises_again(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Raise) and statement.exc is None
