"""Which resource something opens: a factory with its engine, as the code that makes them.

Two factories of one engine are one resource; two databases are two.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flake8_dbsession.analysis.names.inference import Inference, bound_to
from flake8_dbsession.analysis.names.scopes import Annotated, Assigned, Binding, Scope
from flake8_dbsession.analysis.names.values import (
    FunctionValue,
    InstanceValue,
    ModuleValue,
    Role,
)
from flake8_dbsession.analysis.nodes import own_nodes

_STEPS = 4  # an alias of an alias, or a provider that uses another

_METHODS = frozenset({"begin", "connect", "raw_connection", "getconn", "acquire", "connection"})
_HANDERS = frozenset({Role.ACCESSOR, Role.PROVIDER, Role.DEPENDENCY, Role.LENDER})


class Resources(NamedTuple):
    """What is opened, by marks of the code that makes it; none where that cannot be followed.

    Attributes:
        makers: of the factories, connect functions and pools.
        engines: of the engines.
    """

    makers: frozenset[int] = frozenset()
    engines: frozenset[int] = frozenset()

    def joined(self, other: Resources) -> Resources:
        """Give both together."""
        return Resources(self.makers | other.makers, self.engines | other.engines)

    def is_same(self, other: Resources) -> bool:
        """Tell whether both are known to have something in common."""
        return bool(self.makers & other.makers or self.engines & other.engines)

    def is_other(self, other: Resources) -> bool:
        """Tell whether both are known and have nothing in common."""
        if self.is_same(other):
            return False
        if self.engines and other.engines:
            return True
        return bool(self.makers and other.makers)


NOTHING = Resources()


def resources_of(
    expression: ast.expr, scope: Scope, inference: Inference, steps: int = _STEPS
) -> Resources:
    """Tell which resource a factory, an engine or a function that hands out a session stands for.

    Args:
        expression: the factory, the engine of a session class, or the function.
        scope: the scope it is read in.
        inference: answers what names stand for.
        steps: how many aliases are followed.
    """
    value = inference.value(expression, scope)
    if isinstance(value, FunctionValue):
        return opened_resources(value, inference, steps)
    if isinstance(expression, ast.Call):
        return _on_the_spot(expression, scope, inference, steps)
    found = NOTHING
    for binding in _bindings(expression, scope, inference):
        function = binding.scope.function()
        if function is not None and function is scope.function():
            made = getattr(binding.how, "value", None)
            if isinstance(made, ast.Call):
                found = found.joined(_on_the_spot(made, binding.scope, inference, steps))
            continue
        match binding.how:
            case Assigned(value=made) | Annotated(value=ast.expr() as made):
                found = found.joined(_made(made, binding.scope, inference, steps))
            case how:
                mark = frozenset({id(getattr(how, "arg", how))})
                found = found.joined(Resources(mark, mark))
    return found


def opened_resources(
    function: FunctionValue, inference: Inference, steps: int = _STEPS
) -> Resources:
    """Tell what a provider, dependency or accessor opens.

    Args:
        function: the function.
        inference: answers what the calls in it stand for.
        steps: how many functions deep is looked.
    """
    scope = function.scope.child(function.node)
    found = NOTHING
    for call in own_nodes(function.node):
        if not isinstance(call, ast.Call):
            continue
        value = inference.value(call.func, scope)
        known = inference.role(value)
        if known is None:
            continue
        if isinstance(value, FunctionValue) and known.role in _HANDERS:
            if steps:
                found = found.joined(opened_resources(value, inference, steps - 1))
        elif known.role is Role.SESSION_CLASS:
            engine = bound_to(call)
            if engine is not None:
                found = found.joined(resources_of(engine, scope, inference))
        elif known.role in (Role.FACTORY, Role.CONNECT, Role.REGISTRY):
            found = found.joined(resources_of(_maker(call.func), scope, inference))
    return found


def _maker(callee: ast.expr) -> ast.expr:
    """Give the factory of ``SessionLocal.begin``, the engine of ``engine.connect``."""
    if isinstance(callee, ast.Attribute) and callee.attr in _METHODS:
        return callee.value
    return callee


def _bindings(expression: ast.expr, scope: Scope, inference: Inference) -> Iterator[Binding]:
    match expression:
        case ast.Name(id=name):
            yield from inference.origins(name, scope)
        case ast.Attribute(value=base, attr=name):
            owner = inference.value(base, scope)
            if isinstance(owner, ModuleValue):
                yield from inference.origins(name, owner.scope)
            elif isinstance(owner, InstanceValue):
                yield from owner.cls.scope.child(owner.cls.node).attributes(name)


def _on_the_spot(call: ast.Call, scope: Scope, inference: Inference, steps: int) -> Resources:
    """Tell which engine a factory has that is made where it is used; an engine's own is unknown."""
    known = inference.known(call, scope)
    if known is None or known.role is not Role.FACTORY:
        return NOTHING
    return Resources(engines=_made(call, scope, inference, steps).engines)


def _made(value: ast.expr, scope: Scope, inference: Inference, steps: int) -> Resources:
    """Tell what a name stands for that is assigned a value."""
    if isinstance(value, (ast.Name, ast.Attribute)) and steps:
        return resources_of(value, scope, inference, steps - 1)
    known = inference.known(value, scope)
    mark = frozenset({id(value)})
    if known is not None and known.role is Role.ENGINE:
        return Resources(engines=mark)
    engine = bound_to(value) if isinstance(value, ast.Call) else None
    of_engine = resources_of(engine, scope, inference, steps - 1) if engine and steps else NOTHING
    return Resources(mark, of_engine.engines)
