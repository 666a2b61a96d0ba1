"""Functions with which the process ends: whatever they leave open is closed with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain

from flake8_dbsession.analysis.facts.acquisition.acquisitions import is_main_guard
from flake8_dbsession.analysis.facts.acquisition.callers import callers_of
from flake8_dbsession.analysis.facts.framework.migrations import is_alembic_environment
from flake8_dbsession.analysis.library.frameworks import COMMAND_LINES, NOTEBOOK_CELLS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import LOOPS, Scope, body_of, statements
from flake8_dbsession.analysis.names.values import External, FunctionValue, Value
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes

_NOT_ONCE = (*LOOPS, ast.Try, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def ends_process(scope: Scope, inference: Inference) -> bool:
    """Tell whether the process ends with a function.

    Args:
        scope: the function, or the module.
        inference: answers what decorates the function.

    Returns:
        True for a module's top level, for a function that the main guard or the last statement of
        its script calls, for a command of click, typer or flask, for a task of Airflow, for a cell
        of a marimo notebook, which is its top level, and in Alembic's ``env.py``.
    """
    if isinstance(scope.node, ast.Module) or is_alembic_environment(scope.module):
        return True
    return (
        _is_main_part(scope)
        or _is_command(scope, inference)
        or _is_cell(scope, inference)
        or is_airflow_task(scope, inference)
    )


def is_called_elsewhere(scope: Scope, inference: Inference) -> bool:
    """Tell whether other modules call a function of a script, in a process that goes on.

    A function ``main`` is taken for the script's alone, whose search would cost more than it tells.

    Args:
        scope: the function.
        inference: its project is searched for the function's name.
    """
    if not _is_main_part(scope) or getattr(scope.node, "name", "") == "main":
        return False
    return any(
        caller.module.path != scope.module.path and not ends_process(caller, inference)
        for caller in callers_of(scope, inference)
    )


def is_endless(node: ast.AST) -> bool:
    """Tell whether a node is a loop that no test ends: ``while True:``."""
    return (
        isinstance(node, ast.While)
        and isinstance(node.test, ast.Constant)
        and bool(node.test.value)
    )


def _is_cell(scope: Scope, inference: Inference) -> bool:
    outside = scope.parent
    if outside is None or "cell" not in decorator_names(scope.node):
        return False
    decorators = scope.node.decorator_list  # type: ignore[union-attr]
    called = (each.func if isinstance(each, ast.Call) else each for each in decorators)
    return any(inference.qualified_name(each, outside) in NOTEBOOK_CELLS for each in called)


def is_airflow_task(scope: Scope, inference: Inference) -> bool:
    """Tell whether Airflow runs a function as a task, each time in a process of its own.

    Args:
        scope: the function.
        inference: answers what decorates it.

    Returns:
        True for ``@task`` and its kind, and for what an operator's ``python_callable`` names.
    """
    if scope.parent is None or "airflow" not in scope.module.text:
        return False
    name = getattr(scope.node, "name", "")
    if name and name in _python_callables(scope.module.scope):
        return True
    return any(
        _is_of_airflow(decorator, scope.parent, inference)
        for decorator in getattr(scope.node, "decorator_list", ())
    )


def _is_of_airflow(decorator: ast.expr, scope: Scope, inference: Inference) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = inference.qualified_name(called, scope) or ""
    return name.startswith("airflow.") and "task" in name.split(".")


@remembered
def _python_callables(module: Scope) -> frozenset[str]:
    """Give the names of the functions that a module hands to operators."""
    return frozenset(
        node.value.id
        for node in nodes_in(module.node)
        if isinstance(node, ast.keyword)
        and node.arg == "python_callable"
        and isinstance(node.value, ast.Name)
    )


@remembered
def is_script(module: Scope) -> bool:
    """Tell whether a module is run by itself rather than imported.

    Args:
        module: the module's scope.

    Returns:
        True where it has a main guard, or where its last statement works: a call, a loop, a block.
    """
    body = body_of(module.node)
    return any(map(is_main_guard, body)) or _ends_in_work(body)


def _ends_in_work(body: list[ast.stmt]) -> bool:
    match body[-1] if body else None:
        case ast.Expr(value=value):
            return isinstance(value, (ast.Await, ast.Call))
        case ast.If(body=inner) | ast.Try(body=inner):
            return _ends_in_work(inner)
        case last:
            return isinstance(last, (*LOOPS, ast.AsyncWith, ast.With))


def is_step_of_a_script(scope: Scope) -> bool:
    """Tell whether a script's main part is all that calls a function, and calls it once.

    Args:
        scope: the function.

    Returns:
        True where what it raises ends the script as well.
    """
    module, name = scope.module, getattr(scope.node, "name", "")
    if module.tree is None or scope.parent is not module.scope:
        return False
    steps = _run_once_at_the_end(module.scope)
    found = uses(module.scope).get(name, []) if steps else []  # most files are no scripts
    return len(found) == 1 and found[0] in steps


@remembered
def uses(module: Scope) -> dict[str, list[ast.Name]]:
    """Give the places in a module where each name stands, other than as an attribute."""
    found: dict[str, list[ast.Name]] = {}
    for node in nodes_in(module.node):
        if isinstance(node, ast.Name):
            found.setdefault(node.id, []).append(node)
    return found


@remembered
def _run_once_at_the_end(module: Scope) -> set[ast.AST]:
    """Give the nodes that a script's main part goes through, no loop or ``try`` around them."""
    ends, top_level = {"main", *_named_at_the_end(module)}, body_of(module.node)
    parts = [
        function.body
        for function in top_level
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and function.name in ends
    ]
    if is_script(module):
        parts.append([statement for statement in top_level if not is_main_guard(statement)])
    return {
        node
        for statement in chain.from_iterable(parts)
        if not isinstance(statement, _NOT_ONCE)
        for node in own_nodes(statement)
    }


