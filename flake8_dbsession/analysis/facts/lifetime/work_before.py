"""What a function has done by a session before a ``try``, and a rollback in it would undo."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.effects.calls import received_as
from flake8_dbsession.analysis.effects.work.acts import did_by
from flake8_dbsession.analysis.effects.work.changes import changes_objects
from flake8_dbsession.analysis.effects.work.model import LASTING, Did
from flake8_dbsession.analysis.effects.work.reach import Reach
from flake8_dbsession.analysis.facts.lifetime.helped_work import methods_of
from flake8_dbsession.analysis.facts.lifetime.session_calls import SessionCalls
from flake8_dbsession.analysis.facts.lifetime.session_objects import (
    bound_by,
    given_to,
    mentions,
    names_of_loaded,
)
from flake8_dbsession.analysis.flow import Graph
from flake8_dbsession.analysis.flow.graph import Bind, Enter, Evaluate, Event, Leave
from flake8_dbsession.analysis.library.methods import CHANGING, Effect, effect_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Function, Scope, last_segment
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue, Resource
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_ENDS = Effect.COMMITS | Effect.ROLLS_BACK | Effect.CLOSES
# Of PostgreSQL's and MySQL's statements and functions that hold a lock until the transaction ends.
_LOCKING = ("for update", "for share", "for no key update", "pg_advisory_xact_lock")
_LASTING_METHODS = CHANGING | {"commit", "execute", "flush"}
_QUERY_WRITES = frozenset({"delete", "update"})


class Left(NamedTuple):
    """Something that waits for the end of a session's transaction.

    Attributes:
        line: where it is done.
        is_lock: whether it is a lock; else it is a change, or a helper's that may have made one.
    """

    line: int
    is_lock: bool


def left_before(
    tried: ast.Try, graph: Graph, session: str, scope: Scope, inference: Inference
) -> Left | None:
    """Find what waits for the transaction's end where a ``try`` begins.

    Args:
        tried: the statement.
        graph: the control flow of its function.
        session: the session as it is written.
        scope: the function's scope.
        inference: follows the functions that are given the session.

    Returns:
        A change, or else a lock, the nearest one; None where the function has left nothing.
    """
    acts, lock = _Acts(session, scope, inference), None
    events, _ = _events_before(tried, graph, acts)
    for event in sorted(events, key=_line_of, reverse=True):
        left = acts.left_by(event)
        if left is not None and not left.is_lock:
            return left  # none of those above is nearer, and to follow each would take long
        lock = lock or left
    return lock


def is_ended_before(
    tried: ast.Try, graph: Graph, session: str, scope: Scope, inference: Inference
) -> bool:
    """Tell whether a function ends the transaction on every way to a ``try``, and leaves nothing.

    Args:
        tried: the statement.
        graph: the control flow of its function.
        session: the session as it is written.
        scope: the function's scope.
        inference: follows the functions that are given the session.
    """
    acts = _Acts(session, scope, inference)
    events, is_open = _events_before(tried, graph, acts)
    return not is_open and not any(map(acts.left_by, events))


def _line_of(event: Event) -> int:
    """Give the line of an event; 0 where none is told."""
    node = event.target if isinstance(event, Bind) else getattr(event, "node", None)
    node = node.context_expr if isinstance(node, ast.withitem) else node
    return node.lineno if isinstance(node, (ast.expr, ast.stmt)) else 0


def reads_expired(
    handler: ast.ExceptHandler, tried: ast.Try, function: Function, session: str
) -> bool:
    """Tell whether objects of a session are read after a handler that a commit has expired.

    To read one loads it again. Plain attributes of theirs that were kept are none, and nor is what
    the statement itself was to load.

    Args:
        handler: the handler.
        tried: its statement.
        function: its function.
        session: the session as it is written.
    """
    nodes = own_nodes(function)
    first, last = handler.lineno, handler.end_lineno or handler.lineno
    methods = list(methods_of(session, nodes))
    if not any(method == "commit" and call.lineno < first for call, method in methods):
        return False
    names = names_of_loaded(nodes, session, parts=False) | given_to(CHANGING, methods)
    names -= given_to({"refresh"}, methods)
    names -= {name for node in nodes_in(tried) for bound, _ in bound_by(node) for name in bound}
    return any(
        isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node.lineno > last
        and node.id in names
        for node in nodes
    )


def notes_after(handler: ast.ExceptHandler, function: Function, session: str) -> bool:
    """Tell whether objects are noted for the next flush after a handler.

    Args:
        handler: the handler.
        function: its function.
        session: the session as it is written.
    """
    last = handler.end_lineno or handler.lineno
    methods = methods_of(session, own_nodes(function))
    return any(call.lineno > last and method in CHANGING for call, method in methods)


def _events_before(tried: ast.Try, graph: Graph, acts: _Acts) -> tuple[list[Event], bool]:
    """Give the events before a ``try``, back to the last end of the transaction on each way.

    Returns:
        The events, and whether some way leads back to where the function begins.
    """
    sources: dict[int, list[int]] = {}
    for number, block in enumerate(graph.blocks):
        for edge in block.edges:
            sources.setdefault(edge.target, []).append(number)
    pending = [
        number
        for number, block in enumerate(graph.blocks)
        if any(_is_within(event, tried.body) for event in block.events)
    ]
    seen, events, is_open = set(pending), list[Event](), False
    while pending:
        number = pending.pop()
        for event in reversed(graph.blocks[number].events):
            if _is_within(event, [tried]):
                continue
            if acts.ends(event):
                break
            events.append(event)
        else:
            is_open = is_open or number == graph.entry
            following = set(sources.get(number, ())) - seen
            seen |= following
            pending += following
    return events, is_open


class _Acts:
    """What the events of a function do by its session.

    Args:
        session: the session as it is written.
        scope: the function's scope.
        inference: follows the functions that are given the session.
    """

    def __init__(self, session: str, scope: Scope, inference: Inference) -> None:
        self._calls = SessionCalls(session, None, scope, inference)
        self._session = session
        self._scope = scope
        self._inference = inference
        self._loaded = names_of_loaded(own_nodes(scope.node), session)

    def ends(self, event: Event) -> bool:
        """Tell whether an event ends the transaction, or begins the session."""
        match event:
            case Evaluate(node=ast.Call(func=ast.Attribute(value=owner, attr=method))) if (
                self._calls.is_session(owner)
            ):
                effect = effect_of(Resource.SESSION, method)
                return effect is not None and bool(effect & _ENDS)
            case Evaluate(node=ast.Call() as call):
                return self._commits_in_the_end(call)
            case Bind(target=target):
                is_named = isinstance(target, str) and target == self._session
                return is_named or self._calls.is_session(target)
            case Leave(node=item) if last_segment(item.context_expr) == "begin":
                return self._calls.is_method(item.context_expr)
            case Enter(node=item):
                return item.optional_vars is not None and self._calls.is_session(item.optional_vars)
        return False

    def _commits_in_the_end(self, call: ast.Call) -> bool:
        """Tell whether a function that is given the session commits it after all its changes."""
        return _commits_all(self._calls.reach.run_by(call))

    def left_by(self, event: Event) -> Left | None:
        """Give what an event leaves for the transaction's end; None for nothing."""
        match event:
            case Evaluate(node=ast.Call() as call):
                return self._left_by_call(call)
            case Bind(target=ast.Attribute(value=base) as target) if self._is_loaded(base):
                return Left(target.lineno, is_lock=False)
        return None

    def _left_by_call(self, call: ast.Call) -> Left | None:
        if self._changes_by(call) or self._sets_attribute(call):
            return Left(call.lineno, is_lock=False)
        if _locks(call) and mentions(call, {self._session}):
            return Left(call.lineno, is_lock=True)
        if self._calls.is_given(call) and self._may_leave(call):
            return Left(call.lineno, is_lock=False)
        if self._calls.reach.is_of_carrier(call) and self._leaves_by_object(call):
            return Left(call.lineno, is_lock=False)
        return None

    def _leaves_by_object(self, call: ast.Call) -> bool:
        """Tell whether a method of an object that holds the session changes data, or locks it."""
        reached = self._calls.reach.run_by(call)
        if reached is None:
            return False
        return bool(self._calls.reach.done_by(call) & LASTING) or any(map(_locks, reached.calls))

    def _sets_attribute(self, call: ast.Call) -> bool:
        match call:
            case ast.Call(func=ast.Name(id="setattr"), args=[base, *_]):
                return self._is_loaded(base)
        return False

    def _may_leave(self, call: ast.Call) -> bool:
        """Tell whether a function that is given the session may change data, or take a lock."""
        received = received_as(call, self._session, self._scope, self._inference)
        callee = self._inference.value(call.func, self._scope)
        if isinstance(callee, ClassValue):
            return self._makes_changes(callee)
        if received is None or not isinstance(callee, FunctionValue):
            return True
        function, name = received
        scope = callee.scope.child(function)
        takes_lock = any(isinstance(n, ast.Call) and _locks(n) for n in own_nodes(function))
        return takes_lock or changes_objects(scope, name, inference=self._inference)

    def _makes_changes(self, cls: ClassValue) -> bool:
        """Tell whether a class's constructor may change data by the session that it is given."""
        constructor = self._inference.constructor(cls)
        return constructor is not None and any(
            isinstance(node, ast.Call) and last_segment(node) in _LASTING_METHODS
            for node in own_nodes(constructor.node)
        )

    def _changes_by(self, call: ast.Call) -> bool:
        """Tell whether a call changes data by the session, or may: by an unknown statement."""
        match call.func:
            case ast.Attribute(value=ast.Call() as query, attr=method) if method in _QUERY_WRITES:
                return mentions(query, {self._session})
            case ast.Attribute(value=owner) if self._calls.is_session(owner):
                did = did_by(call, Resource.SESSION, self._scope, self._inference)
                return bool(did & LASTING)
        return False

    def _is_loaded(self, expression: ast.AST) -> bool:
        return _is_object(expression, self._session, self._loaded)


