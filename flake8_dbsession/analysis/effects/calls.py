"""Which function of the project a call runs, and which of its parameters gets an argument."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TypeAlias

from flake8_dbsession.analysis.effects.decorators import Undecorated
from flake8_dbsession.analysis.library.running import RELAYS, RUNNERS
from flake8_dbsession.analysis.library.wrappers import HOLDERS, PARTIAL
from flake8_dbsession.analysis.lifetimes.names import defaults
from flake8_dbsession.analysis.names.functions import (
    arguments_of,
    parameter_for,
    receiving_parameter,
)
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, Function, Scope, last_segment
from flake8_dbsession.analysis.names.values import ClassValue, External, FunctionValue, Value
from flake8_dbsession.analysis.nodes import dotted_name
from flake8_dbsession.named_tuples import NamedTuple


class Argument(NamedTuple):
    """An argument as the function that is run receives it.

    Attributes:
        callee: what is run: a function or class of the project, a name from outside it; None where
            that could not be found.
        key: the position or the keyword of the argument in the call of it.
        call: the call whose other arguments go along.
    """

    callee: Value | Undecorated | None
    key: int | str
    call: ast.Call


Callable: TypeAlias = FunctionValue | Undecorated
"""A function of the project, whole or below some of its decorators."""

Callables: TypeAlias = frozenset[tuple[str, Callable]]
"""What parameters are known to stand for: the functions that a call gives, or a decorator."""

NO_CALLABLES: Callables = frozenset()


def argument(
    call: ast.Call,
    key: int | str,
    scope: Scope,
    inference: Inference,
    callables: Callables = NO_CALLABLES,
) -> Argument:
    """Follow an argument to what is run with it.

    Args:
        call: the call.
        key: the position or the keyword of the argument.
        scope: the scope that the call stands in.
        inference: answers what names stand for.
        callables: what parameters are known to stand for.

    Returns:
        The argument of the callee itself; of the function that the call relays to
        (``to_thread(work, db)``).
    """
    callee = callee_of(call, scope, inference, callables)
    at = RELAYS.get(callee.name) if isinstance(callee, External) else None
    if at is None or not isinstance(key, int) or key <= at or len(call.args) <= at:
        return Argument(callee, key, call)
    run = inference.value(call.args[at], scope)
    inner = ast.Call(call.args[at], call.args[at + 1 :], call.keywords)
    return Argument(run, key - at - 1, inner)


def callee_of(
    call: ast.Call, scope: Scope, inference: Inference, callables: Callables
) -> Value | Undecorated | None:
    """Tell what a call runs.

    Args:
        call: the call.
        scope: the scope that the call stands in.
        inference: answers what names stand for.
        callables: what parameters are known to stand for.
    """
    if callables and isinstance(call.func, ast.Name):
        known = dict(callables).get(call.func.id)
        if known is not None:
            return known
    return inference.value(call.func, scope)


def callables_given(
    function: FunctionValue, call: ast.Call, scope: Scope, inference: Inference
) -> Callables:
    """Give the parameters that a call gives functions of the project.

    Args:
        function: the function that is called.
        call: the call.
        scope: the scope that the call stands in.
        inference: answers what the arguments are.
    """
    found = set()
    for key, value in arguments_of(call):
        if isinstance(value, (ast.Lambda, ast.Name)):
            given = inference.value(value, scope)
            name = parameter_for(function, key) if isinstance(given, FunctionValue) else None
            if name is not None and isinstance(given, FunctionValue):
                found.add((name, given))
    return frozenset(found)


def unfolded(call: ast.Call, scope: Scope, inference: Inference) -> ast.Call | None:
    """Give the call that ``end()`` makes, where ``end = partial(close, db)``.

    Args:
        call: the call of what ``functools.partial`` gave, under a name of its own or on the spot.
        scope: the scope that it stands in.
        inference: answers what is called.

    Returns:
        The same call each time; None for any other call.
    """
    made: ast.expr | None = call.func
    if isinstance(made, ast.Name):
        hows = [binding.how for binding in scope.bindings(made.id)]
        is_one = len(hows) == 1 and isinstance(hows[0], Assigned) and not hows[0].path
        made = hows[0].value if is_one else None  # type: ignore[union-attr]
    if not isinstance(made, ast.Call) or not made.args:
        return None
    maker = inference.value(made.func, scope)
    if not isinstance(maker, External) or maker.name != PARTIAL:
        return None
    question = ("unfolded", call)
    if question not in scope.memory:
        function, *first = made.args
        whole = ast.Call(function, [*first, *call.args], [*made.keywords, *call.keywords])
        scope.memory[question] = ast.copy_location(whole, call)
    return scope.memory[question]  # type: ignore[no-any-return]


def is_run(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call runs the coroutine that it is given to its end: ``asyncio.run(...)``."""
    callee = inference.value(call.func, scope)
    return isinstance(callee, External) and callee.name in RUNNERS


