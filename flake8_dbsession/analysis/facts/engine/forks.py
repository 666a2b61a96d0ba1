"""Forked workers that work on an engine which the process that forks them made."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.locks import library_object
from flake8_dbsession.analysis.facts.engine.module_engines import ModuleEngine, engines_used_in
from flake8_dbsession.analysis.facts.engine.reach import reached_from
from flake8_dbsession.analysis.facts.engine.repeated_work import is_task
from flake8_dbsession.analysis.facts.scope.carrying import calls_in, scopes_mentioning
from flake8_dbsession.analysis.library.frameworks import CELERY_APPLICATIONS, CELERY_FORKED
from flake8_dbsession.analysis.library.running import POOL_METHODS, PROCESS_MAKERS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, body_of, last_segment, statements
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import External, FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_STARTS = ("Process", "Pool", "ProcessPoolExecutor", "Celery")
_DEFINITIONS = (ast.AsyncFunctionDef, ast.FunctionDef)
# What says that workers do not begin as copies of this process.
_OTHER_STARTS = ("spawn", "forkserver")


class Fork(NamedTuple):
    """A place that starts workers which work on an engine of this process.

    Attributes:
        node: the call that starts the workers, or makes the Celery app.
        engine: the engine; its pool keeps connections, and nothing in the workers disposes of it.
        is_celery: whether Celery forks them.
    """

    node: ast.Call
    engine: ModuleEngine
    is_celery: bool


def forks(tree: Tree, inference: Inference) -> Iterator[Fork]:
    """Find the places that start workers by forking, over an engine of a module.

    Args:
        tree: the visited part of a file.
        inference: answers what is called; its project is searched for Celery's tasks and signals.

    Yields:
        The calls, in the order of the text. A file that asks for another way to start processes
        than to fork has none.
    """
    text = tree.scope.module.text
    if any(f'"{start}"' in text or f"'{start}'" in text for start in _OTHER_STARTS):
        return
    for scope in scopes_mentioning(tree.scope, [f"{start}(" for start in _STARTS]):
        for call, inner, _ in calls_in(scope, _STARTS):
            started = inference.value(call.func, inner)
            name = started.name if isinstance(started, External) else ""
            is_celery = name in CELERY_APPLICATIONS
            if is_celery:
                workers = list(_tasks(tree, inference))
            elif name in PROCESS_MAKERS or name.startswith("multiprocessing.get_context()."):
                workers = list(_given(call, inner, scope, inference))
            else:
                continue
            engine = _engine_shared(call, workers, inner, inference)
            if engine is not None:
                yield Fork(call, engine, is_celery)


def _given(
    call: ast.Call, inner: Scope, scope: Scope, inference: Inference
) -> Iterator[FunctionValue]:
    """Give the functions that processes are started with, or that their pool is given."""
    for keyword in call.keywords:
        if keyword.arg == "target":
            yield from _function(keyword.value, inner, inference)
    name = ast.unparse(call.func)
    for work, where, _ in calls_in(scope, POOL_METHODS):
        if isinstance(work.func, ast.Attribute) and work.args:
            owner = library_object(work.func.value, where, inference)
            if owner and owner.removesuffix("()").rpartition(".")[2] == name.rpartition(".")[2]:
                yield from _function(work.args[0], where, inference)


def _function(expression: ast.expr, scope: Scope, inference: Inference) -> Iterator[FunctionValue]:
    value = inference.value(expression, scope)
    if isinstance(value, FunctionValue):
        yield value


def _tasks(tree: Tree, inference: Inference) -> Iterator[FunctionValue]:
    """Give the project's tasks; none where a signal's handler may dispose of the engine."""
    path, project = tree.scope.module.path, inference.project
    if project.files_mentioning(CELERY_FORKED, path):
        return
    modules = [m.scope for m in project.modules_mentioning("task", path) if m.path != path]
    for module in (tree.scope, *modules):
        for statement in statements(body_of(module.node)):
            if isinstance(statement, _DEFINITIONS) and is_task(module.child(statement), inference):
                yield FunctionValue(statement, module)


def _engine_shared(
    call: ast.Call, workers: list[FunctionValue], scope: Scope, inference: Inference
) -> ModuleEngine | None:
    """Find an engine on which workers work that came with the fork."""
    initializers = [k.value for k in call.keywords if k.arg == "initializer"]
    prepared = [f for each in initializers for f in _function(each, scope, inference)]
    if len(prepared) < len(initializers):
        return None  # out of sight, it may dispose of the engine
    if any(_disposes(reached) for f in prepared for reached in reached_from(f, inference)):
        return None
    for worker in workers:
        reached = list(reached_from(worker, inference))
        if not any(map(_disposes, reached)):
            for engine in engines_used_in(reached, inference):
                if engine.pools:
                    return engine
    return None


def _disposes(scope: Scope) -> bool:
    return any(
        isinstance(node, ast.Call) and last_segment(node.func) == "dispose"
        for node in own_nodes(scope.node)
    )
