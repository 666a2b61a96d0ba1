"""The ways on which a session's errors go through a function, and what is done with it there."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from enum import Enum

from flake8_dbsession.analysis.facts.lifetime.conditions import missing_by
from flake8_dbsession.analysis.facts.lifetime.exclusions import Told, is_closed, told_at
from flake8_dbsession.analysis.facts.lifetime.session_calls import SessionCalls
from flake8_dbsession.analysis.flow import Exit, Graph
from flake8_dbsession.analysis.flow.graph import (
    Bind,
    Block,
    Edge,
    Evaluate,
    Event,
    Finish,
    Leave,
    is_in_body,
)
from flake8_dbsession.analysis.library.methods import TRANSACTIONS, WORK
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.named_tuples import NamedTuple

_ENDING_METHODS = frozenset({"aclose", "close", "expunge_all", "invalidate", "remove", "reset"})


class Sequel(Enum):
    """What comes of a failed session on one way from the handler."""

    SEEN_TO = "it is rolled back, or given to what may do so"
    RETRIED = "the handler itself works with it"
    USED = "it is worked with"
    COMMITTED = "it is committed, by itself or by a function that does nothing else"
    BLOCK_ENDS = "its `with` block ends"
    GONE = "it is closed, or its name stands for another"
    FUNCTION_ENDS = "the function ends, and whoever gave it has it back"
    LEFT = "the handler leaves its `with` block by a `return`"
    RETURNED = "the handler leaves the function so, and nothing else ends before"
    LOOKED_AT = "what a call gave is looked at, which may tell that it failed"


ENDED = frozenset({Sequel.GONE, Sequel.SEEN_TO})
"""After these nobody has to do with the failed session any more."""


class Work(NamedTuple):
    """Work by a session that can fail.

    Attributes:
        method: the session's method.
        text: the call as a message names it: the method's, or that of the function that is given
            the session to work with.
        call: that call.
    """

    method: str
    text: str
    call: ast.Call


class _At(NamedTuple):
    """Where an error has come to.

    Attributes:
        number: the number of the block.
        handler: the handler that swallowed it; None while it is on its way to one.
        is_leaving: whether the handler has returned, so that only blocks end now.
    """

    number: int
    handler: ast.ExceptHandler | None = None
    is_leaving: bool = False


class Ways:
    """The ways on which the errors of one session's work go, and what comes of it there.

    Args:
        graph: the control flow of the function.
        calls: what the function's calls and blocks do to the session.
        handlers: the handlers that errors of the database come to.

    Attributes:
        works: for each handler that errors come to, the work that can fail, the first one first.
        sequels: for each of them, what comes of the session on the ways from it.
        returned: for each of them, what it returns to whoever gave the session.
        retried: for each of them, the calls by which it works with the session as it was left.
    """

    def __init__(
        self,
        graph: Graph,
        calls: SessionCalls,
        handlers: frozenset[ast.ExceptHandler] = frozenset(),
    ) -> None:
        self._graph = graph
        self._calls = calls
        self._handlers = handlers
        self.works: dict[ast.ExceptHandler, list[Work]] = {}
        self.sequels: dict[ast.ExceptHandler, set[Sequel]] = defaultdict(set)
        self.returned: dict[ast.ExceptHandler, list[ast.expr | None]] = defaultdict(list)
        self.retried: dict[ast.ExceptHandler, list[ast.expr]] = defaultdict(list)
        for number in graph.reached():
            block = graph.blocks[number]
            failing = [
                work for index in sorted(block.raising) for work in self._work(block.events[index])
            ]
            if failing:
                self._follow(block, failing)

    def _work(self, event: Event) -> Iterator[Work]:
        """Give the work that an event does by the session, itself or by a function's call."""
        match event:
            case Evaluate(node=ast.Call(func=ast.Attribute(value=owner, attr=method)) as call) if (
                method in WORK and self._calls.is_session(owner)
            ):
                yield Work(method, f"{self._calls.session}.{method}()", call)
            case Evaluate(node=ast.Call() as call):
                for method in self._calls.failing_in(call):
                    yield Work(method, f"{ast.unparse(call.func)}()", call)

    def _follow(self, failing: Block, works: list[Work]) -> None:
        """Follow an error to the handlers that swallow it, and from there what is done next."""
        told = told_at(works[0].call, self._calls.scope)
        pending = [_At(edge.target) for edge in failing.edges if edge.raised]
        seen = set(pending)
        while pending:
            at = pending.pop()
            entered = self._graph.handlers.get(at.number)
            if at.handler is None and entered is not None:
                if entered not in self._handlers:
                    continue
                at = at._replace(handler=entered)
                self.works.setdefault(entered, []).extend(works)
            following = set(self._after(at, told)) - seen
            seen |= following
            pending += following

    def _after(self, at: _At, told: frozenset[Told]) -> Iterator[_At]:
        """Go through a block; give where to go on, unless it settles what comes of the session."""
        block, handler = self._graph.blocks[at.number], at.handler
        for event in block.events:
            is_handled = handler is not None and not is_in_body(event, handler)
            sequel = self.sequel(event, is_handled=is_handled)
            if at.is_leaving and sequel is not None:
                if sequel is Sequel.BLOCK_ENDS and not _is_transactions(event):
                    self._note(handler, Sequel.LEFT)
                return
            self._note(handler, sequel)
            if handler is not None and sequel is Sequel.RETRIED and isinstance(event, Evaluate):
                self.retried[handler].append(event.node)
            elif sequel is not None:
                return
            if isinstance(event, Finish) and isinstance(event.node, ast.Return) and not is_handled:
                if handler is None:
                    return
                self.returned[handler].append(event.node.value)
                at = at._replace(is_leaving=True)
        if at.number in (Exit.RETURNS, Exit.FALLS_OFF):
            self._note(handler, Sequel.RETURNED if at.is_leaving else Sequel.FUNCTION_ENDS)
        raises = block.raises
        for edge in block.edges:
            is_taken = not (self._is_without_session(edge) or is_closed(edge, told))
            if edge.raised is raises and is_taken:
                target = at._replace(number=edge.target)
                yield target._replace(handler=None, is_leaving=False) if raises else target

    def _note(self, handler: ast.ExceptHandler | None, sequel: Sequel | None) -> None:
        if handler is not None and sequel is not None:
            self.sequels[handler].add(sequel)

    def _is_without_session(self, edge: Edge) -> bool:
        """Tell whether a way is taken only where there is no session, as an ``if db:`` says."""
        if edge.test is None:
            return False
        missing = missing_by(edge.test, holds=edge.truth, fails=not edge.truth)
        return any(map(self._calls.is_session, missing))

    def sequel(self, event: Event, *, is_handled: bool) -> Sequel | None:
        """Tell what an event makes of the session; None where it has nothing to do with it.

        Args:
            event: the event.
            is_handled: whether the handler is left behind. Before that, a call that is given the
                session, or of an object that is made with it, may well roll it back.
        """
        match event:
            case Evaluate(node=ast.Call() as call):
                return self._sequel_of_call(call, is_handled=is_handled)
            case Leave(node=item) if self._calls.is_session(item.optional_vars):
                return Sequel.BLOCK_ENDS
            case Leave(node=item) if last_segment(item.context_expr) in TRANSACTIONS:
                # After a failed flush its end rolls back as well where no error takes it there.
                is_sessions = self._calls.is_method(item.context_expr)
                return Sequel.SEEN_TO if is_sessions or not is_handled else None
            case Leave(node=item) if self._calls.may_end_at(item.context_expr):
                return Sequel.SEEN_TO
            case Bind(target=target) if self._is_named_by(target):
                return Sequel.GONE
        return None

    def _sequel_of_call(self, call: ast.Call, *, is_handled: bool) -> Sequel | None:
        name = last_segment(call.func).lower()
        if "rollback" in name and self._calls.rolls_back(call):
            return Sequel.SEEN_TO
        works = self._calls.works_in(call)
        if works and not is_handled:
            return Sequel.RETRIED
        if works:
            return Sequel.COMMITTED if set(works) == {"commit"} else Sequel.USED
        if self._calls.is_given(call):
            if not is_handled:
                return None if self._calls.is_made_holder(call) else Sequel.SEEN_TO
            if self._calls.closes(call):
                return Sequel.GONE
            return None if self._calls.leaves_alone(call) else Sequel.USED
        if not is_handled and self._calls.is_seen_to_by(call):
            return Sequel.SEEN_TO
        if is_handled and self._calls.is_worked_with_by(call):
            return Sequel.USED
        if self._calls.is_of_owner(call) and self._calls.closes(call):
            return Sequel.SEEN_TO
        if isinstance(call.func, ast.Attribute) and self._calls.is_session(call.func.value):
            if name in _ENDING_METHODS:
                return Sequel.GONE if is_handled else Sequel.SEEN_TO
            if name == "commit" and is_handled:
                return Sequel.COMMITTED
            if name in WORK:
                return Sequel.USED if is_handled else Sequel.RETRIED
        if isinstance(call.func, ast.Attribute) and self._calls.is_query(call.func.value):
            return Sequel.USED if is_handled else Sequel.RETRIED
        return None

    def _is_named_by(self, target: ast.expr | str) -> bool:
        return target == self._calls.session or self._calls.is_session(target)