def _commits_all(reached: Reach | None, inside: frozenset[Scope] = frozenset()) -> bool:
    """Tell whether a function commits after all its changes, in the order of its text.

    Args:
        reached: the function; None for one that cannot be followed.
        inside: the functions that call it, in which it is called again.
    """
    if reached is None or reached.scope in inside:
        return False
    methods, is_committed = dict(reached.methods()), False
    inside |= {reached.scope}
    for call in reached.calls:
        if methods.get(call) == "commit":
            is_committed = True
        elif call in methods:
            did = did_by(call, Resource.SESSION, reached.scope, reached.inference)
            is_committed = is_committed and not did & LASTING and methods[call] != "flush"
        elif reached.done_by(call) & (LASTING | Did.COMMITS):
            is_committed = _commits_all(reached.run_by(call), inside)
    return is_committed


def _is_within(event: Event, body: list[ast.stmt]) -> bool:
    first, last = body[0].lineno, body[-1].end_lineno or body[-1].lineno
    return first <= _line_of(event) <= last


def _locks(call: ast.Call) -> bool:
    """Tell whether a call takes a lock that the end of the transaction releases."""
    if last_segment(call) == "with_for_update":
        return True
    for node in nodes_in(call):
        match node:
            case ast.keyword(arg="with_for_update", value=value):
                return not (isinstance(value, ast.Constant) and not value.value)
            case ast.Call(func=ast.Attribute(attr="with_for_update")):
                return True
            case ast.Constant(value=str(text)) if any(w in text.lower() for w in _LOCKING):
                return True
    return False


def _is_object(expression: ast.AST, session: str, loaded: frozenset[str]) -> bool:
    """Tell whether an expression gives what came of a session, not the session itself."""
    is_session = isinstance(expression, ast.expr) and dotted_name(expression) == session
    return not is_session and mentions(expression, {session, *loaded})
