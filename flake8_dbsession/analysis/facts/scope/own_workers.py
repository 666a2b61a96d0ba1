"""Whether what an object holds is there for the one worker alone that the object starts."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.library.methods import CLOSERS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import parents_in
from flake8_dbsession.analysis.names.scopes import Scope, body_of
from flake8_dbsession.analysis.names.values import ClassValue, InstanceValue
from flake8_dbsession.analysis.nodes import nodes_in


def is_for_worker_alone(
    held: ast.expr, start: ast.Call, scope: Scope, inference: Inference
) -> bool:
    """Tell whether no method but a worker's works with what an object holds.

    Args:
        held: what is held, as the function that starts the worker writes it: ``self.conn``, or
            ``bridge._conn`` where the object is another's.
        start: the call that starts the worker, one of the object's own methods.
        scope: the scope of the call.
        inference: answers what the object is, and what its class inherits.

    Returns:
        True where the other methods only make it, look whether it is there, and close it, and
        where the function that starts another's worker does not work with it either.
    """
    found = _class_of(held, scope, inference)
    if found is None:
        return False
    cls, owner = found
    if any(isinstance(inference.value(b, cls.parent or cls), ClassValue) for b in cls.node.bases):  # type: ignore[union-attr]
        return False  # whose methods may work with it too
    attribute, methods = held.attr, _methods(cls)  # type: ignore[attr-defined]
    started = {name for node in nodes_in(start) if (name := _of_object(node, owner))}
    workers, pending = set(), list(started & methods.keys())
    while pending:
        name = pending.pop()
        if name not in workers:
            workers.add(name)
            pending += _named_in(methods[name]) & methods.keys()
    inside = set(nodes_in(start))
    others = [(each, each.receiver()) for name, each in methods.items() if name not in workers]
    function = scope.function()
    if function is not None and function.enclosing_class() is not cls:
        others.append((function, owner))
    return bool(workers) and not any(
        name in workers or (name == attribute and _works(node, other))
        for other, receiver in others
        for node in nodes_in(other.node)
        if node not in inside
        if (name := _of_object(node, receiver))
    )


def _class_of(held: ast.expr, scope: Scope, inference: Inference) -> tuple[Scope, str] | None:
    """Give the class of the object that holds something, and the name that the object has.

    That is a method's own object, or one with a name, which holds what is not for others to see.
    """
    match held:
        case ast.Attribute(value=ast.Name(id=owner) as named, attr=attribute):
            cls, function = scope.enclosing_class(), scope.function()
            if cls is not None and function is not None and function.receiver() == owner:
                return cls, owner
            value = inference.value(named, scope) if attribute.startswith("_") else None
            if isinstance(value, InstanceValue):
                return value.cls.scope.child(value.cls.node), owner
    return None


@remembered
def _methods(cls: Scope) -> dict[str, Scope]:
    outline = cls.module.class_body(cls.node)
    return {
        statement.name: cls.child(statement)
        for statement in (outline.statements_with("def ") if outline else body_of(cls.node))
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def _named_in(method: Scope) -> set[str]:
    receiver = method.receiver()
    return {name for node in nodes_in(method.node) if (name := _of_object(node, receiver))}


def _of_object(node: ast.AST, receiver: str | None) -> str:
    """Give the attribute of a method's own object that a node is; empty for any other node."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name == receiver:
            return attribute
    return ""


def _works(node: ast.AST, method: Scope) -> bool:
    """Tell whether a method does more with what is held than to make it, or to close it."""
    if isinstance(node.ctx, (ast.Store, ast.Del)):  # type: ignore[attr-defined]
        return False
    match parents_in(method).get(node):
        case ast.Attribute(attr=attribute):
            return attribute not in CLOSERS and not attribute.startswith("is_")
        case ast.Compare() | ast.If() | ast.UnaryOp() | ast.BoolOp() | ast.While():
            return False
    return True
