"""The control-flow graph: blocks of events, and the edges between them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import TypeAlias

from flake8_dbsession.named_tuples import NamedTuple

Flowing: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Module


class Evaluate(NamedTuple):
    """An expression has its value now: a call, an await, a yield, a subscript."""

    node: ast.expr


class Take(NamedTuple):
    """A conditional expression takes the value of the one of its parts that was evaluated."""

    whole: ast.expr
    part: ast.expr


class Bind(NamedTuple):
    """A target is bound.

    Attributes:
        target: an assignment's target, or a plain name.
        value: what it is bound to: an expression, the definition of a function, the handler that
            caught an exception, an augmented assignment; None where nothing is known of it.
    """

    target: ast.expr | str
    value: ast.AST | None


class Iterate(NamedTuple):
    """A loop takes the next element."""

    node: ast.expr


class Collect(NamedTuple):
    """A comprehension adds an element to its result."""

    node: ast.expr
    element: ast.expr


class Enter(NamedTuple):
    """A ``with`` block is entered."""

    node: ast.withitem


class Leave(NamedTuple):
    """A ``with`` block is left, in whichever way."""

    node: ast.withitem


class Finish(NamedTuple):
    """A statement ends: a return, a raise, or one of which only the position matters.

    The values of its expressions are gone, but for what a return hands back.
    """

    node: ast.stmt | ast.expr


Event: TypeAlias = Evaluate | Take | Bind | Iterate | Collect | Enter | Leave | Finish


class Exit(IntEnum):
    """How control leaves for good; each is the number of an empty block."""

    RETURNS = 0
    FALLS_OFF = 1
    RAISES = 2
    STOPS = 3


class Edge(NamedTuple):
    """A way from one block to another.

    Attributes:
        target: the number of the block that it leads to.
        raised: whether it is taken when an event of the block raises.
        test: the expression that decides whether it is taken; None where nothing does.
        truth: what that expression has to be.
    """

    target: int
    raised: bool = False
    test: ast.expr | None = None
    truth: bool = True


class Block(NamedTuple):
    """Events that follow each other.

    Attributes:
        events: what happens, in order.
        raising: the indexes of the events that can raise.
        edges: where control goes from here.
        cleanup: whether it runs on the way out: in a ``finally`` or at the end of a ``with``, while
            an exception, a return, a break or a continue waits for it.
    """

    events: tuple[Event, ...]
    raising: frozenset[int]
    edges: tuple[Edge, ...]
    cleanup: bool

    @property
    def raises(self) -> bool:
        """Whether it ends with a ``raise``."""
        last = self.events[-1] if self.events else None
        return isinstance(last, Finish) and isinstance(last.node, ast.Raise)

    @property
    def onward(self) -> tuple[Edge, ...]:
        """The ways that control takes at its end: those of an error where it ends with a raise."""
        raises = self.raises
        return tuple(edge for edge in self.edges if edge.raised is raises)


class Graph(NamedTuple):
    """The control flow of one function, lambda or module.

    Attributes:
        root: what it is the flow of.
        blocks: the blocks; those numbered as in `Exit` are where control leaves.
        entry: the number of the first block.
        handlers: the handlers of exceptions, by the number of the block that each begins with.
    """

    root: Flowing
    blocks: tuple[Block, ...]
    entry: int
    handlers: Mapping[int, ast.ExceptHandler]

    def reached(self) -> list[int]:
        """Give the numbers of the blocks that a way leads to."""
        pending, seen = [self.entry], {self.entry}
        while pending:
            block = self.blocks[pending.pop()]
            following = {edge.target for edge in block.edges} - seen
            seen |= following
            pending += following
        return sorted(seen)

    def blocks_from(self, firsts: Iterable[int], ends: Callable[[Block], bool]) -> Iterator[int]:
        """Give the numbers of the blocks on the ways from some, up to those at which a way ends.

        Args:
            firsts: the numbers of the first ones.
            ends: tells whether a way goes no further than a block.
        """
        pending = list(firsts)
        seen = set(pending)
        while pending:
            number = pending.pop()
            yield number
            block = self.blocks[number]
            following = set() if ends(block) else {edge.target for edge in block.onward} - seen
            seen |= following
            pending += following

    def places_after(self, call: ast.Call) -> list[tuple[int, int]]:
        """Give the numbers of the blocks in which a call has its value, and of the next event."""
        return [
            (number, index + 1)
            for number, block in enumerate(self.blocks)
            for index, event in enumerate(block.events)
            if isinstance(event, Evaluate) and event.node is call
        ]


def is_in_body(event: Event, handler: ast.ExceptHandler) -> bool:
    """Tell whether an event is a part of a handler's body."""
    node = event.target if isinstance(event, Bind) else getattr(event, "node", None)
    first, last = handler.body[0].lineno, handler.end_lineno or 0
    return isinstance(node, (ast.expr, ast.stmt)) and first <= node.lineno <= last
