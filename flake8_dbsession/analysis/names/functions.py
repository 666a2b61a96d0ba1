"""What the header of a function says: its decorators, and which parameter gets an argument."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.library.wrappers import CONTEXT_MANAGERS
from flake8_dbsession.analysis.names.scopes import ScopeNode
from flake8_dbsession.analysis.names.values import FunctionValue


def decorator_names(node: ScopeNode) -> frozenset[str]:
    """Give the last names of a function's decorators: ``contextmanager``, ``get``, ``fixture``."""
    names = set()
    for decorator in getattr(node, "decorator_list", ()):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Attribute):
            names.add(called.attr)
        elif isinstance(called, ast.Name):
            names.add(called.id)
    return frozenset(names)


def is_context_manager(node: ScopeNode) -> bool:
    """Tell whether a function is made a context manager by its decorator."""
    return bool(decorator_names(node) & CONTEXT_MANAGERS)


def is_fixture(node: ScopeNode) -> bool:
    """Tell whether a function is a pytest fixture, by the name of its decorator."""
    return any(name.endswith("fixture") for name in decorator_names(node))


def position_of(argument: ast.AST, call: ast.Call) -> int | None:
    """Give the position of an argument; None after a starred one, where it cannot be told."""
    position = call.args.index(argument)  # type: ignore[arg-type]
    is_starred = any(isinstance(each, ast.Starred) for each in call.args[: position + 1])
    return None if is_starred else position


def parameter_for(function: FunctionValue, key: int | str | None) -> str | None:
    """Give the name of the plain parameter that receives an argument.

    Args:
        function: the function that is called.
        key: the position or the keyword of the argument; None where that cannot be told.

    Returns:
        The name; None where only ``*args`` or ``**kwargs`` takes it, or nothing does.
    """
    arguments = function.node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    if isinstance(key, str):
        return key if key in {arg.arg for arg in [*positional, *arguments.kwonlyargs]} else None
    if key is None:
        return None
    if function.owner is not None and "staticmethod" not in decorator_names(function.node):
        key += 1
    return positional[key].arg if key < len(positional) else None


def given_to(function: FunctionValue, call: ast.Call) -> dict[str | None, ast.expr]:
    """Give what a call gives a function, by the names of its plain parameters.

    Args:
        function: the function that is called.
        call: the call.

    Returns:
        Also the object that a method is called of; under None what no plain parameter receives.
    """
    given = {parameter_for(function, key): part for key, part in arguments_of(call)}
    if isinstance(call.func, ast.Attribute) and function.receiver is not None:
        given[function.receiver] = call.func.value
    return given


def receiving_parameter(function: FunctionValue, key: int | str) -> str | None:
    """Give the name of the parameter that receives an argument, by itself or among others.

    Args:
        function: the function that is called.
        key: the position or the keyword of the argument.

    Returns:
        The name, which may be that of ``*args`` or ``**kwargs``; None where no parameter takes it.
    """
    plain = parameter_for(function, key)
    arguments = function.node.args
    rest = arguments.kwarg if isinstance(key, str) else arguments.vararg
    return plain if plain is not None or rest is None else rest.arg


def arguments_of(call: ast.Call) -> list[tuple[int | str, ast.expr]]:
    """Give a call's arguments with their positions or keywords; ``**`` stands for a mapping's."""
    return [
        *enumerate(call.args),
        *((keyword.arg or "**", keyword.value) for keyword in call.keywords),
    ]
