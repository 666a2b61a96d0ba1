"""Which expressions are tasks that another process runs, and which the queues of such."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.locks import library_object
from flake8_dbsession.analysis.facts.engine.repeated_work import is_task
from flake8_dbsession.analysis.library.frameworks import QUEUE_DECORATORS, TASK_PACKAGES
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Annotated, Assigned, Scope, last_segment
from flake8_dbsession.analysis.names.values import External, FunctionValue
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes, unawaited

_STEPS = 3  # functions that return what another gives; real code has one


def is_sent_task(
    task: ast.expr,
    scope: Scope,
    inference: Inference,
    packages: frozenset[str] = TASK_PACKAGES,
) -> bool:
    """Tell whether an expression is a function of the project's that is made a task.

    Args:
        task: the expression.
        scope: the scope that it is read in.
        inference: follows names.
        packages: the libraries that count.
    """
    if not isinstance(task, (ast.Attribute, ast.Name)):
        return False
    value = inference.value(task, scope)
    if not isinstance(value, FunctionValue) or isinstance(value.node, ast.Lambda):
        return False
    if not value.node.decorator_list:
        return False
    if is_task(value.scope.child(value.node), inference, packages):
        return True
    decorators = (d.func if isinstance(d, ast.Call) else d for d in value.node.decorator_list)
    return any(_makes_task(each, value.scope, inference, packages) for each in decorators)


def _makes_task(
    decorator: ast.expr, scope: Scope, inference: Inference, packages: frozenset[str]
) -> bool:
    """Tell whether a decorator is a queue's, or one of the project's own that uses such."""
    if _is_of_queue(decorator, scope, inference, packages):
        return True
    own = inference.value(decorator, scope)
    if not isinstance(own, FunctionValue):
        return False
    inside = own.scope.child(own.node)
    return any(_is_of_queue(node, inside, inference, packages) for node in nodes_in(own.node))


def _is_of_queue(
    node: ast.AST, scope: Scope, inference: Inference, packages: frozenset[str]
) -> bool:
    """Tell whether a node is the decorator of a library, or a queue's: ``app.task``."""
    if not isinstance(node, (ast.Attribute, ast.Name)):
        return False
    if last_segment(node) not in QUEUE_DECORATORS:
        return False
    value = inference.value(node, scope)
    name = value.name if isinstance(value, External) else ""
    if not name and isinstance(node, ast.Attribute):
        name = queue_object(node.value, scope, inference)
    return name.partition(".")[0] in packages


def queue_object(
    expression: ast.expr, scope: Scope, inference: Inference, steps: int = _STEPS
) -> str:
    """Give the qualified name of a library's object, also of one that a function returns.

    Args:
        expression: what names the object.
        scope: the scope that it is read in.
        inference: follows names.
        steps: how many functions are followed.

    Returns:
        A name such as ``celery.Celery()``; empty for anything else.
    """
    found = library_object(expression, scope, inference)
    if found or not steps:
        return found
    for call, where in _calls_giving(expression, scope, inference):
        function = inference.value(call.func, where)
        if isinstance(function, FunctionValue):
            found = _returned_by(function, inference, steps - 1)
            if found:
                return found
    return ""


def _calls_giving(
    expression: ast.expr, scope: Scope, inference: Inference
) -> Iterator[tuple[ast.Call, Scope]]:
    """Give the calls whose result an expression is, each with the scope that it stands in."""
    expression = unawaited(expression)
    if isinstance(expression, ast.Call):
        yield expression, scope
    elif isinstance(expression, ast.Name):
        for binding in inference.origins(expression.id, scope):
            match binding.how:
                case Assigned(value=value, path=()) | Annotated(value=ast.expr() as value):
                    value = unawaited(value)
                    if isinstance(value, ast.Call):
                        yield value, binding.scope


def _returned_by(function: FunctionValue, inference: Inference, steps: int) -> str:
    """Give the library's object that a function says to return, or returns."""
    scope = function.scope.child(function.node)
    annotation = getattr(function.node, "returns", None)
    declared = inference.annotated(annotation, function.scope) if annotation is not None else None
    if isinstance(declared, External):
        return declared.name
    for node in own_nodes(function.node):
        if isinstance(node, ast.Return) and node.value is not None:
            found = queue_object(node.value, scope, inference, steps)
            if found:
                return found
    return ""
