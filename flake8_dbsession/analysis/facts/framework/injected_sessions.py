"""The sessions that a framework injects into request handlers, and when it ends them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.framework.injections import is_injector, written_for
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import Resource, Role, RoleValue
from flake8_dbsession.analysis.names.versions import fastapi_of
from flake8_dbsession.analysis.nodes import nodes_in
from flake8_dbsession.named_tuples import NamedTuple


class Injected(NamedTuple):
    """A session that a handler's parameter is given.

    Attributes:
        name: the parameter.
        known: the session.
        ends_early: whether the dependency ends before the response is sent; None where neither its
            scope nor the version of FastAPI tells.
    """

    name: str
    known: RoleValue
    ends_early: bool | None


def injected_sessions(handler: Scope, inference: Inference) -> Iterator[Injected]:
    """Find the sessions that a request handler's parameters are given.

    Args:
        handler: its scope.
        inference: answers what the parameters are; its project tells FastAPI's version.
    """
    node = handler.node
    assert isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef))
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults = dict(zip(reversed(positional), reversed(given.defaults), strict=False))
    defaults |= {
        argument: default
        for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
        if default is not None
    }
    for argument in (*positional, *given.kwonlyargs):
        values = inference.values(argument.arg, handler)
        sessions = [
            v for v in values if isinstance(v, RoleValue) and v.resource is Resource.SESSION
        ]
        injection = _injection(argument, defaults.get(argument), handler, inference)
        if injection is not None and sessions and sessions[0].role is Role.GIVEN:
            ends_early = _ends_early(injection, handler, inference)
            yield Injected(argument.arg, sessions[0], ends_early)


def _injection(
    argument: ast.arg, default: ast.expr | None, handler: Scope, inference: Inference
) -> ast.Call | None:
    """Find the ``Depends(...)`` of a parameter: its default, or inside its ``Annotated`` type."""
    outside = handler.parent or handler
    for expression, scope in written_for(argument, default, outside, inference):
        for node in nodes_in(expression):
            if isinstance(node, ast.Call) and is_injector(node.func, scope, inference):
                return node
    return None


def _ends_early(injection: ast.Call, scope: Scope, inference: Inference) -> bool | None:
    """Tell whether a dependency ends before the response is sent; None where nothing tells.

    Source: FastAPI's release notes of 0.106.0, 0.118.0 and 0.121.0.
    """
    for keyword in injection.keywords:
        if keyword.arg == "scope" and isinstance(keyword.value, ast.Constant):
            return keyword.value.value == "function"
    allowed = fastapi_of(scope, inference.project)
    if allowed.are_from(0, 118) or allowed.are_below(0, 106):
        return False
    return True if allowed.are_from(0, 106) and allowed.are_below(0, 118) else None
