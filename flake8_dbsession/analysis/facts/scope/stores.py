"""Mutable containers in the bodies of classes that manage sessions."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.library.python import IN_PLACE, SHARED_CONTAINERS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.nodes import arguments, nodes_in
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

_MANAGING = regex(r"Session(?:Manager|Store|Backend|Cache)$")
_DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)


class ClassStore(NamedTuple):
    """A mutable container that all instances of a session-managing class share.

    Attributes:
        node: the assignment in the class body.
        cls: the name of the class.
        name: the name of the container.
    """

    node: ast.stmt
    cls: str
    name: str


def class_stores(tree: Tree, inference: Inference) -> Iterator[ClassStore]:
    """Find the containers that instances share without meaning to.

    Args:
        tree: the visited part of a file.
        inference: answers what the containers are made by.

    Yields:
        Those of classes named for managing sessions, unless each instance gets its own, all access
        is through the class, or a filled container is never changed.
    """
    for cls, scope in tree.find(ast.ClassDef):
        if _MANAGING.search(cls.name):
            for statement in cls.body:
                name, value = _assigned(statement)
                if value is None or not _is_container(value, scope.child(cls), inference):
                    continue
                if _is_shared(cls, name, is_empty=_is_empty(value)):
                    yield ClassStore(statement, cls.name, name)


def _assigned(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=value):
            return name, value
    return "", None


def _is_container(value: ast.expr, scope: Scope, inference: Inference) -> bool:
    if isinstance(value, _DISPLAYS):
        return True
    if not isinstance(value, ast.Call):
        return False
    name = inference.qualified_name(value.func, scope)
    if name is None and isinstance(value.func, ast.Name):
        name = value.func.id
    return name in SHARED_CONTAINERS


def _is_empty(value: ast.expr) -> bool:
    match value:
        case ast.Call(func=function):
            return not arguments(value) or last_segment(function) in ("defaultdict", "deque")
        case ast.Dict(keys=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return not elements
    return False


def _is_shared(cls: ast.ClassDef, name: str, *, is_empty: bool) -> bool:
    accesses = [
        node for node in nodes_in(cls) if isinstance(node, ast.Attribute) and node.attr == name
    ]
    by_instance = [access for access in accesses if not _is_class(access.value, cls)]
    if any(isinstance(access.ctx, ast.Store) for access in by_instance):
        return False
    if accesses and not by_instance:
        return False
    return is_empty or any(_is_changed(node, name) for node in nodes_in(cls))


def _is_class(receiver: ast.expr, cls: ast.ClassDef) -> bool:
    match receiver:
        case ast.Name(id=name):
            return name in ("cls", cls.name)
        case ast.Attribute(attr="__class__") | ast.Call(func=ast.Name(id="type")):
            return True
    return False


def _is_changed(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Subscript(value=ast.Attribute(attr=attribute), ctx=ast.Store() | ast.Del()):
            return attribute == name
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=attribute), attr=method)):
            return attribute == name and method in IN_PLACE
    return False
