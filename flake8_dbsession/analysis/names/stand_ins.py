"""Objects that stand in for a session without being one: a test's fakes, and mocks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Protocol

from flake8_dbsession.analysis.library.python import STAND_INS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.functions import (
    arguments_of,
    decorator_names,
    parameter_for,
)
from flake8_dbsession.analysis.names.scopes import Assigned, Scope
from flake8_dbsession.analysis.names.values import (
    ClassValue,
    External,
    FunctionValue,
    InstanceValue,
    RoleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import is_name, is_super, own_nodes
from flake8_dbsession.analysis.questions import Questions
from flake8_dbsession.analysis.source.mentions import hints

_DEEPEST = 4  # constructors that call each other
_STAND_IN_OBJECTS = frozenset(f"{name}()" for name in STAND_INS)
_FORWARDERS = frozenset({"__getattr__", "__getattribute__"})


class Answering(Protocol):
    """What names stand for, as ``Inference`` tells it, which itself asks for stand-ins."""

    questions: Questions

    def value(self, expression: ast.expr, scope: Scope) -> Value | None:
        """Tell what an expression stands for."""

    def constructor(self, cls: ClassValue) -> FunctionValue | None:
        """Give what makes objects of a class."""


def is_stand_in(value: Value | None, inference: Answering) -> bool:
    """Tell whether a value is known to be an object that works by no session.

    Args:
        value: what an expression stands for.
        inference: answers what the bases of a class stand for.

    Returns:
        True for a mock, and for an object of a project's class that is read to its last base,
        passes nothing on to another object, and keeps nothing that may be a session.
    """
    match value:
        case External(name=name):
            return name in _STAND_IN_OBJECTS
        case InstanceValue(cls=cls):
            return _has_no_session(cls, inference)
    return False


def kept_stand_in(
    owner: ast.expr, attribute: str, cls: ClassValue, scope: Scope, inference: Answering
) -> Value | None:
    """Give the stand-in that an object keeps in an attribute: its constructor was given it.

    Args:
        owner: the name of the object, or the call that makes it.
        attribute: the name of the attribute.
        cls: the object's class.
        scope: the scope in which the object is read.
        inference: answers what the constructor was given.

    Returns:
        The stand-in; None where any call that may have made the object gave something else.
    """
    found = [
        _given(call, attribute, cls, where, inference) for call, where in _making(owner, scope)
    ]
    if not found or not all(is_stand_in(value, inference) for value in found):
        return None
    return found[0]


def _has_no_session(cls: ClassValue, inference: Answering) -> bool:
    scope = cls.scope.child(cls.node)
    return inference.questions.ask(
        scope.memory,
        "has no session",
        lambda: (
            not _may_keep_session(scope, inference)
            and all(_is_base_of_stand_ins(base, cls.scope, inference) for base in cls.node.bases)
        ),
        unknown=False,
    )


def _may_keep_session(cls: Scope, inference: Answering) -> bool:
    if any(cls.bindings(name) for name in _FORWARDERS):
        return True
    return any(
        isinstance(inference.value(value, where), RoleValue)
        or (isinstance(value, ast.Name) and hints(value.id))
        for value, where in _stored(cls)
    )


def _stored(cls: Scope) -> Iterator[tuple[ast.expr, Scope]]:
    """Give what the methods of a class store in the attributes of their objects."""
    assert isinstance(cls.node, ast.ClassDef)
    for method in cls.node.body:
        if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inside = cls.child(method)
            for node in own_nodes(method):
                if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    if any(isinstance(target, ast.Attribute) for target in targets):
                        yield node.value, inside


def _is_base_of_stand_ins(base: ast.expr, scope: Scope, inference: Answering) -> bool:
    match inference.value(base, scope):
        case ClassValue() as cls:
            return _has_no_session(cls, inference)
        case External(name=name):
            return name in STAND_INS
    return is_name(base, "object")


def _making(owner: ast.expr, scope: Scope) -> Iterator[tuple[ast.Call, Scope]]:
    """Give the calls that made an object; nothing where it may be made otherwise."""
    match owner:
        case ast.Call():
            yield owner, scope
        case ast.Name(id=name):
            bindings = scope.lookup(name)
            made = [
                (binding.how.value, binding.scope)
                for binding in bindings
                if isinstance(binding.how, Assigned) and not binding.how.path
            ]
            calls = [(value, where) for value, where in made if isinstance(value, ast.Call)]
            if len(calls) == len(bindings):
                yield from calls


def _given(
    call: ast.Call, attribute: str, cls: ClassValue, scope: Scope, inference: Answering
) -> Value | None:
    """Tell what a call of a class gives to be kept in an attribute."""
    made = inference.value(call.func, scope)
    if not isinstance(made, ClassValue) or made.node is not cls.node:
        return None
    constructor = inference.constructor(cls)
    given = dict(arguments_of(call))
    if constructor is None:
        key = _field(attribute, cls) if "dataclass" in decorator_names(cls.node) else None
        argument = given.get(attribute, given.get(key) if key is not None else None)
    else:
        parameter = _kept_parameter(constructor, attribute, inference)
        argument = next(
            (each for key, each in given.items() if parameter_for(constructor, key) == parameter),
            None,
        )
        argument = argument if parameter is not None else None
    return inference.value(argument, scope) if argument is not None else None


@remembered
def _fields(cls: Scope) -> list[str]:
    assert isinstance(cls.node, ast.ClassDef)
    return [
        statement.target.id
        for statement in cls.node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]


def _field(attribute: str, cls: ClassValue) -> int | None:
    """Give the position of a dataclass's field among its arguments; it may have no base."""
    fields = _fields(cls.scope.child(cls.node)) if not cls.node.bases else []
    return fields.index(attribute) if attribute in fields else None


