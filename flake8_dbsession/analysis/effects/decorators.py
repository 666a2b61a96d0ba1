"""Decorators of the project: what runs when a decorated function is called."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Function
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.named_tuples import NamedTuple


class Undecorated(NamedTuple):
    """A function as it is below some of its decorators.

    Attributes:
        function: the function.
        layers: how many of its decorators have done their part, the outermost first.
    """

    function: FunctionValue
    layers: int


class Wrapper(NamedTuple):
    """What a decorator puts in a function's place.

    Attributes:
        function: what runs instead.
        name: how that names what it stands for.
        inner: what it stands for.
    """

    function: FunctionValue
    name: str
    inner: Undecorated


def wrapper_of(decorated: Undecorated, inference: Inference) -> Wrapper | None:
    """Find what runs in the place of a function.

    Args:
        decorated: the function, below the decorators that are dealt with already.
        inference: answers what the decorators are.

    Returns:
        What the outermost decorator of the project puts there; None where none puts anything. What
        a library's decorator does to a call is taken to make no difference.
    """
    function = decorated.function
    decorators = getattr(function.node, "decorator_list", [])
    for number in range(decorated.layers, len(decorators)):
        written = decorators[number]
        named = written.func if isinstance(written, ast.Call) else written
        decorator = inference.value(named, function.scope)
        if isinstance(decorator, FunctionValue):
            found = _put_by(decorator, steps=1 + isinstance(written, ast.Call))
            if found is not None:
                wrapper, name = found
                return Wrapper(wrapper, name, Undecorated(function, number + 1))
    return None


def _put_by(decorator: FunctionValue, steps: int) -> tuple[FunctionValue, str] | None:
    """Give the function that a decorator returns, and the parameter that gets the decorated one."""
    node, scope = decorator.node, decorator.scope.child(decorator.node)
    for left in range(steps - 1, -1, -1):
        given = [*node.args.posonlyargs, *node.args.args]
        inner = _returned(node)
        if inner is None:
            return None
        if not left and given and inner is _applied(node, given[0].arg):
            return _put_by(FunctionValue(inner, scope), steps=1)
        if not left:
            return (FunctionValue(inner, scope), given[0].arg) if given else None
        node, scope = inner, scope.child(inner)
    return None


def _applied(node: Function, parameter: str) -> Function | None:
    """Give the decorator in a function that can do without its brackets: ``return inner(f)``."""
    nodes = own_nodes(node)
    defined = {n.name: n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
    for each in nodes:
        match each:
            case ast.Return(value=ast.Call(func=ast.Name(id=name), args=[ast.Name(id=given)])):
                if given == parameter and name in defined:
                    return defined[name]
    return None


def _returned(node: Function) -> Function | None:
    """Give the function that a function defines and returns, by its name or in a call."""
    nodes = own_nodes(node)
    defined = {n.name: n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
    returned = [n.value for n in nodes if isinstance(n, ast.Return) and n.value is not None]
    for value in returned:
        argument = value.args[-1] if isinstance(value, ast.Call) and value.args else value
        if isinstance(argument, ast.Name) and argument.id in defined:
            return defined[argument.id]
        if isinstance(argument, ast.Lambda):
            return argument
    return None


def passed_on(wrapper: Wrapper, key: int | str) -> int | str | None:
    """Tell as which argument a wrapper passes on what one of its own arguments is.

    Args:
        wrapper: the wrapper.
        key: the position or keyword of the argument that it is given.

    Returns:
        The position or keyword for the function that it stands for; None where the wrapper takes
        the argument under a name of its own, or does not pass ``*args`` and ``**kwargs`` on.
    """
    arguments = wrapper.function.node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    named = {arg.arg for arg in (*positional, *arguments.kwonlyargs)}
    for node in own_nodes(wrapper.function.node):
        match node:
            case ast.Call(func=ast.Name(id=name), args=args) if name == wrapper.name:
                if isinstance(key, str):
                    is_rest = key not in named and arguments.kwarg is not None
                    return key if is_rest else None
                starred = [n for n, arg in enumerate(args) if _is_rest(arg, arguments.vararg)]
                if starred and key >= len(positional):
                    return key - len(positional) + starred[0]
                return None
    return None


def _is_rest(argument: ast.expr, rest: ast.arg | None) -> bool:
    match argument:
        case ast.Starred(value=ast.Name(id=name)):
            return rest is not None and name == rest.arg
    return False


def catches(wrapper: Wrapper) -> bool:
    """Tell whether a wrapper goes on after an error of what it stands for."""
    return any(isinstance(node, ast.ExceptHandler) for node in own_nodes(wrapper.function.node))
