"""What a module or class keeps in a container: ``_makers[url] = sessionmaker(...)``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.library.python import CONTAINERS, EMPTY_CONTAINERS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.call_sites import scoped
from flake8_dbsession.analysis.names.scopes import (
    Annotated,
    Assigned,
    Binding,
    Scope,
    last_segment,
)
from flake8_dbsession.analysis.source.mentions import Mentions

GETTERS = frozenset({"get", "pop", "setdefault"})
"""The methods of a dictionary that give one of its values, by its key."""

_STORING = ("] =", "]=", ".setdefault(", ".append(", ".update(", ".insert(", ".extend(")
_VALUE_OF = {"append": 0, "insert": 1, "setdefault": 1}  # the argument that is stored
_UNREAD = frozenset({"__ior__", "__setitem__", "extend", "update"})
_MADE = CONTAINERS | EMPTY_CONTAINERS | {"WeakValueDictionary"}

Stored = tuple[ast.expr, Scope]


def stored_values(name: str, bindings: list[Binding], owner: Scope) -> list[Stored] | None:
    """Find what is stored in a container.

    Args:
        name: the container's name, or that of the attribute that holds it.
        bindings: all that binds it.
        owner: the module or class that it belongs to.

    Returns:
        The values, each with the scope that it is read in; None where it is bound to anything but
        containers written out, or gets something that is not written beside its key.
    """
    found: list[Stored | None] = []
    for binding in bindings:
        found += _made_with(binding)
    if not bindings or None in found:
        return None
    found += _stores(name, owner)
    return None if None in found else [each for each in found if each is not None]


def _made_with(binding: Binding) -> list[Stored | None]:
    """Give what a container holds from the first; None for what is no container written out."""
    how, scope = binding
    match how:
        case Assigned(value=value, path=()) | Annotated(value=ast.expr() as value):
            return _held(value, scope)
        case Annotated(value=None):
            return []
    return [None]


def _held(value: ast.expr, scope: Scope) -> list[Stored | None]:
    match value:
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return [(each, scope) for each in values]
        case ast.List(elts=values):
            return [(each, scope) for each in values]
        case ast.DictComp(value=each) | ast.ListComp(elt=each):
            return [(each, scope.child(value))]
        case ast.Call(args=[], keywords=keywords) if last_segment(value.func) in _MADE:
            if all(keyword.arg for keyword in keywords):
                return [(keyword.value, scope) for keyword in keywords]
    return [None]


def _stores(name: str, owner: Scope) -> list[Stored | None]:
    """Give what is put into a container later; of a followed file only some statements are read."""
    module = owner.module
    outline = module.class_body(owner.node)
    if outline is not None:
        found = _sorted(scoped(outline.statements_with(name), owner))
    elif module.tree is not None:
        found = _all_stores(module.scope)
    else:
        found = _sorted(scoped(module.statements_with(name), module.scope))
    return found.get(name, [])


@remembered
def _all_stores(module: Scope) -> dict[str, list[Stored | None]]:
    tree = module.module.tree
    assert tree is not None
    return _sorted(scoped(tree.body, module, Mentions(module.module.text, _STORING)))


def _sorted(nodes: Iterable[tuple[ast.AST, Scope]]) -> dict[str, list[Stored | None]]:
    """Sort what is stored by the last name of the container; None for what is not written there."""
    found: dict[str, list[Stored | None]] = {}
    for node, scope in nodes:
        for container, value in _stored_by(node):
            found.setdefault(last_segment(container), []).append(
                (value, scope) if value is not None else None
            )
    return found


def _stored_by(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, ast.Subscript):
                    yield target.value, value
                for part in getattr(target, "elts", ()):
                    if isinstance(part, ast.Subscript):
                        yield part.value, None
        case ast.AugAssign(target=target):
            yield target, None
        case ast.Call(func=ast.Attribute(value=container, attr=method), args=args):
            position = _VALUE_OF.get(method)
            if position is not None and len(args) > position:
                yield container, args[position]
            elif method in _UNREAD or position is not None:
                yield container, None