def is_gathered(function: FunctionValue, parameter: str) -> bool:
    """Tell whether a parameter gathers arguments, as ``*sessions`` does."""
    rests = (function.node.args.vararg, function.node.args.kwarg)
    return any(rest is not None and rest.arg == parameter for rest in rests)


def constants(function: FunctionValue, call: ast.Call) -> Mapping[str, object]:
    """Give the parameters of which the call, or else their default, says the value.

    Args:
        function: the function that is called.
        call: the call.

    Returns:
        The values of those that are True, False or None, by the parameter's name.
    """
    given = dict(defaults(function.node))
    for key, value in arguments_of(call):
        name = receiving_parameter(function, key)
        if name is not None:
            given[name] = value
    if any(isinstance(each, ast.Starred) for each in call.args) or "**" in dict(arguments_of(call)):
        return {}
    return {
        name: value.value
        for name, value in given.items()
        if isinstance(value, ast.Constant) and value.value in (None, True, False)
    }


def received_as(
    call: ast.expr, name: str, scope: Scope, inference: Inference
) -> tuple[Function, str] | None:
    """Find the function of the project that is given a name's value, and its parameter for that.

    Args:
        call: the call.
        name: the name, or an attribute as it is written, as an argument of the call.
        scope: the scope of the call.
        inference: answers what is called.

    Returns:
        The function and the parameter's name; None where no function of the project takes it.
    """
    arguments = arguments_of(call) if isinstance(call, ast.Call) else []
    keys = [key for key, value in arguments if dotted_name(value) == name]
    function = inference.value(call.func, scope) if keys else None  # type: ignore[attr-defined]
    if not isinstance(function, FunctionValue):
        return None
    parameters = (receiving_parameter(function, key) for key in keys)
    parameter = next((found for found in parameters if found is not None), None)
    return (function.node, parameter) if parameter is not None else None


def is_constructor(call: ast.Call, callee: Value | Undecorated | None) -> bool:
    """Tell whether a call makes an object: of a class, or of what PEP 8 writes as one."""
    if isinstance(callee, ClassValue) or (isinstance(callee, External) and callee.name in HOLDERS):
        return True
    name = last_segment(call.func)
    return not isinstance(callee, (FunctionValue, Undecorated)) and name.lstrip("_")[:1].isupper()


def is_stub(function: FunctionValue) -> bool:
    """Tell whether what a function does stands elsewhere: in a subclass, behind a protocol.

    A method of which nothing but ``pass`` is written is a hook for subclasses; a plain function
    does nothing then.
    """
    node = function.node
    if isinstance(node, ast.Lambda):
        return False
    match node.body[-1]:
        case ast.Raise(exc=ast.Name(id=name) | ast.Call(func=ast.Name(id=name))):
            return name == "NotImplementedError"
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Pass():
            return function.owner is not None
    return False
