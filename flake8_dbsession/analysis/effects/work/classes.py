"""The methods that a session class of the project has in the place of SQLAlchemy's own."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Defined, How, last_segment
from flake8_dbsession.analysis.names.values import ClassValue, External, FunctionValue, RoleValue
from flake8_dbsession.patterns import regex

# What runs code of the class's own where an object of it is made.
_MAKING = ("__init__", "__new__", "__post_init__", "__setattr__", "model_post_init")
_KEEPING = frozenset({"abc", "pydantic", "typing"})  # whose bases put fields where they belong
_PLAIN_CLASS = frozenset({"dataclass", "final", "total_ordering"})
_VALIDATING = regex(r"validator\b|validates\b|Validator\b|computed_field")
_HIGHEST = 8  # classes above another; real code has two or three

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


def only_stores(cls: ClassValue, inference: Inference, steps: int = _HIGHEST) -> bool:
    """Tell whether making an object of a class does nothing but keep what it is given.

    Args:
        cls: the class.
        inference: follows its bases.
        steps: how many classes above it are looked at.

    Returns:
        True for a dataclass, a model of pydantic or a plain class without code of its own for that;
        False for a mapped class too, whose new object may come into a session by what it is given.
    """
    scope, node = cls.scope.child(cls.node), cls.node
    outline = scope.module.class_body(node)
    body = outline.statements_matching(_VALIDATING) if outline else node.body
    names = {last_segment(part) for part in node.decorator_list}
    is_own = any(scope.bindings(name) for name in _MAKING) or any(map(_validates, body))
    if is_own or node.keywords or not steps or not names <= _PLAIN_CLASS:
        return False
    for base in node.bases:
        match inference.value(base, cls.scope):
            case External(name=name) if name.partition(".")[0] in _KEEPING:
                continue
            case ClassValue() as above if only_stores(above, inference, steps - 1):
                continue
        return False
    return True


def is_unmapped(cls: ClassValue, inference: Inference, steps: int = _HIGHEST) -> bool:
    """Tell whether no session can load objects of a class: a plain one, or a model of pydantic.

    Args:
        cls: the class.
        inference: follows its bases.
        steps: how many classes above it are looked at.
    """
    names = {last_segment(part) for part in cls.node.decorator_list}
    if cls.node.keywords or not steps or not names <= _PLAIN_CLASS:
        return False
    for base in cls.node.bases:
        match inference.value(base, cls.scope):
            case External(name=name) if name.partition(".")[0] in _KEEPING | {"enum"}:
                continue
            case ClassValue() as above if is_unmapped(above, inference, steps - 1):
                continue
        return False
    return True


def _validates(statement: ast.stmt) -> bool:
    return _VALIDATING.search(ast.unparse(statement)) is not None
