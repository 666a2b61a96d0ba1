"""Carries states forward through a control-flow graph, to a fixed point."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TypeVar

from flake8_dbsession.analysis.flow.graph import Event, Graph

State = TypeVar("State")


def carry_forward(
    graph: Graph,
    start: State,
    step: Callable[[Event, State], tuple[State, State]],
    join: Callable[[State, State], State],
    assume: Callable[[ast.expr, bool, State], State | None] | None = None,
) -> dict[int, State]:
    """Tell in which state each block of a graph is entered.

    Args:
        graph: the control flow.
        start: the state in which it is entered.
        step: gives the states after an event: when it completes, and when it raises.
        join: gives the state where two ways meet. However often it is asked, what it gives has to
            settle in the end.
        assume: gives the state after a test that came out so, or None where it cannot; None to take
            no notice of tests.

    Returns:
        The states by the numbers of the blocks; blocks that no way leads to are left out.
    """
    entered = {graph.entry: start}
    waiting = [graph.entry]

    def arrive(target: int, state: State) -> None:
        joined = join(entered[target], state) if target in entered else state
        if target not in entered or joined != entered[target]:
            entered[target] = joined
            waiting.append(target)

    while waiting:
        number = waiting.pop()
        block, state = graph.blocks[number], entered[number]
        raised: list[State] = []
        for index, event in enumerate(block.events):
            state, failed = step(event, state)
            if index in block.raising:
                raised.append(failed)
        for edge in block.edges:
            for each in raised if edge.raised else [state]:
                if assume is None or edge.test is None:
                    arrive(edge.target, each)
                elif (told := assume(edge.test, edge.truth, each)) is not None:
                    arrive(edge.target, told)
    return entered
