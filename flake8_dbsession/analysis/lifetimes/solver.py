"""Follows objects through a control-flow graph, to a fixed point."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from flake8_dbsession.analysis.flow import Exit, Graph
from flake8_dbsession.analysis.flow.graph import Evaluate, Finish
from flake8_dbsession.analysis.lifetimes.conditions import assume, guarding_names, tested_keys
from flake8_dbsession.analysis.lifetimes.fates import Fate, Outcome
from flake8_dbsession.analysis.lifetimes.model import (
    Close,
    Handing,
    HandOn,
    Leak,
    Leaving,
    Lifetime,
    Opened,
    Traits,
)
from flake8_dbsession.analysis.lifetimes.names import names_of
from flake8_dbsession.analysis.lifetimes.relevance import Mentions, Step
from flake8_dbsession.analysis.lifetimes.state import (
    CLOSED,
    RETURNED,
    Key,
    Reader,
    State,
    Status,
    values_of,
)
from flake8_dbsession.analysis.lifetimes.transfer import Transfer
from flake8_dbsession.named_tuples import NamedTuple

# For all objects of a function together.
_MAX_EVENTS = 300_000
_MAX_STATES = 20_000
_MAX_STATES_OF_BLOCK = 100
_OUTCOMES = {
    Status.CREATED: Outcome.UNTOUCHED,
    Status.ADDED_TO: Outcome.ADDED_TO,
    Status.LIVE: Outcome.USED,
    Status.LOST: Outcome.USED,
    Status.REOPENED: Outcome.USED,
    Status.CLOSED: Outcome.CLOSED,
    Status.CLOSED_UNUSED: Outcome.ONLY_CLOSED,
}
_LEAVING = {
    Exit.RETURNS: Leaving.RETURNS,
    Exit.FALLS_OFF: Leaving.FALLS_OFF,
    Exit.RAISES: Leaving.RAISES,
}


def lifetimes(
    graph: Graph,
    opened: Sequence[Opened],
    traits: Traits | None = None,
    told: Mapping[ast.expr, bool] | None = None,
) -> tuple[Lifetime | None, ...]:
    """Tell what happens to what a function opens.

    Args:
        graph: the control flow of the function.
        opened: the expressions in it that open something; those that its flow never evaluates, such
            as one in a nested function, have a lifetime without events.
        traits: what is known of calls; None for what their spelled names tell.
        told: the tests of which is known how they come out once the object is there.

    Returns:
        The lifetimes in the order of ``opened``; None for one that has too many states to follow.
    """
    function = _Function(graph, opened, traits or Traits(), told)
    return tuple(function.lifetime(each) for each in opened)


def fate_of(
    graph: Graph,
    name: str,
    traits: Traits,
    *,
    is_held: bool,
    block_closes: bool,
    known: Mapping[str, object],
) -> Fate | None:
    """Tell what a function does with an object that it is given.

    Args:
        graph: the control flow of the function.
        name: what stands for the object when the function begins: a parameter, or an attribute of
            the function's own object such as ``self.db``.
        traits: what is known of calls.
        is_held: whether the name stands for something that holds the object.
        block_closes: whether the end of ``with`` over the object closes it.
        known: parameters of which the values are known.

    Returns:
        What becomes of it on each way out; None where there are too many to follow.
    """
    function = _Function(graph, (), traits)
    return function.fate(name, known, is_held=is_held, block_closes=block_closes)


class _Function:
    """A function whose objects are followed one by one, within a limit for all of them together."""

    def __init__(
        self,
        graph: Graph,
        opened: Sequence[Opened],
        traits: Traits,
        told: Mapping[ast.expr, bool] | None = None,
    ) -> None:
        self._told = told or {}
        self._graph = graph
        self._traits = traits
        self._names = names_of(graph.root)
        self._nodes = frozenset(each.node for each in opened)
        self._mentions = Mentions(graph, self._nodes)
        self._peers = self._mentions.peers()
        self._tested = tested_keys(graph)
        self._states_left = _MAX_STATES
        self._events_left = _MAX_EVENTS

    def lifetime(self, opened: Opened) -> Lifetime | None:
        found = self._followed(opened, self._tested)
        if found is None and self._states_left and self._events_left > 0:
            # Too many combinations: follow only the names that decide about this very object.
            guards = guarding_names(self._graph.root, self._mentions.related(opened.node))
            found = self._followed(opened, tuple(_without_names(t, guards) for t in self._tested))
        return found

    def _followed(self, opened: Opened, tested: tuple[frozenset[Key], ...]) -> Lifetime | None:
        self._events_left -= sum(len(block.events) for block in self._graph.blocks)
        if self._events_left < 0 or not self._states_left:
            return None
        again = _evaluated_again(self._graph, opened.node)
        reader = Reader(self._names, self._nodes, self._peers, self._told)
        transfer = Transfer(opened, self._names, reader, self._traits, again)
        steps = self._mentions.steps(opened.node, _names_in(tested))
        solver = _Solver(self._graph, steps, tested, transfer, reader)
        is_solved = solver.solve(State(Status.UNBORN), self._states_left)
        self._states_left = max(0, self._states_left - solver.states)
        if not is_solved:
            return None
        leaks = set(solver.leaks())
        return Lifetime(
            opened,
            leaks=tuple(sorted(leaks, key=_position)),
            closes=tuple(sorted(transfer.closes, key=_position)),
            hand_ons=tuple(sorted(transfer.hand_ons.union(solver.returns()), key=_position)),
            uses_after_close=tuple(sorted(transfer.uses_after_close, key=_position)),
            reopenings=tuple(sorted(transfer.reopenings.union(solver.reopenings()), key=_position)),
            is_held=transfer.is_held,
            outlives=transfer.outlives or solver.outlives(),
        )

    def fate(
        self, name: str, known: Mapping[str, object], *, is_held: bool, block_closes: bool
    ) -> Fate | None:
        root = name.partition(".")[0]
        opened = Opened(ast.Name(root, ast.Load()), block_closes=block_closes)
        reader = Reader(self._names, self._nodes, self._peers)
        transfer = Transfer(opened, self._names, reader, self._traits, follow_later=False)
        steps = self._mentions.steps(root, _names_in(self._tested))
        solver = _Solver(self._graph, steps, self._tested, transfer, reader)
        start = State(
            Status.CREATED,
            objects=frozenset() if is_held else frozenset({name}),
            holders=frozenset({name} if is_held else {root} - {name}),
            facts=frozenset((each, values_of(value)) for each, value in known.items()),
        )
        if not solver.solve(start, self._states_left):
            return None
        is_unknown = any(each.how is Handing.UNKNOWN for each in transfer.hand_ons)
        handed_on = Outcome.UNKNOWN if is_unknown else Outcome.KEPT
        return Fate(
            frozenset(solver.outcomes((Exit.RETURNS, Exit.FALLS_OFF), handed_on)),
            frozenset(solver.outcomes((Exit.RAISES,), handed_on)),
        )


class _Origin(NamedTuple):
    """From where a state reaches a block: from which state of which, and what raised, if it did."""

    block: int
    state: State
    raising: ast.AST | None


class _Solver:
    """Carries the states of one object along the edges until nothing new appears."""

    def __init__(
        self,
        graph: Graph,
        steps: tuple[tuple[Step, ...], ...],
        tested: tuple[frozenset[Key], ...],
        transfer: Transfer,
        reader: Reader,
    ) -> None:
        self._graph = graph
        self._steps = steps
        self._tested = tested
        self._transfer = transfer
        self._reader = reader
        self.states = 0
        self._reached: list[dict[State, list[_Origin]]] = [{} for _ in graph.blocks]

    def solve(self, start: State, max_states: int) -> bool:
        """Find all states; tell whether they were few enough."""
        self._reached[self._graph.entry][start] = []
        waiting = [(self._graph.entry, start)]
        while waiting:
            number, state = waiting.pop()
            for target, following, raising in self._leave(number, state):
                known = self._reached[target]
                origins = known.get(following)
                if origins is None:
                    self.states += 1
                    if len(known) == _MAX_STATES_OF_BLOCK or self.states > max_states:
                        return False
                    origins = known[following] = []
                    waiting.append((target, following))
                origins.append(_Origin(number, state, raising))
        return True

    def _leave(self, number: int, state: State) -> Iterator[tuple[int, State, ast.AST | None]]:
        """Go through a block, and along its edges as far as their tests allow."""
        states = [state]
        raised: dict[State, ast.AST] = {}
        for event, raising in self._steps[number]:
            if raising is not None:
                for before in states:
                    for after in self._transfer.after_raise(event, raising, before):
                        raised.setdefault(after, raising)
            if event is not None:
                following = (s for before in states for s in self._transfer.after(event, before))
                states = list(dict.fromkeys(following))
        for edge in self._graph.blocks[number].edges:
            if edge.raised:
                for after, node in raised.items():
                    yield edge.target, self._relevant(edge.target, after), node
                continue
            for after in states:
                narrowed: State | None = after
                if edge.test is not None:
                    narrowed = assume(edge.test, edge.truth, after, self._reader)
                if narrowed is not None:
                    yield edge.target, self._relevant(edge.target, narrowed), None

    def _relevant(self, target: int, state: State) -> State:
        """Drop what no later test asks about, so that paths meet again."""
        if not state.facts and not state.same:
            return state
        tested = self._tested[target]
        facts = frozenset(f for f in state.facts if f[0] in tested)
        same = frozenset(pair for pair in state.same if tested.issuperset(pair))
        if len(facts) == len(state.facts) and len(same) == len(state.same):
            return state
        return state._replace(facts=facts, same=same)

    def leaks(self) -> Iterator[Leak]:
        """Find the ways on which the function is left with the object open."""
        for exit_, how in _LEAVING.items():
            for state in self._reached[exit_]:
                if state.status is Status.LOST:
                    yield from (key for key in state.objects if isinstance(key, Leak))
                elif state.status is Status.LIVE and not _is_returned(exit_, state):
                    yield from (Leak(node, how) for node in self._leaving_nodes(exit_, state))

    def outcomes(self, exits: Iterable[Exit], handed_on: Outcome) -> Iterator[Outcome]:
        """Say what has become of an object that came in, where the function is left."""
        for exit_ in exits:
            for state in self._reached[exit_]:
                if state.status is Status.HANDED_ON:
                    yield handed_on
                elif _is_returned(exit_, state):
                    is_used = state.status is Status.LIVE
                    yield Outcome.USED_AND_GIVEN_BACK if is_used else Outcome.GIVEN_BACK
                else:
                    yield _OUTCOMES[state.status]

    def outlives(self) -> bool:
        """Tell whether the object is handed on, and open, where no error leaves the function."""
        return any(
            state.status is Status.HANDED_ON
            or (_is_returned(exit_, state) and state.status not in CLOSED)
            for exit_ in (Exit.RETURNS, Exit.FALLS_OFF)
            for state in self._reached[exit_]
        )

    def reopenings(self) -> Iterator[ast.expr]:
        """Find the uses that found the object closed and left it open, where no error did."""
        for exit_ in (Exit.RETURNS, Exit.FALLS_OFF):
            for state in self._reached[exit_]:
                if state.reopened_by is not None:
                    yield state.reopened_by

    def returns(self) -> Iterator[HandOn]:
        """Find the returns that hand the object to the caller."""
        for state in self._reached[Exit.RETURNS]:
            if _is_returned(Exit.RETURNS, state):
                for node in self._leaving_nodes(Exit.RETURNS, state):
                    yield HandOn(node, Handing.RETURNED)

    def _leaving_nodes(self, exit_: Exit, state: State) -> Iterator[ast.AST]:
        """Find what sent a state on its way out, before the cleanups that it came through."""
        seen: set[tuple[int, State]] = set()
        waiting: list[tuple[int, State]] = [(exit_, state)]
        while waiting:
            at, reached = waiting.pop()
            # What a handler in a cleanup has caught did not send it on its way.
            is_over = at in self._graph.handlers and self._graph.blocks[at].cleanup
            for block, before, raising in self._reached[at][reached]:
                if raising is not None and not is_over:
                    yield raising
                elif raising is None and not self._graph.blocks[block].cleanup:
                    yield self._returning_node(block)
                elif (block, before) not in seen:
                    seen.add((block, before))
                    waiting.append((block, before))

    def _returning_node(self, number: int) -> ast.AST:
        """Give the return that ends a block, or else the end of the function."""
        events = self._graph.blocks[number].events
        if events and isinstance(events[-1], Finish) and isinstance(events[-1].node, ast.Return):
            return events[-1].node
        root = self._graph.root
        return root.body if isinstance(root, ast.Lambda) else root.body[-1]


def _names_in(tested: Iterable[frozenset[Key]]) -> frozenset[str]:
    return frozenset(key for keys in tested for key in keys if isinstance(key, str))


def _without_names(tested: frozenset[Key], but: frozenset[str]) -> frozenset[Key]:
    """Leave the names out of what is tested, but for some."""
    return frozenset(key for key in tested if not isinstance(key, str) or key in but)


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


def _is_returned(exit_: Exit, state: State) -> bool:
    return exit_ is Exit.RETURNS and RETURNED in state.holders


def _position(found: ast.AST | Leak | Close | HandOn) -> tuple[int, int, int]:
    node = found if isinstance(found, ast.AST) else found.node
    line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
    return line, column, getattr(node, "end_col_offset", 0)
