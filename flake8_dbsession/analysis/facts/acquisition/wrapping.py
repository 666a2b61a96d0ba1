"""Functions that open a session for work that they are given, and close it after that."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.library.methods import CLOSERS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Parameter, Scope
from flake8_dbsession.analysis.nodes import arguments, is_name, nodes_in, own_nodes


@remembered
def serves_given_work(function: Scope) -> bool:
    """Tell whether a function hands what it opens to work that it is given, and closes it.

    Args:
        function: its scope.

    Returns:
        True for what a decorator makes of the function that it decorates, and for a method that
        keeps the session while it runs what it passes all its arguments on to, as the ``__call__``
        of a task's base does. The close stands in a ``finally`` around that work.
    """
    return isinstance(function.node, FUNCTIONS) and any(
        _serves(attempt, function)
        for attempt in own_nodes(function.node)
        if isinstance(attempt, ast.Try) and attempt.finalbody
    )


def _serves(attempt: ast.Try, function: Scope) -> bool:
    closed = {
        node.func.value.id
        for statement in attempt.finalbody
        for node in nodes_in(statement)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOSERS
        and isinstance(node.func.value, ast.Name)
    }
    calls = list(_calls_in(attempt)) if closed else []
    return any(
        (_is_given_callable(call, function) and _is_handed(name, call))
        or (_passes_all_on(call, function) and _is_kept(name, function))
        for name in closed
        for call in calls
    )


def _calls_in(attempt: ast.Try) -> Iterator[ast.Call]:
    for statement in attempt.body:
        yield from (node for node in nodes_in(statement) if isinstance(node, ast.Call))


def _is_given_callable(call: ast.Call, function: Scope) -> bool:
    """Tell whether a call is one of a parameter of a function around, such as a decorator's."""
    if not isinstance(call.func, ast.Name):
        return False
    bindings = function.lookup(call.func.id)
    return any(isinstance(b.how, Parameter) and b.scope is not function for b in bindings)


def _is_handed(name: str, call: ast.Call) -> bool:
    return any(is_name(argument, name) for argument in arguments(call))


def _passes_all_on(call: ast.Call, function: Scope) -> bool:
    """Tell whether a call is given all that the function is: ``run(*args, **kwargs)``."""
    several = function.node.args.vararg  # type: ignore[union-attr]
    return several is not None and any(
        isinstance(each, ast.Starred) and is_name(each.value, several.arg) for each in call.args
    )


def _is_kept(name: str, function: Scope) -> bool:
    """Tell whether a method keeps a session in its object."""
    receiver = function.receiver()
    return receiver is not None and any(
        isinstance(node, ast.Assign)
        and is_name(node.value, name)
        and any(
            isinstance(target, ast.Attribute) and is_name(target.value, receiver)
            for target in node.targets
        )
        for node in own_nodes(function.node)
    )
