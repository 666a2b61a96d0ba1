"""What comes of a transaction on the ways from a handler that swallowed a statement's error."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable
from enum import Enum

from flake8_dbsession.analysis.facts.connection.transaction_deeds import Deed, Deeds
from flake8_dbsession.analysis.facts.lifetime.exclusions import Told, is_closed, told_at
from flake8_dbsession.analysis.flow import Exit, Graph
from flake8_dbsession.analysis.flow.graph import (
    Block,
    Edge,
    Evaluate,
    Event,
    Finish,
    Leave,
    is_in_body,
)
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.named_tuples import NamedTuple


class Sequel(Enum):
    """What comes of an aborted transaction on a way."""

    ROLLED_BACK = "it is rolled back, or given to what may do so"
    RETRIED = "the handler itself works in it"
    USED = "it is worked in"
    COMMITTED = "it is committed, which saves nothing"
    RETURNED = "the function ends, and whoever gave the connection goes on"
    KEPT = "the function ends, and what keeps the connection works in it again"
    GONE = "nobody is seen to work in it any more"


class Found(NamedTuple):
    """What comes of it, and where.

    Attributes:
        sequel: what.
        node: the call, or what a block is over, or what a ``return`` gives; None for nothing.
        is_block: whether it is the end of a block.
    """

    sequel: Sequel
    node: ast.expr | None
    is_block: bool = False


class _At(NamedTuple):
    """Where an error has come to: a block, and the handler that swallowed it, if any."""

    number: int
    handler: ast.ExceptHandler | None = None
    returns: ast.Return | None = None


class AbortedWays:
    """The ways from the handlers that swallow the errors of one connection's statements.

    Args:
        graph: the control flow of the function.
        deeds: what its events do to the transaction.
        handlers: the handlers that errors of the database come to.
        scope: the scope of the function.

    Attributes:
        failures: for each handler that errors come to, the calls that can fail.
        found: for each of them, what comes of the transaction.
    """

    def __init__(
        self,
        graph: Graph,
        deeds: Deeds,
        handlers: frozenset[ast.ExceptHandler],
        scope: Scope,
    ) -> None:
        self._graph = graph
        self._deeds = deeds
        self._handlers = handlers
        self._scope = scope
        self.failures: dict[ast.ExceptHandler, list[ast.Call]] = defaultdict(list)
        self.found: dict[ast.ExceptHandler, set[Found]] = defaultdict(set)
        for number in graph.reached():
            block = graph.blocks[number]
            fails = (deeds.fails(block.events[index]) for index in sorted(block.raising))
            failing = [call for call in fails if call is not None]
            if failing:
                self._follow(block, failing)

    def _follow(self, block: Block, failing: list[ast.Call]) -> None:
        told = told_at(failing[0], self._scope)
        pending = [_At(edge.target) for edge in block.edges if edge.raised]
        seen = set(pending)
        while pending:
            at = pending.pop()
            entered = self._graph.handlers.get(at.number)
            if at.handler is None and entered is not None:
                if entered not in self._handlers:
                    continue
                at = at._replace(handler=entered)
                self.failures[entered] += failing
            following = set(self._after(at, told)) - seen
            seen |= following
            pending += following

    def _after(self, at: _At, told: frozenset[Told]) -> list[_At]:
        """Go through a block; give where to go on, unless it settles what comes of it.

        Args:
            at: where the error has come to.
            told: what the tests around the statement have told.
        """
        block, handler = self._graph.blocks[at.number], at.handler
        for event in block.events:
            found = self._settled(event, handler)
            if found is not None:
                if handler is not None:
                    self.found[handler].add(found)
                return []
            if isinstance(event, Finish) and isinstance(event.node, ast.Return):
                at = at._replace(returns=event.node)
        if handler is not None and at.number in (Exit.RETURNS, Exit.FALLS_OFF):
            value = at.returns.value if at.returns is not None else None
            self.found[handler].add(Found(Sequel.RETURNED, value))
        raises = block.raises
        return [
            at._replace(number=edge.target, handler=None if raises else handler)
            for edge in block.edges
            if edge.raised is raises and not is_closed(edge, told)
        ]

    def _settled(self, event: Event, handler: ast.ExceptHandler | None) -> Found | None:
        deed = self._deeds.of(event, is_raising=handler is None)
        if handler is None:
            ends = deed in (Deed.ROLLS_BACK, Deed.MAY_ROLL_BACK, Deed.GONE)
            return _GONE if ends else None
        is_inside = is_in_body(event, handler)
        if is_inside and deed is Deed.WORKS and isinstance(event, Evaluate):
            is_read = isinstance(event.node, ast.Call) and self._deeds.is_read(event.node)
            return Found(Sequel.RETRIED if is_read else Sequel.ROLLED_BACK, event.node)
        if is_inside and _says_rollback(event):
            return Found(Sequel.ROLLED_BACK, None)
        return _GONE if deed is Deed.MAY_ROLL_BACK and not is_inside else found_by(event, deed)


_GONE = Found(Sequel.GONE, None)


def found_by(event: Event, deed: Deed | None) -> Found | None:
    """Give what comes of an aborted transaction by a deed; None where nothing does."""
    node = event.node if isinstance(event, Evaluate) else None
    if isinstance(event, Leave):
        node = event.node.context_expr
    match deed:
        case Deed.WORKS:
            return Found(Sequel.USED, node)
        case Deed.COMMITS:
            return Found(Sequel.COMMITTED, node, isinstance(event, Leave))
        case Deed.ROLLS_BACK | Deed.MAY_ROLL_BACK:
            return Found(Sequel.ROLLED_BACK, node)
        case Deed.GONE:
            return _GONE
    return None


def found_from(
    places: list[tuple[int, int]],
    graph: Graph,
    deeds: Deeds,
    is_open: Callable[[Edge], bool],
    ends: Callable[[Event], bool],
) -> set[Found]:
    """Tell what comes of an aborted transaction on the ways from some places of a function.

    Args:
        places: the numbers of blocks, each with that of the first event there.
        graph: the control flow of the function.
        deeds: what the function's events do to the transaction.
        is_open: tells which ways are meant.
        ends: tells at which events one that is meant may end.
    """
    found: set[Found] = set()
    pending = list(places)
    seen = set(pending)
    while pending:
        number, first = pending.pop()
        block = graph.blocks[number]
        for event in block.events[first:]:
            settled = found_by(event, deeds.of(event))
            if settled is not None:
                found.add(settled)
            if settled is not None or ends(event):
                break
        else:
            if number in (Exit.RETURNS, Exit.FALLS_OFF):
                found.add(Found(Sequel.RETURNED, None))
            following = {(edge.target, 0) for edge in block.onward if is_open(edge)} - seen
            seen |= following
            pending += following
    return found


def without(graph: Graph, handlers: list[ast.ExceptHandler]) -> Graph:
    """Give a graph without the ways into some handlers: as if they left nothing behind.

    Args:
        graph: the control flow of a function.
        handlers: the handlers.
    """
    firsts = {number for number, handler in graph.handlers.items() if handler in handlers}
    blocks = (
        block._replace(edges=tuple(edge for edge in block.edges if edge.target not in firsts))
        for block in graph.blocks
    )
    return graph._replace(blocks=tuple(blocks))


def _says_rollback(event: Event) -> bool:
    """Tell whether a handler calls what says that it rolls something back."""
    return isinstance(event, Evaluate) and "rollback" in last_segment(event.node).lower()
