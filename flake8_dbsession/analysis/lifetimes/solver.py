"""Follows objects through a control-flow graph, to a fixed point."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from flake8_dbsession.analysis.flow import Exit, Graph
from flake8_dbsession.analysis.flow.graph import Bind, Block, Evaluate, Take
from flake8_dbsession.analysis.lifetimes.conditions import assume, tested_names
from flake8_dbsession.analysis.lifetimes.model import (
    Handing,
    HandOn,
    Leak,
    Leaving,
    Lifetime,
    Opened,
    Traits,
)
from flake8_dbsession.analysis.lifetimes.names import names_of
from flake8_dbsession.analysis.lifetimes.state import Reader, State, Status
from flake8_dbsession.analysis.lifetimes.transfer import Transfer

_MAX_STATES = 100
_LEAVING = {
    Exit.RETURNS: Leaving.RETURNS,
    Exit.FALLS_OFF: Leaving.FALLS_OFF,
    Exit.RAISES: Leaving.RAISES,
}


def lifetimes(
    graph: Graph, opened: Sequence[Opened], traits: Traits | None = None
) -> tuple[Lifetime | None, ...]:
    """Tell what happens to what a function opens.

    Args:
        graph: the control flow of the function.
        opened: the expressions in it that open something; those that its flow never evaluates, such
            as one in a nested function, have a lifetime without events.
        traits: what is known of calls; None for what their spelled names tell.

    Returns:
        The lifetimes in the order of ``opened``; None for one that has too many states to follow.
    """
    names = names_of(graph.root)
    reader = Reader(names, frozenset(each.node for each in opened))
    tested = tested_names(graph)
    found: list[Lifetime | None] = []
    for each in opened:
        again = _evaluated_again(graph, each.node)
        transfer = Transfer(each, names, reader, traits or Traits(), again)
        solver = _Solver(graph, transfer, reader, tested)
        found.append(_lifetime(each, transfer) if solver.solve(traits or Traits()) else None)
    return tuple(found)


class _Solver:
    """Carries the states of one object along the edges until nothing new appears."""

    def __init__(
        self,
        graph: Graph,
        transfer: Transfer,
        reader: Reader,
        tested: tuple[frozenset[str], ...],
    ) -> None:
        self._graph = graph
        self._transfer = transfer
        self._reader = reader
        self._tested = tested
        # For each state that reaches a block: from where it does, and whether by an exception.
        self._origins: list[dict[State, list[tuple[int, State, bool]]]] = [{} for _ in graph.blocks]

    def solve(self, traits: Traits) -> bool:
        """Find all states; tell whether they were few enough."""
        start = State(Status.UNBORN)
        self._origins[self._graph.entry][start] = []
        waiting = [(self._graph.entry, start)]
        while waiting:
            number, state = waiting.pop()
            for target, following, raised in self._step(self._graph.blocks[number], state):
                known = self._origins[target]
                if following not in known:
                    if len(known) == _MAX_STATES:
                        return False
                    known[following] = []
                    waiting.append((target, following))
                known[following].append((number, state, raised))
        if not traits.ends_process:
            self._judge_exits()
        return True

    def _step(self, block: Block, state: State) -> Iterator[tuple[int, State, bool]]:
        states = [state]
        raised: list[State] = []
        last = len(block.events) - 1
        can_raise = any(edge.raised for edge in block.edges)
        for number, event in enumerate(block.events):
            if number == last and can_raise:
                raised = [s for before in states for s in self._transfer.after_raise(event, before)]
            states = [s for before in states for s in self._transfer.after(event, before)]
        for edge in block.edges:
            for after in raised if edge.raised else states:
                narrowed: State | None = after
                if edge.test is not None:
                    narrowed = assume(edge.test, edge.truth, after, self._reader)
                if narrowed is not None:
                    yield edge.target, self._relevant(edge.target, narrowed), edge.raised

    def _relevant(self, target: int, state: State) -> State:
        """Drop what no later test asks about, so that paths meet again."""
        tested = self._tested[target]
        if all(key in tested or isinstance(key, ast.AST) for key, _ in state.facts):
            return state
        facts = (f for f in state.facts if f[0] in tested or isinstance(f[0], ast.AST))
        return state._replace(facts=frozenset(facts))

    def _judge_exits(self) -> None:
        for exit_, how in _LEAVING.items():
            for state in self._origins[exit_]:
                if exit_ is Exit.RETURNS and self._transfer.returned(state):
                    for node in self._leaving_nodes(exit_, state):
                        self._transfer.hand_ons.add(HandOn(node, Handing.RETURNED))
                elif state.status is Status.LIVE:
                    for node in self._leaving_nodes(exit_, state):
                        self._transfer.leaks.add(Leak(node, how))

    def _leaving_nodes(self, number: int, state: State) -> Iterator[ast.AST]:
        """Find what sent a state on its way out, before the cleanups that it came through."""
        seen = {(number, state)}
        waiting = [(number, state)]
        while waiting:
            at, reached = waiting.pop()
            for origin in self._origins[at][reached]:
                block, before, raised = origin
                if raised or not self._graph.blocks[block].cleanup:
                    yield self._end() if number == Exit.FALLS_OFF else self._last_node(block)
                elif (block, before) not in seen:
                    seen.add((block, before))
                    waiting.append((block, before))

    def _last_node(self, number: int) -> ast.AST:
        """Give the node of a block's last event; the end of the function where it has none."""
        for event in reversed(self._graph.blocks[number].events):
            if not isinstance(event, (Bind, Take)):
                return event.node
        return self._end()

    def _end(self) -> ast.AST:
        root = self._graph.root
        return root.body if isinstance(root, ast.Lambda) else root.body[-1]


def _evaluated_again(graph: Graph, node: ast.expr) -> bool:
    """Tell whether an expression can be evaluated a second time after it was evaluated."""
    def evaluates(number: int) -> bool:
        return any(isinstance(e, Evaluate) and e.node is node for e in graph.blocks[number].events)

    waiting = [
        edge.target
        for number, block in enumerate(graph.blocks)
        if evaluates(number)
        for edge in block.edges
    ]
    seen = set(waiting)
    while waiting:
        number = waiting.pop()
        if evaluates(number):
            return True
        following = {edge.target for edge in graph.blocks[number].edges} - seen
        seen |= following
        waiting += following
    return False


def _lifetime(opened: Opened, transfer: Transfer) -> Lifetime:
    return Lifetime(
        opened,
        leaks=tuple(sorted(transfer.leaks, key=lambda leak: _position(leak.node))),
        closes=tuple(sorted(transfer.closes, key=lambda close: _position(close.node))),
        hand_ons=tuple(sorted(transfer.hand_ons, key=lambda hand_on: _position(hand_on.node))),
        uses_after_close=tuple(sorted(transfer.uses_after_close, key=_position)),
        is_held=transfer.is_held,
    )


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