def sequels_after(
    call: ast.Call | None,
    graph: Graph,
    calls: SessionCalls,
    *,
    is_open: Callable[[Edge], bool] = lambda _: True,
    ends: Callable[[Event], bool] = lambda _: False,
) -> set[Sequel]:
    """Tell what comes of a session on the ways from a call that was given it.

    Args:
        call: the call; None for whoever gave it to the function before that began.
        graph: the control flow of the function that it stands in.
        calls: what that function's calls and blocks do to the session.
        is_open: tells which ways are meant.
        ends: tells at which events one that is meant may end.
    """
    ways = Ways(graph, calls)

    def sequel_in(events: Iterable[Event]) -> Sequel | None:
        for event in events:
            if isinstance(event, Evaluate) and event.node is call:
                return Sequel.USED  # a loop has come back to it
            sequel = ways.sequel(event, is_handled=True)
            if sequel is not None or ends(event):
                return sequel or Sequel.LOOKED_AT
        return None

    found: set[Sequel] = set()
    pending = [(graph.entry, 0)] if call is None else graph.places_after(call)
    seen = set(pending)
    while pending:
        number, first = pending.pop()
        block = graph.blocks[number]
        sequel = sequel_in(block.events[first:])
        if sequel is None and number in (Exit.RETURNS, Exit.FALLS_OFF, Exit.RAISES):
            sequel = Sequel.FUNCTION_ENDS
        if sequel is not None:
            found.add(sequel)
            continue
        following = {(edge.target, 0) for edge in block.onward if is_open(edge)} - seen
        seen |= following
        pending += following
    return found


def _is_transactions(event: Event) -> bool:
    """Tell whether a block begins a transaction, whose end rolls back what has failed."""
    return isinstance(event, Leave) and last_segment(event.node.context_expr) in TRANSACTIONS
