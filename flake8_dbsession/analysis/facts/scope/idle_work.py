"""Functions that are given a session or connection, and do no work with the database by it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.calls import is_stub, received_as
from flake8_dbsession.analysis.flow import raises_by_name
from flake8_dbsession.analysis.library.methods import LISTENING
from flake8_dbsession.analysis.library.python import LOGS, LOOKING
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Function, Scope
from flake8_dbsession.analysis.names.values import External, FunctionValue
from flake8_dbsession.analysis.nodes import children, is_name, nodes_in

_DEEPEST = 3  # functions that call one another
# What is noted with a session, and what it works by.
_NOTES = frozenset({"bind", "get_bind", "info"})
_MENTIONS = (ast.Compare, ast.FormattedValue, ast.UnaryOp)


def does_no_work(
    call: ast.expr, held: str, scope: Scope, inference: Inference, deep: int = _DEEPEST
) -> bool:
    """Tell whether a function of the project does no work by a session that it is given.

    Args:
        call: the call of the function.
        held: the name of the session, or connection, where the call stands.
        scope: the scope of the call.
        inference: answers what is called.
        deep: how many functions may be called one by the other.

    Returns:
        True where it does nothing with it, or only reads its ``info``, asks for its engine, looks
        at it, listens to its events, or hands it to functions that do no more.
    """
    received = received_as(call, held, scope, inference)
    callee = inference.value(call.func, scope) if isinstance(call, ast.Call) else None
    if received is None or not isinstance(callee, FunctionValue) or not deep:
        return False
    if is_stub(callee):
        return False
    function, parameter = received
    inside = callee.scope.child(function)
    return all(
        _is_no_work(around, parameter, inside, inference, deep)
        for around in _around(function, parameter)
    )


def _around(function: Function, name: str) -> Iterator[ast.AST]:
    """Give the nodes that a name stands in, by itself."""
    for node in nodes_in(function):
        if any(is_name(child, name) for child in children(node)):
            yield node


def _is_no_work(node: ast.AST, name: str, scope: Scope, inference: Inference, deep: int) -> bool:
    match node:
        case ast.Attribute(attr=attribute):
            return attribute in _NOTES
        case ast.Call(func=ast.Name(id=callee)) if callee in LOOKING:
            return True
        case ast.Call(func=ast.Attribute(attr=method)) if method in LOGS:
            return not raises_by_name(node)
        case ast.Call(func=function):
            known = inference.value(function, scope)
            if isinstance(known, External):
                return known.name in LISTENING
            return does_no_work(node, name, scope, inference, deep - 1)
    return isinstance(node, _MENTIONS)
