"""Which events can matter to one opened object: most of a function has nothing to do with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

from flake8_dbsession.analysis.flow import Graph
from flake8_dbsession.analysis.flow.graph import Bind, Block, Evaluate, Event, Finish, Take
from flake8_dbsession.analysis.nodes import arguments, nodes_in, unawaited
from flake8_dbsession.named_tuples import NamedTuple

Mention: TypeAlias = str | ast.AST


class Step(NamedTuple):
    """An event, as far as it matters.

    Attributes:
        event: the event; None where it cannot change what is known of the object.
        raising: the node that may raise; None where the event cannot.
    """

    event: Event | None
    raising: ast.AST | None


class Mentions:
    """What the events of a graph mention: names, and expressions that open something.

    Args:
        graph: the control flow.
        opened: the expressions that open something.
    """

    def __init__(self, graph: Graph, opened: frozenset[ast.expr]) -> None:
        self._graph = graph
        self._opened = opened
        self._by_node: dict[ast.AST, frozenset[Mention]] = {}
        self._binds = list(self._bindings())

    def _bindings(self) -> Iterator[tuple[frozenset[Mention], frozenset[Mention]]]:
        """Give what is bound, or has a method called, with what it is given there."""
        for event in (event for block in self._graph.blocks for event in block.events):
            match event:
                case Bind(target=target, value=ast.AST() as value):
                    yield self._target(target), self._of(value)
                case Evaluate(node=ast.Call(func=ast.Attribute(value=owner)) as call):
                    given = arguments(call)
                    if given:
                        yield self._of(owner), frozenset().union(*map(self._of, given))

    def steps(self, opened: Mention, tested: frozenset[str]) -> tuple[tuple[Step, ...], ...]:
        """Reduce the blocks to what can matter to one object.

        Args:
            opened: the expression that opens it, or the name under which it came in.
            tested: the names whose values are asked for anywhere.

        Returns:
            The steps of each block. Of events that raise one after the other and do nothing else,
            only the first is left.
        """
        related = self.related(opened)
        return tuple(self._reduce(block, related, tested) for block in self._graph.blocks)

    def related(self, opened: Mention) -> set[Mention]:
        """Find the names that may come to stand for the object, or for what holds it.

        Args:
            opened: the expression that opens it, or the name under which it came in.

        Returns:
            The names, and what was given.
        """
        related: set[Mention] = {opened}
        size = 0
        while len(related) > size:
            size = len(related)
            for targets, value in self._binds:
                if not related.isdisjoint(value):
                    related |= targets
        return related

    def peers(self) -> frozenset[str]:
        """Find the names that stand for such objects or for None: ``db`` in ``db or connect()``."""
        events = [event for block in self._graph.blocks for event in block.events]
        takes = [event for event in events if isinstance(event, Take)]
        values = self._opened | {
            take.whole for take in takes if unawaited(take.part) in self._opened
        }
        names = {take.part for take in takes if take.whole in values}
        for event in events:
            if isinstance(event, Bind) and unawaited(event.value) in values:
                names |= {event.target} if isinstance(event.target, ast.Name) else set()
        return frozenset(node.id for node in names if isinstance(node, ast.Name))

    def _reduce(
        self, block: Block, related: set[Mention], tested: frozenset[str]
    ) -> tuple[Step, ...]:
        steps: list[Step] = []
        for index, event in enumerate(block.events):
            matters = self._matters(event, related, tested)
            raising = _node(event) if index in block.raising else None
            repeats = bool(steps) and steps[-1].event is None
            if matters or (raising is not None and not repeats):
                steps.append(Step(event if matters else None, raising))
        return tuple(steps)

    def _matters(self, event: Event, related: set[Mention], tested: frozenset[str]) -> bool:
        if isinstance(event, (Take, Finish)):
            return True
        if isinstance(event, Bind):
            targets = self._target(event.target)
            return not targets.isdisjoint(tested | related) or (
                event.value is not None and not related.isdisjoint(self._of(event.value))
            )
        return not related.isdisjoint(self._of(event.node))

    def _target(self, target: ast.expr | str) -> frozenset[Mention]:
        return frozenset({target}) if isinstance(target, str) else self._of(target)

    def _of(self, node: ast.AST) -> frozenset[Mention]:
        if node not in self._by_node:
            self._by_node[node] = frozenset(
                inner.id if isinstance(inner, ast.Name) else inner
                for inner in nodes_in(node)
                if isinstance(inner, ast.Name) or inner in self._opened
            )
        return self._by_node[node]


def _node(event: Event) -> ast.AST | None:
    if isinstance(event, Bind):
        return event.target if isinstance(event.target, ast.AST) else None
    return event.part if isinstance(event, Take) else event.node
