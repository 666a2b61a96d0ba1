"""Sessions and connections handed to work that runs beside the code that hands them over."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from enum import Enum

from flake8_dbsession.analysis.effects.awaitables import gives_no_awaitable
from flake8_dbsession.analysis.effects.locks import library_object
from flake8_dbsession.analysis.facts.connection.connecting import is_for_threads, opening_call
from flake8_dbsession.analysis.facts.scope.awaited_tasks import is_over_before
from flake8_dbsession.analysis.facts.scope.carrying import (
    as_held,
    calls_in,
    captured,
    carried,
    of_receiver,
    scopes_mentioning,
)
from flake8_dbsession.analysis.facts.scope.early_work import is_done_before_waiting
from flake8_dbsession.analysis.facts.scope.idle_work import does_no_work
from flake8_dbsession.analysis.facts.scope.own_workers import is_for_worker_alone
from flake8_dbsession.analysis.facts.scope.shared_commits import may_commit
from flake8_dbsession.analysis.library.running import (
    EVENT_LOOPS,
    GATHERS,
    GROUPS,
    POOL_METHODS,
    PROCESS_POOLS,
    PROCESS_STARTS,
    TASKS,
    THREAD_POOLS,
    THREADS,
    WAITS,
)
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import (
    COMPREHENSIONS,
    LOOPS,
    Assigned,
    Binding,
    Entered,
    Parameter,
    Scope,
    last_segment,
)
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import FunctionValue, Role, RoleValue
from flake8_dbsession.analysis.nodes import (
    arguments,
    is_name,
    keyword_of,
    names,
    nodes_in,
    own_nodes,
    root_of,
)
from flake8_dbsession.named_tuples import NamedTuple

_NAMES = POOL_METHODS | {
    "Process",
    "Thread",
    "Timer",
    "as_completed",
    "create_task",
    "ensure_future",
    "gather",
    "run_in_executor",
    "start_soon",
    "wait",
}
_WORDS = [f"{name}(" for name in _NAMES]
_WHOLE = frozenset({"as_completed", "gather", "wait"})
# What passes the coroutine, or the callable with its arguments, on to the loop.
_PASSING = frozenset(
    {
        "create_task",
        "ensure_future",
        "run_in_executor",
        "run_in_threadpool",
        "run_sync",
        "shield",
        "to_thread",
        "wait_for",
    }
)
# What starts the work once, with the arguments as they are.
_STARTING_ONE = frozenset({"Thread", "Timer", "apply_async", "run_in_executor", "submit"})
_PASSED_THROUGH = frozenset({"shield", "wait_for", "wrap_future", "run_until_complete"})
_TURNS = (*LOOPS, *COMPREHENSIONS)
# The drivers whose connections serve only the thread that opened them, unless they are told to.
_BOUND_TO_A_THREAD = frozenset({"sqlite3"})


class Hop(Enum):
    """What runs the work: a thread, an executor, the event loop."""

    THREAD = "thread"
    EXECUTOR = "executor"
    PROCESS = "process"
    TASK = "task"
    GATHER = "gather"
    GROUP = "task group"


class Handover(NamedTuple):
    """A session or connection handed to concurrent work.

    Attributes:
        node: the call that starts the work.
        hop: by what the work runs.
        callee: the callee as it is written.
        session: the session or connection as it is written.
        known: what it is.
        scope: the scope of the call.
        is_told_to_share: whether it is a connection that was opened for several threads.
        may_commit: whether the work, or the function that starts it, may commit.
    """

    node: ast.Call
    hop: Hop
    callee: str
    session: str
    known: RoleValue
    scope: Scope
    is_told_to_share: bool = False
    may_commit: bool = True


class _Start(NamedTuple):
    """A call that starts concurrent work, with the nodes around it, the nearest first."""

    node: ast.Call
    hop: Hop
    scope: Scope
    around: list[ast.AST]


class _Work(NamedTuple):
    """A coroutine; ``turn`` is the loop or comprehension that makes many of it."""

    coroutine: ast.expr
    scope: Scope
    turn: ast.AST | None = None


def handovers(tree: Tree, inference: Inference) -> Iterator[Handover]:
    """Find the sessions and connections that concurrent work is given.

    Args:
        tree: the visited part of a file.
        inference: answers what callees and arguments stand for.

    Yields:
        One for each call and session. Work that is awaited where it is started is left out, and so
        is a session that only one of the coroutines run together is given.
    """
    for scope in scopes_mentioning(tree.scope, _WORDS):
        starts = list(_starts(scope, inference))
        groups = _groups(starts)
        for start in starts:
            seen: dict[str, ast.expr] = {}
            for session in _handed_by(start, groups, inference):
                seen.setdefault(ast.unparse(session), session)
            for text, session in seen.items():
                known = as_held(session, start.scope, inference)
                if known is not None:
                    callee = ast.unparse(start.node.func)
                    opening = opening_call(session, start.scope, inference)
                    shares = opening is not None and is_for_threads(opening)
                    commits = may_commit(start.node, session, known, start.scope, inference)
                    yield Handover(
                        start.node, start.hop, callee, text, known, start.scope, shares, commits
                    )


def _handed_by(
    start: _Start, groups: dict[str, list[_Start]], inference: Inference
) -> Iterator[ast.expr]:
    """Give the sessions that a call shares with concurrent work."""
    if start.hop is Hop.GATHER:
        yield from _shared(list(_gathered(start)), inference)
    elif start.hop is Hop.GROUP:
        yield from _shared(_grouped(start, groups), inference)
    elif _is_awaited(start):
        return
    elif start.hop is Hop.TASK:
        for coroutine in start.node.args[:1]:
            for session in _in_work(coroutine, start.scope, inference):
                if not _is_taken_over(session, start, coroutine, inference):
                    yield session
    else:
        for argument in arguments(start.node):
            for session in carried(argument, start.scope, inference):
                if not _is_idle(session, start, inference) and not _is_given_away(
                    session, start, inference
                ):
                    yield session


def _is_idle(session: ast.expr, start: _Start, inference: Inference) -> bool:
    """Tell whether what a thread runs does no work by a session."""
    call = _call_in_thread(start.node) if isinstance(session, ast.Name) else None
    return call is not None and does_no_work(call, session.id, start.scope, inference)  # type: ignore[attr-defined]


def _call_in_thread(start: ast.Call) -> ast.Call | None:
    """Give the call that a thread makes, as the function that is run gets its arguments."""
    match last_segment(start.func), start.args:
        case "submit", [function, *given]:
            return _call_of(function, given, start.keywords)
        case "run_in_executor", [_, function, *given]:
            return _call_of(function, given, [])
        case "Timer", [_, function, *several]:
            return _call_of_parts(start, function, several)
        case "Thread", []:
            target = keyword_of(start, "target")
            return _call_of_parts(start, target, []) if target is not None else None
    return None


def _call_of_parts(start: ast.Call, function: ast.expr, several: list[ast.expr]) -> ast.Call | None:
    """Give the call of a function whose arguments stand in a list and a dictionary."""
    given = several[0] if several else keyword_of(start, "args") or ast.Tuple([], ast.Load())
    match given, keyword_of(start, "kwargs") or ast.Dict([], []):
        case (
            ast.Tuple(elts=arguments) | ast.List(elts=arguments),
            ast.Dict(keys=keys, values=values),
        ) if len(several) < 2:
            named = [getattr(key, "value", None) for key in keys]  # none where it is no constant
            pairs = zip(named, values, strict=True)
            return _call_of(function, arguments, [ast.keyword(*pair) for pair in pairs])
    return None


def _call_of(
    function: ast.expr, arguments: list[ast.expr], keywords: list[ast.keyword]
) -> ast.Call:
    return ast.copy_location(ast.Call(function, arguments, keywords), function)


def _is_given_away(session: ast.expr, start: _Start, inference: Inference) -> bool:
    """Tell whether a thread alone uses what the function that started it, or its object, opened.

    No connection of one process serves another.
    """
    known = as_held(session, start.scope, inference)
    if start.hop is Hop.PROCESS or known is None or known.library in _BOUND_TO_A_THREAD:
        return False
    if isinstance(session, ast.Attribute):
        return _is_of_own_worker(session, start, inference)
    if not isinstance(session, ast.Name) or last_segment(start.node.func) not in _STARTING_ONE:
        return False
    if known.role is not Role.OPENED or not _is_opened_for(session, start):
        return False
    return not _is_read_besides(session, start)


def _is_opened_for(session: ast.Name, start: _Start) -> bool:
    """Tell whether a function assigns a session itself, anew for each work that a loop starts."""
    function = start.scope.function()
    hows = [binding.how for binding in function.bindings(session.id)] if function else []
    is_own = bool(hows) and all(isinstance(how, Assigned) for how in hows)
    loops = [node for node in start.around if isinstance(node, _TURNS)]
    return is_own and all(_binds_in(session.id, loop) for loop in loops)


def _is_read_besides(session: ast.Name, start: _Start) -> bool:
    """Tell whether a session is read once its work has begun, or by other work."""
    function = start.scope.function()
    assert function is not None
    own = set(nodes_in(start.node))
    others = {
        inner
        for call, _, _ in calls_in(function, _NAMES)
        if call is not start.node
        for inner in nodes_in(call)
    }
    return any(
        is_name(node, session.id)
        and isinstance(node.ctx, ast.Load)
        and node not in own
        and (node.lineno >= start.node.lineno or node in others)
        for node in nodes_in(function.node)
    )


def _is_of_own_worker(session: ast.expr, start: _Start, inference: Inference) -> bool:
    is_one = not any(isinstance(node, _TURNS) for node in start.around)
    return is_one and is_for_worker_alone(session, start.node, start.scope, inference)


def _binds_in(name: str, turn: ast.AST) -> bool:
    """Tell whether a loop binds a name in its body."""
    return any(
        isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name
        for node in nodes_in(turn)
    )


def _is_taken_over(
    session: ast.expr, start: _Start, coroutine: ast.expr, inference: Inference
) -> bool:
    """Tell whether a task does nothing with a session, or has it to itself until it is awaited."""
    kept, function, owner = _kept_as(start), start.scope.function(), root_of(session)
    if isinstance(session, ast.Name):
        if does_no_work(coroutine, session.id, start.scope, inference):
            return True
        is_beside = _is_beside_another(session, start, inference)
    else:
        if _is_of_own_worker(session, start, inference):
            return True
        # The methods of an object work beside each other, and so may what is in a list.
        is_beside = _is_receiver(owner, start.scope) or not isinstance(start.around[0], ast.Assign)
    if not kept or function is None or is_beside or not isinstance(owner, ast.Name):
        return False
    later = [
        node
        for node in own_nodes(function.node)
        if getattr(node, "lineno", 0) > (start.node.end_lineno or 0)
    ]
    is_awaited = any(isinstance(node, ast.Await) and names(node, *kept) for node in later)
    is_used = any(
        (is_name(node, owner.id) or _takes_along(node, owner.id, start.scope, inference))
        and not is_over_before(node, kept, function)
        for node in later
    )
    return is_awaited and not is_used


def _is_receiver(owner: ast.expr, scope: Scope) -> bool:
    """Tell whether a name is a method's object, also in a function inside the method."""
    hows = (
        [binding.how for binding in scope.lookup(owner.id)] if isinstance(owner, ast.Name) else []
    )
    return any(isinstance(how, Parameter) and how.is_receiver for how in hows)


