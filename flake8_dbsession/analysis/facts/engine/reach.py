"""What a function reaches through the functions of the project that it calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes

_DEEPEST = 5  # a function that calls another, and so on; real code has two or three
_MOST = 200  # functions; what reaches more is not looked at any further


def reached_from(function: FunctionValue, inference: Inference) -> Iterator[Scope]:
    """Give the scope of a function, and of those that it calls, directly or not.

    Args:
        function: the function.
        inference: answers what is called.

    Yields:
        Each scope once. Functions that are nested in one of them are reached where they are called.
    """
    pending, seen = [(function, _DEEPEST)], {function.node}
    while pending and len(seen) <= _MOST:
        current, depth = pending.pop(0)
        scope = current.scope.child(current.node)
        yield scope
        for node in own_nodes(current.node) if depth else ():
            if isinstance(node, ast.Call):
                callee = inference.value(node.func, scope)
                if isinstance(callee, FunctionValue) and callee.node not in seen:
                    seen.add(callee.node)
                    pending.append((callee, depth - 1))
