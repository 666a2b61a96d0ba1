"""Which parameter of a function receives an argument of a call."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.values import FunctionValue


def position_of(argument: ast.AST, call: ast.Call) -> int | None:
    """Give the position of an argument; None after a starred one, where it cannot be told."""
    position = call.args.index(argument)  # type: ignore[arg-type]
    is_starred = any(isinstance(each, ast.Starred) for each in call.args[: position + 1])
    return None if is_starred else position


def parameter_for(function: FunctionValue, key: int | str | None) -> str | None:
    """Give the name of the parameter that receives an argument.

    Args:
        function: what is called.
        key: the position or keyword of the argument; None where that cannot be told.

    Returns:
        The name; None where no plain parameter receives it.
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
