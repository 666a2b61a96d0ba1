"""The work that functions do by a session which a call gives them, or their object holds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

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

# These may see to an error before it leaves, wherever they stand; a rollback only where an error
# comes to it.
_ENDING = {"__exit__", "close", "invalidate", "reset"}
_SEEING_TO = TRANSACTIONS | _ENDING | {"rollback"}

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
        to work by the session, but for what something catches the errors of, or may roll back.
    """
    return _work_by(call, caller, in_loop=in_loop, well=True)


def first_work(call: ast.Call, caller: Reach) -> tuple[str, ...]:
    """Give the methods by which a called function fails with a session that has failed before.

    Args:
        call: as `failing_work` takes it.
        caller: as `failing_work` takes it.

    Returns:
        The methods, as `failing_work` gives them. None where the function may roll back anywhere,
        for that may come first.
    """
    return _work_by(call, caller, in_loop=False, well=False)


def _work_by(call: ast.Call, caller: Reach, *, in_loop: bool, well: bool) -> tuple[str, ...]:
    reached = caller.run_by(call) or closure_run_by(call, caller)
    if reached is None:
        return ()
    is_run = in_loop or isinstance(caller.scope.node, ast.AsyncFunctionDef)
    return caller.inference.questions.ask(
        reached.scope.memory,
        ("failing work", reached.question, is_run, well),
        lambda: tuple(_work_of(reached, in_loop=is_run, well=well)),
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


def _work_of(reach: Reach, *, in_loop: bool, well: bool) -> Iterator[str]:
    """Give the methods by which a function fails.

    Args:
        reach: how it reaches the session.
        in_loop: whether an event loop runs it.
        well: whether the session is well where the function begins; else a rollback anywhere in it
            may be what comes first.
    """
    methods = dict(reach.methods())
    if _may_be_ended(reach, methods) if well else _may_see_to_any(reach, methods):
        return
    caught = _caught_in(reach, in_loop=in_loop)
    for call in reach.calls:
        if call in caught:
            continue
        if call in methods:
            yield from (method for method in (methods[call],) if method in WORK)
        else:
            yield from _work_by(call, reach, in_loop=in_loop, well=well)


def _may_see_to_any(reach: Reach, methods: Mapping[ast.Call, str]) -> bool:
    """Tell whether a function rolls the session back or closes it, wherever it does so."""
    if not _SEEING_TO.isdisjoint(methods.values()):
        return True
    return any(_only_sees_to(call, reach) for call in reach.calls if call not in methods)


def _may_be_ended(reach: Reach, methods: Mapping[ast.Call, str]) -> bool:
    """Tell whether a function closes the session, or holds a transaction to end it by hand."""
    if not _ENDING.isdisjoint(methods.values()):
        return True
    blocks = {item.context_expr for node in own_nodes(reach.scope.node) for item in _items(node)}
    begun = (call for call, method in methods.items() if method in TRANSACTIONS)
    return not blocks.issuperset(begun)


def _caught_in(reach: Reach, *, in_loop: bool) -> set[ast.AST]:
    """Give what a function does whose errors it catches, or rolls back before they leave."""
    nodes = own_nodes(reach.scope.node)
    tries = [tried for node in nodes if (tried := as_try(node)) is not None]
    caught = set(in_tries(tried for tried in tries if not _only_raises(tried, reach)))
    guarded: list[ast.AST] = []
    for node in nodes:
        if any(_is_seen_to_at(item.context_expr, reach) for item in _items(node)):
            guarded += getattr(node, "body", ())
    for tried in tries:
        if _sees_to(tried.finalbody, reach):
            guarded += [*tried.body, *tried.handlers, *tried.orelse]
        # What a handler does after its rollback rarely fails as well.
        guarded += [part for h in tried.handlers if _sees_to(h.body, reach) for part in h.body]
    caught |= {inner for part in guarded for inner in nodes_in(part)}
    if in_loop:
        caught |= {inner for tried in tries for inner in _done_without_loop(tried, reach)}
    return caught


def _items(node: ast.AST) -> list[ast.withitem]:
    return node.items if isinstance(node, (ast.With, ast.AsyncWith)) else []


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
    if any(_sees_to(handler.body, reach) for handler in tried.handlers):
        return False
    inside = [inner for h in tried.handlers for part in h.body for inner in nodes_in(part)]
    raises = all(isinstance(handler.body[-1], ast.Raise) for handler in tried.handlers)
    return raises and not any(isinstance(inner, ast.Return) for inner in inside)


def _sees_to(body: list[ast.stmt], reach: Reach) -> bool:
    """Tell whether statements may roll the session back or close it, on some way."""
    calls = (n for part in body for n in nodes_in(part) if isinstance(n, ast.Call))
    methods = dict(reach.methods())
    return any(methods.get(c) in _SEEING_TO or reach.done_by(c) & _MAY_SEE_TO for c in calls)


def _is_seen_to_at(context: ast.expr, reach: Reach) -> bool:
    match context:
        case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in TRANSACTIONS:
            return reach.is_session(owner)
    given = arguments(context) if isinstance(context, ast.Call) else []
    names = {dotted_name(argument) for argument in given if reach.is_session(argument)}
    return any(may_see_to(context, name, reach.scope, reach.inference) for name in names)
