"""The fallback that a layer declares for where its sanctioned object is missing."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.lifetime.conditions import missing_at
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.rules.context import Context


def is_in_fallback(node: ast.AST, scope: Scope, context: Context) -> bool:
    """Tell whether a node stands where its layer allows the fallback.

    Args:
        node: the node.
        scope: the scope it stands in.
        context: the file and its layer.

    Returns:
        True in the ``else`` of a test for the object that the layer's ``use`` is called on, such as
        ``if self.unified_session_manager:``, where the layer declares a fallback.
    """
    layer = context.layer
    if layer is None or layer.fallback is None or layer.use is None:
        return False
    sanctioned = layer.use.expression.rpartition(".")[0] or layer.use.expression
    return any(
        sanctioned in context.file.names(missing, scope)
        for missing in missing_at(node, context.file.tree)
    )


def is_fallback(call: ast.Call, scope: Scope, context: Context) -> bool:
    """Tell whether a call is the accessor that its layer allows, where it allows it.

    Args:
        call: the call.
        scope: the scope it stands in.
        context: the file and its layer.

    Returns:
        True for the declared fallback (``self.db_manager.get_session()``) in its ``else``.
    """
    layer = context.layer
    if layer is None or layer.fallback is None:
        return False
    names = context.file.names(call.func, scope)
    return layer.fallback.removesuffix("()") in names and is_in_fallback(call, scope, context)
