"""Other work while a session holds its connection: awaits, and slow synchronous calls.

A session takes a connection at its first use and gives it back when it commits, rolls back or is
closed. The walk below follows a function's statements in that sense: both branches of a condition,
a loop's body twice, a handler from the beginning or the end of its ``try``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from typing import TypeAlias

from flake8_dbsession.analysis.effects.slow import is_slow_call
from flake8_dbsession.analysis.effects.work.model import ENDS, Did, Work
from flake8_dbsession.analysis.effects.work.uses import A_SESSION, uses_of_name
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, body_of
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import HELD, FunctionValue, Resource
from flake8_dbsession.analysis.nodes import names, nodes_in, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_RELEASES = frozenset({"close", "commit", "invalidate", "rollback"})
_IDLE = frozenset({"add", "add_all", "begin", "expunge", "expunge_all", "get_bind"})

Live: TypeAlias = "frozenset[str] | None"
"""The names of the sessions that hold a connection; None where the code is not reached."""


class HeldWork(NamedTuple):
    """Work that has nothing to do with a session that holds its connection meanwhile.

    Attributes:
        node: the ``await``, or the call that waits for something outside the process.
        session: the session's name.
    """

    node: ast.Await | ast.Call
    session: str


def held_work(tree: Tree, inference: Inference) -> Iterator[HeldWork]:
    """Find the awaits and the slow calls over which a session is held.

    Args:
        tree: the visited part of a file.
        inference: answers which names are sessions, and what is called.

    Yields:
        The work, function by function.
    """
    for node, scope in tree.functions():
        walk = _Walk(scope.child(node), inference)
        if walk.sessions:
            walk.block(node.body, frozenset())
            yield from walk.found.values()


def sessions_held_at(function: Scope, inference: Inference) -> dict[ast.Return, frozenset[str]]:
    """Tell which sessions of a function hold a connection where it returns.

    Args:
        function: the function's scope.
        inference: answers which names are sessions, and what is called.

    Returns:
        The names of the sessions for each ``return`` that can be reached; those of every way there.
    """
    walk = _Walk(function, inference)
    walk.block(body_of(function.node), frozenset())
    return walk.returns


def works_after(block: ast.stmt, function: Scope, inference: Inference) -> bool:
    """Tell whether a function waits for anything but a session's work after a block.

    Args:
        block: the statement.
        function: the function's scope.
        inference: answers which names are sessions, and what is called.
    """
    walk, last = _Walk(function, inference), block.end_lineno or block.lineno
    later = [
        node
        for node in own_nodes(function.node)
        if isinstance(node, ast.Await | ast.Call) and node.lineno > last
    ]
    later.sort(key=lambda node: isinstance(node, ast.Call))  # what is called has to be followed
    return any(map(walk.is_slow, later))


class _Walk:
    """One pass over the statements of a function."""

    def __init__(self, scope: Scope, inference: Inference) -> None:
        self._scope = scope
        self._inference = inference
        self.sessions = frozenset(self._session_names())
        self.found: dict[ast.Await | ast.Call, HeldWork] = {}
        self.returns: dict[ast.Return, frozenset[str]] = {}

    def block(self, body: list[ast.stmt], live: Live) -> Live:
        for statement in body:
            if live is None:
                return None
            live = self._statement(statement, live)
        return live

    def _statement(self, statement: ast.stmt, live: frozenset[str]) -> Live:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return live
            case ast.If(test=test, body=body, orelse=orelse):
                live = self._expression(test, live)
                return _either(self.block(body, live), self.block(orelse, live))
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(statement, live)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                return self._with(items, body, live)
            case ast.Match(subject=subject, cases=cases):
                live = self._expression(subject, live)
                ends = [self.block(case.body, live) for case in cases]
                return _either(live, *ends)
            case _ if hasattr(statement, "finalbody"):
                return self._try(statement, live)  # type: ignore[arg-type]
        live = self._expression(statement, live)
        if isinstance(statement, ast.Return):
            self.returns[statement] = self.returns.get(statement, frozenset()) | live
        leaves = isinstance(statement, (ast.Return, ast.Raise, ast.Break, ast.Continue))
        return None if leaves else live

    def _loop(self, loop: ast.For | ast.AsyncFor | ast.While, live: frozenset[str]) -> Live:
        header = loop.test if isinstance(loop, ast.While) else loop.iter
        live = self._expression(header, live)
        again = _either(live, self.block(loop.body, live)) or live
        end = _either(again, self.block(loop.body, again))
        return self.block(loop.orelse, end)

    def _with(self, items: list[ast.withitem], body: list[ast.stmt], live: Live) -> Live:
        closed: set[str] = set()
        for item in items:
            live = self._expression(item.context_expr, live or frozenset())
            closed |= {n.id for n in nodes_in(item) if isinstance(n, ast.Name)} & self.sessions
        end = self.block(body, live)
        return None if end is None else end - closed

    def _try(self, statement: ast.Try, live: frozenset[str]) -> Live:
        end = self.block(statement.body, live)
        start = _either(live, end)
        ends = [self.block(handler.body, start) for handler in statement.handlers]
        ends.append(self.block(statement.orelse, end))
        reached = _either(*ends)
        final = self.block(statement.finalbody, _either(reached, start))
        return None if reached is None else final

    def _expression(self, root: ast.AST, live: frozenset[str]) -> frozenset[str]:
        nodes = [root, *own_nodes(root)] if not isinstance(root, FUNCTIONS) else []
        for node in nodes:
            if isinstance(node, ast.Await | ast.Call) and live and self.is_slow(node):
                self.found[node] = HeldWork(node, min(live))
        for node in nodes:
            if isinstance(node, ast.Call):
                live = self._call(node, nodes, live)
        return live

    def _call(self, call: ast.Call, nodes: list[ast.AST], live: frozenset[str]) -> frozenset[str]:
        match call.func:
            case ast.Attribute(value=ast.Name(id=name), attr=method) if name in self.sessions:
                if method in _RELEASES:
                    return live - {name}
                return live if method in _IDLE else live | {name}
        is_awaited = any(isinstance(node, ast.Await) and node.value is call for node in nodes)
        if is_awaited or isinstance(self._inference.value(call.func, self._scope), FunctionValue):
            return self._after_helper(call, live)
        return live

    def _after_helper(self, call: ast.Call, live: frozenset[str]) -> frozenset[str]:
        """Give the sessions that hold a connection after a call that may be given some of them."""
        for name, acts in self._acts.items():
            work = acts.get(call)
            if work is not None:
                held = {name} if work.since & Did.ASKS else set()
                live = (live - {name} if work.always & ENDS else live) | held
        return live

    @cached_property
    def _acts(self) -> dict[str, dict[ast.AST, Work]]:
        return {
            name: uses_of_name(name, self._scope, A_SESSION, self._inference).acts
            for name in sorted(self.sessions)
        }

    def is_slow(self, node: ast.Await | ast.Call) -> bool:
        """Tell whether work has nothing to do with a session, and may take its time."""
        if isinstance(node, ast.Await):
            return not names(node, *self.sessions)
        return is_slow_call(node, self._scope, self._inference)

    def _session_names(self) -> Iterator[str]:
        for node in own_nodes(self._scope.node):
            if isinstance(node, ast.Name):
                known = self._inference.known(node, self._scope)
                if known is not None and known.role in HELD and known.resource is Resource.SESSION:
                    yield node.id


def _either(*ends: Live) -> Live:
    """Join the ends of several ways: a session is live where it is on any way that gets here."""
    reached = [end for end in ends if end is not None]
    return frozenset().union(*reached) if reached else None
