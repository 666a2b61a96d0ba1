"""Sessions that get out of the block that closes them: returned, stored, or used after it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum

from flake8_dbsession.analysis.effects.effects import Effects
from flake8_dbsession.analysis.facts.acquisition.acquisitions import is_self
from flake8_dbsession.analysis.facts.lifetime.blocks import SessionBlock, session_blocks
from flake8_dbsession.analysis.facts.scope.sequel import after_block, binds, reads
from flake8_dbsession.analysis.library.methods import ASYNC_WORK, DATABASE_WORK
from flake8_dbsession.analysis.library.python import LOGS, LOOKING, REMOVERS
from flake8_dbsession.analysis.names.functions import arguments_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    Scope,
    body_of,
    declared,
    last_segment,
    statements,
)
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue
from flake8_dbsession.analysis.nodes import is_name, own_nodes, start_of
from flake8_dbsession.named_tuples import NamedTuple

_WORK = (
    DATABASE_WORK
    | ASYNC_WORK
    | {"add", "add_all", "begin", "begin_nested", "connection", "delete", "scalar_one"}
)
_HARMLESS_CALLEES = LOOKING | (LOGS - {"log"}) | {"getattr", "vars"}
_ADDERS = frozenset({"add", "append", "appendleft", "insert", "setdefault", "update"})


class EscapeRoute(Enum):
    """How a session gets out of its block."""

    RETURNED = "returned"
    STORED = "stored"
    USED = "used after"


class Escape(NamedTuple):
    """A session that gets out of the block that closes it.

    Attributes:
        node: where it gets out: the ``return``, the assignment, the use.
        text: that code as it is written.
        way: how it gets out.
        block: the block.
        is_held: whether an object that works with it gets out, such as a generator or repository.
    """

    node: ast.AST
    text: str
    way: EscapeRoute
    block: SessionBlock
    is_held: bool = False


def escapes(tree: Tree, inference: Inference) -> Iterator[Escape]:
    """Find the sessions that get out of their blocks.

    Args:
        tree: the visited part of a file.
        inference: answers what the blocks enter.

    Yields:
        Every return and store, and of the uses after a block the first in the text.
    """
    effects = Effects(inference)
    for block in session_blocks(tree, inference):
        if not binds(block.node.body, block.name, walrus=tree.scope.module.holds_walrus):
            yield from _returned(block, effects)
            yield from _stored(block, effects)
        yield from _used_after(block, tree, inference)


def handed_over(expression: ast.expr | None) -> Iterator[ast.expr]:
    """Give the expressions whose values an expression passes on as they are.

    Args:
        expression: what is returned or stored.

    Yields:
        Itself, or the elements of a display, the branches of a condition.
    """
    match expression:
        case None:
            return
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            pass
        case ast.Dict(values=parts) | ast.BoolOp(values=parts):
            pass
        case ast.IfExp(body=body, orelse=orelse):
            parts = [body, orelse]
        case ast.Call(func=function, args=[_, value]) if last_segment(function) == "cast":
            parts = [value]
        case _:
            yield expression
            return
    for part in parts:
        yield from handed_over(part)


def _hands_over(expression: ast.expr | None, block: SessionBlock, effects: Effects) -> bool:
    """Tell whether a value is the block's session, or an object that is made with it."""
    return any(
        (is_name(part, block.name)) or (isinstance(part, ast.Call) and _holds(part, block, effects))
        for part in handed_over(expression)
    )


def _holds(call: ast.Call, block: SessionBlock, effects: Effects) -> bool:
    return any(
        effects.is_held_by_value(call, key, block.scope)
        for key, argument in arguments_of(call)
        if _hands_over(argument, block, effects)
    )


def _returned(block: SessionBlock, effects: Effects) -> Iterator[Escape]:
    for statement in statements(block.node.body):
        if isinstance(statement, ast.Return) and _hands_over(statement.value, block, effects):
            is_held = not any(is_name(part, block.name) for part in handed_over(statement.value))
            yield Escape(statement, ast.unparse(statement), EscapeRoute.RETURNED, block, is_held)


