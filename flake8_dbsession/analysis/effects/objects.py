"""Objects that hold a session or connection: what their class keeps of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.locks import under_locks
from flake8_dbsession.analysis.library.python import PLAIN
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Annotated, Assigned, Binding, Parameter, Scope
from flake8_dbsession.analysis.names.values import (
    HELD,
    ClassValue,
    FunctionValue,
    Resource,
    Role,
    RoleValue,
)
from flake8_dbsession.analysis.nodes import is_super, nodes_in, own_nodes

_OPTIONAL = frozenset({"Optional", "Union"})


def attributes_made_of(cls: ClassValue, inference: Inference) -> tuple[str, ...]:
    """Find the attributes in which objects of a class keep a session or connection from outside.

    Args:
        cls: the class.
        inference: answers what its attributes stand for.

    Returns:
        Those that are known to be one; where none is, all that a constructor's parameter is stored
        in, or that a dataclass or named tuple has as its fields.
    """
    scope = cls.scope.child(cls.node)
    question = "attributes made of"
    if question not in scope.memory:
        scope.memory[question] = _attributes_made_of(cls, scope, inference)
    return scope.memory[question]  # type: ignore[no-any-return]


def _attributes_made_of(cls: ClassValue, scope: Scope, inference: Inference) -> tuple[str, ...]:
    places = [(name, scope) for name in _fields(cls.node)]
    for constructor in _constructors(cls, inference):
        owner = constructor.scope
        places += [(name, owner) for name in _stored_by(constructor)]
    known = [
        name
        for name, owner in places
        if any(_is_known(binding, inference) for binding in owner.attributes(name))
    ]
    return tuple(dict.fromkeys(known or (name for name, _ in places)))


def makes_session(expression: ast.expr, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call makes a session of the library's own class.

    Such a session closes no connection that it is bound to: that stays its opener's.
    https://docs.sqlalchemy.org/en/20/orm/session_transaction.html#joining-a-session-into-an-external-transaction-such-as-for-test-suites
    """
    if not isinstance(expression, ast.Call):
        return False
    maker = inference.value(expression.func, scope)
    return (
        isinstance(maker, RoleValue)
        and maker.role in (Role.FACTORY, Role.SESSION_CLASS)
        and maker.resource is Resource.SESSION
        and maker.of_class is None
    )


def attributes_used(method: FunctionValue, inference: Inference) -> frozenset[str]:
    """Find the attributes by which a method works with sessions or connections of its object.

    Args:
        method: the method.
        inference: answers what the attributes stand for.

    Returns:
        The names of those that it, or a method of the same object that it calls, reads outside of
        a lock.
    """
    scope = method.scope.child(method.node)
    return inference.questions.ask(
        scope.memory,
        "attributes used",
        lambda: frozenset(_used(method, scope, inference)),
        frozenset(),
        fixed_point=True,
    )


def _used(method: FunctionValue, scope: Scope, inference: Inference) -> Iterator[str]:
    receiver = scope.receiver()
    if receiver is None:
        return
    read: dict[str, list[ast.Attribute]] = {}
    for node in own_nodes(method.node):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner == receiver:
                read.setdefault(name, []).append(node)
    for name, nodes in read.items():
        value = inference.value(nodes[0], scope)
        # A property that opens anew keeps nothing on its object.
        is_session = isinstance(value, RoleValue) and value.role in HELD - {Role.OPENED}
        if not is_session and not isinstance(value, FunctionValue):
            continue
        if not set(nodes) <= set(under_locks(method.node, scope, inference)):
            if isinstance(value, FunctionValue):
                yield from attributes_used(value, inference)
            else:
                yield name


def _fields(node: ast.ClassDef) -> list[str]:
    return [
        statement.target.id
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]


def _stored_by(init: FunctionValue) -> list[str]:
    """Give the attributes to which a constructor assigns a parameter that may be of interest."""
    arguments = init.node.args
    parameters = {
        arg.arg
        for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        if not _is_plain(arg.annotation)
    }
    return [
        target.attr
        for node in own_nodes(init.node)
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        and isinstance(node.value, ast.Name)
        and node.value.id in parameters
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
    ]


def _constructors(cls: ClassValue, inference: Inference) -> Iterator[FunctionValue]:
    """Give the constructor of a class, and those of its bases that run with it."""
    constructor = inference.constructor(cls)
    seen: set[ast.AST] = set()
    while constructor is not None and constructor.node not in seen:
        yield constructor
        seen.add(constructor.node)
        constructor = _base_constructor(constructor, inference)


def _base_constructor(init: FunctionValue, inference: Inference) -> FunctionValue | None:
    """Give the constructor that another calls by ``super().__init__(conn)``."""
    scope = init.scope.child(init.node)
    for node in own_nodes(init.node):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="__init__")) if is_super(owner):
                above = inference.value(node.func, scope)
                return above if isinstance(above, FunctionValue) else None
    return None


def _is_plain(annotation: ast.expr | None) -> bool:
    """Tell whether an annotation is of values that are no objects to work with: ``str | None``."""
    nodes = nodes_in(annotation) if annotation is not None else []
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    is_spelled_out = not any(isinstance(node, ast.Attribute) for node in nodes)
    return is_spelled_out and not names.isdisjoint(PLAIN) and names <= PLAIN | _OPTIONAL


def _is_known(binding: Binding, inference: Inference) -> bool:
    match binding.how:
        case Assigned(value=value, path=()):
            return isinstance(inference.value(value, binding.scope), RoleValue)
        case Annotated(annotation=annotation):
            return isinstance(inference.annotated(annotation, binding.scope), RoleValue)
        case Parameter():
            return False
    return False
