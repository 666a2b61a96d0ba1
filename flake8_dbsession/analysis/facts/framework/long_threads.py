"""Functions that run in threads which live on: an executor's, a timer's, one that loops."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.locks import library_object
from flake8_dbsession.analysis.facts.scope.carrying import calls_in, scopes_mentioning
from flake8_dbsession.analysis.library.running import EXECUTORS, THREADS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import External, FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_NAMES = ("submit", "map", "run_in_executor", "to_thread", "run_in_threadpool", "Thread", "Timer")
_HOPS = frozenset(
    {
        "anyio.to_thread.run_sync",
        "asyncio.to_thread",
        "fastapi.concurrency.run_in_threadpool",
        "starlette.concurrency.run_in_threadpool",
    }
)
# Where the function stands among the arguments.
_SECOND = frozenset({"Timer", "run_in_executor"})


class LongThread(NamedTuple):
    """A function of a file that a thread runs which lives on afterwards, or does not end.

    Attributes:
        function: its scope.
        starter: what hands it to the thread, as it is written.
    """

    function: Scope
    starter: str


def long_threads(tree: Tree, inference: Inference) -> Iterator[LongThread]:
    """Find the functions that run in such threads.

    Args:
        tree: the visited part of a file.
        inference: answers what starts the work, and what is given to it.

    Yields:
        The functions of this file, each once.
    """
    seen: set[ast.AST] = set()
    for scope in scopes_mentioning(tree.scope, [f"{name}(" for name in _NAMES]):
        for call, inner, _ in calls_in(scope, _NAMES):
            function = _work(call, inner, inference)
            if function is None or function.scope.module is not tree.scope.module:
                continue
            if function.node not in seen and _lives_on(call, inner, function, inference):
                seen.add(function.node)
                starter = ast.unparse(call.func)
                yield LongThread(function.scope.child(function.node), starter)
    for cls, scope in tree.find(ast.ClassDef):
        if any(_is_thread(base, scope, inference) for base in cls.bases):
            yield from _runs(cls, scope.child(cls))


def _is_thread(base: ast.expr, scope: Scope, inference: Inference) -> bool:
    value = inference.value(base, scope) if last_segment(base) == "Thread" else None
    return isinstance(value, External) and value.name in THREADS


def _runs(cls: ast.ClassDef, scope: Scope) -> Iterator[LongThread]:
    """Find the ``run`` of a thread's own class, where it loops."""
    for method in cls.body:
        if isinstance(method, ast.FunctionDef) and method.name == "run" and _is_endless(method):
            yield LongThread(scope.child(method), cls.name)


def _work(call: ast.Call, scope: Scope, inference: Inference) -> FunctionValue | None:
    named = [keyword.value for keyword in call.keywords if keyword.arg in ("target", "function")]
    position = 1 if last_segment(call.func) in _SECOND else 0
    given = [*named, *call.args[position : position + 1]]
    value = inference.value(given[0], scope) if given else None
    return value if isinstance(value, FunctionValue) else None


def _lives_on(call: ast.Call, scope: Scope, function: FunctionValue, inference: Inference) -> bool:
    """Tell whether the thread is there when the function has ended, or that never ends."""
    name = last_segment(call.func)
    if name in ("submit", "map") and isinstance(call.func, ast.Attribute):
        return library_object(call.func.value, scope, inference) in EXECUTORS
    if name == "run_in_executor":
        return True
    value = inference.value(call.func, scope)
    if not isinstance(value, External):
        return False
    is_endless = isinstance(function.node, FUNCTIONS) and _is_endless(function.node)
    return value.name in _HOPS or (value.name in THREADS and is_endless)


def _is_endless(function: ast.AST) -> bool:
    return any(isinstance(node, ast.While) for node in own_nodes(function))
