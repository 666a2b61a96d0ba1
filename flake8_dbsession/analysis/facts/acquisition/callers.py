"""Who calls a function, anywhere in the project."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import islice

from flake8_dbsession.analysis.facts.scope.carrying import calls_in, scopes_mentioning
from flake8_dbsession.analysis.library.methods import EXECUTING
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue, Value

_MOST_FILES = 40  # that mention a function; the name of one that more do is a common word


def callers_of(function: Scope, inference: Inference) -> Iterator[Scope]:
    """Find the functions of the project that are seen to call a function.

    Args:
        function: the function's scope, or that of a method.
        inference: answers what calls stand for; its project is searched for the function's name.
    """
    for scope, _ in _calls(function, inference):
        caller = scope.function()
        if caller is not None:
            yield caller


def is_for_others(function: Scope, inference: Inference) -> bool:
    """Tell whether a function is there for the users of the project alone, who may call it often.

    Args:
        function: the function's scope, or that of a method.
        inference: its project is searched for the function's name.

    Returns:
        True for one at the top level of a module, or of a class, that nothing decorates and that
        the project names nowhere else.
    """
    node, parent = function.node, function.parent
    if not isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef)) or node.decorator_list:
        return False
    if parent is None or not isinstance(parent.node, (ast.ClassDef, ast.Module)):
        return False
    word = re.compile(rf"\b{re.escape(node.name)}\b".encode())
    project = inference.project
    files = project.files_mentioning(node.name, function.module.path)
    named = (None for file in files for _ in word.finditer(project.sources.read(file)))
    return len(list(islice(named, 2))) <= 1


def is_only_executed(function: Scope, inference: Inference) -> bool:
    """Tell whether the project hands what a function gives to nothing but ``execute``.

    Args:
        function: the function's scope, or that of a method.
        inference: answers what calls stand for; its project is searched for the function's name.
    """
    return all(
        isinstance(node, ast.Call) and last_segment(node.func) in EXECUTING
        for _, around in _calls(function, inference)
        for node in around[:1]
    )


def _calls(function: Scope, inference: Inference) -> Iterator[tuple[Scope, list[ast.AST]]]:
    """Find the calls of a function, each with the scope that it runs in and the nodes around it."""
    name = getattr(function.node, "name", "")
    path, project = function.module.path, inference.project
    if len(project.files_mentioning(name, path)) > _MOST_FILES:
        return
    for module in project.modules_mentioning(name, path):
        for scope in scopes_mentioning(module.scope, [f"{name}("]):
            for call, inner, around in calls_in(scope, (name,)):
                if _is_same(inference.value(call.func, inner), function):
                    yield scope, around


def _is_same(value: Value | None, function: Scope) -> bool:
    """Tell whether a value is a function, of which a followed module has a copy without lines."""
    if not isinstance(value, FunctionValue) or isinstance(value.node, ast.Lambda):
        return False
    is_there = value.scope.module.path == function.module.path
    return is_there and _names(value.scope.child(value.node)) == _names(function)


def _names(scope: Scope | None) -> list[str]:
    """Give the names of a function and of the classes and functions around it."""
    found: list[str] = []
    while scope is not None:
        found.append(getattr(scope.node, "name", ""))
        scope = scope.parent
    return found
