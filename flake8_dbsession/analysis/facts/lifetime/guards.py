"""Conditions that say whose a session is, and are taken at their word."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Assigned,
    How,
    Parameter,
    Scope,
    body_of,
    statements,
)
from flake8_dbsession.analysis.names.values import TupleValue
from flake8_dbsession.analysis.nodes import nodes_in

_FLAG_VALUES = (ast.BoolOp, ast.Compare, ast.UnaryOp)


def under_ownership(scope: Scope, inference: Inference | None = None) -> frozenset[ast.AST]:
    """Find the calls that a function makes only where a session is its own.

    Args:
        scope: the function, or the module.
        inference: tells what is unpacked. With it a flag counts as well that is set to ``True`` and
            ``False``, also by what a function gives along with a session: those can be followed
            through the flow.

    Returns:
        The calls under a flag that was computed (``own = db is None``) or came in as a parameter
        (``close=True``), under an identity (``if db is not self.db``), or under an attribute of
        the object (``if not self.db``). What such a condition stands for is not to be seen in the
        flow. Calls on what is assigned under the same condition are left out.
    """
    return frozenset(
        call
        for statement in statements(body_of(scope.node))
        if isinstance(statement, ast.If)
        and any(_says_who_owns(part, scope, inference) for part in _parts(statement.test))
        for call in _on_what_was_there(statement.body)
    )


def _on_what_was_there(body: list[ast.stmt]) -> Iterator[ast.Call]:
    nodes = [node for part in body for node in nodes_in(part)]
    assigned = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and not isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in nodes:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if name in assigned:
                continue
            case ast.Call():
                yield node


def _parts(test: ast.expr) -> Iterator[ast.expr]:
    """Give what a test is joined of by ``and``, ``or`` and ``not``."""
    match test:
        case ast.BoolOp(values=values):
            for value in values:
                yield from _parts(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _parts(operand)
        case _:
            yield test


def _says_who_owns(test: ast.expr, scope: Scope, inference: Inference | None) -> bool:
    match test:
        case ast.Name(id=name):
            return _is_flag(name, scope, inference)
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[other]):
            return _is_own(left) or not isinstance(other, ast.Constant)
    return _is_own(test)


def _is_own(test: ast.expr) -> bool:
    match test:
        case ast.Attribute(value=ast.Name(id="self")):
            return True
    return False


def _is_flag(name: str, scope: Scope, inference: Inference | None) -> bool:
    bindings = [binding.how for binding in scope.bindings(name)]
    return bool(bindings) and all(_is_set_as_flag(how, scope, inference) for how in bindings)


def _is_set_as_flag(how: How, scope: Scope, inference: Inference | None) -> bool:
    match how:
        case Parameter(default=value):
            return _is_truth(value)
        case Assigned(value=value, path=[index]) if inference is not None:
            return _comes_along(value, index, scope, inference)
        case Assigned(value=value, path=()):
            return isinstance(value, _FLAG_VALUES) or (inference is not None and _is_truth(value))
    return False


def _comes_along(call: ast.expr, index: int, scope: Scope, inference: Inference) -> bool:
    """Tell whether a part of what a call gives is always ``True`` or ``False``."""
    value = inference.value(call, scope)
    constants = value.constants[index:] if isinstance(value, TupleValue) else ()
    return bool(constants and constants[0]) and all(isinstance(c, bool) for c in constants[0])


def _is_truth(expression: ast.expr | None) -> bool:
    return isinstance(expression, ast.Constant) and isinstance(expression.value, bool)
