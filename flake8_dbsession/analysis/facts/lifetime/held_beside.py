"""What a method's own object keeps that is made with the same session as it has itself."""

from __future__ import annotations

import ast
from functools import reduce

from flake8_dbsession.analysis.effects.work.carriers import (
    SESSION,
    Carrier,
    Carriers,
    Known,
    attribute_of,
)
from flake8_dbsession.analysis.facts.acquisition import callers
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, body_of
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue, InstanceValue
from flake8_dbsession.analysis.nodes import dotted_name, own_nodes
from flake8_dbsession.analysis.source.mentions import hints, is_gated

_TESTS = ("conftest.", "test_")  # whose objects may have doubles


def known_with(function: Scope, session: str, *, inference: Inference) -> Known:
    """Give what the names of a function stand for that has a session.

    Args:
        function: the function's scope.
        session: the session as it is written in it.
        inference: follows the class's constructor, and the calls of that.

    Returns:
        The session's name; of a method that has it of its object, or of the object's constructor,
        the object as well, with all that is given to its constructor together with the session.
    """
    own: Known = frozenset({(session, SESSION)})
    cls, receiver = function.enclosing_class(), function.receiver()
    if cls is None or receiver is None or not isinstance(cls.node, ast.ClassDef):
        return own
    owner, _, attribute = session.rpartition(".")
    if owner == receiver:
        return own | {(receiver, _object_with(cls, attribute, inference))}
    if getattr(function.node, "name", "") == "__init__" and not owner:
        made = Carrier(ClassValue(cls.node, cls.parent or cls), own)
        return own | {(receiver, made)}
    return own


@remembered
def hinting_in(cls: Scope) -> list[str]:
    """Give the attributes of a class's objects whose names look as if they were sessions."""
    methods = [node for node in body_of(cls.node) if isinstance(node, FUNCTIONS)]
    receivers = {cls.child(method).receiver() for method in methods}
    found = {
        node.attr
        for method in methods
        for node in own_nodes(method)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id in receivers and hints(node.attr)
    }
    return sorted(found)


def _object_with(cls: Scope, attribute: str, inference: Inference) -> Carrier:
    """Give what is known of an object that keeps a session in an attribute."""
    assert isinstance(cls.node, ast.ClassDef)
    held = Carrier(ClassValue(cls.node, cls.parent or cls), frozenset({(f".{attribute}", SESSION)}))
    return inference.questions.ask(
        cls.memory,
        ("object with", attribute),
        lambda: _as_constructed(held, attribute, cls, inference),
        held,
    )


def _as_constructed(held: Carrier, attribute: str, cls: Scope, inference: Inference) -> Carrier:
    """Give what is known beside of what the object's constructor was given."""
    constructor, given = inference.constructor(held.cls), held.given
    for name in _parameters(constructor) if constructor is not None else ():
        made = Carrier(held.cls, frozenset({(name, SESSION)}))
        if hints(name) and attribute_of(made, attribute, inference) is SESSION:
            assert constructor is not None
            given |= made.given | _given_with(name, constructor, cls, inference)
    return Carrier(held.cls, given)


def _parameters(constructor: FunctionValue) -> list[str]:
    """Give the parameters of a constructor that it binds to nothing else."""
    arguments, inside = constructor.node.args, constructor.scope.child(constructor.node)
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return [arg.arg for arg in every[1:] if len(inside.bindings(arg.arg)) == 1]


def _given_with(
    session: str, constructor: FunctionValue, cls: Scope, inference: Inference
) -> Known:
    """Give what all calls in sight give a constructor together with the session.

    Args:
        session: the session's parameter.
        constructor: the constructor.
        cls: the scope of its class.
        inference: finds the calls.
    """
    inside = constructor.scope.child(constructor.node)
    others = (name for name in _parameters(constructor) if name != session)
    if not any(_may_carry(name, inside, inference) for name in others):
        return frozenset()
    found = [
        _given_by(called, session, constructor, inference)
        for called in callers.calls_of(cls, inference)
        if not called.scope.module.path.name.startswith(_TESTS)
    ]
    return reduce(frozenset.intersection, found) if found else frozenset()


def _may_carry(parameter: str, constructor: Scope, inference: Inference) -> bool:
    """Tell whether a parameter gets an object of a class whose file speaks of a database."""
    value = inference.value(ast.Name(parameter, ast.Load()), constructor)
    return isinstance(value, InstanceValue) and is_gated(value.cls.scope.module.text)


def _given_by(
    called: callers.Called, session: str, constructor: FunctionValue, inference: Inference
) -> Known:
    """Give what one call gives a constructor together with the session."""
    call, scope = called.node, called.scope
    for key, argument in arguments_of(call):
        if receiving_parameter(constructor, key) == session and (name := dotted_name(argument)):
            known = known_with(scope, name, inference=inference)
            return Carriers(known, scope, inference).given(call, constructor)
    return frozenset()
