"""What a driver is asked for where a connection is opened by hand, and a provider may not ask for.

Such as ``autocommit=True`` or a ``row_factory``: who opens by the provider instead is without it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.names.bindings import bindings_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.house.identity import database_told

_STEPS = 2  # functions deep that a provider is followed
_USUAL = frozenset({("autocommit", "False")})  # PEP 249: what is not said


def options_unseen(
    call: ast.Call, provider: FunctionValue | None, inference: Inference
) -> tuple[str, ...]:
    """Give the options of a connect call that a provider is not seen to set.

    Args:
        call: of a driver's connect function.
        provider: the provider; None for one that cannot be followed.
        inference: follows what the provider calls, and the pool that it takes from.

    Returns:
        Their names; for an argument without one, its text.
    """
    asked = [option for option in options_of(call) if option not in _USUAL]
    if not asked:
        return ()
    said = set(_said(provider, inference, _STEPS)) if provider is not None else set()
    return tuple(name or text for name, text in asked if (name, text) not in said)


def options_of(call: ast.Call) -> Iterator[tuple[str, str]]:
    """Give what a connect call says besides where the database is: names, and texts of values."""
    told = database_told(call)
    first = [] if told is None else [told]
    for argument in call.args:
        if argument not in first:
            yield "", ast.unparse(argument)
    for keyword in call.keywords if first else ():
        if keyword.value is not told:
            yield (keyword.arg or ""), ast.unparse(keyword.value)


def _said(function: FunctionValue, inference: Inference, steps: int) -> Iterator[tuple[str, str]]:
    """Give the options that a function names in its calls, and the attributes that it sets."""
    scope = function.scope.child(function.node)
    for node in own_nodes(function.node):
        match node:
            case ast.Call():
                yield from _named_in(node)
                value = inference.value(node.func, scope)
                if isinstance(value, FunctionValue) and steps:
                    yield from _said(value, inference, steps - 1)
                else:
                    yield from _said_of_pool(node, scope, inference)
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=value):
                yield name, ast.unparse(value)


def _said_of_pool(call: ast.Call, scope: Scope, inference: Inference) -> Iterator[tuple[str, str]]:
    """Give the options with which the pool was made that a call takes a connection from."""
    if not isinstance(call.func, ast.Attribute):
        return
    for binding in bindings_of(call.func.value, scope, inference):
        made = getattr(binding.how, "value", None)
        if isinstance(made, ast.Call):
            for node in ast.walk(made):
                yield from _named_in(node)


def _named_in(node: ast.AST) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Call(keywords=keywords):
            yield from ((each.arg or "", ast.unparse(each.value)) for each in keywords)
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant):
                    yield str(key.value), ast.unparse(value)
