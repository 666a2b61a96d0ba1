"""Request handlers: the functions that a web framework calls for a request."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.library.frameworks import ROUTERS, ROUTES
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import External


def is_handler(
    node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, inference: Inference
) -> bool:
    """Tell whether a function is a request handler, websockets left out.

    Args:
        node: the function.
        scope: the scope it stands in.
        inference: answers what its decorators stand for.

    Returns:
        True where a decorator registers it for a path: ``@router.get("/users")``.
    """
    return bool(registrations(node, scope, inference))


def registrations(
    node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, inference: Inference
) -> list[ast.expr]:
    """Give the decorators that register a function as a request handler.

    Args:
        node: the function.
        scope: the scope it stands in.
        inference: answers what its decorators stand for.
    """
    return [each for each in node.decorator_list if _registers(each, scope, inference)]


def enclosing_handler(
    scope: Scope, inference: Inference
) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Give the request handler whose own body a scope is, functions nested in it left out."""
    function = scope.function()
    if function is None or function.parent is None:
        return None
    node = function.node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    return node if is_handler(node, function.parent, inference) else None


def framework_of(
    node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, inference: Inference
) -> str | None:
    """Give the web framework that a request handler is registered with.

    Args:
        node: the handler.
        scope: the scope it stands in.
        inference: answers what its decorators stand for.

    Returns:
        The framework's package, such as ``fastapi``; None where its router cannot be found.
    """
    for decorator in node.decorator_list:
        if _registers(decorator, scope, inference):
            router = inference.value(decorator.func.value, scope)  # type: ignore[attr-defined]
            if isinstance(router, External) and router.name in ROUTERS:
                return router.name.partition(".")[0]
    return None


def _registers(decorator: ast.expr, scope: Scope, inference: Inference) -> bool:
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
        return False
    if decorator.func.attr not in ROUTES:
        return False
    router = inference.value(decorator.func.value, scope)
    if isinstance(router, External):
        return router.name in ROUTERS or not router.name.endswith("()")
    return _has_path(decorator)


def _has_path(decorator: ast.Call) -> bool:
    first = decorator.args[0] if decorator.args else None
    return isinstance(first, ast.Constant) and isinstance(first.value, str)
