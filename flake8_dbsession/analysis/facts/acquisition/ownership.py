"""Ownership: where a session or connection may be opened by hand, for that resource only."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.wrapping import serves_given_work
from flake8_dbsession.analysis.library.wrappers import ENTERING, EXITING
from flake8_dbsession.analysis.names.functions import is_fixture
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, declared
from flake8_dbsession.analysis.names.values import FunctionValue, Role, RoleValue, TupleValue

_CLOSING = frozenset({Role.DEPENDENCY, Role.PROVIDER})
_ENTERING_AND_CLOSING = {*ENTERING, *EXITING}


def closes_what_it_hands_out(scope: Scope, inference: Inference) -> bool:
    """Tell whether a scope lies in a provider or a dependency, at any depth.

    Args:
        scope: where something is opened or closed.
        inference: answers what the functions around it hand out.

    Returns:
        True also in the methods that enter and leave a context manager written as a class, in a
        fixture, which pytest drives as a framework does a dependency, and in what opens for work
        that it is given, as a decorator does.
    """
    function = scope.function()
    if function is not None and serves_given_work(function):
        return True
    return any(
        getattr(function.node, "name", "") in _ENTERING_AND_CLOSING
        or part in _CLOSING
        or is_fixture(function.node)
        for function, part in _parts_around(scope, inference)
    )


def owns(scope: Scope, known: RoleValue | None, inference: Inference) -> bool:
    """Tell whether the code of a scope owns what it opens there.

    Args:
        scope: where something is opened or closed.
        known: what it is; None asks for the functions around alone.
        inference: answers what the functions around it hand out.

    Returns:
        True in providers and dependencies; in accessors, also those that hand it out beside
        something else, and in what keeps a session for the request or in its object and lends it;
        and in the top-level statements, class bodies and
        defaults of the module that builds the factory, engine or pool. An accessor that keeps one
        for the whole process owns nothing.
    """
    if scope.function() is None:
        return known is not None and _is_built_in(scope, known)
    return closes_what_it_hands_out(scope, inference) or any(
        part is Role.ACCESSOR
        or (part is Role.LENDER and not declared(function, ast.Global))
        or _hands_out_beside(function, known, inference)
        for function, part in _parts_around(scope, inference)
    )


def _hands_out_beside(function: Scope, known: RoleValue | None, inference: Inference) -> bool:
    """Tell whether a function returns what it opened in a tuple, beside other things."""
    assert isinstance(function.node, FUNCTIONS)
    assert function.parent is not None
    returned = inference.result(FunctionValue(function.node, function.parent)).returns
    items = returned.items if isinstance(returned, TupleValue) else ()
    return any(
        isinstance(item, RoleValue)
        and item.role is Role.OPENED
        and (known is None or item.resource is known.resource)
        for item in items
    )


def _parts_around(scope: Scope, inference: Inference) -> Iterator[tuple[Scope, Role | None]]:
    current: Scope | None = scope
    while current is not None:
        if isinstance(current.node, FUNCTIONS) and current.parent is not None:
            known = inference.role(FunctionValue(current.node, current.parent))
            yield current, known.role if known is not None else None
        current = current.parent


def _is_built_in(scope: Scope, known: RoleValue) -> bool:
    return known.home is not None and known.home.module.path == scope.module.path
