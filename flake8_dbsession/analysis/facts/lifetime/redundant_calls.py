"""Redundant calls: commits and rollbacks by hand in blocks that do both by themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.work.generators import leaves_of
from flake8_dbsession.analysis.facts.lifetime.blocks import SessionBlock, session_blocks
from flake8_dbsession.analysis.library.wrappers import EXITING
from flake8_dbsession.analysis.names.functions import is_context_manager
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import (
    FunctionValue,
    InstanceValue,
    Role,
    RoleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import own_nodes, unawaited
from flake8_dbsession.named_tuples import NamedTuple

_STEPS = 5  # providers that use one another; real code has two or three
_PLAIN = (ast.Constant, ast.Name)


class RedundantCall(NamedTuple):
    """A call that repeats what the end of a session's block does.

    Attributes:
        node: the ``commit()`` that ends the block, or the ``rollback()`` before an exception leaves
            it.
        block: the expression that gives the session.
    """

    node: ast.Call
    block: ast.expr


def redundant_calls(tree: Tree, inference: Inference) -> Iterator[RedundantCall]:
    """Find the commits and rollbacks that a session's own block makes again.

    Args:
        tree: the visited part of a file.
        inference: answers what the blocks enter.

    Yields:
        The calls, block by block.
    """
    for block in session_blocks(tree, inference):
        calls = [*_last_commits(block.node.body, block), *_rollbacks(block.node.body, block)]
        if calls and _commits(block.context, block.scope, inference, _STEPS):
            yield from (RedundantCall(call, block.context) for call in calls)


def _last_commits(body: list[ast.stmt], block: SessionBlock) -> Iterator[ast.Call]:
    """Find the commits after which a block has nothing more to do."""
    last = body[-1]
    if isinstance(last, ast.Return) and len(body) > 1 and _is_plain(last.value):
        last = body[-2]
    match last:
        case ast.Expr(value=value) if _is_call(value, "commit", block):
            yield _called(value)
        case ast.If(body=then, orelse=orelse):
            yield from _last_commits(then, block)
            yield from _last_commits(orelse, block) if orelse else ()
        case ast.Try(body=tried, handlers=handlers, orelse=orelse, finalbody=[]):
            if all(_raises_the_same(handler) for handler in handlers):
                yield from _last_commits(orelse or tried, block)


def _rollbacks(body: list[ast.stmt], block: SessionBlock) -> Iterator[ast.Call]:
    """Find the rollbacks of handlers whose exception goes on to leave the block."""
    for statement in body:
        match statement:
            case ast.Try(handlers=[_, *_] as handlers):
                for handler in handlers:
                    if isinstance(handler.body[-1], ast.Raise):
                        calls = (_rolled_back(inner, block) for inner in handler.body)
                        yield from (call for call in calls if call is not None)
            case ast.Try(body=inner) | ast.For(body=inner) | ast.While(body=inner):
                yield from _rollbacks(inner, block)
            case ast.If(body=inner, orelse=orelse):
                yield from _rollbacks([*inner, *orelse], block)


def _rolled_back(statement: ast.stmt, block: SessionBlock) -> ast.Call | None:
    match statement:
        case ast.Expr(value=value) if _is_call(value, "rollback", block):
            return _called(value)
    return None


def _is_call(value: ast.expr, method: str, block: SessionBlock) -> bool:
    match _called(value):
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)):
            return name == block.name and attr == method
    return False


def _called(value: ast.expr) -> ast.Call:
    return unawaited(value)  # type: ignore[return-value, arg-type]


def _is_plain(value: ast.expr | None) -> bool:
    """Tell whether a returned value needs nothing of the database that a commit would have made."""
    return value is None or isinstance(value, _PLAIN)


def _raises_the_same(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler lets its exception go on: then a failed commit needs no other."""
    match handler.body[-1]:
        case ast.Raise(exc=None):
            return True
        case ast.Raise(exc=ast.Name(id=name)):
            return name == handler.name
    return False


def _commits(context: ast.expr, scope: Scope, inference: Inference, steps: int) -> bool:
    """Tell whether the end of a block always commits."""
    if not isinstance(context, ast.Call) or not steps:
        return False
    if isinstance(context.func, ast.Attribute) and context.func.attr == "begin":
        return True
    value = inference.value(context, scope)
    if isinstance(value, InstanceValue):
        return any(_ends_both_ways(inference.attribute(value, name)) for name in EXITING)
    provider = inference.value(context.func, scope)
    if not isinstance(provider, FunctionValue):
        return isinstance(value, RoleValue) and value.role is Role.MANAGER and value.commits
    inner = provider.scope.child(provider.node)
    if is_context_manager(provider.node):
        return leaves_of(provider, inference).commits is True
    returned = [node.value for node in own_nodes(provider.node) if isinstance(node, ast.Return)]
    return bool(returned) and all(
        each is not None and _commits(each, inner, inference, steps - 1) for each in returned
    )


def _ends_both_ways(method: Value | None) -> bool:
    if not isinstance(method, FunctionValue):
        return False
    names = {node.attr for node in own_nodes(method.node) if isinstance(node, ast.Attribute)}
    return {"commit", "rollback"} <= names
