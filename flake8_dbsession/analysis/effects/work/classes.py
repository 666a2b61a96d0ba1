"""The methods that a session class of the project has in the place of SQLAlchemy's own."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Defined, How
from flake8_dbsession.analysis.names.values import ClassValue, External, FunctionValue, RoleValue

UNFOUND = External("")
"""A class, or a method of one, that is not found."""


def own_method(
    cls: ClassValue | External | None, name: str, inference: Inference
) -> FunctionValue | External | None:
    """Find the method that a session's class has in the place of SQLAlchemy's own.

    Args:
        cls: the class; None for SQLAlchemy's.
        name: the method's name.
        inference: follows the bases of the class.

    Returns:
        The method, of the class or of a base of it; None for SQLAlchemy's own, and ``UNFOUND``
        where a base that may have one is not found.
    """
    if not isinstance(cls, ClassValue):
        return cls
    scope = cls.scope.child(cls.node)
    hows = [binding.how for binding in scope.bindings(name)]
    return _method(hows, cls) if hows else inherited_method(cls, name, inference)


def inherited_method(
    cls: ClassValue, name: str, inference: Inference
) -> FunctionValue | External | None:
    """Find the method that ``super()`` gives in a class; what it gives is as of ``own_method``."""
    for base in cls.node.bases:
        match inference.value(base, cls.scope):
            case RoleValue(of_class=of_class):
                found = own_method(of_class, name, inference)
            case ClassValue() as beside if beside.node is not cls.node:
                found = own_method(beside, name, inference)
            case _:
                return UNFOUND
        if found is not None:
            return found
    return None


def _method(hows: list[How], cls: ClassValue) -> FunctionValue | External:
    match hows:
        case [Defined(node=ast.FunctionDef() | ast.AsyncFunctionDef() as node)]:
            return FunctionValue(node, cls.scope.child(cls.node), cls)
    return UNFOUND
