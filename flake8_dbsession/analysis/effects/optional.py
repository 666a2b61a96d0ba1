"""Functions that give a session or connection, or None."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes


def may_give_none(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether what a call opens may be None, so that no block can be put around it.

    Args:
        call: the call.
        scope: the scope it stands in.
        inference: answers what is called.

    Returns:
        True for a function of the project with a return of nothing or None.
    """
    function = inference.value(call.func, scope)
    return isinstance(function, FunctionValue) and any(
        isinstance(node, ast.Return) and _is_none(node.value) for node in own_nodes(function.node)
    )


def _is_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)
