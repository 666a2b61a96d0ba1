"""What a provider of sessions does with the errors of its own commit."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes

_ALL = frozenset({"BaseException", "Exception", "SQLAlchemyError"})


def swallows_at_end(context: ast.expr, scope: Scope, inference: Inference) -> bool:
    """Tell whether a provider swallows what its commit raises at the end of a block.

    Args:
        context: what the block is over.
        scope: the scope of the block.
        inference: finds the provider.
    """
    provider = inference.value(context.func, scope) if isinstance(context, ast.Call) else None
    return isinstance(provider, FunctionValue) and any(
        isinstance(node, ast.Try) and _swallows_commit(node) for node in own_nodes(provider.node)
    )


def _swallows_commit(tried: ast.Try) -> bool:
    inside = [node for statement in tried.body for node in nodes_in(statement)]
    commits = any(isinstance(n, ast.Call) and last_segment(n.func) == "commit" for n in inside)
    return commits and any(
        handler.type is None or last_segment(handler.type) in _ALL
        for handler in tried.handlers
        if not any(isinstance(n, ast.Raise) for s in handler.body for n in nodes_in(s))
    )
