"""Which attributes of the objects that a block loads are plain columns."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Annotated,
    Assigned,
    How,
    Scope,
    last_segment,
)
from flake8_dbsession.analysis.names.values import ClassValue

_COLUMNS = frozenset({"Column", "Field", "column_property", "deferred", "mapped_column"})
_BASES = 8  # classes above a mapped class; real code has two or three


def column_test(
    body: Sequence[ast.stmt], scope: Scope, inference: Inference
) -> Callable[[str], bool]:
    """Make the test that tells columns from relationships and from what is not known.

    Args:
        body: the statements that load objects.
        scope: the scope that they stand in.
        inference: finds the classes that they name.

    Returns:
        A test of an attribute's name: true where a class that the statements name declares it as a
        column, and none declares it as anything else.
    """
    classes = list(_classes(body, scope, inference))
    known: dict[str, bool] = {}

    def is_column(name: str) -> bool:
        if name not in known:
            declared = [how for cls in classes for how in _declared(cls, name, inference)]
            known[name] = bool(declared) and all(map(_is_column, declared))
        return known[name]

    return is_column


def _classes(body: Sequence[ast.stmt], scope: Scope, inference: Inference) -> Iterator[ClassValue]:
    names = {n.id: n for s in body for n in ast.walk(s) if isinstance(n, ast.Name)}
    attributes = [n for s in body for n in ast.walk(s) if isinstance(n, ast.Attribute)]
    for expression in (*names.values(), *attributes):
        if last_segment(expression)[:1].isupper():
            value = inference.value(expression, scope)
            if isinstance(value, ClassValue):
                yield value


def _declared(cls: ClassValue, name: str, inference: Inference, steps: int = _BASES) -> list[How]:
    """Give the ways in which a class, or else the first of its bases that does, binds a name."""
    own = [binding.how for binding in cls.scope.child(cls.node).bindings(name)]
    if own or not steps:
        return own
    for base in cls.node.bases:
        value = inference.value(base, cls.scope)
        if isinstance(value, ClassValue):
            inherited = _declared(value, name, inference, steps - 1)
            if inherited:
                return inherited
    return []


def _is_column(how: How) -> bool:
    match how:
        case Assigned(value=ast.Call() as call) | Annotated(value=ast.Call() as call):
            return last_segment(call.func) in _COLUMNS
        case Annotated(value=None | ast.Constant()):
            return True
    return False