def _used_after(block: SessionBlock, tree: Tree, inference: Inference) -> Iterator[Escape]:
    found = (
        Escape(node, ast.unparse(node), way, block)
        for after in after_block(block.node, block.name, tree)
        for name, around in reads(after, block.name)
        for node, way in _use(name, around, block.scope, inference)
    )
    first = min(found, key=lambda escape: start_of(escape.node), default=None)
    if first is not None:
        yield first


def _use(
    name: ast.Name, around: ast.AST, scope: Scope, inference: Inference
) -> Iterator[tuple[ast.AST, EscapeRoute]]:
    """Give the use that a reading is; a test or comparison, a close or rollback is none."""
    match around:
        case ast.Attribute(attr=attribute) if attribute in _WORK:
            yield around, EscapeRoute.USED
        case ast.Call(func=function) if name is not function:
            if not _is_harmless(function, scope, inference):
                yield around, EscapeRoute.USED
        case ast.Return():
            yield around, EscapeRoute.RETURNED


def _is_harmless(function: ast.expr, scope: Scope, inference: Inference) -> bool:
    """Tell whether a builtin, a logger or an assertion of a library's looks at a session."""
    if isinstance(inference.value(function, scope), (ClassValue, FunctionValue)):
        return False
    callee = last_segment(function)
    return callee in _HARMLESS_CALLEES or callee.startswith("assert")


def _stored(block: SessionBlock, effects: Effects) -> Iterator[Escape]:
    """Find the stores in places that outlive the block, unless they serve the block's own work."""
    function = block.scope.function()
    if function is None:
        return
    body = body_of(function.node)
    for statement in statements(block.node.body):
        places = [p for p in _places(statement, block, effects) if _outlives(p, function)]
        if places and not _serves(block, statement) and not _is_reset(places[0], statement, body):
            yield Escape(statement, ast.unparse(statement), EscapeRoute.STORED, block)


def _places(statement: ast.stmt, block: SessionBlock, effects: Effects) -> Iterator[ast.expr]:
    """Give the places in which a statement stores a block's session."""
    match statement:
        case ast.Assign(targets=targets, value=value) if _hands_over(value, block, effects):
            yield from targets
        case ast.AnnAssign(target=target, value=value) if _hands_over(value, block, effects):
            yield target
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=container, attr=method), args=args)):
            if method in _ADDERS and any(
                _hands_over(argument, block, effects) for argument in args
            ):
                yield ast.Subscript(container, ast.Constant(None), ast.Store())


def _outlives(place: ast.expr, function: Scope) -> bool:
    match place:
        case ast.Name(id=name):
            return name in declared(function, ast.Global, ast.Nonlocal)
        case ast.Attribute(value=ast.Name(id=base)):
            return is_self(base, function)
        case ast.Subscript(value=ast.Name(id=name)):
            found = function.lookup(name)
            return bool(found) and all(isinstance(b.scope.node, ast.Module) for b in found)
        case ast.Subscript(value=ast.Attribute(value=ast.Name(id=base))):
            return is_self(base, function)
    return False


def _serves(block: SessionBlock, store: ast.stmt) -> bool:
    """Tell whether the rest of the block, or whoever it yields to, can work with what is stored."""
    for node in own_nodes(block.node):
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if isinstance(node, ast.Call) and node.lineno > store.lineno:
            callee = node.func
            while isinstance(callee, (ast.Attribute, ast.Call)):
                callee = callee.func if isinstance(callee, ast.Call) else callee.value
            if not isinstance(callee, ast.Name) or callee.id != block.name:
                return True
    return False


def _is_reset(place: ast.expr, store: ast.stmt, body: list[ast.stmt]) -> bool:
    """Tell whether a later statement of the function empties the place again."""
    later = [statement for statement in statements(body) if statement.lineno > store.lineno]
    return any(_empties(statement, place) for statement in later)


def _empties(statement: ast.stmt, place: ast.expr) -> bool:
    container = ast.unparse(place.value) if isinstance(place, ast.Subscript) else ""
    match statement:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            texts = {ast.unparse(target) for target in targets}
            in_container = {t.rpartition("[")[0] for t in texts if t.endswith("]")}
            return ast.unparse(place) in texts or bool(container and container in in_container)
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=emptied, attr=method))):
            return method in REMOVERS and ast.unparse(emptied) == container
    return False
