"""Classes whose objects stand for another object, to which they pass on what they have not."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.scopes import Scope, body_of
from flake8_dbsession.analysis.nodes import is_name, own_nodes

_METHODS = (ast.AsyncFunctionDef, ast.FunctionDef)
_ENDS = frozenset({"__aexit__", "__exit__", "aclose", "close"})


@remembered
def proxied_parameter(cls: Scope) -> str | None:
    """Give the constructor's parameter that the objects of a class stand for.

    Args:
        cls: the class's scope.

    Returns:
        Its name, where ``__getattr__`` passes on to the attribute that it is stored in, and the end
        of a ``with`` block over an object, if it can have one, ends that too; else None.
    """
    methods = {each.name: each for each in body_of(cls.node) if isinstance(each, _METHODS)}
    constructor, getter = methods.get("__init__"), methods.get("__getattr__")
    if constructor is None or getter is None:
        return None
    attribute = _passed_on_to(getter)
    leaving = [methods[name] for name in ("__exit__", "__aexit__") if name in methods]
    if attribute is None or not all(_ends(method, attribute) for method in leaving):
        return None
    stored = [
        node.value.id
        for node in own_nodes(constructor)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Name)
        and any(_is_of_self(target, attribute) for target in node.targets)
    ]
    return stored[0] if len(stored) == 1 else None


def _passed_on_to(getter: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """Give the attribute that ``return getattr(self.attribute, name)`` looks in."""
    match getter.body[-1]:
        case ast.Return(
            value=ast.Call(
                func=ast.Name(id="getattr"),
                args=[ast.Attribute(value=ast.Name(id="self"), attr=attribute), ast.Name()],
            )
        ):
            return attribute
    return None


def _ends(method: ast.FunctionDef | ast.AsyncFunctionDef, attribute: str) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in _ENDS
        and _is_of_self(node.value, attribute)
        for node in own_nodes(method)
    )


def _is_of_self(node: ast.AST, attribute: str) -> bool:
    match node:
        case ast.Attribute(value=owner, attr=name):
            return name == attribute and is_name(owner, "self")
    return False
