"""What the header of a function says: its decorators, and which parameter gets an argument."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.scopes import ScopeNode
from flake8_dbsession.analysis.names.values import FunctionValue

_CONTEXT_MANAGERS = frozenset({"contextmanager", "asynccontextmanager"})


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
    return bool(decorator_names(node) & _CONTEXT_MANAGERS)


def is_fixture(node: ScopeNode) -> bool:
    """Tell whether a function is a pytest fixture, by the name of its decorator."""
    return any(name.endswith("fixture") for name in decorator_names(node))


def receiving_parameter(function: FunctionValue, key: int | str) -> str | None:
    """Give the name of the parameter that receives an argument.

    Args:
        function: the function that is called.
        key: the position or the keyword of the argument.

    Returns:
        The name; None where no parameter takes it.
    """
    arguments = function.node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    if isinstance(key, str):
        named = [*positional, *arguments.kwonlyargs]
        found = next((arg.arg for arg in named if arg.arg == key), None)
        return found or (arguments.kwarg.arg if arguments.kwarg is not None else None)
    if function.owner is not None and "staticmethod" not in decorator_names(function.node):
        key += 1
    if key < len(positional):
        return positional[key].arg
    return arguments.vararg.arg if arguments.vararg is not None else None


def arguments_of(call: ast.Call) -> list[tuple[int | str, ast.expr]]:
    """Give a call's arguments with their positions or keywords; ``**`` stands for a mapping's."""
    return [
        *enumerate(call.args),
        *((keyword.arg or "**", keyword.value) for keyword in call.keywords),
    ]
