"""What runs under a lock, one after the other."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.library.running import LOCKS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Binding, Entered, Scope
from flake8_dbsession.analysis.names.values import External, Value
from flake8_dbsession.analysis.nodes import own_nodes


def library_object(expression: ast.expr, scope: Scope, inference: Inference) -> str:
    """Give the qualified name of a library's object, also where its own ``with`` block names it.

    Args:
        expression: what names the object.
        scope: the scope it is read in.
        inference: answers what expressions stand for.

    Returns:
        A name such as ``concurrent.futures.ThreadPoolExecutor()``; empty for anything else.
    """
    value = inference.value(expression, scope)
    if value is None and isinstance(expression, ast.Name):
        value = _entered_object(scope.lookup(expression.id), inference)
    return value.name if isinstance(value, External) else ""


def _entered_object(bindings: list[Binding], inference: Inference) -> Value | None:
    for binding in bindings:
        if isinstance(binding.how, Entered):
            return inference.value(binding.how.context, binding.scope)
    return None


def under_locks(function: ast.AST, scope: Scope, inference: Inference) -> Iterator[ast.AST]:
    """Give the nodes of a function that run while it holds a lock.

    Args:
        function: the function.
        scope: its scope.
        inference: answers what its blocks enter.
    """
    for node in own_nodes(function):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            contexts = (item.context_expr for item in node.items)
            if any(library_object(context, scope, inference) in LOCKS for context in contexts):
                yield from own_nodes(node)
