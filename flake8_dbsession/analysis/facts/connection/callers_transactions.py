"""Whether a caller goes on in a transaction that a function has left aborted."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import takewhile

from flake8_dbsession.analysis.facts.acquisition import callers
from flake8_dbsession.analysis.facts.connection.aborted_ways import Sequel, found_from
from flake8_dbsession.analysis.facts.connection.kept_transactions import works_again
from flake8_dbsession.analysis.facts.connection.postgresql_handles import (
    Handle,
    calls_in_sight,
    handle_at,
)
from flake8_dbsession.analysis.facts.connection.transaction_deeds import Deed, Deeds
from flake8_dbsession.analysis.facts.lifetime.answers import Answer, look_at
from flake8_dbsession.analysis.flow import Graph, build
from flake8_dbsession.analysis.flow.graph import Evaluate
from flake8_dbsession.analysis.names.dotted import expression_of
from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import dotted_name, is_super

_DEEPEST = 3  # functions that return what one another give


def callers_go_on(
    function: Scope, handle: Handle, answer: Answer, inference: Inference, deep: int = _DEEPEST
) -> bool:
    """Tell whether any caller in sight works on in an aborted transaction, or commits it in vain.

    Args:
        function: the scope of the function that has left it so.
        handle: the connection or cursor, as it has it.
        answer: what it returns.
        inference: finds the callers, and follows what they call.
        deep: how many functions may hand its answer on.
    """
    return any(
        _goes_on_after(called, handle, answer, inference, deep)
        for called in calls_in_sight(function, inference=inference)
        if called.scope is called.inner
    )


def _goes_on_after(
    called: callers.Called, own: Handle, answer: Answer, inference: Inference, deep: int
) -> bool:
    scope, handle = called.scope, _handle_of(called, own, inference)
    graph = build(scope.node) if isinstance(scope.node, (*FUNCTIONS, ast.Module)) else None
    if handle is None or graph is None:
        return False
    deeds = Deeds(handle, scope, inference)
    if any(deeds.of(Evaluate(call)) is Deed.WORKS for call in _calls_around(called)):
        return True  # a statement is given what comes of it
    if _is_returned(called):
        sequels, is_lost = {Sequel.RETURNED}, False
    else:
        sequels, is_lost = _sequels_after(called, answer, deeds, graph, inference)
    if Sequel.ROLLED_BACK in sequels:
        return False
    if Sequel.USED in sequels or (Sequel.COMMITTED in sequels and is_lost):
        return True
    if Sequel.RETURNED not in sequels or not handle.is_shared or not deep:
        return False
    return works_again(scope, handle, inference) or callers_go_on(
        scope, handle, Answer.ANY, inference, deep - 1
    )


def _sequels_after(
    called: callers.Called, answer: Answer, deeds: Deeds, graph: Graph, inference: Inference
) -> tuple[set[Sequel], bool]:
    """Tell what comes of the transaction, and whether a commit would lose what was done before."""
    look = look_at(called.node, answer, called.scope, inference)
    if look is None or look.is_matched():
        return set(), False
    places = graph.places_after(called.node)
    found = found_from(places, graph, deeds, look.is_open, look.may_end)
    before = deeds.changes_before(graph).get(called.node, ())
    return {each.sequel for each in found}, any(change.is_kept for change in before)


def _handle_of(called: callers.Called, own: Handle, inference: Inference) -> Handle | None:
    """Give the connection that a function has, as its caller has it; None where it does not."""
    if own.home is not None:
        return own
    given = _given_as(own.name, called, inference)
    return handle_at(given, called.scope, inference) if given is not None else None


def _given_as(name: str, called: callers.Called, inference: Inference) -> ast.expr | None:
    """Give what a caller calls the connection that a function has by a name.

    That is what it gives for a parameter, an attribute of what it gives, or of the object whose
    method it calls.
    """
    callee = inference.value(called.node.func, called.inner)
    if not isinstance(callee, FunctionValue):
        return None
    root, _, attribute = name.partition(".")
    if attribute and root == callee.receiver:
        owner = called.node.func.value if isinstance(called.node.func, ast.Attribute) else None
        is_own = owner is not None and is_super(owner)
        given = called.scope.receiver() if is_own else dotted_name(owner)
        return expression_of(f"{given}.{attribute}") if given else None
    arguments = dict(arguments_of(called.node)).items()
    found = next(
        (each for key, each in arguments if receiving_parameter(callee, key) == root), None
    )
    if not attribute or found is None:
        return found
    return expression_of(f"{dotted_name(found)}.{attribute}") if dotted_name(found) else None


def _calls_around(called: callers.Called) -> Iterator[ast.Call]:
    """Give the calls that a call stands in, as an argument or a part of one."""
    parts = takewhile(lambda node: isinstance(node, (ast.expr, ast.keyword)), called.around)
    return (node for node in parts if isinstance(node, ast.Call))


def _is_returned(called: callers.Called) -> bool:
    """Tell whether a call stands in a ``return``."""
    statement = next((node for node in called.around if isinstance(node, ast.stmt)), None)
    return isinstance(statement, ast.Return)
