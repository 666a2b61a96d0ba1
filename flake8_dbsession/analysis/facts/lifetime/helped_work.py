"""The work that functions do by a session which a call gives them, or their object holds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.effects.calls import received_as
from flake8_dbsession.analysis.effects.work.model import Did
from flake8_dbsession.analysis.effects.work.reach import Reach, reach_in
from flake8_dbsession.analysis.facts.scope.sequel import as_try, in_tries
from flake8_dbsession.analysis.library.methods import TRANSACTIONS, WORK
from flake8_dbsession.analysis.library.python import RUNNING_LOOP
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import External, FunctionValue
from flake8_dbsession.analysis.nodes import arguments, dotted_name, is_name, nodes_in, own_nodes

# Who does any of these may see to the error before it leaves.
_SEEING_TO = TRANSACTIONS | {"__exit__", "close", "invalidate", "reset", "rollback"}

_MAY_SEE_TO = Did.ROLLS_BACK | Did.CLOSES | Did.MAY_END


def methods_of(session: str, nodes: Iterable[ast.AST]) -> Iterator[tuple[ast.Call, str]]:
    """Give the calls of a session's methods among some nodes, each with the method's name."""
    for node in nodes:
        if isinstance(node, ast.Call):
            owner, _, method = dotted_name(node.func).rpartition(".")
            if owner == session:
                yield node, method


def failing_work(call: ast.Call, caller: Reach, *, in_loop: bool = False) -> tuple[str, ...]:
    """Give the methods of a session by which a called function fails, and leaves it so.

    Args:
        call: the call, which is given the session, or of an object's method that holds it.
        caller: how the session is reached where it stands.
        in_loop: whether an event loop runs the caller, asynchronous or not.

    Returns:
        The methods, in the order of the text: of the function's own work, and of what it calls
        to work by the session. None where something catches the errors, or may roll back.
    """
    reached = caller.run_by(call) or closure_run_by(call, caller)
    if reached is None:
        return ()
    is_run = in_loop or isinstance(caller.scope.node, ast.AsyncFunctionDef)
    return caller.inference.questions.ask(
        reached.scope.memory,
        ("failing work", reached.question, is_run),
        lambda: tuple(_work_of(reached, in_loop=is_run)),
        (),
    )


def closure_run_by(call: ast.Call, caller: Reach) -> Reach | None:
    """Follow a call of a function that is defined in the caller, and so has its names.

    Args:
        call: any call in the caller.
        caller: how the session is reached there.

    Returns:
        How the called function reaches the session; None where another is called, or where all
        that reaches the session has another meaning in it.
    """
    called = caller.inference.value(call.func, caller.scope)
    if not isinstance(called, FunctionValue) or called.scope.node is not caller.scope.node:
        return None
    scope = called.scope.child(called.node)
    known, _ = caller.question
    kept = frozenset((name, held) for name, held in known if not _is_bound_in(scope, name))
    return reach_in(scope, kept, inference=caller.inference) if kept else None


def _is_bound_in(scope: Scope, name: str) -> bool:
    return bool(scope.bindings(name.partition(".")[0]))


def may_see_to(context: ast.expr, session: str, scope: Scope, inference: Inference) -> bool:
    """Tell whether the end of a block may roll back or close a session that its call is given.

    Args:
        context: what the block is over.
        session: the session as it is written.
        scope: the scope of the block.
        inference: answers what is called.

    Returns:
        False for a function of the project that does nothing of the kind.
    """
    if not isinstance(context, ast.Call):
        return False
    if not any(dotted_name(given) == session for given in arguments(context)):
        return False
    received = received_as(context, session, scope, inference)
    if received is None:
        return True
    node, parameter = received
    calls = [call for call in own_nodes(node) if isinstance(call, ast.Call)]
    return any(
        dotted_name(call.func) in {f"{parameter}.{method}" for method in _SEEING_TO}
        or any(dotted_name(given) == parameter for given in arguments(call))
        for call in calls
    )


def _work_of(reach: Reach, *, in_loop: bool) -> list[str]:
    methods = dict(reach.methods())
    if not _SEEING_TO.isdisjoint(methods.values()):
        return []
    if any(_only_sees_to(call, reach) for call in reach.calls if call not in methods):
        return []
    nodes = own_nodes(reach.scope.node)
    tries = [tried for node in nodes if (tried := as_try(node)) is not None]
    caught = set(in_tries(tried for tried in tries if not _only_raises(tried, reach)))
    guarded = [
        node
        for node in nodes
        if isinstance(node, (ast.With, ast.AsyncWith))
        if any(_is_seen_to_at(item.context_expr, reach) for item in node.items)
    ]
    caught |= {inner for node in guarded for part in node.body for inner in nodes_in(part)}
    if in_loop:
        caught |= {inner for tried in tries for inner in _done_without_loop(tried, reach)}
    works: list[str] = []
    for call in reach.calls:
        if call in caught:
            continue
        if call in methods:
            works += [method for method in (methods[call],) if method in WORK]
        else:
            works += failing_work(call, reach, in_loop=in_loop)
    return works


def _done_without_loop(tried: ast.Try, reach: Reach) -> Iterator[ast.AST]:
    """Give what a ``try`` only does where no event loop runs, as its own body asks."""
    calls = (n for s in tried.body for n in nodes_in(s) if isinstance(n, ast.Call))
    called = (reach.inference.value(call.func, reach.scope) for call in calls)
    if any(isinstance(each, External) and each.name == RUNNING_LOOP for each in called):
        for handler in tried.handlers:
            if handler.type is not None and is_name(handler.type, "RuntimeError"):
                yield from (inner for part in handler.body for inner in nodes_in(part))


def _only_sees_to(call: ast.Call, reach: Reach) -> bool:
    """Tell whether a called function rolls the session back or closes it, and does no more."""
    did = reach.done_by(call)
    return bool(did) and not did & ~(Did.ROLLS_BACK | Did.CLOSES)


def _only_raises(tried: ast.Try, reach: Reach) -> bool:
    """Tell whether the handlers of a ``try`` raise in the end, and see to nothing before."""
    inside = [inner for h in tried.handlers for part in h.body for inner in nodes_in(part)]
    return all(isinstance(handler.body[-1], ast.Raise) for handler in tried.handlers) and not any(
        isinstance(inner, ast.Return)
        or (isinstance(inner, ast.Call) and reach.done_by(inner) & _MAY_SEE_TO)
        for inner in inside
    )


def _is_seen_to_at(context: ast.expr, reach: Reach) -> bool:
    given = arguments(context) if isinstance(context, ast.Call) else []
    names = {dotted_name(argument) for argument in given if reach.is_session(argument)}
    return any(may_see_to(context, name, reach.scope, reach.inference) for name in names)