def _takes_along(node: ast.AST, owner: str, scope: Scope, inference: Inference) -> bool:
    """Tell whether a node names a nested function that works with what a name leads to."""
    return isinstance(node, ast.Name) and any(
        is_name(root_of(taken), owner) for taken in captured(node, scope, inference)
    )


def _kept_as(start: _Start) -> frozenset[str]:
    """Give the names of a task, or of the list that it stands in by itself; nothing for neither."""
    match start.around:
        case [ast.Assign(targets=targets), *_] | [
            ast.List() | ast.Tuple(),
            ast.Assign(targets=targets),
            *_,
        ]:
            return frozenset(target.id for target in targets if isinstance(target, ast.Name))
        case [ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append")), *above]:
            is_one = not any(isinstance(node, _TURNS) for node in above)
            return frozenset({name} if is_one else ())
    return frozenset()


def _is_beside_another(session: ast.Name, start: _Start, inference: Inference) -> bool:
    """Tell whether a task stands in a list, and the function starts other work with its session."""
    function = start.scope.function()
    if function is None or isinstance(start.around[0], ast.Assign):
        return False
    own = {start.node, *start.around}
    return any(
        isinstance(given, ast.Name) and given.id == session.id
        for call, inner, _ in calls_in(function, _NAMES)
        if call not in own
        for argument in arguments(call)
        for given in (
            *_in_work(argument, inner, inference),
            *carried(argument, inner, inference),
        )
    )


def _starts(scope: Scope, inference: Inference) -> Iterator[_Start]:
    for call, inner, around in calls_in(scope, _NAMES):
        hop = _hop(call, inner, inference)
        if hop is not None:
            yield _Start(call, hop, inner, around)


def _hop(call: ast.Call, scope: Scope, inference: Inference) -> Hop | None:
    match last_segment(call.func):
        case "Thread" | "Timer":
            is_thread = inference.qualified_name(call.func, scope) in THREADS
            return Hop.THREAD if is_thread else None
        case "Process":
            is_process = inference.qualified_name(call.func, scope) in PROCESS_STARTS
            return Hop.PROCESS if is_process else None
        case name if name in POOL_METHODS:
            receiver = _receiver(call, scope, inference)
            if receiver in PROCESS_POOLS:
                return Hop.PROCESS
            return Hop.EXECUTOR if receiver in THREAD_POOLS else None
        case "run_in_executor":
            return Hop.EXECUTOR if _receiver(call, scope, inference) in EVENT_LOOPS else None
        case "gather":
            is_gather = inference.qualified_name(call.func, scope) in GATHERS
            return Hop.GATHER if is_gather else None
        case "wait" | "as_completed":
            is_wait = inference.qualified_name(call.func, scope) in WAITS
            return Hop.GATHER if is_wait else None
        case "create_task" | "ensure_future":
            return _task_hop(call, scope, inference)
        case "start_soon":
            return Hop.GROUP if _receiver(call, scope, inference) in GROUPS else None
    return None


def _task_hop(call: ast.Call, scope: Scope, inference: Inference) -> Hop | None:
    receiver = _receiver(call, scope, inference)
    if receiver in GROUPS:
        return Hop.GROUP
    is_task = receiver in EVENT_LOOPS or inference.qualified_name(call.func, scope) in TASKS
    return Hop.TASK if is_task else None


def _receiver(call: ast.Call, scope: Scope, inference: Inference) -> str:
    if not isinstance(call.func, ast.Attribute):
        return ""
    return library_object(call.func.value, scope, inference)


def _is_awaited(start: _Start) -> bool:
    """Tell whether work is awaited where it is started, by itself or as a part of a ``gather``."""
    for node in start.around:
        match node:
            case ast.Await() | ast.Attribute(attr="result"):
                return True
            case ast.Call(func=function):
                if last_segment(function) not in _PASSED_THROUGH:
                    return last_segment(function) in _WHOLE
            case ast.Starred() | ast.List() | ast.Tuple() | ast.comprehension():
                pass
            case _:
                if not isinstance(node, COMPREHENSIONS):
                    return False
    return False


def _shared(works: list[_Work], inference: Inference) -> Iterator[ast.expr]:
    """Give the sessions that more than one of some coroutines are given."""
    times: Counter[str] = Counter()
    for work in works:
        sessions = {ast.unparse(s): s for s in _in_work(work.coroutine, work.scope, inference)}
        for text, session in sessions.items():
            if _takes_turns(work, session, inference) or _idles(work, session, inference):
                continue
            is_repeated = work.turn is not None and not _is_new_each_turn(session, work)
            times[text] += 1
            if is_repeated or times[text] > 1:
                yield session


def _takes_turns(work: _Work, session: ast.expr, inference: Inference) -> bool:
    """Tell whether a coroutine is done with a plain session before any other of them runs."""
    known = as_held(session, work.scope, inference)
    if known is None or known.is_async or not isinstance(session, ast.Name):
        return False
    return is_done_before_waiting(work.coroutine, session.id, work.scope, inference)


def _idles(work: _Work, session: ast.expr, inference: Inference) -> bool:
    """Tell whether a coroutine does no work by a session."""
    if not isinstance(session, ast.Name):
        return False
    return does_no_work(work.coroutine, session.id, work.scope, inference)


def _is_new_each_turn(session: ast.expr, work: _Work) -> bool:
    """Tell whether a session is opened inside the loop that starts the work with it."""
    if not isinstance(session, ast.Name):
        return False
    return any(_is_within(binding, work.turn) for binding in work.scope.lookup(session.id))


def _is_within(binding: Binding, turn: ast.AST | None) -> bool:
    match binding.how:
        case Assigned(value=opened) | Entered(context=opened):
            return turn is not None and any(node is opened for node in nodes_in(turn))
    return False


def _in_work(expression: ast.expr, scope: Scope, inference: Inference) -> Iterator[ast.expr]:
    """Find the sessions that a coroutine was made with."""
    match expression:
        case ast.Call(func=function) if last_segment(function) in _PASSING:
            for argument in arguments(expression):
                yield from _in_work(argument, scope, inference)
                yield from carried(argument, scope, inference)
        case ast.Call(func=function) if not _runs_at_once(function, scope, inference):
            if isinstance(function, ast.Attribute) and as_held(function.value, scope, inference):
                yield function.value
            yield from captured(function, scope, inference)
            yield from of_receiver(expression, scope, inference)
            for argument in arguments(expression):
                yield from carried(argument, scope, inference)
        case ast.Name(id=name):
            for made in _assigned(name, scope):
                if isinstance(made, ast.Call) and last_segment(made.func) not in _PASSING:
                    yield from _in_work(made, scope, inference)


def _runs_at_once(function: ast.expr, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call is over before anything is started: a plain function gives no work."""
    callee = inference.value(function, scope)
    return isinstance(callee, FunctionValue) and gives_no_awaitable(callee, inference)


def _assigned(name: str, scope: Scope) -> list[ast.expr]:
    bindings = (binding.how for binding in scope.lookup(name))
    return [how.value for how in bindings if isinstance(how, Assigned) and not how.path]


def _gathered(start: _Start) -> Iterator[_Work]:
    given: list[ast.expr] = start.node.args
    if last_segment(start.node.func) != "gather":
        given = [ast.Starred(several, ast.Load()) for several in given[:1]]
    for argument in given:
        match argument:
            case ast.Starred(value=ast.Name(id=name)):
                yield from _in_list(name, start.scope)
            case ast.Starred(value=several):
                yield from _each_of(several, start.scope)
            case _:
                yield _Work(argument, start.scope)


def _each_of(several: ast.expr, scope: Scope) -> Iterator[_Work]:
    if isinstance(several, (ast.List, ast.Tuple)):
        yield from (_Work(element, scope) for element in several.elts)
    elif isinstance(several, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
        yield _Work(several.elt, scope.child(several), several)


def _in_list(name: str, scope: Scope) -> Iterator[_Work]:
    """Give what a local list is made of and what is appended to it.

    Work that is started already as it goes into the list is left out: its start tells by itself.
    """
    works = [work for several in _assigned(name, scope) for work in _each_of(several, scope)]
    function = scope.function()
    if function is not None:
        works += _appended(function).get(name, [])
    for work in works:
        if last_segment(work.coroutine) not in _PASSING:
            yield work


@remembered
def _appended(function: Scope) -> dict[str, list[_Work]]:
    """Give what a function appends to each of its lists."""
    found: dict[str, list[_Work]] = {}
    for call, inner, around in calls_in(function, ("append",)):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name)), args=[item]):
                turn = next((n for n in around if isinstance(n, _TURNS)), None)
                found.setdefault(name, []).append(_Work(item, inner, turn))
    return found


def _groups(starts: list[_Start]) -> dict[str, list[_Start]]:
    """Sort what is started in task groups by the names of the groups."""
    groups: dict[str, list[_Start]] = {}
    for start in starts:
        if start.hop is Hop.GROUP:
            groups.setdefault(_group_name(start), []).append(start)
    return groups


def _grouped(start: _Start, groups: dict[str, list[_Start]]) -> list[_Work]:
    """Give the coroutines of a task group; none where an earlier start speaks for the group."""
    group = _group_name(start)
    members = groups[group]
    if members[0] is not start:
        return []
    return [
        _Work(coroutine, member.scope, _turn_in_group(member, group))
        for member in members
        for coroutine in _started(member.node)
    ]


def _started(start: ast.Call) -> list[ast.expr]:
    """Give the coroutine that a group is given; ``start_soon`` makes it of what it is given."""
    if last_segment(start.func) != "start_soon" or not start.args:
        return start.args[:1]
    function, *given = start.args
    return [ast.copy_location(ast.Call(function, given, []), start)]


def _group_name(start: _Start) -> str:
    assert isinstance(start.node.func, ast.Attribute)
    return ast.unparse(start.node.func.value)


def _turn_in_group(start: _Start, group: str) -> ast.AST | None:
    """Give the loop inside a task group's block that starts a coroutine each turn."""
    for node in start.around:
        if isinstance(node, _TURNS):
            return node
        if isinstance(node, ast.AsyncWith):
            names = (item.optional_vars for item in node.items)
            if any(is_name(name, group) for name in names):
                return None
    return None
