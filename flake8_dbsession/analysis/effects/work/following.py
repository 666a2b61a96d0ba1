"""Calls of the project's own functions that are given a session or its objects, followed inside."""

from __future__ import annotations

import ast
from typing import NamedTuple

from flake8_dbsession.analysis.effects.calls import is_stub
from flake8_dbsession.analysis.library.wrappers import PLAIN_DECORATORS
from flake8_dbsession.analysis.names.functions import arguments_of, parameter_for, receiver_of
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import is_name, own_nodes


class Following(NamedTuple):
    """A function of the project, with what a call gives it.

    Attributes:
        function: the function.
        session: the parameter that gets the session, or the attribute of ``self`` that holds it;
            empty for none.
        objects: the parameters that get objects of the session, or what holds some.
    """

    function: FunctionValue
    session: str
    objects: frozenset[str]

    @property
    def scope(self) -> Scope:
        """The scope of the function's body."""
        return self.function.scope.child(self.function.node)

    @property
    def body(self) -> list[ast.stmt]:
        """The function's statements."""
        assert not isinstance(self.function.node, ast.Lambda)
        return self.function.node.body


def followed(
    call: ast.Call, function: FunctionValue | None, sessions: set[ast.expr], objects: set[ast.expr]
) -> Following | None:
    """Find out what a function is given.

    Args:
        call: the call.
        function: what it calls; None where that is not known.
        sessions: those of its arguments that are the session.
        objects: those that hold objects.

    Returns:
        The function with its parameters; None where its code does not tell what the call does.
    """
    if function is None or not can_be_followed(function):
        return None
    if any(isinstance(part, ast.Starred) for part in call.args) or None in [
        keyword.arg for keyword in call.keywords
    ]:
        return None
    session, held = "", set()
    for key, argument in arguments_of(call):
        if argument in sessions or argument in objects:
            name = parameter_for(function, key)
            if name is None or (argument in sessions and session):
                return None
            if argument in objects:
                held.add(name)
            else:
                session = name
    return Following(function, session, frozenset(held))


def of_holder(function: FunctionValue | None, attribute: str) -> Following | None:
    """Follow a method of an object that holds the session.

    Args:
        function: the method; None where it is not known.
        attribute: the attribute in which the object holds it.
    """
    if function is None or not can_be_followed(function):
        return None
    receiver = receiver_of(function.node)
    if receiver is None:
        return None
    return Following(function, f"{receiver}.{attribute}", frozenset())


def stored_by(constructor: FunctionValue, parameter: str) -> str:
    """Give the attribute in which a constructor keeps a parameter; empty for none, or several."""
    receiver = receiver_of(constructor.node)
    found = {
        target.attr
        for node in own_nodes(constructor.node)
        if isinstance(node, ast.Assign) and _may_be(node.value, parameter)
        for target in node.targets
        if isinstance(target, ast.Attribute) and is_name(target.value, receiver)
    }
    return found.pop() if len(found) == 1 else ""


def _may_be(value: ast.expr, parameter: str) -> bool:
    match value:
        case ast.Name(id=name):
            return name == parameter
        case ast.BoolOp(values=[first, *_]):
            return _may_be(first, parameter)
        case ast.IfExp(body=body, orelse=orelse):
            return _may_be(body, parameter) or _may_be(orelse, parameter)
    return False


def can_be_followed(function: FunctionValue) -> bool:
    """Tell whether a function's code says what a call of it does."""
    node = function.node
    if isinstance(node, ast.Lambda) or is_stub(function):
        return False
    return all(last_segment(decorator) in PLAIN_DECORATORS for decorator in node.decorator_list)
