"""The ``with`` statements that give a session or connection a name and close it at their end."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.said_to_close import closes_in
from flake8_dbsession.analysis.library.wrappers import CLOSING, EXITING
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Parameter, Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import (
    FunctionValue,
    InstanceValue,
    Resource,
    Role,
    RoleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_STEPS = 5  # providers that use one another; real code has two or three


class SessionBlock(NamedTuple):
    """A ``with`` block that closes the session, or connection, which it names.

    Attributes:
        node: the statement.
        context: the expression that gives the session.
        name: the name after ``as``.
        known: the session.
        scope: the scope that the block stands in.
    """

    node: ast.With | ast.AsyncWith
    context: ast.expr
    name: str
    known: RoleValue
    scope: Scope


def session_blocks(tree: Tree, inference: Inference) -> list[SessionBlock]:
    """Find the blocks that name a session and are known to close it.

    Args:
        tree: the visited part of a file.
        inference: answers what the blocks enter.

    Returns:
        The blocks of factories, session classes, accessors and of those providers whose code
        closes what they give; one for each name.
    """
    return _blocks(tree, Resource.SESSION, inference=inference)


def connection_blocks(tree: Tree, inference: Inference) -> list[SessionBlock]:
    """Find the blocks that name a connection of SQLAlchemy's, and are known to close it.

    Args:
        tree: the visited part of a file.
        inference: answers what the blocks enter.
    """
    blocks = _blocks(tree, Resource.CONNECTION, inference=inference)
    return [block for block in blocks if block.known.library == "sqlalchemy"]


@remembered
def _blocks(tree: Tree, resource: Resource, *, inference: Inference) -> list[SessionBlock]:
    found = []
    blocks: list[tuple[ast.With | ast.AsyncWith, Scope]] = [*tree.find(ast.With)]
    for block, scope in [*blocks, *tree.find(ast.AsyncWith)]:
        for item in block.items:
            if isinstance(item.optional_vars, ast.Name) and _may_open(item.context_expr, tree):
                known = _closed(item.context_expr, resource, block, scope, inference)
                if known is not None:
                    name = item.optional_vars.id
                    found.append(SessionBlock(block, item.context_expr, name, known, scope))
    return found


def _may_open(context: ast.expr, tree: Tree) -> bool:
    name = last_segment(context)
    return isinstance(context, ast.Call) and (name in CLOSING or tree.is_of_interest(name))


def _closed(
    context: ast.expr,
    resource: Resource,
    block: ast.With | ast.AsyncWith,
    scope: Scope,
    inference: Inference,
) -> RoleValue | None:
    known = inference.entered(context, scope, is_async=isinstance(block, ast.AsyncWith))
    if not isinstance(known, RoleValue) or known.resource is not resource:
        return None
    return known if _closes(context, inference.value(context, scope), scope, inference) else None


def _closes(context: ast.expr, value: Value | None, scope: Scope, inference: Inference) -> bool:
    """Tell whether leaving a block closes the session: always for a session's own block."""
    if isinstance(value, InstanceValue):
        exits = (inference.attribute(value, name) for name in EXITING)
        return any(
            isinstance(exit_, FunctionValue) and closes_in(exit_, inference) for exit_ in exits
        )
    if not isinstance(value, RoleValue) or not isinstance(context, ast.Call):
        return False
    if value.role is Role.MANAGER:
        return _is_closing_provider(inference.value(context.func, scope), inference, _STEPS)
    return value.role is Role.OPENED


def _is_closing_provider(provider: Value | None, inference: Inference, steps: int) -> bool:
    """Tell whether a provider closes what it gives, by itself or by what it enters or returns.

    What is known without its code (a dependency wrapped by ``contextmanager``) is taken to close.
    """
    if not isinstance(provider, FunctionValue):
        return isinstance(provider, RoleValue)
    scope = provider.scope.child(provider.node)
    if _yields_parameter(scope):
        return False
    if closes_in(provider, inference):
        return True
    for used in _entered_or_returned(provider.node):
        value = inference.value(used, scope)
        if isinstance(value, RoleValue):
            if value.role is Role.OPENED:
                return True
            if value.role is Role.MANAGER and isinstance(used, ast.Call) and steps:
                inner = inference.value(used.func, scope)
                return _is_closing_provider(inner, inference, steps - 1)
    return False


def _entered_or_returned(function: ast.AST) -> Iterator[ast.expr]:
    for node in own_nodes(function):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            yield from (item.context_expr for item in node.items)
        elif isinstance(node, ast.Return) and node.value is not None:
            yield node.value


def _yields_parameter(function: Scope) -> bool:
    """Tell whether a provider passes on what it was given, which its caller closes."""
    yielded = (node.value for node in own_nodes(function.node) if isinstance(node, ast.Yield))
    return any(
        isinstance(binding.how, Parameter)
        for value in yielded
        if isinstance(value, ast.Name)
        for binding in function.bindings(value.id)
    )
