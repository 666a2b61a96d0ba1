"""Whether the close of a borrowed session does any harm, or lets the session go on purpose."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise
from typing import TypeGuard

from flake8_dbsession.analysis.effects.calls import received_as
from flake8_dbsession.analysis.effects.work.model import Did
from flake8_dbsession.analysis.effects.work.uses import thing_of, uses_of_name
from flake8_dbsession.analysis.facts.acquisition.callers import calls_of, is_passed_on
from flake8_dbsession.analysis.facts.lifetime.hand_closes import (
    HandClose,
    Origin,
    gives_new,
    injected_by,
)
from flake8_dbsession.analysis.facts.lifetime.late_loads import loads_later
from flake8_dbsession.analysis.facts.scope.carrying import calls_in, scopes_mentioning
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    LOOPS,
    Parameter,
    Scope,
    body_of,
    statements,
)
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import FunctionValue, Role
from flake8_dbsession.analysis.nodes import (
    arguments,
    blocks,
    dotted_name,
    is_name,
    nodes_in,
    own_nodes,
    start_of,
    unawaited,
)

_ENDING = frozenset({"commit", "rollback"})
_ENDED = Did.COMMITS | Did.ROLLS_BACK
_SAVING = Did.COMMITS | Did.MAY_END
_LASTING = Did.WRITES | Did.DEFINES
# What does nothing with a session that is closed already, and empty.
_IDLE = frozenset({"aclose", "close", "commit", "expunge_all", "remove", "reset", "rollback"})


def does_harm(close: HandClose, tree: Tree, inference: Inference) -> bool:
    """Tell whether somebody loses by the close of a session that is not the function's own.

    Args:
        close: the close of a borrowed session.
        tree: the visited part of the file, for its callers.
        inference: finds the dependency and the callers.

    Returns:
        True where writes are lost that nothing committed, and where the owner or a caller in sight
        uses the session afterwards, or none is in sight. False where the function ended the
        transaction itself right before, and so lets the session go on purpose. A registry gives
        another session to whoever asks for one afterwards: there an object may need the closed one.
    """
    if close.known.role is Role.REGISTRY:
        return _loses_writes(close, inference) or loads_later(close, inference)
    is_harm = _loses_writes(close, inference) or (
        not _is_ended_before(close) and _is_used_afterwards(close, tree, inference) is not False
    )
    return is_harm and not _is_handed_over_elsewhere(close, inference)


def _is_handed_over_elsewhere(close: HandClose, inference: Inference) -> bool:
    """Tell whether another module starts the function, or gives it a session for good."""
    if close.origin not in (Origin.PARAMETER, Origin.EITHER):
        return False
    return is_passed_on(close.scope, inference) or any(
        gives_new(call.node, call.inner, inference)
        for call in calls_of(close.scope, inference)
        if call.scope.module.path != close.scope.module.path
    )


def _loses_writes(close: HandClose, inference: Inference) -> bool:
    session = dotted_name(close.receiver)
    if not session:
        return False
    acts = uses_of_name(session, close.scope, thing_of(close.known), inference).acts
    if close.node in acts and acts[close.node].ever & _SAVING:
        return False
    before = [node for node in acts if isinstance(node, ast.Call) and _is_before(node, close.node)]
    ended = [start_of(node) for node in before if acts[node].always & _ENDED]
    written = [start_of(node) for node in before if acts[node].since & _LASTING]
    return bool(written) and max(written) > max(ended, default=(0, 0))


def _is_used_afterwards(close: HandClose, tree: Tree, inference: Inference) -> bool | None:
    """Tell whether the owner or a caller works with the session later; None where none is found."""
    if close.origin is Origin.DEPENDENCY:
        uses = _uses_after_yield(close, inference)
        return False if uses is None and _is_all_that_is_done(close) else uses
    if close.origin in (Origin.PARAMETER, Origin.EITHER):
        answers = list(_callers(close, tree, inference)) or list(_others(close, inference))
        return any(answers) if answers else None
    return None


def _uses_after_yield(close: HandClose, inference: Inference) -> bool | None:
    """Tell whether the dependency that gives the session works with it when it is given back."""
    for dependency in _dependencies(close, inference):
        nodes = own_nodes(dependency.node)
        for handed in nodes:
            if isinstance(handed, ast.Yield) and handed.value is not None:
                session = dotted_name(handed.value)
                later = (node for node in nodes if isinstance(node, ast.Call))
                return any(
                    _works(node, session) for node in later if start_of(node) > start_of(handed)
                )
    return None


def _is_all_that_is_done(close: HandClose) -> bool:
    """Tell whether a function only lets go of a session, which served others before it."""
    return all(
        node is close.receiver or not is_name(node, close.giver)
        for statement in body_of(close.scope.node)
        for node in nodes_in(statement)
    )


def _dependencies(close: HandClose, inference: Inference) -> Iterator[FunctionValue]:
    for binding in close.scope.bindings(close.giver):
        if isinstance(binding.how, Parameter):
            for injected, scope in injected_by(binding.how, close.scope, inference):
                value = inference.value(injected, scope)
                if isinstance(value, FunctionValue):
                    yield value


def _works(call: ast.Call, session: str | None) -> bool:
    match call.func:
        case ast.Attribute(value=owner, attr=method):
            return dotted_name(owner) == session and method not in _IDLE
    return False


def _callers(close: HandClose, tree: Tree, inference: Inference) -> Iterator[bool]:
    """Tell for each call of the function in its file whether the caller uses the session later."""
    name = getattr(close.scope.node, "name", "")
    for caller in scopes_mentioning(tree.scope, {f"{name}("}):
        for call, scope, _ in calls_in(caller, {name}):
            for argument in filter(_is_any_name, arguments(call)):
                received = received_as(call, argument.id, scope, inference)
                if received == (close.scope.node, close.giver):
                    yield _is_read_after(argument.id, call, scope)


def _others(close: HandClose, inference: Inference) -> Iterator[bool]:
    """Tell the same for calls in other modules.

    A caller to whom the session was given itself says nothing of what its own caller does.
    """
    for call in calls_of(close.scope, inference):
        for argument in filter(_is_any_name, arguments(call.node)):
            received = received_as(call.node, argument.id, call.inner, inference)
            if received is not None and received[1] == close.giver:
                known = inference.known(argument, call.inner)
                is_own = known is not None and known.role is Role.OPENED
                is_read = _is_read_after(argument.id, call.node, call.inner)
                if is_read or is_own:
                    yield is_read


def _is_any_name(expression: ast.expr) -> TypeGuard[ast.Name]:
    return isinstance(expression, ast.Name)


def _is_read_after(session: str, call: ast.Call, scope: Scope) -> bool:
    """Tell whether a function reads a session after a call, or in the next turn of its loop."""
    function = scope.function() or scope.module.scope
    nodes = own_nodes(function.node)
    closed = {
        node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr in _IDLE
    }
    loops = (each for each in statements(body_of(function.node)) if isinstance(each, LOOPS))
    around = [loop for loop in loops if loop.lineno < call.lineno <= (loop.end_lineno or 0)]
    if around and not _is_bound_in(session, around[0]):
        return True
    return any(
        is_name(node, session)
        and isinstance(node.ctx, ast.Load)
        and node not in closed
        and start_of(node) > (call.end_lineno or call.lineno, call.end_col_offset or 0)
        for node in nodes
    )


def _is_bound_in(name: str, loop: ast.stmt) -> bool:
    return any(is_name(node, name) and isinstance(node.ctx, ast.Store) for node in own_nodes(loop))


def _is_ended_before(close: HandClose) -> bool:
    """Tell whether the statement right before the close commits or rolls back."""
    session = dotted_name(close.receiver)
    for node in (close.scope.node, *own_nodes(close.scope.node)):
        for block in blocks(node):
            for before, statement in pairwise(block):
                if _called_in(statement) is close.node:
                    call = _called_in(before)
                    return call is not None and session is not None and _ends(call, session)
    return False


def _called_in(statement: ast.AST) -> ast.Call | None:
    value = statement.value if isinstance(statement, ast.Expr) else None
    value = unawaited(value)
    return value if isinstance(value, ast.Call) else None


def _ends(call: ast.Call, session: str) -> bool:
    match call.func:
        case ast.Attribute(value=owner, attr=method):
            return method in _ENDING and dotted_name(owner) == session
    return False


def _is_before(node: ast.Call, close: ast.Call) -> bool:
    return start_of(node) < start_of(close)
