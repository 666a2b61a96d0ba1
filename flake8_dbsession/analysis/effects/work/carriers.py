"""What is certain to be a session, or an object that is made with it.

`holders.py` beside it finds all that may hold one. This looks only at what is asked for, and gives
up what is bound twice: what is found here is the very session.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum
from typing import TypeAlias

from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    FUNCTIONS,
    Annotated,
    Assigned,
    Binding,
    Scope,
)
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue
from flake8_dbsession.analysis.nodes import dotted_name, is_super, own_nodes
from flake8_dbsession.named_tuples import NamedTuple


class Whole(Enum):
    """What is no object with a session, but itself one."""

    SESSION = "the session"


class Carrier(NamedTuple):
    """An object of the project's that is made with the session.

    Attributes:
        cls: its class.
        given: what its constructor is given: the parameters that get the session, or such an
            object. One with a dot before it is an attribute that holds the session.
    """

    cls: ClassValue
    given: Known


Carried: TypeAlias = Whole | Carrier
Known: TypeAlias = frozenset[tuple[str, Carried]]
"""What some names stand for."""

SESSION = Whole.SESSION


class Carriers:
    """Answers what the expressions of a function stand for.

    Args:
        known: what is known of the function's names from the beginning.
        scope: the function's scope.
        inference: follows names.
    """

    def __init__(self, known: Known, scope: Scope, inference: Inference) -> None:
        self._known = dict(known)
        self._question = known
        self._scope = scope
        self._inference = inference

    def value(self, expression: ast.expr) -> Carried | None:
        """Tell what an expression stands for; None for anything else, and for what is not known."""
        name = dotted_name(expression)
        if name in self._known:
            return self._known[name]
        match expression:
            case ast.Name(id=name):
                return self._once(name)
            case ast.Attribute(value=base, attr=attribute):
                return self._of(self.value(base), attribute)
            case ast.Await(value=inner) | ast.NamedExpr(value=inner):
                return self.value(inner)
            case ast.Call() if is_super(expression):
                return self._known.get(self._scope.receiver() or "")
            case ast.Call():
                return self._made(expression)
        return None

    def given(self, call: ast.Call, function: FunctionValue) -> Known:
        """Give what the parameters of a function stand for that a call gives the session."""
        return frozenset(self._given(call, function))

    def _given(self, call: ast.Call, function: FunctionValue) -> Iterator[tuple[str, Carried]]:
        for key, argument in arguments_of(call):
            value = self.value(argument)
            name = receiving_parameter(function, key) if value is not None else None
            if name is not None and value is not None:
                yield name, value

    def _once(self, name: str) -> Carried | None:
        """Tell what a name stands for that the function binds once."""
        bound = _value_of(self._scope.bindings(name)) if self._is_local(name) else None
        return self._ask(("carried", name), bound[0]) if bound is not None else None

    def _is_local(self, name: str) -> bool:
        return isinstance(self._scope.node, FUNCTIONS) and bool(self._scope.bindings(name))

    def _ask(self, question: tuple[str, str], value: ast.expr) -> Carried | None:
        return self._inference.questions.ask(
            self._scope.memory, (*question, self._question), lambda: self.value(value), None
        )

    def _made(self, call: ast.Call) -> Carried | None:
        """Tell what object a call makes with the session."""
        cls = self._inference.value(call.func, self._scope)
        constructor = self._inference.constructor(cls) if isinstance(cls, ClassValue) else None
        if constructor is None or not isinstance(cls, ClassValue):
            return None
        given = self.given(call, constructor)
        return Carrier(cls, given) if given else None

    def _of(self, owner: Carried | None, attribute: str) -> Carried | None:
        if not isinstance(owner, Carrier):
            return None
        return attribute_of(owner, attribute, self._inference)


def attribute_of(owner: Carrier, attribute: str, inference: Inference) -> Carried | None:
    """Tell what an attribute of an object stands for.

    Args:
        owner: the object.
        attribute: the attribute's name.
        inference: follows names.
    """
    inside = owner.cls.scope.child(owner.cls.node)
    return inference.questions.ask(
        inside.memory,
        ("attribute carried", attribute, owner.given),
        lambda: _attribute_of(owner, owner.cls, attribute, inference),
        None,
    )


def _attribute_of(
    owner: Carrier, cls: ClassValue, attribute: str, inference: Inference
) -> Carried | None:
    """Tell so of an attribute that a class, or a base of it in the project, binds once."""
    held = dict(owner.given).get(f".{attribute}")
    bindings = cls.scope.child(cls.node).attributes(attribute)
    if held is not None or not bindings:
        return held or _of_bases(owner, cls, attribute, inference)
    bound = _value_of(bindings)
    if bound is None:
        return None
    value, method = bound
    return Carriers(_known_in(method, owner), method, inference).value(value)


def _of_bases(
    owner: Carrier, cls: ClassValue, attribute: str, inference: Inference
) -> Carried | None:
    for expression in cls.node.bases:
        base = inference.value(expression, cls.scope)
        if isinstance(base, ClassValue):
            below = Carrier(base, _given_to_base(owner, cls, base, inference))
            found = attribute_of(below, attribute, inference)
            if found is not None:
                return found
    return None


def _given_to_base(
    owner: Carrier, cls: ClassValue, base: ClassValue, inference: Inference
) -> Known:
    """Give what the constructor of a base is given by that of the class below it."""
    own, its = inference.constructor(cls), inference.constructor(base)
    if own is None or its is None or own.node is its.node:
        return owner.given
    inside = own.scope.child(own.node)
    carriers = Carriers(_known_in(inside, owner), inside, inference)
    held = frozenset((name, value) for name, value in owner.given if name.startswith("."))
    calls = (node for node in own_nodes(own.node) if isinstance(node, ast.Call))
    return held.union(*(carriers.given(call, its) for call in calls if _is_constructors(call)))


def _is_constructors(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and (
        call.func.attr == "__init__" and is_super(call.func.value)
    )


def _known_in(method: Scope, owner: Carrier) -> Known:
    """Give what a method's names stand for: its object, and what a constructor is given."""
    is_constructor = getattr(method.node, "name", "") == "__init__"
    given = frozenset((n, v) for n, v in owner.given if is_constructor and not n.startswith("."))
    receiver = method.receiver()
    return given | {(receiver, owner)} if receiver is not None else given


def _value_of(bindings: list[Binding]) -> tuple[ast.expr, Scope] | None:
    """Give the one value that a name gets but for None, and the scope that it is read in."""
    found = [binding for binding in bindings if not _says_nothing(binding)]
    match found:
        case [Binding(how=Assigned(value=ast.Tuple(elts=parts), path=(part,)), scope=scope)]:
            return (parts[part], scope) if part < len(parts) else None
        case [Binding(how=Assigned(value=value, path=()), scope=scope)]:
            return value, scope
        case [Binding(how=Annotated(value=ast.expr() as value), scope=scope)]:
            return value, scope
    return None


def _says_nothing(binding: Binding) -> bool:
    match binding.how:
        case Assigned(value=ast.Constant(value=None)):
            return True
        case Annotated(value=None | ast.Constant(value=None)):
            return True
    return False
