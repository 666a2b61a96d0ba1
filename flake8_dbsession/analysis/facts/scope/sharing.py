"""Sessions stored, from inside a function, where the whole process shares them.

What a thread or task is given is told by ``handovers.py``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.library.frameworks import STATEFUL_APPLICATIONS
from flake8_dbsession.analysis.library.wrappers import PROCESS_CACHES
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Imported,
    Scope,
    body_of,
    declared,
    last_segment,
    statements,
)
from flake8_dbsession.analysis.names.values import External, ModuleValue


def shared_place(acquisition: Acquisition, inference: Inference) -> str | None:
    """Tell where the whole process shares a session that a function opened.

    Args:
        acquisition: what is opened.
        inference: answers what the places stand for.

    Returns:
        The place in words: a global name, an application's state, a module's attribute, the result
        of a cached function; None where it is stored in none of these.
    """
    scope = acquisition.scope.function()
    if scope is None:
        return None
    target = acquisition.target
    match acquisition.holder:
        case Holder.GLOBAL:
            return f"the global `{acquisition.name}`"
        case Holder.ATTRIBUTE if isinstance(target, ast.Attribute):
            return _shared_attribute(target, acquisition.scope, inference)
        case Holder.RETURN:
            return _cache(scope, inference)
        case Holder.LOCAL:
            return next(_places_of_local(acquisition.name, scope, inference), None)
    return None


def becomes_global(acquisition: Acquisition) -> bool:
    """Tell whether what a function opens goes to a global name, at once or on some way."""
    function = acquisition.scope.function()
    if function is None or acquisition.holder is not Holder.LOCAL:
        return acquisition.holder is Holder.GLOBAL
    names = declared(function, ast.Global)
    return any(
        isinstance(target, ast.Name) and target.id in names
        for statement in _passed_on(function).get(acquisition.name, ())
        if isinstance(statement, ast.Assign)
        for target in statement.targets
    )


def _shared_attribute(target: ast.Attribute, scope: Scope, inference: Inference) -> str | None:
    holder = target.value
    text = ast.unparse(target)
    if isinstance(holder, ast.Attribute) and holder.attr == "state":
        return f"`{text}`" if _is_application(holder.value, scope, inference) else None
    return f"the module attribute `{text}`" if _is_module(holder, scope, inference) else None


def _is_application(expression: ast.expr, scope: Scope, inference: Inference) -> bool:
    value = inference.value(expression, scope)
    if isinstance(value, External):
        return value.name in STATEFUL_APPLICATIONS or value.name.endswith(".app")
    return value is None and last_segment(expression) == "app"


def _is_module(expression: ast.expr, scope: Scope, inference: Inference) -> bool:
    if isinstance(inference.value(expression, scope), ModuleValue):
        return True
    if not isinstance(expression, ast.Name):
        return False
    bindings = [binding.how for binding in scope.lookup(expression.id)]
    return bool(bindings) and all(isinstance(h, Imported) and h.name is None for h in bindings)


def _cache(function: Scope, inference: Inference) -> str | None:
    """Name a function whose result is kept for the whole process."""
    node = function.node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or function.parent is None:
        return None
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if inference.qualified_name(called, function.parent) in PROCESS_CACHES:
            return f"the cached result of `{node.name}()`"
    return None


def _places_of_local(name: str, function: Scope, inference: Inference) -> Iterator[str]:
    """Find the shared places that a function moves the session of a local name to."""
    for statement in _passed_on(function).get(name, ()):
        if isinstance(statement, ast.Return):
            place = _cache(function, inference)
            yield from [place] if place else []
            continue
        for target in statement.targets:
            if isinstance(target, ast.Name) and target.id in declared(function, ast.Global):
                yield f"the global `{target.id}`"
            elif isinstance(target, ast.Attribute):
                place = _shared_attribute(target, function, inference)
                yield from [place] if place else []


@remembered
def _passed_on(function: Scope) -> dict[str, list[ast.Assign | ast.Return]]:
    """Sort the statements that assign or return a plain name by that name."""
    found: dict[str, list[ast.Assign | ast.Return]] = {}
    for statement in statements(body_of(function.node)):
        match statement:
            case ast.Assign(value=ast.Name(id=name)) | ast.Return(value=ast.Name(id=name)):
                found.setdefault(name, []).append(statement)
    return found
