"""Conditions that say whose a session is, and are taken at their word."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.scopes import Assigned, Parameter, Scope, body_of, statements

_FLAG_VALUES = (ast.BoolOp, ast.Compare, ast.UnaryOp)


def under_ownership(scope: Scope) -> frozenset[ast.AST]:
    """Find the calls that a function makes only where a session is its own.

    Args:
        scope: the function, or the module.

    Returns:
        The calls under a flag that was computed (``own = db is None``) or came in as a parameter
        (``close=True``), or under an identity (``if db is not self.db``). What such a condition
        stands for is not to be seen in the flow.
    """
    return frozenset(
        node
        for statement in statements(body_of(scope.node))
        if isinstance(statement, ast.If)
        and any(_says_who_owns(part, scope) for part in _parts(statement.test))
        for part in statement.body
        for node in ast.walk(part)
        if isinstance(node, ast.Call)
    )


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


def _says_who_owns(test: ast.expr, scope: Scope) -> bool:
    match test:
        case ast.Name(id=name):
            return _is_flag(name, scope)
        case ast.Compare(ops=[ast.Is() | ast.IsNot()], comparators=[other]):
            return not isinstance(other, ast.Constant)
    return False


def _is_flag(name: str, scope: Scope) -> bool:
    bindings = [binding.how for binding in scope.bindings(name)]
    return bool(bindings) and all(
        (isinstance(how, Parameter) and isinstance(_constant(how.default), bool))
        or (isinstance(how, Assigned) and isinstance(how.value, _FLAG_VALUES))
        for how in bindings
    )


def _constant(expression: ast.expr | None) -> object:
    return expression.value if isinstance(expression, ast.Constant) else None
