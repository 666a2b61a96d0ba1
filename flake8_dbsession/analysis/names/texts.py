"""What the text tells of values: names followed to literals, and strings put together of them."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Annotated, Assigned, Binding, Scope
from flake8_dbsession.analysis.names.values import InstanceValue, ModuleValue
from flake8_dbsession.patterns import regex

HOLE = "\0"
"""Stands in a text for the parts of it that are not literal."""

_STEPS = 3  # a constant made of a constant; real code has two
_PERCENT = regex(r"%(?:\(\w+\))?[-+#0-9.]*[a-zA-Z]")
_BRACES = regex(r"\{[^{}]*\}")


def followed(expression: ast.expr, scope: Scope, inference: Inference) -> tuple[ast.expr, Scope]:
    """Follow a name or attribute to the one expression that it is assigned from.

    Args:
        expression: what is read.
        scope: the scope it is read in.
        inference: follows imports and finds classes.

    Returns:
        The expression with its scope; what was given, where it is bound in several ways, or in one
        that does not show its value.
    """
    for _ in range(_STEPS):
        bindings = _bindings(expression, scope, inference)
        value = _assigned(bindings[0]) if len(bindings) == 1 else None
        if value is None:
            break
        expression, scope = value, bindings[0].scope
    return expression, scope


def text_of(
    expression: ast.expr, scope: Scope, inference: Inference, names: int = _STEPS
) -> str | None:
    """Read a string as far as it is literal.

    Args:
        expression: what gives the string.
        scope: the scope it is read in.
        inference: follows the names in it.
        names: how many names, one in the value of another, are followed.

    Returns:
        The string, with ``HOLE`` for each part that the text does not tell; None where it tells
        nothing.
    """
    value, where = followed(expression, scope, inference) if names else (expression, scope)
    left = names - (value is not expression)

    def part(inner: ast.expr) -> str:
        text = text_of(inner, where, inference, left)
        return HOLE if text is None else text

    match value:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(part, parts))
        case ast.FormattedValue(value=inner):
            return part(inner)
        case ast.BinOp(op=ast.Add()):
            return _unless_unknown("".join(map(part, _summands(value))))
        case ast.BinOp(left=pattern, op=ast.Mod()):
            return _unless_unknown(_PERCENT.sub(HOLE, part(pattern)))
        case ast.Call(func=ast.Attribute(value=pattern, attr="format")):
            return _unless_unknown(_BRACES.sub(HOLE, part(pattern)))
        case ast.Call(func=ast.Name(id="str"), args=[inner]):
            return _unless_unknown(part(inner))
    return None


def _summands(expression: ast.expr) -> list[ast.expr]:
    """Give the parts of ``a + b + c``, however many."""
    parts: list[ast.expr] = []
    while isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        parts.append(expression.right)
        expression = expression.left
    return [expression, *reversed(parts)]


def _unless_unknown(text: str) -> str | None:
    return text if text.strip(HOLE) else None


def _bindings(expression: ast.expr, scope: Scope, inference: Inference) -> list[Binding]:
    match expression:
        case ast.Name(id=name):
            return list(inference.origins(name, scope))
        case ast.Attribute(value=base, attr=name):
            owner = inference.value(base, scope)
            if isinstance(owner, ModuleValue):
                return list(inference.origins(name, owner.scope))
            if isinstance(owner, InstanceValue):
                return owner.cls.scope.child(owner.cls.node).attributes(name)
    return []


def _assigned(binding: Binding) -> ast.expr | None:
    match binding.how:
        case Assigned(value=value, path=()) | Annotated(value=value):
            return value
    return None
