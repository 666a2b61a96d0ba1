"""Functions that one process runs again and again: request handlers, tasks, scheduled jobs.

Sources: the documentation of Celery, RQ, Dramatiq, Huey, APScheduler and schedule.
"""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.framework.handlers import is_handler
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.values import External
from flake8_dbsession.analysis.nodes import nodes_in

_PACKAGES = frozenset(
    {"apscheduler", "celery", "django_rq", "dramatiq", "flask_apscheduler", "huey", "rq"}
)
_DECORATORS = frozenset(
    {"actor", "cron_job", "job", "periodic_task", "scheduled_job", "shared_task", "task"}
)
# The methods that are given a function to run again and again.
_SCHEDULING = frozenset({"add_job", "add_periodic_task", "do", "enqueue"})


def is_repeated(function: Scope, inference: Inference) -> bool:
    """Tell whether one process runs a function many times.

    Args:
        function: its scope.
        inference: answers what its decorators stand for.
    """
    node, outside = function.node, function.parent
    if not isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef)) or outside is None:
        return False
    if is_handler(node, outside, inference) or is_task(function, inference):
        return True
    return node.name in _scheduled(function.module.scope)


def is_task(function: Scope, inference: Inference) -> bool:
    """Tell whether a decorator makes a function the task of a queue or scheduler."""
    node, outside = function.node, function.parent
    if not isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef)) or outside is None:
        return False
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if last_segment(called) in _DECORATORS:
            value = inference.value(called, outside)
            if isinstance(value, External) and value.name.partition(".")[0] in _PACKAGES:
                return True
    return False


@remembered
def _scheduled(module: Scope) -> frozenset[str]:
    """Give the names of the functions that a module hands to a scheduler."""
    text = module.module.text
    if not any(f".{method}(" in text for method in _SCHEDULING):
        return frozenset()
    return frozenset(
        argument.id
        for node in nodes_in(module.node)
        if isinstance(node, ast.Call) and last_segment(node.func) in _SCHEDULING
        for argument in node.args
        if isinstance(argument, ast.Name)
    )
