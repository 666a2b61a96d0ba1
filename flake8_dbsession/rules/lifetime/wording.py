"""How the rules of this family name the way out."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.library.methods import EXECUTING
from flake8_dbsession.analysis.library.queries import QUERY_BUILDING
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import names, own_nodes
from flake8_dbsession.house.fitting import CLOSE_REPLACED, is_reopened
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.fallback import is_in_fallback

_LAZY = (EXECUTING | QUERY_BUILDING) - {"scalar"}
_FINALLY = "close it in a `finally`"


def closing_way_out(acquisition: Acquisition, context: Context) -> str:
    """Say how to have a session closed whatever happens.

    Args:
        acquisition: what is opened.
        context: the file and its policy.

    Returns:
        The house's own pattern; where a session may be opened by hand, its own ``with`` block.
    """
    if acquisition.part is not None or is_in_fallback(acquisition.node, acquisition.scope, context):
        return _FINALLY
    if is_reopened(acquisition, context.file.tree):
        return CLOSE_REPLACED
    way_out = context.way_out(acquisition)
    fetch = ", and fetch the rows inside it" if _returns_result(acquisition) else ""
    return f"use {way_out}{fetch}"


def _returns_result(acquisition: Acquisition) -> bool:
    """Tell whether a function returns a result or query that still needs its session."""
    function = acquisition.scope.function()
    return function is not None and any(
        isinstance(node, ast.Return)
        and isinstance(node.value, ast.Call)
        and last_segment(node.value) in _LAZY
        and names(node.value, acquisition.name)
        for node in own_nodes(function.node)
    )
