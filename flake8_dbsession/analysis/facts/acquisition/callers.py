"""Who calls a function, anywhere in the project."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from flake8_dbsession.analysis.facts.scope.carrying import calls_in, scopes_mentioning
from flake8_dbsession.analysis.library.methods import EXECUTING
from flake8_dbsession.analysis.names.call_sites import scoped
from flake8_dbsession.analysis.names.inference import Inference, injected_callable
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import Scope, body_of, last_segment
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue, Value
from flake8_dbsession.analysis.nodes import arguments, own_nodes
from flake8_dbsession.analysis.source.mentions import Mentions
from flake8_dbsession.named_tuples import NamedTuple

_MOST_FILES = 40  # that mention a function; the name of one that more do is a common word


class Called(NamedTuple):
    """A call of a function.

    Attributes:
        node: the call.
        inner: the scope that it is read in: its function, or a comprehension there.
        scope: the function or module that it runs in.
        around: the nodes around it, the nearest first.
    """

    node: ast.Call
    inner: Scope
    scope: Scope
    around: list[ast.AST]


def callers_of(function: Scope, inference: Inference) -> Iterator[Scope]:
    """Find the functions of the project that are seen to call a function.

    Args:
        function: the function's scope, or that of a method.
        inference: answers what calls stand for; its project is searched for the function's name.
    """
    for call in calls_of(function, inference):
        caller = call.scope.function()
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
        for call in calls_of(function, inference)
        for node in call.around[:1]
    )


def calls_of(function: Scope, inference: Inference) -> Iterator[Called]:
    """Find the calls of a function in the project, or of a class.

    Args:
        function: the function's scope, that of a method or of the class.
        inference: answers what calls stand for; its project is searched for the function's name.
    """
    name = getattr(function.node, "name", "")
    for module in _mentioning(function, inference):
        for scope in scopes_mentioning(module.scope, [f"{name}("]):
            for call, inner, around in calls_in(scope, (name,)):
                if is_same(inference.value(call.func, inner), function):
                    yield Called(call, inner, scope, around)


def unknown_calls(function: Scope, inference: Inference) -> Iterator[Called]:
    """Find the calls of a function's name of which nothing tells what they call.

    Args:
        function: the function's scope, or that of a method.
        inference: answers what calls stand for; its project is searched for the function's name.
    """
    name = getattr(function.node, "name", "")
    for module in _mentioning(function, inference):
        for scope in scopes_mentioning(module.scope, [f"{name}("]):
            for call, inner, around in calls_in(scope, (name,)):
                if inference.value(call.func, inner) is None:
                    yield Called(call, inner, scope, around)


def is_injected(function: Scope, inference: Inference) -> bool:
    """Tell whether a framework is told to call a function for each request: ``Depends(get_db)``.

    Args:
        function: the function's scope, or that of a method.
        inference: answers what names stand for; its project is searched for the function's name.
    """
    name = getattr(function.node, "name", "")
    return any(
        last_segment(given) == name and is_same(inference.value(given, scope), function)
        for module in _mentioning(function, inference)
        for node, scope in scoped(
            body_of(module.scope.node), module.scope, Mentions(module.text, (name,))
        )
        if isinstance(node, ast.Call) and (given := injected_callable(node, scope)) is not None
    )


def handed_on_by(function: Scope, inference: Inference, takers: Collection[str]) -> Iterator[Scope]:
    """Find the functions of the project that have others run a function.

    Args:
        function: the function's scope, or that of a method.
        inference: answers what names stand for; its project is searched for the function's name.
        takers: the names of what runs a function that it is given.

    Yields:
        The functions that give it to one of those, or put it into a tuple with its arguments,
        which whoever takes it out of a queue calls it with.
    """
    name = getattr(function.node, "name", "")
    for module in _mentioning(function, inference):
        for scope in scopes_mentioning(module.scope, [name]):
            caller = scope.function()
            if caller is not None and any(
                is_same(inference.value(each, scope), function)
                for node in own_nodes(scope.node)
                for each in _handed_on(node, takers)
                if last_segment(each) == name
            ):
                yield caller


def _handed_on(node: ast.AST, takers: Collection[str]) -> Sequence[ast.expr]:
    match node:
        case ast.Tuple(elts=[task, ast.Tuple() | ast.List() | ast.Dict(), *_]):
            return [task]
        case ast.Call() if last_segment(node.func) in takers:
            return arguments(node)
    return []


def is_passed_on(function: Scope, inference: Inference) -> bool:
    """Tell whether another module of the project names a function without calling it.

    Args:
        function: the function's scope, or that of a method.
        inference: answers what names stand for; its project is searched for the function's name.
    """
    name = getattr(function.node, "name", "")
    others = (m for m in _mentioning(function, inference) if m.path != function.module.path)
    return any(_is_passed_on_in(module, name, function, inference) for module in others)


def _is_passed_on_in(module: Module, name: str, function: Scope, inference: Inference) -> bool:
    mentions = Mentions(module.text, (name,))
    nodes = list(scoped(body_of(module.scope.node), module.scope, mentions))
    called = {node.func for node, _ in nodes if isinstance(node, ast.Call)}
    return any(
        last_segment(node) == name and is_same(inference.value(node, scope), function)
        for node, scope in nodes
        if isinstance(node, (ast.Attribute, ast.Name)) and node not in called
    )


def _mentioning(function: Scope, inference: Inference) -> Iterator[Module]:
    """Give the modules that mention a function's name; none where that is a common word."""
    name = getattr(function.node, "name", "")
    if name and not is_common(function, inference):
        yield from inference.project.modules_mentioning(name, function.module.path)


def is_common(function: Scope, inference: Inference) -> bool:
    """Tell whether so many files mention a function's name that its calls are not looked for.

    Args:
        function: the function's scope, or that of a method.
        inference: its project is searched for the function's name.
    """
    name = getattr(function.node, "name", "")
    return len(inference.project.files_mentioning(name, function.module.path)) > _MOST_FILES


def is_same(value: Value | None, function: Scope) -> bool:
    """Tell whether a value is a function, of which a followed module has a copy without lines.

    Args:
        value: the value.
        function: the scope of the function, or of the class.
    """
    if not isinstance(value, (ClassValue, FunctionValue)) or isinstance(value.node, ast.Lambda):
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
