"""Grows a control-flow graph block by block, and knows where jumps and exceptions lead."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

from flake8_dbsession.analysis.flow.exceptions import (
    Caught,
    Raised,
    as_caught,
    caught_by,
)
from flake8_dbsession.analysis.flow.graph import Block, Edge, Event, Exit
from flake8_dbsession.named_tuples import NamedTuple

_MAX_DEPTH = 100


class GiveUpError(Exception):
    """The function is too large or too deep."""


class Jump(Enum):
    """A jump out of a block."""

    RETURN = "return"
    BREAK = "break"
    CONTINUE = "continue"


Way: TypeAlias = Jump | Raised


class Loop(NamedTuple):
    """Around a loop's body: where ``continue`` and ``break`` lead."""

    head: int
    after: int


class Handlers(NamedTuple):
    """Around a ``try`` body: the blocks that handle the classes, and what arrives there.

    Attributes:
        entries: the classes of each handler, and where it begins.
        splits_groups: whether they are those of an ``except*``.
        arrivals: what arrives at each block that a handler begins with.
        apart: of handlers that have a copy for each exception, the copies; none for the others.
    """

    entries: tuple[tuple[tuple[str, ...], int], ...]
    splits_groups: bool
    arrivals: defaultdict[int, set[Raised]]
    apart: dict[int, dict[frozenset[Raised], int]]


class Handling(NamedTuple):
    """Around a handler's body: what a bare ``raise``, or one of its name, raises again."""

    caught: frozenset[Raised]
    name: str | None


class Cleanup(NamedTuple):
    """Around what a ``finally`` or ``with`` protects: one copy of it for each way out."""

    run: Callable[[], None]
    copies: dict[Way, int]


Frame: TypeAlias = Loop | Handlers | Handling | Cleanup


class Blocks:
    """A graph that grows at its current block.

    Args:
        max_events: how many events and blocks it may have.
    """

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._events: list[list[Event]] = []
        self._edges: list[list[Edge]] = []
        self._raising: list[set[int]] = []
        self._cleanups: list[bool] = []
        self._handlers: dict[int, ast.ExceptHandler] = {}
        self._count = 0
        self._depth = 0
        self._frames: tuple[Frame, ...] = ()
        self._in_cleanup = False
        self._raised_in: tuple[Frame, ...] | None = None
        self._raised_to: dict[tuple[Raised, ...], list[Edge]] = {}
        for _ in Exit:
            self._new()
        self._entry = self._current = self._new()

    def _finished(self) -> tuple[Block, ...]:
        return tuple(
            Block(tuple(events), frozenset(raising), tuple(edges), cleanup)
            for events, raising, edges, cleanup in zip(
                self._events, self._raising, self._edges, self._cleanups, strict=True
            )
        )

    def _new(self) -> int:
        self._tick()
        self._events.append([])
        self._edges.append([])
        self._raising.append(set())
        self._cleanups.append(self._in_cleanup)
        return len(self._events) - 1

    def _tick(self) -> None:
        self._count += 1
        if self._count > self._max_events:
            raise GiveUpError

    def _emit(self, event: Event) -> None:
        self._tick()
        self._events[self._current].append(event)

    def _edge(self, target: int, test: ast.expr | None = None, truth: bool = True) -> None:
        self._edges[self._current].append(Edge(target, False, test, truth))

    def _emit_raising(self, event: Event, *raised: Raised) -> None:
        """Add an event that may raise; a block has one set of places where exceptions lead."""
        edges = self._raised_edges(raised)
        current = [edge for edge in self._edges[self._current] if edge.raised]
        if current and current != edges:
            following = self._new()
            self._edge(following)
            self._current = following
            current = []
        if not current:
            self._edges[self._current] += edges
        self._raising[self._current].add(len(self._events[self._current]))
        self._emit(event)

    def _raised_edges(self, raised: tuple[Raised, ...]) -> list[Edge]:
        """Find where exceptions lead; one event after the other often raises the same."""
        if self._frames is not self._raised_in or raised not in self._raised_to:
            targets = {target for each in raised for target in self._way_out(each, self._frames)}
            if self._frames is not self._raised_in:
                self._raised_in, self._raised_to = self._frames, {}
            self._raised_to[raised] = [Edge(target, raised=True) for target in sorted(targets)]
        return self._raised_to[raised]

    def _jump(self, jump: Jump) -> None:
        for target in self._way_out(jump, self._frames):
            self._edge(target)
        self._current = self._new()

    def _way_out(self, way: Way, frames: tuple[Frame, ...]) -> list[int]:
        """Find the blocks that a jump or an exception leads to."""
        targets: list[int] = []
        for depth in range(len(frames) - 1, -1, -1):
            frame = frames[depth]
            if isinstance(frame, Cleanup):
                return [*targets, self._copy(frame, way, frames[:depth])]
            if isinstance(frame, Loop) and isinstance(way, Jump) and way is not Jump.RETURN:
                return [frame.after if way is Jump.BREAK else frame.head]
            if isinstance(frame, Handlers) and isinstance(way, Raised):
                for names, entry in frame.entries:
                    caught = caught_by(way, names, frame.splits_groups)
                    if caught is not Caught.NO:
                        raised = as_caught(way, names)
                        handler = self._handler(frame, entry, frozenset(raised))
                        targets.append(handler)
                        frame.arrivals[handler] |= raised
                    if caught is Caught.YES:
                        return targets
                    way = way.past(names)
        return [*targets, _exit(way)]

    def _handler(self, frame: Handlers, entry: int, raised: frozenset[Raised]) -> int:
        """Give the block where a handler begins for an exception."""
        copies = frame.apart.get(entry)
        if copies is None:
            return entry
        if raised not in copies:
            copies[raised] = self._new() if copies else entry
            self._cleanups[copies[raised]] = self._cleanups[entry]
        return copies[raised]

    def _copy(self, cleanup: Cleanup, way: Way, outer: tuple[Frame, ...]) -> int:
        """Give the copy of a cleanup that one way out runs through; build it at its first use."""
        if way not in cleanup.copies:
            saved = self._current, self._frames, self._in_cleanup
            self._frames, self._in_cleanup = outer, True
            cleanup.copies[way] = self._current = self._new()
            cleanup.run()
            for target in self._way_out(way, outer):
                self._edge(target)
            self._current, self._frames, self._in_cleanup = saved
        return cleanup.copies[way]

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise GiveUpError


def _exit(way: Way) -> Exit:
    if isinstance(way, Jump):
        return Exit.RETURNS
    return Exit.STOPS if way.name == "SystemExit" else Exit.RAISES
