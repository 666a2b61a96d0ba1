"""The calls of a function, wherever they stand, with what each caller calls the session."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from flake8_dbsession.analysis.facts.acquisition import callers
from flake8_dbsession.analysis.facts.lifetime.answers import Site
from flake8_dbsession.analysis.facts.lifetime.session_calls import objects_made
from flake8_dbsession.analysis.facts.scope.carrying import as_session
from flake8_dbsession.analysis.names.dotted import expression_of
from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue, RoleValue
from flake8_dbsession.analysis.nodes import arguments, dotted_name
from flake8_dbsession.analysis.source.mentions import hints

_TESTS = ("conftest.", "test_")
_DEEPEST = 5  # functions that call one another


def sites_in_sight(function: Scope, session: str, inference: Inference) -> Sequence[Site]:
    """Give all calls of a function in the project, its tests left out.

    Args:
        function: the function's scope.
        session: the session as it is written in it: a parameter, or what its object keeps.
        inference: finds the calls.

    Returns:
        The calls; none where what some caller calls the session is not known, or whom another
        calls by the function's name.
    """
    unknown = callers.unknown_calls(function, inference)
    if not all(_is_of_tests(called) for called in unknown):
        return []
    found = list(_sites(function, session, inference))
    return [] if None in found else [site for site in found if site is not None]


def known_sites(function: Scope, session: str, inference: Inference) -> Iterator[Site]:
    """Give those calls of a function, its tests left out, whose caller is seen to have the session.

    Args:
        function: the function's scope.
        session: the session as it is written in it: a parameter, or what its object keeps.
        inference: finds the calls.
    """
    return (site for site in _sites(function, session, inference) if site is not None)


def session_at(site: Site, inference: Inference) -> RoleValue | None:
    """Give what is known of the session of a call, in the caller."""
    expression = expression_of(site.session)
    return as_session(expression, site.scope, inference)


def never_autoflushes(
    function: Scope, session: str, inference: Inference, deep: int = _DEEPEST
) -> bool:
    """Tell whether all calls in sight give a function a session whose queries flush nothing.

    Args:
        function: the function's scope.
        session: the session as it is written in it.
        inference: finds the calls, and what opens the sessions.
        deep: how many functions may lie between it and the one that opens the session.
    """
    sites = sites_in_sight(function, session, inference) if deep else ()
    return bool(sites) and all(
        (known is not None and not known.autoflushes)
        or never_autoflushes(site.scope, site.session, inference, deep - 1)
        for site in sites
        for known in [session_at(site, inference)]
    )


def _sites(function: Scope, session: str, inference: Inference) -> Iterator[Site | None]:
    """Give the calls of a function, with the session in the caller; None where that is unknown."""
    owner, _, attribute = session.rpartition(".")
    if owner and owner != function.receiver():
        yield None
        return
    for called in callers.calls_of(function, inference):
        if _is_of_tests(called):
            continue
        callee = inference.value(called.node.func, called.inner)
        if not isinstance(callee, FunctionValue) or called.inner is not called.scope:
            yield None
        elif owner:
            name = _of_object(called.node, attribute, called.scope, inference)
            yield Site(called.node, called.scope, name) if name else None
        else:
            yield from _given(called.node, callee, session, called.scope)


def _is_of_tests(called: callers.Called) -> bool:
    return called.scope.module.path.name.startswith(_TESTS)


def _given(
    call: ast.Call, callee: FunctionValue, session: str, scope: Scope
) -> Iterator[Site | None]:
    for key, value in arguments_of(call):
        if receiving_parameter(callee, key) == session:
            name = dotted_name(value)
            yield Site(call, scope, name) if name else None


def _of_object(call: ast.Call, attribute: str, scope: Scope, inference: Inference) -> str:
    """Give what a caller calls the session that the object of a method keeps; empty for unknown.

    The object is the caller's own, or one that it makes with the session.
    """
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if isinstance(owner, ast.Name) and owner.id == scope.receiver():
        return f"{owner.id}.{attribute}"
    made = [owner] if isinstance(owner, ast.Call) else []
    if isinstance(owner, ast.Name) and len(scope.bindings(owner.id)) == 1:
        made = [making for making, name in objects_made(scope) if name == owner.id]
    given = {
        dotted_name(argument)
        for making in made
        if isinstance(inference.value(making.func, scope), ClassValue)
        for argument in arguments(making)
        if hints(dotted_name(argument).rpartition(".")[2])
    }
    return given.pop() if len(given) == 1 else ""
