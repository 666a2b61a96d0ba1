"""An answer is the same whatever was asked before, in graphs of questions with any cycles."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flake8_dbsession.analysis.questions import Questions

Graph = list[set[int]]


class Reachable:
    """Asks what can be reached from a node of a graph, which is in the answer itself."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.asked = 0
        self._questions = Questions()
        self._memory: dict[object, object] = {}

    def __call__(self, node: int) -> frozenset[int]:
        """Ask for one node."""
        return self._questions.ask(self._memory, node, lambda: self._answer(node), frozenset())

    def _answer(self, node: int) -> frozenset[int]:
        self.asked += 1
        return frozenset({node}).union(*map(self, sorted(self.graph[node])))


def reached(graph: Graph, node: int) -> frozenset[int]:
    """Find the same without memory."""
    found, pending = {node}, [node]
    while pending:
        new = graph[pending.pop()] - found
        found |= new
        pending += new
    return frozenset(found)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(1, 9))
    return draw(st.lists(st.sets(st.integers(0, size - 1)), min_size=size, max_size=size))


@given(graphs(), st.lists(st.integers(0, 8), max_size=12))
def test_the_order_makes_no_difference(graph: Graph, order: Sequence[int]) -> None:
    ask = Reachable(graph)
    for node in order:
        if node < len(graph):
            assert ask(node) == reached(graph, node)


def test_a_settled_question_is_asked_once() -> None:
    ask = Reachable([{1, 2}, {2}, set()])
    ask(0), ask(1), ask(2)
    assert ask.asked == 3


def test_a_cycle_is_asked_for_no_more_often_than_for_each_pair_of_its_nodes() -> None:
    size = 30
    ask = Reachable([set(range(size)) for _ in range(size)])
    for node in range(size):
        assert len(ask(node)) == size
    assert ask.asked < size**2


def test_what_lies_too_deep_is_found_from_nearer_by() -> None:
    chain: Graph = [*({node + 1} for node in range(99)), set()]
    ask = Reachable(chain)
    assert len(ask(0)) == 40
    assert len(ask(80)) == 20
    assert len(ask(30)) == 40


def test_a_question_that_breaks_leaves_nothing_behind() -> None:
    graph: Graph = [{1}, {0, 2}, {3}]
    ask = Reachable(graph)
    with pytest.raises(IndexError):
        ask(0)
    graph.append(set())
    assert ask(1) == {0, 1, 2, 3}


def test_what_comes_to_no_fixed_point_is_given_up() -> None:
    questions, memory = Questions(), {}  # type: ignore[var-annotated]

    def more() -> int:
        return questions.ask(memory, "more", more, 0, fixed_point=True, given_up=-1) + 1

    assert questions.ask(memory, "more", more, 0, fixed_point=True, given_up=-1) == -1


def test_what_lies_too_deep_is_given_up() -> None:
    questions, memory = Questions(), {}  # type: ignore[var-annotated]

    def deeper(level: int) -> int:
        if level == 100:
            return 100
        return questions.ask(memory, level, lambda: deeper(level + 1), 0, given_up=-1)

    assert deeper(0) == -1
