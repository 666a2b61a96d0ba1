"""Event loops that are started again and again over one asynchronous engine."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.engine.module_engines import (
    ModuleEngine,
    engines_used_in,
    without_pool,
)
from flake8_dbsession.analysis.facts.engine.reach import reached_from
from flake8_dbsession.analysis.facts.engine.repeated_work import is_repeated
from flake8_dbsession.analysis.facts.scope.carrying import calls_in, scopes_mentioning
from flake8_dbsession.analysis.library.running import LOOP_RUNNERS, LOOP_WRAPPERS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import LOOPS, Assigned, Scope
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import External, FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_NAMES = ("run", "async_to_sync")
_WORDS = [f"{name}(" for name in _NAMES]


class NewLoop(NamedTuple):
    """A call that starts an event loop over a module's asynchronous engine.

    Attributes:
        node: the call.
        function: the function that runs again and again and makes the call.
        engine: the engine; its pool keeps connections, and nothing that runs there disposes of it.
        instead: the project's own factory, or engine, for the same database without a pool; empty
            where it has none.
    """

    node: ast.Call
    function: Scope
    engine: ModuleEngine
    instead: str = ""


def new_loops(tree: Tree, inference: Inference) -> Iterator[NewLoop]:
    """Find the calls that start a loop, again and again, over one asynchronous engine.

    Args:
        tree: the visited part of a file.
        inference: answers what is called.

    Yields:
        The calls in handlers, in tasks and scheduled jobs, and inside a loop.
    """
    for scope in scopes_mentioning(tree.scope, _WORDS):
        for call, inner, around in calls_in(scope, _NAMES):
            turns = any(isinstance(node, LOOPS) for node in around)
            if not turns and not is_repeated(scope, inference):
                continue
            coroutine = _coroutine(call, inner, inference)
            engine = _engine_left(coroutine, scope, inference) if coroutine else None
            if engine is not None:
                yield NewLoop(call, scope, engine, without_pool(engine, inference))


def _coroutine(call: ast.Call, scope: Scope, inference: Inference) -> FunctionValue | None:
    """Give the function whose coroutine a call runs in a loop of its own."""
    callee = inference.value(call.func, scope)
    if not isinstance(callee, External) or not call.args:
        return None
    given = call.args[0]
    if callee.name in LOOP_RUNNERS:
        made = given if isinstance(given, ast.Call) else _assigned(given, scope)
        given = made.func if made is not None and callee.name != "anyio.run" else given
    elif callee.name not in LOOP_WRAPPERS:
        return None
    function = inference.value(given, scope)
    return function if isinstance(function, FunctionValue) else None


def _assigned(expression: ast.expr, scope: Scope) -> ast.Call | None:
    if isinstance(expression, ast.Name):
        for binding in scope.lookup(expression.id):
            if isinstance(binding.how, Assigned) and isinstance(binding.how.value, ast.Call):
                return binding.how.value
    return None


def _engine_left(
    coroutine: FunctionValue, caller: Scope, inference: Inference
) -> ModuleEngine | None:
    """Find an asynchronous engine whose connections outlive the loop that a coroutine runs in."""
    reached = list(reached_from(coroutine, inference))
    if any(_disposes(scope) for scope in (*reached, caller)):
        return None
    for engine in engines_used_in(reached, inference):
        if engine.known.is_async and engine.pools and not engine.is_sqlite:
            return engine
    return None


def _disposes(scope: Scope) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr == "dispose" for node in own_nodes(scope.node)
    )
