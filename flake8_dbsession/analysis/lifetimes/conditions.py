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


def tested_keys(graph: Graph) -> tuple[frozenset[Key], ...]:
    """Find what later tests may ask about: nothing else is worth knowing.

    Args:
        graph: the control flow.

    Returns:
        For each block, the names and conditional expressions whose values matter at its beginning.
    """
    predecessors: list[list[int]] = [[] for _ in graph.blocks]
    for number, block in enumerate(graph.blocks):
        for edge in block.edges:
            predecessors[edge.target].append(number)
    tested: list[frozenset[Key]] = [frozenset()] * len(graph.blocks)
    waiting = list(range(len(graph.blocks)))
    while waiting:
        number = waiting.pop()
        block = graph.blocks[number]
        keys = {k for edge in block.edges if not edge.raised for k in tested[edge.target]}
        keys.update(key for edge in block.edges for key in _asked(edge.test))
        for event in reversed(block.events):
            _before(event, keys)
        # An exception may leave before anything is bound here.
        keys.update(k for edge in block.edges if edge.raised for k in tested[edge.target])
        if keys != tested[number]:
            tested[number] = frozenset(keys)
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


def _before(event: Event, keys: set[Key]) -> None:
    """Step back over an event: what is bound there matters no more, what it is bound to may."""
    match event:
        case Bind(target=str(name) | ast.Name(id=name), value=value):
            if name in keys and not isinstance(value, ast.AugAssign):
                keys.discard(name)
                keys.update(_read(value))
        case Bind(
            target=ast.Tuple() | ast.List(), value=ast.Tuple(elts=parts) | ast.List(elts=parts)
        ):
            keys.update(choice for part in parts for choice in _choices(part))
        case Take(whole=whole, part=part) if whole in keys:
            keys.discard(whole)
            keys.update(_read(part))


def _asked(test: ast.AST | None) -> Iterator[Key]:
    yield from _read(test.left if isinstance(test, ast.Compare) else test)


def _read(value: ast.AST | None) -> Iterator[Key]:
    """Give the names and conditional expressions whose value an expression has."""
    if isinstance(value, ast.expr) and (name := _name(value)):
        yield name
    yield from _choices(value)


def _choices(expression: ast.AST | None) -> Iterator[ast.expr]:
    """Give the conditional expressions whose value an expression may have."""
    match expression:
        case ast.BoolOp() | ast.IfExp() | ast.UnaryOp() | ast.Compare():
            yield expression
        case ast.Await(value=inner) | ast.NamedExpr(value=inner) | ast.Call(args=[*_, inner]):
            yield from _choices(inner)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _choices(part)


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
