"""Whether nobody works by a session any more after the functions that were given it."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.facts.acquisition import callers
from flake8_dbsession.analysis.facts.lifetime.answers import Site
from flake8_dbsession.analysis.facts.lifetime.calls_in_sight import session_at, sites_in_sight
from flake8_dbsession.analysis.facts.lifetime.dependents import works_on_after
from flake8_dbsession.analysis.facts.lifetime.error_ways import ENDED, Sequel, sequels_after
from flake8_dbsession.analysis.facts.lifetime.session_calls import SessionCalls
from flake8_dbsession.analysis.facts.lifetime.session_objects import reads_objects_after
from flake8_dbsession.analysis.facts.lifetime.tried_code import TriedCode
from flake8_dbsession.analysis.flow import build
from flake8_dbsession.analysis.flow.graph import Evaluate, Event, Finish
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import RoleValue
from flake8_dbsession.analysis.nodes import arguments

_DEEPEST = 5  # functions that call one another


def is_left_alone(
    function: Scope, session: str, inference: Inference, deep: int = _DEEPEST
) -> bool:
    """Tell whether all calls of a function are in sight, and nobody uses its session after them.

    Args:
        function: the function's scope.
        session: the session as it is written in it: a parameter, or what its object keeps.
        inference: finds the calls, and what is done after them.
        deep: how many functions may lie between it and the one that opens the session.

    Returns:
        True where each caller only goes on without the session, until what gave it closes it: a
        block or a framework that commits nothing.
    """
    if not deep or callers.is_passed_on(function, inference):
        return False
    sites = sites_in_sight(function, session, inference)
    return bool(sites) and all(_is_last_work(site, inference, deep) for site in sites)


def _is_last_work(site: Site, inference: Inference, deep: int) -> bool:
    """Tell whether a call is the last that has to do with its session."""
    scope, session = site.scope, site.session
    known = session_at(site, inference)
    if known is None or not isinstance(scope.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    code = TriedCode(scope.node, scope, inference)
    calls = SessionCalls(session, known, scope, inference)
    sequels = _sequels_of(site.call, calls, code)
    if Sequel.BLOCK_ENDS in sequels and known.commits and not code.is_swallowed_at_end(session):
        return False
    if sequels - {Sequel.BLOCK_ENDS, Sequel.FUNCTION_ENDS}:
        return False
    if reads_objects_after(site.call, calls):
        return False
    if Sequel.FUNCTION_ENDS not in sequels or _ends_with(session, known, code):
        return True
    return is_left_alone(scope, session, inference, deep - 1)


def _sequels_of(given: ast.Call, calls: SessionCalls, code: TriedCode) -> frozenset[Sequel]:
    """Tell what comes of a session after a call, where nothing closes it or rolls it back."""

    def may_use(event: Event) -> bool:
        match event:
            case Evaluate(node=ast.Call() as call):
                is_its = calls.is_of_holder(call) or calls.reach.is_of_carrier(call)
                return is_its or any(map(calls.reach.carriers.value, arguments(call)))
            case Finish(node=ast.Return(value=ast.expr() as value)):
                return calls.reach.carriers.value(value) is not None
        return False

    graph = build(code.function)
    if graph is None:
        return frozenset({Sequel.USED})
    return frozenset(sequels_after(given, graph, calls, ends=may_use) - ENDED)


def _ends_with(session: str, known: RoleValue, code: TriedCode) -> bool:
    """Tell whether a session ends with the function that opens it, or with a framework's call."""
    is_there = bool(code.scope.bindings(session))
    if not is_there or known.commits or code.outlives(session, known):
        return False
    is_shared = code.may_be_injected(session)
    return not (is_shared and works_on_after(code.scope, session, code.inference))