def _kept_parameter(
    constructor: FunctionValue, attribute: str, inference: Answering, depth: int = _DEEPEST
) -> str | None:
    """Give the parameter that a constructor, or one above that it calls, keeps in an attribute."""
    receiver, scope = constructor.receiver, constructor.scope.child(constructor.node)
    kept: set[str | None] = set()
    for node in own_nodes(constructor.node):
        match node:
            case ast.Assign(targets=targets, value=value):
                if any(_is_of(target, receiver, attribute) for target in targets):
                    kept.add(_parameter_in(value))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                if _is_of(target, receiver, attribute):
                    kept.add(_parameter_in(value))
            case ast.Call(func=ast.Attribute(value=above, attr="__init__")) if is_super(above):
                if depth and (name := _handed_up(node, attribute, scope, inference, depth)):
                    kept.add(name)
    return kept.pop() if len(kept) == 1 else None


def _handed_up(
    call: ast.Call, attribute: str, scope: Scope, inference: Answering, depth: int
) -> str | None:
    """Give the parameter that ``super().__init__(db)`` gives to be kept in an attribute."""
    above = inference.value(call.func, scope)
    if not isinstance(above, FunctionValue):
        return None
    parameter = _kept_parameter(above, attribute, inference, depth - 1)
    return next(
        (
            _parameter_in(each)
            for key, each in arguments_of(call)
            if parameter is not None and parameter_for(above, key) == parameter
        ),
        None,
    )


def _is_of(target: ast.expr, receiver: str | None, attribute: str) -> bool:
    match target:
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            return name == receiver and attr == attribute
    return False


def _parameter_in(value: ast.expr) -> str | None:
    """Give the name that is stored: ``db``, or that of ``db or SessionLocal()``, which is given."""
    match value:
        case ast.Name(id=name) | ast.BoolOp(op=ast.Or(), values=[ast.Name(id=name), *_]):
            return name
        case ast.IfExp(body=ast.Name(id=name)):
            return name
    return None
