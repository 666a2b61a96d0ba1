"""Sessions that join a connection at hand, which somebody else opened and gives back."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.call_sites import calls_of
from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.inference import Inference, bound_to
from flake8_dbsession.analysis.names.scopes import (
    Assigned,
    Binding,
    Parameter,
    Scope,
    last_segment,
)
from flake8_dbsession.analysis.names.values import (
    HELD,
    External,
    FunctionValue,
    Resource,
    RoleValue,
)

_OPERATIONS = frozenset({"context", "op", "operations"})


def joins_a_connection(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call binds the session that it makes to a connection at hand.

    Args:
        call: the call that gives the session.
        scope: the scope it stands in.
        inference: what names stand for.

    Returns:
        True for a connection that came in or is lent, as in a migration, in a mapper's event or in
        ``Session(bind=other.connection())``.
    """
    match inference.value(call, scope):
        case RoleValue(resource=Resource.CONNECTION):
            return False  # what a driver is given first is an address
    bind = bound_to(call) or bound_to(making_call(call, scope))
    if bind is None:
        return False
    match bind:
        case ast.Call(func=ast.Attribute(value=other, attr="connection")):
            lender = inference.known(other, scope)
            return lender is not None and lender.resource is Resource.SESSION
    if _is_of_a_migration(bind, scope):
        return True
    match inference.value(bind, scope):
        case RoleValue(resource=Resource.CONNECTION, role=role):
            return role in HELD
        case External(name=name):
            return name.endswith(".get_bind()")
        case None if isinstance(bind, ast.Name):
            if _is_given_one(bind.id, scope, inference):
                return True
            return "conn" in bind.id and any(map(_is_at_hand, scope.lookup(bind.id)))
    return False


def _is_given_one(name: str, scope: Scope, inference: Inference) -> bool:
    """Tell whether each call of the function in its file gives a parameter such a connection."""
    function = scope.function()
    if function is None or not any(isinstance(b.how, Parameter) for b in scope.lookup(name)):
        return False
    given = [
        _is_connection(value, where, inference)
        for call, where in calls_of(function)
        if isinstance(callee := inference.value(call.func, where), FunctionValue)
        and callee.node is function.node
        for key, value in arguments_of(call)
        if receiving_parameter(callee, key) == name
    ]
    return bool(given) and all(given)


def _is_connection(value: ast.expr, scope: Scope, inference: Inference) -> bool:
    match inference.value(value, scope):
        case RoleValue(resource=Resource.CONNECTION, role=role) if role in HELD:
            return True
    return _is_of_a_migration(value, scope)


def _is_of_a_migration(bind: ast.expr, scope: Scope) -> bool:
    """Tell whether something is Alembic's connection: ``op.get_bind()``, wherever ``op`` is from.

    ``op`` may be imported from the project, or come in as a parameter.
    """
    match bind:
        case ast.Call(func=ast.Attribute(value=operations, attr="get_bind")):
            return last_segment(operations) in _OPERATIONS
        case ast.Name(id=name):
            hows = (binding.how for binding in scope.lookup(name))
            return any(
                isinstance(how, Assigned)
                and isinstance(how.value, ast.Call)
                and _is_of_a_migration(how.value, scope)
                for how in hows
            )
    return False


def _is_at_hand(connection: Binding) -> bool:
    """Tell whether a name that speaks of a connection came in, or is what ``connect()`` gave."""
    match connection.how:
        case Parameter() | Assigned(value=ast.Call(func=ast.Attribute(attr="connect"))):
            return True
    return False


def making_call(call: ast.Call, scope: Scope) -> ast.Call:
    """Give the call that made a session's factory.

    Args:
        call: the call that gives the session.
        scope: the scope it stands in.

    Returns:
        The call that made the factory, where this file made it; else the call itself.
    """
    function = call.func
    if isinstance(function, ast.Call):
        return function
    for binding in scope.lookup(function.id) if isinstance(function, ast.Name) else ():
        if isinstance(binding.how, Assigned) and isinstance(binding.how.value, ast.Call):
            return binding.how.value
    return call
