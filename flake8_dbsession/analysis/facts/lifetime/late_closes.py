"""Closes that stand after a ``yield`` and are skipped when the caller's code raises there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.driven_generators import (
    DRIVEN,
    hands_out,
    is_driven,
)
from flake8_dbsession.analysis.facts.lifetime.session_objects import mentions
from flake8_dbsession.analysis.library.methods import CLOSES
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment, statements
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import HELD, FunctionValue, Role
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes, start_of
from flake8_dbsession.named_tuples import NamedTuple

_HELD = HELD | {Role.REGISTRY}


class LateClose(NamedTuple):
    """A close that runs only when the ``yield`` before it does not raise.

    Attributes:
        node: the ``yield``.
        close: the call that closes what was yielded.
        function: the generator's name.
    """

    node: ast.Yield
    close: ast.Call
    function: str


def late_closes(tree: Tree, inference: Inference) -> Iterator[LateClose]:
    """Find the unguarded closes of dependencies and context managers, pytest fixtures left out.

    Args:
        tree: the visited part of a file.
        inference: answers what is yielded and closed.

    Yields:
        At most one for each function: its first such ``yield``.
    """
    text = tree.scope.module.text
    if "yield" not in text or not any(word in text for word in ("close", "remove")):
        return
    for function in tree.calling_functions():
        if not isinstance(function.node, ast.Lambda):
            found = _late_close(function, inference)
            if found is not None and is_driven(function, tree, inference):
                yield found


def _late_close(function: FunctionValue, inference: Inference) -> LateClose | None:
    node, scope = function.node, function.scope.child(function.node)
    assert not isinstance(node, ast.Lambda)
    nodes = own_nodes(node)
    for handed in nodes:
        if isinstance(handed, ast.Yield) and handed.value is not None:
            close = _close_after(handed, nodes, scope, inference)
            if close is not None and not _is_guarded(handed, close, node.body):
                return LateClose(handed, close, node.name)
    return None


def _close_after(
    handed: ast.Yield, nodes: list[ast.AST], scope: Scope, inference: Inference
) -> ast.Call | None:
    """Find the first close, after a ``yield``, of what it handed out: nothing else has its name."""
    rebound: set[str] = set()
    for node in nodes:
        if not isinstance(node, ast.expr) or start_of(node) <= start_of(handed):
            continue
        match node:
            case ast.Name(ctx=ast.Store()) | ast.Attribute(ctx=ast.Store()):
                rebound.add(ast.unparse(node))
            case ast.Call(func=ast.Attribute(value=closed) as method, args=[]):
                is_same = ast.unparse(closed) not in rebound
                if is_same and _closes(method, handed, scope, inference):
                    return node
    return None


def _closes(method: ast.Attribute, handed: ast.Yield, scope: Scope, inference: Inference) -> bool:
    known = inference.known(method.value, scope)
    if method.attr == "remove":
        return known is not None and known.role is Role.REGISTRY
    if method.attr not in CLOSES or not hands_out(handed, ast.unparse(method.value), scope):
        return False
    if known is not None:
        return known.role in _HELD
    function = inference.role(FunctionValue(scope.node, scope.parent or scope))  # type: ignore[arg-type]
    return function is not None and function.role in DRIVEN


def _is_guarded(handed: ast.Yield, close: ast.Call, body: list[ast.stmt]) -> bool:
    """Tell whether what was yielded is closed when the ``yield`` raises as well."""
    assert isinstance(close.func, ast.Attribute)
    name = ast.unparse(close.func.value)
    around = [statement for statement in statements(body) if _spans(statement, handed)]
    return any(_guards(statement, handed, name) for statement in around)


def _guards(statement: ast.stmt, handed: ast.Yield, name: str) -> bool:
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        return any(mentions(item, {name}) for item in statement.items)
    final = getattr(statement, "finalbody", None)  # that of a ``try``, or of one with ``except*``
    if final is None or _is_within(final, handed):
        return False
    if any(_ends(part, name) for part in final):
        return True
    handlers: list[ast.ExceptHandler] = statement.handlers  # type: ignore[attr-defined]
    in_body = _is_within(statement.body, handed)  # type: ignore[attr-defined]
    return in_body and any(_saves(handler, name) for handler in handlers)


def _saves(handler: ast.ExceptHandler, name: str) -> bool:
    """Tell whether a handler closes what was yielded, or catches all and lets the code go on."""
    if any(_ends(statement, name) for statement in handler.body):
        return True
    catches_all = handler.type is None or last_segment(handler.type) == "BaseException"
    return catches_all and not isinstance(handler.body[-1], (ast.Raise, ast.Return))


def _ends(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement closes a name, clears a registry, or hands the name to a closer."""
    for node in nodes_in(statement):
        match node:
            case ast.Call(func=ast.Attribute(attr="remove"), args=[]):
                return True
            case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in CLOSES:
                if ast.unparse(value) == name:
                    return True
            case ast.Call(args=arguments):
                if any(ast.unparse(argument) == name for argument in arguments):
                    return True
    return False


def _is_within(block: list[ast.stmt], node: ast.expr) -> bool:
    return any(_spans(statement, node) for statement in block)


def _spans(statement: ast.stmt, node: ast.expr) -> bool:
    end = (statement.end_lineno or 0, statement.end_col_offset or 0)
    return start_of(statement) <= start_of(node) < end
