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
from flake8_dbsession.analysis.facts.engine.repeated_work import (
    is_repeated,
    repeated_functions,
    runs_again,
)
from flake8_dbsession.analysis.facts.scope.carrying import calls_in, scopes_mentioning
from flake8_dbsession.analysis.library.running import (
    CARRIERS,
    LOOP_MAKERS,
    LOOP_RUNNERS,
    LOOP_WRAPPERS,
)
from flake8_dbsession.analysis.library.wrappers import CLOSING
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    FUNCTIONS,
    LOOPS,
    Assigned,
    Entered,
    Scope,
    declared,
    last_segment,
)
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import External, FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_NAMES = ("run", "async_to_sync", "run_until_complete")
_MOST_CARRIERS = 3  # a task of a coroutine with a time limit
_WORDS = [f"{name}(" for name in _NAMES]


class NewLoop(NamedTuple):
    """A call that starts an event loop over a module's asynchronous engine.

    Attributes:
        node: the call.
        function: the function that runs again and again, or has a loop, and makes the call.
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
            loop = _maker(call, inner, inference)
            turns = loop is not None and _is_made_each_turn(loop, around)
            if loop is None or not (turns or _may_run_again(scope, inference)):
                continue
            engine = _engine_left_by(call, inner, scope, inference)
            # Who calls the function is asked last: the whole project is searched for that.
            if engine is not None and (turns or runs_again(scope, inference, by_coroutines=False)):
                yield NewLoop(call, scope, engine, without_pool(engine, inference))


def _may_run_again(function: Scope, inference: Inference) -> bool:
    """Tell whether a function runs many times, or stands beside one that does."""
    return is_repeated(function, inference) or _has_repeated(
        function.module.scope, inference=inference
    )


@remembered
def _has_repeated(module: Scope, *, inference: Inference) -> bool:
    return any(True for _ in repeated_functions(module, inference))


def _engine_left_by(
    call: ast.Call, inner: Scope, caller: Scope, inference: Inference
) -> ModuleEngine | None:
    """Find an asynchronous engine whose connections outlive the loop that a call runs."""
    left = (
        _engine_left(coroutine, caller, inference)
        for coroutine in _coroutines(call, inner, inference)
    )
    return next((engine for engine in left if engine is not None), None)


def _maker(call: ast.Call, scope: Scope, inference: Inference) -> ast.Call | None:
    """Give the call that makes the loop in which a call runs what it is given; None for no new."""
    callee = inference.value(call.func, scope)
    if isinstance(callee, External) and callee.name in LOOP_RUNNERS | LOOP_WRAPPERS:
        return call
    if not isinstance(call.func, ast.Attribute):
        return None
    made = _made(call.func.value, scope)
    maker = inference.value(made.func, scope) if made is not None else None
    is_loop = isinstance(maker, External) and LOOP_MAKERS.get(maker.name) == call.func.attr
    return made if is_loop else None


def _made(loop: ast.expr, scope: Scope) -> ast.Call | None:
    """Give the one call that the function itself makes a loop by; None where it may be another."""
    if isinstance(loop, ast.Name):
        bindings = list(scope.lookup(loop.id))
        if len(bindings) != 1 or not isinstance(bindings[0].scope.node, FUNCTIONS):
            return None
        if loop.id in declared(bindings[0].scope, ast.Global, ast.Nonlocal):
            return None
        match bindings[0].how:
            case Assigned(value=value, path=()) | Entered(context=value):
                loop = value
    if isinstance(loop, ast.Call) and last_segment(loop.func) in CLOSING and loop.args:
        loop = loop.args[0]
    return loop if isinstance(loop, ast.Call) else None


def _is_made_each_turn(loop: ast.Call, around: list[ast.AST]) -> bool:
    """Tell whether the call that makes a loop stands in the turns of the code around."""
    turning = (node for node in around if isinstance(node, LOOPS))
    return any(loop is inner for node in turning for inner in own_nodes(node))


def _coroutines(call: ast.Call, scope: Scope, inference: Inference) -> Iterator[FunctionValue]:
    """Give the functions whose coroutines a call runs in a loop of its own."""
    callee = inference.value(call.func, scope)
    name = callee.name if isinstance(callee, External) else ""
    for given in call.args[:1]:
        if name in LOOP_WRAPPERS or name == "anyio.run":
            function = inference.value(given, scope)
            if isinstance(function, FunctionValue):
                yield function
        else:
            yield from _carried(given, scope, inference)


def _carried(
    given: ast.expr, scope: Scope, inference: Inference, depth: int = _MOST_CARRIERS
) -> Iterator[FunctionValue]:
    """Give the function that makes a coroutine; of a task, those of all that it is made of."""
    made = _called(given, scope)
    function = inference.value(made.func, scope) if made is not None else None
    if isinstance(function, FunctionValue):
        yield function
    elif made is not None and isinstance(function, External) and function.name in CARRIERS:
        for each in made.args if depth else ():
            yield from _carried(each, scope, inference, depth - 1)


def _called(expression: ast.expr, scope: Scope) -> ast.Call | None:
    if isinstance(expression, ast.Name):
        for binding in scope.lookup(expression.id):
            if isinstance(binding.how, Assigned) and isinstance(binding.how.value, ast.Call):
                return binding.how.value
    return expression if isinstance(expression, ast.Call) else None


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
