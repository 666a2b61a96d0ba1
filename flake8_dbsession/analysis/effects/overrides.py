"""The subclasses in sight whose methods a call may run instead."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

from flake8_dbsession.analysis.memory import remembered
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
        Those of the project's subclasses, its tests left out; none where the object is seen to be
        made of the class itself.
    """
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    value = inference.value(owner, scope) if owner is not None else None
    if owner is None or not isinstance(value, InstanceValue) or _is_made_here(owner, scope):
        return []
    name = getattr(method.node, "name", "")
    return [
        FunctionValue(binding.how.node, binding.scope, cls)
        for cls in _subclasses(scope.module.scope, value.cls, inference=inference)
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
        memory[question] = _below(cls, lambda _: [module], inference)
    return memory[question]  # type: ignore[no-any-return]


@remembered
def _subclasses(asker: Scope, cls: ClassValue, *, inference: Inference) -> list[ClassValue]:
    """Find the classes of the project that inherit from a class."""
    module, project = asker.module, inference.project

    def places(above: ClassValue) -> Iterable[Module]:
        others = project.modules_deriving(above.node.name, module.path)
        return dict.fromkeys((above.scope.module, module, *others))

    return _below(cls, places, inference)


def _below(
    cls: ClassValue, places: Callable[[ClassValue], Iterable[Module]], inference: Inference
) -> list[ClassValue]:
    """Find what inherits from a class, in the modules that may hold what is right below one."""
    found: dict[ast.ClassDef, ClassValue] = {}
    pending = [cls]
    while pending:
        above = pending.pop()
        for module in places(above):
            for below in _right_below(above, module, inference):
                if below.node not in found:
                    found[below.node] = below
                    pending.append(below)
    return list(found.values())


def _right_below(cls: ClassValue, module: Module, inference: Inference) -> Iterator[ClassValue]:
    for name in module.definitions(cls.node.name):
        value = inference.member(module, name)
        if isinstance(value, ClassValue):
            bases = [inference.value(base, value.scope) for base in value.node.bases]
            if any(isinstance(base, ClassValue) and _is_same(base, cls) for base in bases):
                yield value


def _is_same(one: ClassValue, other: ClassValue) -> bool:
    """Tell whether two are one class: a linted file is also followed, and then parsed again."""
    return one.node is other.node or (
        one.node.name == other.node.name and one.scope.module.path == other.scope.module.path
    )


def _is_made_here(owner: ast.expr, scope: Scope) -> bool:
    """Tell whether an object is made by a call that stands there, so that its class is certain."""
    if isinstance(owner, ast.Name):
        hows = [binding.how for binding in scope.lookup(owner.id)]
        return bool(hows) and all(
            isinstance(how, Assigned) and not how.path and isinstance(how.value, ast.Call)
            for how in hows
        )
    return isinstance(owner, ast.Call)
