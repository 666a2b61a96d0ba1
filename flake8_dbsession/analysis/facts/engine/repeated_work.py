"""Functions that one process runs again and again: request handlers, tasks, scheduled jobs.

Sources: the documentation of Celery, RQ, Dramatiq, Huey, APScheduler and schedule.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain

from flake8_dbsession.analysis.facts.acquisition.callers import (
    callers_of,
    handed_on_by,
    is_injected,
)
from flake8_dbsession.analysis.facts.framework.handlers import is_handler
from flake8_dbsession.analysis.facts.scope.carrying import functions_of
from flake8_dbsession.analysis.library.frameworks import (
    FORKING_QUEUES,
    QUEUE_DECORATORS,
    QUEUE_PACKAGES,
    SCHEDULING,
)
from flake8_dbsession.analysis.library.running import POOL_METHODS, RELAYS, THREADS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.values import External
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.patterns import regex

_SCHEDULES = regex(rf"\.(?:{'|'.join(SCHEDULING)})\(")
# What runs a function that it is given in the same process.
_TAKERS = POOL_METHODS | {"BackgroundTask", "add_task"}
_TAKERS |= {name.removesuffix("()").rpartition(".")[2] for name in (*THREADS, *RELAYS)}
_DEEPEST = 3  # what a handler calls, what that calls, and once more


def is_repeated(function: Scope, inference: Inference) -> bool:
    """Tell whether one process runs a function many times.

    Args:
        function: its scope.
        inference: answers what its decorators stand for.
    """
    node, outside = function.node, function.parent
    if not isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef)) or outside is None:
        return False
    if is_handler(node, outside, inference) or is_task(
        function, inference, QUEUE_PACKAGES - FORKING_QUEUES
    ):
        return True
    return node.name in _scheduled(function.module.scope)


def runs_again(
    function: Scope, inference: Inference, depth: int = _DEEPEST, *, by_coroutines: bool = True
) -> bool:
    """Tell whether a function is seen to run many times in one process.

    Args:
        function: its scope.
        inference: answers what its decorators and the calls of it stand for.
        depth: how many callers, one called by another, are looked at.
        by_coroutines: whether a coroutine's own calls count, in whose loop no other can start.

    Returns:
        True for a handler, its dependency, a task or job, and for what one calls or gives to a
        thread or queue, by itself or by way of others.
    """
    if is_repeated(function, inference) or is_injected(function, inference):
        return True
    if depth <= 0:
        return False
    callers = (
        caller
        for caller in callers_of(function, inference)
        if by_coroutines or not isinstance(caller.node, ast.AsyncFunctionDef)
    )
    return any(
        runs_again(caller, inference, depth - 1, by_coroutines=by_coroutines)
        for caller in chain(callers, handed_on_by(function, inference, _TAKERS))
    )


def repeated_functions(module: Scope, inference: Inference) -> Iterator[Scope]:
    """Give the functions of a linted module that one process runs many times."""
    scheduled = _scheduled(module)
    for node, outside in functions_of(module):
        if node.decorator_list or node.name in scheduled:
            function = outside.child(node)
            if is_repeated(function, inference):
                yield function


def is_task(
    function: Scope, inference: Inference, packages: frozenset[str] = QUEUE_PACKAGES
) -> bool:
    """Tell whether a decorator makes a function the task of a queue or scheduler.

    Args:
        function: its scope.
        inference: answers what its decorators stand for.
        packages: the libraries that count.
    """
    node, outside = function.node, function.parent
    if not isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef)) or outside is None:
        return False
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if last_segment(called) in QUEUE_DECORATORS:
            value = inference.value(called, outside)
            if isinstance(value, External) and value.name.partition(".")[0] in packages:
                return True
    return False


@remembered
def _scheduled(module: Scope) -> frozenset[str]:
    """Give the names of the functions that a module hands to a scheduler."""
    if _SCHEDULES.search(module.module.text) is None:
        return frozenset()
    return frozenset(
        argument.id
        for node in nodes_in(module.node)
        if isinstance(node, ast.Call) and last_segment(node.func) in SCHEDULING
        for argument in node.args
        if isinstance(argument, ast.Name)
    )
