"""Where objects that a session loaded leave its block."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from flake8_dbsession.analysis.effects.work.loaded import Objects, filled_by
from flake8_dbsession.analysis.nodes import blocks, own_nodes


def outliving(
    objects: Objects, body: Sequence[ast.stmt], used_later: Callable[[str], bool]
) -> ast.AST | None:
    """Find where a loaded object leaves its block.

    Args:
        objects: what holds objects.
        body: the block's statements.
        used_later: tells whether a name is read outside of the block.

    Returns:
        The first node that hands one out; None where none is.
    """
    nodes = objects.block.nodes
    let_go = {id(part) for each in _let_go(body, nodes, objects) for part in ast.walk(each)}
    for node in nodes:
        if id(node) not in let_go and (
            _hands_out(node, objects) or _names_for_later(node, objects, used_later)
        ):
            return node
    return None


def _let_go(
    body: Sequence[ast.stmt], nodes: list[ast.AST], objects: Objects
) -> Iterator[ast.Return]:
    """Give the returns right after ``expunge_all()``, when no object is the session's any more.

    After ``expunge(user)`` what ``user`` has loaded of other objects is the session's still.
    """
    for block in (body, *(block for node in nodes for block in blocks(node))):
        for before, last in pairwise(block):
            calls = (part for part in ast.walk(last) if isinstance(part, ast.Call))
            if isinstance(last, ast.Return) and _expunges_all(before, objects) and not any(calls):
                yield last


def _expunges_all(statement: ast.stmt, objects: Objects) -> bool:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="expunge_all"))):
            return objects.is_session(owner)
    return False


def outliving_an_error(
    objects: Objects, body: Sequence[ast.stmt], used_later: Callable[[str], bool]
) -> ast.AST | None:
    """Find where a loaded object leaves its block before an error may.

    Args:
        objects: what holds objects.
        body: the block's statements; nothing fails after the last, where that is a plain one.
        used_later: tells whether a name is read when the error has left the block.

    Returns:
        The first node that hands one out; None where none is.
    """
    *before, last = body
    can_fail = [*before, last] if hasattr(last, "body") else before
    nodes = [node for statement in can_fail for node in (statement, *own_nodes(statement))]
    returned = {id(part) for n in nodes if isinstance(n, ast.Return) for part in ast.walk(n)}
    going_on = [node for node in nodes if id(node) not in returned]
    for node in going_on:
        if _hands_out(node, objects) or _names_for_later(node, objects, used_later):
            return node
    return None


def _hands_out(node: ast.AST, objects: Objects) -> bool:
    match node:
        case ast.Return(value=ast.GeneratorExp()) | ast.Assign(value=ast.GeneratorExp()):
            return objects.mentions(node)  # it loads when it is gone through
        case ast.Return(value=value) | ast.Yield(value=value) | ast.YieldFrom(value=value):
            return objects.gives(value)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
            return objects.mentions(node)
        case ast.Assign() | ast.Call():
            return not objects.owns(filled_by(node, objects))
    return False


def _names_for_later(node: ast.AST, objects: Objects, used_later: Callable[[str], bool]) -> bool:
    if not isinstance(node, ast.Name):
        return False
    return (node.id in objects.names or node.id in objects.filled) and used_later(node.id)
