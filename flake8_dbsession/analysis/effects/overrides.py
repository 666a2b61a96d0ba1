"""The subclasses in sight whose methods a call may run instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import Assigned, Defined, Scope
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue, InstanceValue


def overrides(
    method: FunctionValue, call: ast.Call, scope: Scope, inference: Inference
) -> list[FunctionValue]:
    """Find the methods that a call may run in the place of the one that its object's class has.

    Args:
        method: the one that its object's class has.
        call: the call.
        scope: the scope that it stands in.
        inference: answers what its object is.

    Returns:
        Those of the subclasses in the class's module and the caller's; none where the object is
        seen to be made of the class itself.
    """
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    value = inference.value(owner, scope) if owner is not None else None
    if owner is None or not isinstance(value, InstanceValue) or _is_made_here(owner, scope):
        return []
    name = getattr(method.node, "name", "")
    modules = {value.cls.scope.module: None, scope.module: None}
    return [
        FunctionValue(binding.how.node, binding.scope, cls)
        for module in modules
        for cls in subclasses_in(module, value.cls, inference)
        for binding in cls.scope.child(cls.node).bindings(name)
        if isinstance(binding.how, Defined) and not isinstance(binding.how.node, ast.ClassDef)
    ]


def may_be_of_others(
    owner: ast.expr, value: InstanceValue, scope: Scope, inference: Inference
) -> bool:
    """Tell whether a name stands for objects of several classes by turns.

    Args:
        owner: what a method is called on.
        value: the object that it is taken for.
        scope: the scope that it is read in.
        inference: answers what the name may stand for.
    """
    if not isinstance(owner, ast.Name):
        return False
    values = inference.values(owner.id, scope)
    return any(isinstance(v, InstanceValue) and v.cls.node is not value.cls.node for v in values)


def subclasses_in(module: Module, cls: ClassValue, inference: Inference) -> list[ClassValue]:
    """Find the classes of a module that inherit from a class, each below another of them or not.

    Args:
        module: where to look.
        cls: the class.
        inference: answers what the bases are.
    """
    question = ("subclasses", cls.node)
    memory = module.scope.memory
    if question not in memory:
        memory[question] = list(_below(cls, module, inference, frozenset({cls.node})))
    return memory[question]  # type: ignore[no-any-return]


def _below(
    cls: ClassValue, module: Module, inference: Inference, seen: frozenset[ast.ClassDef]
) -> Iterator[ClassValue]:
    for name in module.definitions(cls.node.name):
        value = inference.member(module, name)
        if isinstance(value, ClassValue) and value.node not in seen:
            bases = [inference.value(base, value.scope) for base in value.node.bases]
            if any(isinstance(base, ClassValue) and base.node is cls.node for base in bases):
                yield value
                yield from _below(value, module, inference, seen | {value.node})


def _is_made_here(owner: ast.expr, scope: Scope) -> bool:
    """Tell whether an object is made by a call that stands there, so that its class is certain."""
    if isinstance(owner, ast.Name):
        hows = [binding.how for binding in scope.lookup(owner.id)]
        return bool(hows) and all(
            isinstance(how, Assigned) and not how.path and isinstance(how.value, ast.Call)
            for how in hows
        )
    return isinstance(owner, ast.Call)
