"""What has to run before a function gives what it gives: all that it calls, at any depth."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from flake8_dbsession.analysis.library.wrappers import ENTERING, EXITING
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.bases import with_bases
from flake8_dbsession.analysis.names.call_sites import scoped
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    FUNCTIONS,
    Annotated,
    Assigned,
    Binding,
    Defined,
    Scope,
)
from flake8_dbsession.analysis.names.values import (
    ClassValue,
    FunctionValue,
    InstanceValue,
    ModuleValue,
    RoleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import is_super

_MOST = 400  # functions; what needs more is not followed any further
_OF_OBJECTS = ("__new__", "__init__", "__post_init__", "__call__", *ENTERING, *EXITING)
"""The methods that run where only the class is named."""

Key: TypeAlias = tuple[str, ...]
"""A function: its module's path, and the names of what it lies in, the outermost first.

A linted file is also followed, and then parsed again, so that its nodes tell nothing.
"""


def is_needed(scope: Scope, value: Value, inference: Inference) -> bool:
    """Tell whether a scope lies in what has to run for something to give what it gives.

    Args:
        scope: the scope.
        value: a function of the project, or what plays a part where it is defined.
        inference: follows names.

    Returns:
        True in the function itself, in all that it names, and in what those name, as far as names
        can be followed.
    """
    around = list(_keys_around(scope, inference))
    return bool(around) and not _needed(value, inference).isdisjoint(around)


def _needed(value: Value, inference: Inference) -> frozenset[Key]:
    if isinstance(value, FunctionValue):
        return _needed_by(value.scope.child(value.node), inference=inference)
    if isinstance(value, RoleValue) and value.home is not None:
        return _needed_by_name(value.home, value.name.rpartition(".")[2], inference=inference)
    return frozenset()


@remembered
def _needed_by(function: Scope, *, inference: Inference) -> frozenset[Key]:
    return _Walk(inference).all_from([(function.node, function.parent or function)])


@remembered
def _needed_by_name(home: Scope, name: str, *, inference: Inference) -> frozenset[Key]:
    walk = _Walk(inference)
    return walk.all_from(walk.of_bindings(home.bindings(name)))


class _Walk:
    """Follows what code names, each part of it once."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._found: set[Key] = set()

    def all_from(self, parts: Iterable[tuple[ast.AST, Scope]]) -> frozenset[Key]:
        """Give the functions that lie in some parts of the code, or are named from there on."""
        pending, seen = list(parts), set[ast.AST]()
        while pending and len(self._found) <= _MOST:
            part, outside = pending.pop()
            if part in seen:
                continue
            seen.add(part)
            for node, scope in scoped([part], outside):
                if isinstance(node, FUNCTIONS):
                    self._found.add(key_of(scope.child(node)))
                pending += self._named(node, scope)
        return frozenset(self._found)

    def _named(self, node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                yield from self.of_bindings(self._inference.origins(name, scope))
                yield from self._of_value(node, scope)
            case ast.Attribute(value=base, attr=name, ctx=ast.Load()):
                yield from self.of_bindings(self._attribute(base, name, scope))
                yield from self._of_value(node, scope)

    def _of_value(self, node: ast.expr, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        match self._inference.value(node, scope):
            case FunctionValue(node=function, scope=outside):
                yield function, outside
            case ClassValue() as cls:
                yield from self._of_class(cls)

    def _of_class(self, cls: ClassValue) -> Iterator[tuple[ast.AST, Scope]]:
        for name in _OF_OBJECTS:
            method = self._inference.attribute(cls, name)
            if isinstance(method, FunctionValue):
                yield method.node, method.scope

    def of_bindings(self, bindings: Iterable[Binding]) -> Iterator[tuple[ast.AST, Scope]]:
        """Give what is defined by that name, and what a module or class assigns to it."""
        for how, scope in bindings:
            match how:
                case Defined(node=ast.FunctionDef() | ast.AsyncFunctionDef() as function):
                    yield function, scope
                case Assigned(value=value) | Annotated(value=ast.expr() as value):
                    if self._is_followed(value, scope):
                        yield value, scope

    def _is_followed(self, value: ast.expr, scope: Scope) -> bool:
        """Tell whether a stored value is needed with all that it is made of.

        An application or a scheduler is not: it knows what it may run one day.
        """
        followed = (FunctionValue, InstanceValue, RoleValue)
        return isinstance(self._inference.value(value, scope), followed)

    def _attribute(self, base: ast.expr, name: str, scope: Scope) -> Iterable[Binding]:
        if is_super(base):
            return ()
        match self._inference.value(base, scope):
            case ModuleValue(scope=module):
                return self._inference.origins(name, module)
            case InstanceValue(cls=cls) | (ClassValue() as cls):
                return _attributes(cls, name, self._inference)
        return ()


def _attributes(cls: ClassValue, name: str, inference: Inference) -> list[Binding]:
    """Give the bindings of an attribute in a class, else in the first base that has it."""
    for each in with_bases(cls, inference):
        found = each.scope.child(each.node).attributes(name)
        if found:
            return found
    return []


def key_of(scope: Scope) -> Key:
    """Give what tells a function, class or lambda from the others, in whichever copy it lies."""
    names: list[str] = []
    around: Scope | None = scope
    while around is not None and around.parent is not None:
        node = around.node
        names.append(getattr(node, "name", "") or ast.unparse(node))
        around = around.parent
    return str(scope.module.path), *reversed(names)


def _keys_around(scope: Scope, inference: Inference) -> Iterator[Key]:
    """Give the keys of the functions around a scope, and of the methods that they stand for."""
    around: Scope | None = scope
    while around is not None:
        if isinstance(around.node, FUNCTIONS):
            yield key_of(around)
            yield from _overridden(around, inference)
        around = around.parent


def _overridden(function: Scope, inference: Inference) -> Iterator[Key]:
    """Give the keys of the methods of base classes in whose place a method runs."""
    parent, name = function.parent, getattr(function.node, "name", "")
    if parent is None or not isinstance(parent.node, ast.ClassDef) or not name:
        return
    for base in with_bases(ClassValue(parent.node, parent.parent or parent), inference):
        if base.node is not parent.node:
            yield *key_of(base.scope.child(base.node)), name
