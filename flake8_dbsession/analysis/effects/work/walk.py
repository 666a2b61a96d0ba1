"""Follows statements in their order, with what was done by a session or connection until then."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from flake8_dbsession.analysis.effects.work.model import (
    LASTING,
    NONE_PENDING,
    NOTHING,
    UNREACHED,
    Did,
    PathWork,
    Pending,
    Work,
    joined,
)
from flake8_dbsession.analysis.library.methods import TRANSACTIONS
from flake8_dbsession.analysis.library.python import NO_FLUSH_RAISES
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes

_GIVING_UP = Did.ASKS | Did.ROLLS_BACK | Did.CLOSES
_SIMPLE = (ast.AnnAssign, ast.Assign, ast.Expr)
_START = frozenset({PathWork()})


class Acts(Protocol):
    """What the nodes of a function do by the session or connection that is followed."""

    def by(self, node: ast.AST) -> Iterable[Work]:
        """Give what a node does by itself; what the nodes inside it do is theirs."""

    def at_end(self, context: ast.expr) -> Did:
        """Tell what the end of a block over an expression does."""

    def decides(self, test: ast.expr) -> bool | None:
        """Tell how a test ends; None where it may end either way."""

    def is_foreign(self, error: ast.expr | None) -> bool:
        """Tell whether a handler catches only what the session or connection never raises."""


def ways_through(
    body: Sequence[ast.stmt], acts: Acts, *, handlers: bool = True
) -> frozenset[PathWork]:
    """Give the ways on which statements end, other than by an exception.

    Args:
        body: the statements.
        acts: what they do.
        handlers: whether the ways count that lead through a handler of an exception.
    """
    return _walked(body, _Walk(acts, handlers=handlers)).ways


def work_through(body: Sequence[ast.stmt], acts: Acts) -> Work:
    """Give what statements do, on their ways and anywhere.

    Args:
        body: the statements.
        acts: what they do.
    """
    return _walked(body, _Walk(acts, handlers=True))


def _walked(body: Sequence[ast.stmt], walk: _Walk) -> Work:
    ways = walk.run(body, _START)
    failed = sorted(way.broken for way in walk.failed if way.broken is not None)
    breaks = frozenset({each.if_pending: each for each in failed}.values())
    return Work(joined(ways.union(*walk.exits)), walk.ever, not walk.lasting, breaks)


class _Walk:
    """Follows the statements.

    Attributes:
        exits: the ways to returns and jumps out of them.
        ever: what is done anywhere, on ways that raise too.
        lasting: what may write, and be left so where an error comes after it.
        failed: the ways on which an error leaves that broke the session.
    """

    def __init__(self, acts: Acts, *, handlers: bool) -> None:
        self._acts = acts
        self._handlers = handlers
        self._loops: list[list[frozenset[PathWork]]] = []
        self.exits: list[frozenset[PathWork]] = []
        self.ever = NOTHING
        self.lasting: set[ast.AST] = set()
        self.failed = UNREACHED
        self._depth = 0

    def run(self, body: Sequence[ast.stmt], ways: frozenset[PathWork]) -> frozenset[PathWork]:
        for statement in body:
            ways = joined(self._after(statement, ways))
        return ways

    def _after(self, statement: ast.stmt, ways: frozenset[PathWork]) -> frozenset[PathWork]:
        match statement:
            case _ if not ways:
                return UNREACHED
            case ast.Return():
                self.exits.append(self._effect(statement, ways))
                return UNREACHED
            case ast.Raise():
                self._fail(self._effect(statement, ways))
                return UNREACHED
            case ast.Break() | ast.Continue():
                (self._loops[-1] if self._loops else self.exits).append(ways)
                return UNREACHED
            case ast.If(test=test, body=body, orelse=orelse):
                ways, decided = self._effect(test, ways), self._acts.decides(test)
                if decided is not None:
                    return self.run(body if decided else orelse, ways)
                return self.run(body, ways) | self.run(orelse, ways)
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._after_loop(statement, ways)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    ways = self._effect(item, ways)
                return self._after_with(items, self._within(items, body, ways))
            case ast.Match(subject=subject, cases=cases):
                ways = self._effect(subject, ways)
                return ways.union(*(self.run(case.body, ways) for case in cases))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return ways | self._by_whoever_calls(statement, ways)
            case _ if hasattr(statement, "finalbody"):
                return self._after_try(statement, ways)  # type: ignore[arg-type]
        return self._effect(statement, ways)

    def _by_whoever_calls(
        self, function: ast.FunctionDef | ast.AsyncFunctionDef, ways: frozenset[PathWork]
    ) -> frozenset[PathWork]:
        """Give the ways through a function that is defined among the statements."""
        outside, before = self.exits, self.failed
        after, self.exits = self._effect(function, ways), []
        ended = self.run(function.body, ways).union(*self.exits)
        self.exits, self.failed = outside, before
        return after.union(way for way in ended if way.broken)

    def _after_loop(
        self, loop: ast.For | ast.AsyncFor | ast.While, ways: frozenset[PathWork]
    ) -> frozenset[PathWork]:
        ways = self._effect(loop.test if isinstance(loop, ast.While) else loop.iter, ways)
        jumps: list[frozenset[PathWork]] = []
        self._loops.append(jumps)
        if isinstance(loop, (ast.For, ast.AsyncFor)):
            ways |= self._effect(loop.target, ways)
        for _ in range(2):  # the second time round begins as the first one ended
            ways = joined(ways.union(self.run(loop.body, ways), *jumps))
        self._loops.pop()
        return self.run(loop.orelse, ways).union(*jumps)

    def _within(
        self, items: list[ast.withitem], body: list[ast.stmt], ways: frozenset[PathWork]
    ) -> frozenset[PathWork]:
        """Give the ways through the body of a ``with``, whose end may deal with an error."""
        contexts = [item.context_expr for item in items]
        swallowed = [error for each in contexts for error in _suppressed(each)]
        if swallowed:
            handlers = [ast.ExceptHandler(error, None, []) for error in swallowed]
            return self._after_try(ast.Try(body, handlers, [], []), ways)
        before = self.failed
        ended = self.run(body, ways)
        if any(map(self._rolls_back_at_end, contexts)):
            self.failed = before
        return ended

    def _rolls_back_at_end(self, context: ast.expr) -> bool:
        """Tell whether the end of a block over an expression gives up what failed in it."""
        is_begun = last_segment(context) in TRANSACTIONS
        return is_begun and bool(self._acts.at_end(context) or [*self._acts.by(context)])

    def _after_with(
        self, items: list[ast.withitem], ways: frozenset[PathWork]
    ) -> frozenset[PathWork]:
        for item in reversed(items):
            did = self._acts.at_end(item.context_expr)
            if did:
                ways = frozenset(way.then(PathWork(did, pending=NONE_PENDING)) for way in ways)
        return ways

    def _after_try(self, statement: ast.Try, ways: frozenset[PathWork]) -> frozenset[PathWork]:
        outside, self.exits = self.exits, []
        above, self.failed = self.failed, UNREACHED
        self._depth += 1
        ended = self.run(statement.body, ways)
        broken, self.failed = self.failed, UNREACHED
        after = self.run(statement.orelse, ended)
        # A write that failed has to be rolled back before anything can be committed. A query need
        # not, but where the connection is lost, which a commit never survives.
        failed = [Pending(part.lineno) for part in statement.body if self._may_leave_work(part)]
        if self._undoes(statement):
            self.lasting -= {node for part in statement.body for node in nodes_in(part)}
        first = statement.body[0]
        started = self._effect(first, ways) if self._gives_up(first) else ways
        whole = started.union(ended, *self.exits)
        caught = whole.union(way._replace(pending=each) for way in whole for each in failed)
        for handler in statement.handlers if self._handlers else ():
            reached = whole if self._acts.is_foreign(handler.type) else caught
            if reached is caught and not _is_apart(handler):
                reached = caught.union(map(_caught_here, broken))
            after |= self.run(handler.body, joined(reached))
        if not any(_catches_all(handler.type) for handler in statement.handlers):
            self._fail(broken)
        raised, self.failed = self.failed, above
        self._depth -= 1
        self._fail(self.run(statement.finalbody, raised))
        left, self.exits = self.exits, outside
        self.exits += [self.run(statement.finalbody, each) for each in left]
        return self.run(statement.finalbody, after)

    def _fail(self, ways: Iterable[PathWork]) -> None:
        """Note ways on which an error comes; outside of a ``try`` nothing else of them matters."""
        broken = {way for way in ways if way.broken is not None}
        if not self._depth:
            broken = {PathWork(broken=way.broken) for way in broken}
        if broken:
            self.failed = joined(self.failed | broken)

    def _may_leave_work(self, statement: ast.stmt) -> bool:
        """Tell whether something in a statement may write, and so leave work where it fails."""
        return not self.lasting.isdisjoint(nodes_in(statement))

    def _undoes(self, statement: ast.Try) -> bool:
        """Tell whether work that fails in a ``try`` is given up, whatever comes."""
        if self._begins_with_giving_up(statement.finalbody):
            return True
        catches_all = any(_catches_all(handler.type) for handler in statement.handlers)
        bodies = (handler.body for handler in statement.handlers)
        return catches_all and all(map(self._begins_with_giving_up, bodies))

    def _begins_with_giving_up(self, body: list[ast.stmt]) -> bool:
        """Tell whether statements give up before they do anything else with the session."""
        for statement in body:
            if self._gives_up(statement):
                return True
            if not isinstance(statement, _SIMPLE) or any(self._works(statement)):
                return False
        return False

    def _works(self, statement: ast.stmt) -> Iterator[Work]:
        return (work for node in own_nodes(statement) for work in self._acts.by(node))

    def _gives_up(self, statement: ast.stmt) -> bool:
        """Tell whether a statement rolls back or closes, which even by an error leaves no work."""
        if not isinstance(statement, ast.Expr):
            return False
        works = [*self._works(statement)]
        ends = Did.ROLLS_BACK | Did.CLOSES
        return len(works) == 1 and bool(works[0].always & ends) and not works[0].ever & ~_GIVING_UP

    def _effect(self, node: ast.AST, ways: frozenset[PathWork]) -> frozenset[PathWork]:
        """Give the ways after all that runs in a node; what runs by a condition may not."""
        nodes = (node, *own_nodes(node))
        perhaps = {part for each in nodes for part in _by_condition(each)}
        for part in nodes:
            for work in self._acts.by(part):
                self.ever |= work.ever
                if work.ever & LASTING and not work.undoes:
                    self.lasting.add(part)
                for broken in work.breaks:
                    self._fail(way.then(PathWork(broken=broken)) for way in ways)
                after = frozenset(way.then(next_) for way in ways for next_ in work.ways)
                ways = joined(ways | after if part in perhaps else after)
        return ways


def _caught_here(way: PathWork) -> PathWork:
    """Give a way on which an error broke the session, as whoever catches it sees it."""
    assert way.broken is not None
    return way._replace(broken=way.broken._replace(call=""))


def _suppressed(context: ast.expr) -> list[ast.expr]:
    """Give the errors that end a block without a word, for ``suppress(ValueError)``."""
    match context:
        case ast.Call(func=function, args=errors) if last_segment(function) == "suppress":
            return errors
    return []


def _is_apart(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler catches only what no flush raises."""
    error = handler.type
    errors = error.elts if isinstance(error, ast.Tuple) else [error]
    return all(each is not None and last_segment(each) in NO_FLUSH_RAISES for each in errors)


def _catches_all(error: ast.expr | None) -> bool:
    return error is None or last_segment(error) in ("BaseException", "Exception")


def _by_condition(node: ast.AST) -> Iterator[ast.AST]:
    """Give the nodes inside an expression that are not always evaluated with it."""
    match node:
        case ast.BoolOp(values=[_, *rest]):
            parts: list[ast.AST] = [*rest]
        case ast.IfExp(body=body, orelse=orelse):
            parts = [body, orelse]
        case ast.ListComp(elt=elt) | ast.SetComp(elt=elt) | ast.GeneratorExp(elt=elt):
            parts = [elt]
        case ast.DictComp(key=key, value=value):
            parts = [key, value]
        case _:
            return
    for part in parts:
        yield from nodes_in(part)
