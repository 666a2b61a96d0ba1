"""What a branch that was taken says about the names in its test."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set

from flake8_dbsession.analysis.flow import Graph
from flake8_dbsession.analysis.flow.expressions import is_none_test
from flake8_dbsession.analysis.flow.graph import Bind, Event, Take
from flake8_dbsession.analysis.lifetimes.state import (
    CLOSED,
    FALSE,
    NONE,
    TRUE,
    Key,
    Reader,
    State,
)
from flake8_dbsession.analysis.nodes import nodes_in

_OPEN_MARKS = frozenset({"is_active", "is_connected", "open"})
_CLOSED_MARKS = frozenset({"closed", "is_closed"})


def assume(test: ast.expr, truth: bool, state: State, reader: Reader) -> State | None:
    """Narrow a state by a test.

    Args:
        test: an atomic test: no ``and``, ``or`` or ``not`` in it.
        truth: what it came out as.
        state: the state before.
        reader: reads expressions in a state.

    Returns:
        The state with what is known now; None where the test cannot come out so.
    """
    answer = _own_answer(test, state, reader)
    if answer is not None:
        return state if answer is truth else None
    if is_none_test(test):
        assert isinstance(test, ast.Compare)
        asked = test.left
        affirms = isinstance(test.ops[0], (ast.Is, ast.Eq)) is truth
        allowed = NONE if affirms else FALSE | TRUE
    else:
        asked = test
        allowed = TRUE if truth else NONE | FALSE
    left = reader.values(asked, state) & allowed
    if not left:
        return None
    name = _name(asked)
    known = name is None or name in state.objects or name in state.holders
    return state if known or name is None else state.narrow(name, left)


def tested_names(graph: Graph) -> tuple[frozenset[str], ...]:
    """Find the names that later tests may ask about: nothing else is worth knowing.

    Args:
        graph: the control flow.

    Returns:
        For each block, the names whose values matter at its beginning.
    """
    predecessors: list[list[int]] = [[] for _ in graph.blocks]
    for number, block in enumerate(graph.blocks):
        for edge in block.edges:
            predecessors[edge.target].append(number)
    tested: list[frozenset[str]] = [frozenset()] * len(graph.blocks)
    waiting = list(range(len(graph.blocks)))
    while waiting:
        number = waiting.pop()
        block = graph.blocks[number]
        names = {n for edge in block.edges if not edge.raised for n in tested[edge.target]}
        names.update(name for edge in block.edges for name in _asked(edge.test))
        for event in reversed(block.events):
            _before(event, names)
        # An exception may leave before anything is bound here.
        names.update(n for edge in block.edges if edge.raised for n in tested[edge.target])
        if names != tested[number]:
            tested[number] = frozenset(names)
            waiting += predecessors[number]
    return tuple(tested)


def guarding_names(root: ast.AST, related: Set[Key]) -> frozenset[str]:
    """Find the names in tests that decide about something that mentions an object.

    Args:
        root: the function.
        related: the expression that opens the object, and the names that may stand for it.

    Returns:
        The names.
    """
    guarding: set[str] = set()
    for node in nodes_in(root):
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            inner = {each.id if isinstance(each, ast.Name) else each for each in nodes_in(node)}
            if not inner.isdisjoint(related):
                guarding |= {each.id for each in nodes_in(node.test) if isinstance(each, ast.Name)}
    return frozenset(guarding)


def _before(event: Event, names: set[str]) -> None:
    """Step back over an event: a name bound there matters no more, what it is bound to may."""
    match event:
        case Bind(target=str(name) | ast.Name(id=name), value=value):
            if name in names and not isinstance(value, ast.AugAssign):
                names.discard(name)
                names.update(_asked(value))
        case Take(part=part):
            names.update(_asked(part))


def _asked(test: ast.AST | None) -> Iterator[str]:
    asked = test.left if isinstance(test, ast.Compare) else test
    if isinstance(asked, ast.expr) and (name := _name(asked)):
        yield name


def _name(node: ast.expr) -> str | None:
    if isinstance(node, ast.NamedExpr):
        return node.target.id
    return node.id if isinstance(node, ast.Name) else None


def _own_answer(test: ast.expr, state: State, reader: Reader) -> bool | None:
    """Answer a test that asks the object itself: ``conn.closed``, ``hasattr(db, "close")``."""
    match test:
        case ast.Call(func=ast.Attribute() as mark, args=[]):
            return _own_answer(mark, state, reader)
        case ast.Attribute(value=owner, attr=attribute) if reader.refers(owner, state):
            is_closed = state.status in CLOSED
            if attribute in _CLOSED_MARKS:
                return is_closed
            if attribute in _OPEN_MARKS:
                return not is_closed
        case ast.Call(func=ast.Name(id="hasattr"), args=[owner, ast.Constant(value="close")]):
            return True if reader.refers(owner, state) else None
        case ast.Compare(
            left=ast.Constant(value=name),
            ops=[ast.In()],
            comparators=[ast.Call(func=ast.Name(id="locals"))],
        ):
            return True if name in state.objects else None
    return None
