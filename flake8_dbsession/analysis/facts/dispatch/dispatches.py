"""Calls that have another process run a task, and what they tell it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.work.block import block_of
from flake8_dbsession.analysis.effects.work.following import can_be_followed
from flake8_dbsession.analysis.facts.dispatch.row_keys import TELLS_NOTHING, RowKeys, Tells
from flake8_dbsession.analysis.facts.dispatch.task_queues import is_sent_task, queue_object
from flake8_dbsession.analysis.library.frameworks import (
    CALLED_TASKS,
    POSTPONING,
    SENDING,
    SENDING_TASK,
    SIGNATURES,
)
from flake8_dbsession.analysis.lifetimes.names import is_generator
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.functions import given_to
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import parents_in
from flake8_dbsession.analysis.names.scopes import Assigned, Parameter, Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import arguments, dotted_name, nodes_in
from flake8_dbsession.named_tuples import NamedTuple

_NAMES = SENDING_TASK | frozenset(SENDING)
_NONE: frozenset[PassedOn] = frozenset()
WORDS = tuple(f".{name}(" for name in sorted(_NAMES))
"""What a text has in it that sends a task, but for the call of a task of huey's."""


def may_send(scope: Scope) -> bool:
    """Tell whether the text of a function's module mentions what sends tasks.

    Args:
        scope: the function's scope, or any in that module.
    """
    return _mentions_sending(scope.module.scope)


@remembered
def _mentions_sending(module: Scope) -> bool:
    text = module.module.text
    return any(word in text for word in (*WORDS, *CALLED_TASKS))


class Dispatches:
    """Answers what the calls in a function tell workers, by themselves or by what they call.

    Args:
        scope: the function's scope.
        inference: answers what is called.
    """

    def __init__(self, scope: Scope, inference: Inference) -> None:
        self._scope = scope
        self._inference = inference

    def told_by(self, call: ast.Call) -> list[ast.expr]:
        """Give the values that a call sends along, as they are or turned into others."""
        told = told_by(call, self._scope, self._inference)
        if told is not None:
            return told
        return [part for part, passed in self._passed_on(call) if not passed.is_object]

    def objects_told_by(self, call: ast.Call) -> list[ast.expr]:
        """Give the objects whose keys a function sends along that a call leads to."""
        return [part for part, passed in self._passed_on(call) if passed.is_object]

    def _passed_on(self, call: ast.Call) -> Iterator[tuple[ast.expr, PassedOn]]:
        named = dotted_name(call.func)
        function = self._inference.value(call.func, self._scope) if named else None
        if not isinstance(function, FunctionValue) or not _runs_at_once(
            function, call, self._scope
        ):
            return
        given = given_to(function, call)
        for passed in passed_on_by(function, self._inference):
            if passed.name in given:
                yield given[passed.name], passed


class PassedOn(NamedTuple):
    """A parameter of which a function tells a worker.

    Attributes:
        name: the parameter.
        is_object: whether it is an object whose key is sent; else it is sent itself.
    """

    name: str
    is_object: bool


def passed_on_by(function: FunctionValue, inference: Inference) -> frozenset[PassedOn]:
    """Give the parameters of which a function of the project tells workers.

    Args:
        function: the function.
        inference: answers what it calls.
    """
    scope = function.scope.child(function.node)
    if not may_send(scope) or not can_be_followed(function):
        return _NONE
    return inference.questions.ask(
        scope.memory, "passed on to workers", lambda: _passed_on(scope, inference), _NONE
    )


def _passed_on(scope: Scope, inference: Inference) -> frozenset[PassedOn]:
    block = block_of(scope, inference=inference)
    keys, dispatches = RowKeys(block), Dispatches(scope, inference)
    told = TELLS_NOTHING
    for call in block.calls:
        told |= keys.told(dispatches.told_by(call))
        objects = map(keys.objects, dispatches.objects_told_by(call))
        told |= Tells(frozenset().union(*objects))
    return frozenset(
        PassedOn(name, is_object)
        for names, is_object in ((told.names, False), (told.objects, True))
        for name in names
        if _is_parameter(name, scope)
    )


def _is_parameter(name: str, scope: Scope) -> bool:
    return any(isinstance(binding.how, Parameter) for binding in scope.bindings(name))


def _runs_at_once(function: FunctionValue, call: ast.Call, scope: Scope) -> bool:
    """Tell whether a call runs its function, and not only makes a coroutine for later."""
    if is_generator(function.node):
        return False
    if not isinstance(function.node, ast.AsyncFunctionDef):
        return True
    return isinstance(parents_in(scope).get(call), ast.Await)


def told_by(call: ast.Call, scope: Scope, inference: Inference) -> list[ast.expr] | None:
    """Give what a call tells a worker.

    Args:
        call: the call.
        scope: the scope that it stands in.
        inference: answers what is called.

    Returns:
        The values that it sends along; None for a call that sends no task, or one for later.
    """
    if any(map(_postpones, call.keywords)):
        return None
    name = last_segment(call.func)
    if name in SENDING and _is_of_queue(call, name, scope, inference):
        return _arguments(call)
    if name in SENDING_TASK and isinstance(call.func, ast.Attribute):
        return _told_by_task(call, call.func.value, scope, inference)
    if name not in _NAMES and _calls_task(call, scope, inference):
        return arguments(call)
    return None


def _calls_task(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call is that of a task which is sent by calling it."""
    path, project = scope.module.path, inference.project
    if not any(project.files_mentioning(name, path) for name in CALLED_TASKS):
        return False
    return is_sent_task(call.func, scope, inference, CALLED_TASKS)


def _postpones(option: ast.keyword) -> bool:
    is_at_once = isinstance(option.value, ast.Constant) and not option.value.value
    return option.arg in POSTPONING and not is_at_once


def _arguments(call: ast.Call) -> list[ast.expr]:
    """Give what a task gets, also by ``args=(job.id,)`` and ``kwargs={"number": job.id}``."""
    found: list[ast.expr] = [*call.args]
    for option in call.keywords:
        match option:
            case ast.keyword(arg="args", value=ast.List(elts=parts) | ast.Tuple(elts=parts)):
                found += parts
            case ast.keyword(arg="kwargs", value=ast.Dict(values=parts)):
                found += parts
            case _:
                found.append(option.value)
    return found


def _is_of_queue(call: ast.Call, name: str, scope: Scope, inference: Inference) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    return queue_object(call.func.value, scope, inference) in SENDING[name]


def _told_by_task(
    call: ast.Call, task: ast.expr, scope: Scope, inference: Inference
) -> list[ast.expr] | None:
    if is_sent_task(task, scope, inference):
        return _arguments(call)
    signatures = [*_signatures(task, scope, inference)]
    told = [each for signature in signatures for each in arguments(signature)]
    return [*told, *_arguments(call)] if signatures else None


def _signatures(sent: ast.expr, scope: Scope, inference: Inference) -> Iterator[ast.Call]:
    """Give the signatures of tasks that a chain or group is made of, or the one that is sent."""
    if isinstance(sent, ast.Name):
        hows = (binding.how for binding in scope.bindings(sent.id))
        made = [how.value for how in hows if isinstance(how, Assigned)]
    else:
        made = [sent]
    for node in (part for each in made for part in nodes_in(each)):
        match node:
            case ast.Call(func=ast.Attribute(value=task, attr=method)) if method in SIGNATURES:
                if is_sent_task(task, scope, inference):
                    yield node
