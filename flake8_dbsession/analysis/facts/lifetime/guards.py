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
from flake8_dbsession.named_tuples import NamedTuple

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


class OwnTests(NamedTuple):
    """The tests under which a function closes what it opened itself where none was passed in.

    Attributes:
        told: how each comes out where the function opened it: ``own`` of ``own = db is None`` is
            true, ``borrowed`` of ``if not borrowed: db.close()`` is not.
        calls: the calls under them.
    """

    told: dict[ast.expr, bool]
    calls: frozenset[ast.AST]


def own_tests(scope: Scope) -> OwnTests:
    """Find the tests that ask whether a session was passed in, and what is called under them.

    Args:
        scope: the function, or the module.
    """
    told: dict[ast.expr, bool] = {}
    calls: set[ast.AST] = set()
    for statement in statements(body_of(scope.node)):
        if isinstance(statement, ast.If):
            atoms = list(_conjoined(statement.test, truth=True))
            owning = [each for each in atoms if _says_who_owns(each[0], scope, None)]
            if owning and all(_asks_for_absence(test, scope) for test, _ in owning):
                told.update(owning)
                calls.update(_on_what_was_there(statement.body))
    return OwnTests(told, frozenset(calls))


def _conjoined(test: ast.expr, *, truth: bool) -> Iterator[tuple[ast.expr, bool]]:
    """Give the tests that have all come out so where a test did, joined by ``and`` and ``not``."""
    match test:
        case ast.BoolOp(op=ast.And(), values=values) if truth:
            for value in values:
                yield from _conjoined(value, truth=truth)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _conjoined(operand, truth=not truth)
        case _:
            yield test, truth


def _asks_for_absence(test: ast.expr, scope: Scope) -> bool:
    """Tell whether a test is a flag that says whether a parameter was left out, or an identity."""
    match test:
        case ast.Name(id=name):
            bindings = [binding.how for binding in scope.bindings(name)]
            return all(
                isinstance(how, Assigned) and not how.path and _is_absence(how.value, scope)
                for how in bindings
            )
        case ast.Compare(left=ast.Name(), comparators=[ast.Name(id=other)]):
            return _is_parameter(other, scope)
    return False


def _is_absence(value: ast.expr, scope: Scope) -> bool:
    match value:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Name(id=name)):
            return _is_parameter(name, scope)
        case ast.Compare(
            left=ast.Name(id=name),
            ops=[ast.Is() | ast.IsNot()],
            comparators=[ast.Constant(value=None)],
        ):
            return _is_parameter(name, scope)
    return False


def _is_parameter(name: str, scope: Scope) -> bool:
    return any(isinstance(binding.how, Parameter) for binding in scope.bindings(name))


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
