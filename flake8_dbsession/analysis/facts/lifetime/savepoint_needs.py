"""What a savepoint around a `try` needs besides: a flush before it, a refresh where it fails."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.helped_work import methods_of
from flake8_dbsession.analysis.facts.lifetime.session_objects import objects_at
from flake8_dbsession.analysis.facts.lifetime.tried_code import TriedCode
from flake8_dbsession.analysis.library.methods import CHANGING, WORK
from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import arguments, dotted_name, is_name, nodes_in, own_nodes


def unflushed_before(tried: ast.Try, session: str, code: TriedCode) -> int:
    """Give the line of what is added right before a ``try``, and not flushed there; 0 for nothing.

    A savepoint begins with a flush of its own, whose error rolls back no savepoint.

    Args:
        tried: the statement.
        session: the session as it is written.
        code: the function that it stands in.
    """
    around = code.loop_around(tried, session) or code.function
    methods = dict(methods_of(session, code.calls))
    before = [call for call in code.calls if around.lineno < call.lineno < tried.lineno]
    added = [call.lineno for call in before if methods.get(call) in CHANGING]
    reach = code.session_calls(session).reach
    flushing = (
        call.lineno
        for call in before
        if (methods.get(call) in WORK and methods[call] not in CHANGING)
        or (call not in methods and (reach.is_given(call) or reach.is_of_carrier(call)))
    )
    last = max(added, default=0)
    return last if last > max(flushing, default=0) else 0


def expired_by(handler: ast.ExceptHandler, session: str, code: TriedCode) -> str:
    """Give the name of an object that a ``try`` changes and that is read where it has failed.

    The end of a savepoint that fails expires what was changed in it, and an asynchronous session
    cannot load that again by itself. Empty where there is none.

    Args:
        handler: the handler, after which the object may be read as well.
        session: the session as it is written.
        code: the function that it stands in.
    """
    tried = code.tried[handler]
    names = _changed_in(tried, session, code)
    changed = set(objects_at(tried.lineno, names, code.session_calls(session)))
    read = (
        node.value.id
        for node in own_nodes(code.function)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and node.lineno >= handler.lineno
    )
    return min(changed.intersection(read), default="")


def _changed_in(tried: ast.Try, session: str, code: TriedCode) -> Iterator[ast.Name]:
    """Give the names of what a ``try`` changes, and neither binds nor adds."""
    inside = [node for statement in tried.body for node in nodes_in(statement)]
    bound = {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    calls = [node for node in inside if isinstance(node, ast.Call)]
    new = {
        dotted_name(given)
        for call, method in methods_of(session, code.calls)
        for given in arguments(call)
        if method in CHANGING
    }
    set_here = (
        node.value
        for node in inside
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    )
    given = (value for call in calls for value in _changed_by(call, session, code))
    for value in (*set_here, *given):
        if isinstance(value, ast.Name) and value.id not in bound | new | {code.scope.receiver()}:
            yield value


def _changed_by(call: ast.Call, session: str, code: TriedCode) -> Iterator[ast.expr]:
    """Give the arguments of which a function that is given the session sets attributes itself."""
    callee = code.inference.value(call.func, code.scope)
    if not isinstance(callee, FunctionValue):
        return
    if not any(dotted_name(given) == session for given in arguments(call)):
        return
    changed = [
        node.value
        for node in own_nodes(callee.node)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    ]
    for key, value in arguments_of(call):
        parameter = receiving_parameter(callee, key)
        if parameter and any(is_name(node, parameter) for node in changed):
            yield value