def _is_main_part(scope: Scope) -> bool:
    """Tell whether a script calls a function at its end."""
    if scope.parent is not scope.module.scope or scope.module.tree is None:
        return False
    name = getattr(scope.node, "name", "")
    return name in _named_at_the_end(scope.module.scope)


def _is_command(scope: Scope, inference: Inference) -> bool:
    """Tell whether a library of command lines runs a function as a command."""
    outside = scope.parent
    if outside is None or "command" not in decorator_names(scope.node):
        return False
    return any(
        _is_command_line(inference.value(node, outside))
        for decorator in scope.node.decorator_list  # type: ignore[union-attr]
        for node in nodes_in(decorator)
        if isinstance(node, ast.Name)
    )


def _is_command_line(value: Value | None) -> bool:
    if isinstance(value, FunctionValue):
        return "group" in decorator_names(value.node)
    return isinstance(value, External) and f"{value.name}.".startswith(COMMAND_LINES)


@remembered
def _named_at_the_end(module: Scope) -> frozenset[str]:
    """Give the names in the statements with which a script ends."""
    return frozenset(
        node.id
        for statement in _last_statements(module.node)  # type: ignore[arg-type]
        for node in nodes_in(statement)
        if isinstance(node, ast.Name)
    )


def _last_statements(module: ast.Module) -> Iterator[ast.stmt]:
    """Give the statements with which a script ends: its main guard's, and its very last one."""
    for statement in module.body:
        if is_main_guard(statement):
            loops = [node for node in nodes_in(statement) if is_endless(node)]
            again = {inner for loop in loops for inner in nodes_in(loop)}
            yield from (
                inner
                for inner in statements(statement.body)  # type: ignore[attr-defined]
                if isinstance(inner, (ast.Expr, ast.Raise, ast.Assign)) and inner not in again
            )
    if isinstance(module.body[-1], ast.Expr):
        yield module.body[-1]
