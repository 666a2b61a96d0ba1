"""Whether what an object holds is there for the one worker alone that the object starts."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.library.methods import CLOSERS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import parents_in
from flake8_dbsession.analysis.names.scopes import Scope, body_of, last_segment
from flake8_dbsession.analysis.names.values import ClassValue
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in


def is_for_worker_alone(
    held: ast.expr, start: ast.Call, scope: Scope, inference: Inference
) -> bool:
    """Tell whether no method but a worker's works with what an object holds.

    Args:
        held: what is held, as the method that starts the worker writes it: ``self.conn``.
        start: the call that starts the worker, one of the object's own methods.
        scope: the scope of the call.
        inference: answers what the class inherits.

    Returns:
        True where the other methods only make it, look whether it is there, and close it.
    """
    cls, function = scope.enclosing_class(), scope.function()
    receiver = function.receiver() if function is not None else None
    if cls is None or not receiver or dotted_name(held) != f"{receiver}.{last_segment(held)}":
        return False
    if any(isinstance(inference.value(b, cls.parent or cls), ClassValue) for b in cls.node.bases):  # type: ignore[union-attr]
        return False  # whose methods may work with it too
    attribute, methods = held.attr, _methods(cls)  # type: ignore[attr-defined]
    started = {name for node in nodes_in(start) if (name := _of_object(node, receiver))}
    workers, pending = set(), list(started & methods.keys())
    while pending:
        name = pending.pop()
        if name not in workers:
            workers.add(name)
            pending += _named_in(methods[name]) & methods.keys()
    inside = set(nodes_in(start))
    others = [method for name, method in methods.items() if name not in workers]
    return bool(workers) and not any(
        name in workers or (name == attribute and _works(node, method))
        for method in others
        for node in nodes_in(method.node)
        if node not in inside
        if (name := _of_object(node, method.receiver()))
    )


@remembered
def _methods(cls: Scope) -> dict[str, Scope]:
    return {
        statement.name: cls.child(statement)
        for statement in body_of(cls.node)
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
