"""Where a module calls its functions and makes objects of its classes, and with what."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.scopes import (
    COMPREHENSIONS,
    SCOPES,
    Scope,
    last_segment,
)
from flake8_dbsession.analysis.nodes import PARTS, nodes_in, own_nodes
from flake8_dbsession.analysis.source.mentions import Mentions


def is_called(parameter: str, function: Scope) -> bool:
    """Tell whether a parameter may be called, by itself or by the attribute that it is stored in.

    Args:
        parameter: its name.
        function: the function's scope.

    Returns:
        True also where the module calls another object's attribute of that name.
    """
    text = function.module.text
    if f"{parameter}(" in text and parameter in _called(function):
        return True
    if f"= {parameter}" not in text:
        return False
    return any(f".{attribute}(" in text for attribute in _stored(function).get(parameter, ()))


def calls_of(function: Scope) -> list[tuple[ast.Call, Scope]]:
    """Find the calls in a function's own module that may run it.

    Args:
        function: the function's scope; a constructor is called by the name of its class.

    Returns:
        The calls of that name, each with the scope that it stands in.
    """
    name = getattr(function.node, "name", "")
    parent = function.parent
    if name == "__init__" and parent is not None and isinstance(parent.node, ast.ClassDef):
        name = parent.node.name
    return _calls(function.module.scope, name)


@remembered
def _calls(module: Scope, name: str) -> list[tuple[ast.Call, Scope]]:
    text, call = module.module.text, f"{name}("
    if not name or text.count(call) == text.count(f"def {call}"):
        return []  # it is defined, and never called
    # The parts of a module that is only followed have lines of their own.
    mentions = Mentions(text, (call,)) if module.module.tree is not None else None
    return [
        (node, scope)
        for node, scope in scoped(module.module.statements_with(call), module, mentions)
        if isinstance(node, ast.Call) and last_segment(node.func) == name
    ]


@remembered
def _called(function: Scope) -> frozenset[str]:
    """Give the plain names that a function and those in it call."""
    return frozenset(
        node.func.id
        for node in nodes_in(function.node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )


@remembered
def _stored(function: Scope) -> dict[str, list[str]]:
    """Give the attributes of its object to which a function assigns each plain name."""
    found: dict[str, list[str]] = {}
    for node in own_nodes(function.node):
        match node:
            case ast.Assign(targets=[ast.Attribute(attr=attribute)], value=ast.Name(id=name)):
                found.setdefault(name, []).append(attribute)
            case ast.AnnAssign(target=ast.Attribute(attr=attribute), value=ast.Name(id=name)):
                found.setdefault(name, []).append(attribute)
    return found


def assigned_to(module: Scope, place: str) -> Iterator[tuple[ast.expr, Scope]]:
    """Find what a module assigns to an attribute of an object's attribute, such as ``.state.make``.

    Args:
        module: the module's scope.
        place: the end of the target as it is written.

    Yields:
        The values, each with the scope that it is read in.
    """
    for node, scope in scoped(module.module.statements_with(place), module):
        match node:
            case ast.Assign(targets=targets, value=value):
                if any(ast.unparse(target).endswith(place) for target in targets):
                    yield value, scope


def scoped(
    nodes: Iterable[ast.AST], scope: Scope, mentions: Mentions | None = None
) -> Iterator[tuple[ast.AST, Scope]]:
    """Walk nodes and all inside them, each with the scope that it is read in.

    Args:
        nodes: where to begin.
        scope: the scope that they are read in.
        mentions: the lines that matter; parts without any are left out. None for all lines.
    """
    stack = [(node, scope) for node in nodes][::-1]
    while stack:
        node, around = stack.pop()
        yield node, around
        header = body = around
        if isinstance(node, SCOPES):
            body = around.child(node)
            header = body if isinstance(node, COMPREHENSIONS) else around
        inside = [
            (part, body if field == "body" else header)
            for field in PARTS[type(node)]
            for part in _parts(getattr(node, field, None))
            if mentions is None or mentions.touch(part)
        ]
        stack += inside[::-1]


def _parts(value: object) -> list[ast.AST]:
    values = value if isinstance(value, list) else [value]
    return [part for part in values if isinstance(part, ast.AST)]
