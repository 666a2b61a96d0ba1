"""Which object an expression stands for, by the code that makes it or brings it."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.bindings import bindings_of
from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Annotated, Assigned, Parameter, Scope
from flake8_dbsession.analysis.names.values import ClassValue
from flake8_dbsession.named_tuples import NamedTuple


class Object(NamedTuple):
    """An object.

    Attributes:
        mark: what tells it from others: the code that makes it, or the parameter that brings it.
        made: the call of its class with the scope that it stands in; None where it is not seen.
    """

    mark: int
    made: tuple[ast.Call, Scope] | None = None

    @property
    def is_seen(self) -> bool:
        """Whether it is known which one it is."""
        return self.made is not None or self == NO_OBJECT


NO_OBJECT = Object(0)
"""What is no object's: a module's name, or what any object of a class makes alike."""

UNKNOWN_OBJECT = Object(-1)
"""An object that cannot be told from others."""


def own_object(scope: Scope) -> Object:
    """Give what stands for ``self`` in all methods of a class."""
    cls = scope.enclosing_class()
    return Object(id(cls.node)) if cls is not None else NO_OBJECT


def object_of(
    expression: ast.expr, scope: Scope, own: Object, inference: Inference, steps: int
) -> Object:
    """Tell which object an expression stands for.

    Args:
        expression: the expression.
        scope: the scope it is read in.
        own: the object that is ``self`` there.
        inference: answers what names stand for.
        steps: how many aliases are followed.
    """
    bindings = list(bindings_of(expression, scope, inference))
    if len(bindings) != 1:
        return UNKNOWN_OBJECT
    (binding,) = bindings
    inside = own if binding.scope is scope else own_object(binding.scope)
    if isinstance(expression, ast.Attribute):
        inside = object_of(expression.value, scope, own, inference, steps)
    match binding.how:
        case Parameter(is_receiver=True):
            return inside
        case Parameter(arg=arg):
            return _argument(arg, binding.scope, inside, inference, steps)
        case Assigned(value=made) | Annotated(value=ast.expr() as made):
            if isinstance(made, (ast.Name, ast.Attribute)) and steps:
                return object_of(made, binding.scope, inside, inference, steps - 1)
            is_made = isinstance(made, ast.Call)
            return Object(id(made), (made, binding.scope) if is_made else None)  # type: ignore[arg-type]
        case how:
            return Object(id(how))


def _argument(
    parameter: ast.arg, scope: Scope, own: Object, inference: Inference, steps: int
) -> Object:
    """Tell what a constructor's parameter stands for, in an object whose making is seen."""
    unseen = Object(id(parameter))
    if own.made is None or not steps:
        return unseen
    call, around = own.made
    cls = inference.value(call.func, around)
    constructor = inference.constructor(cls) if isinstance(cls, ClassValue) else None
    function = scope.function()
    if constructor is None or function is None or constructor.node is not function.node:
        return unseen
    for key, value in arguments_of(call):
        if receiving_parameter(constructor, key) == parameter.arg:
            return object_of(value, around, own_object(around), inference, steps - 1)
    return unseen
