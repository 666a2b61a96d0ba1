"""Swallowed errors: handlers that go on with a session whose transaction has failed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property

from flake8_dbsession.analysis.facts.connection.databases import is_postgresql
from flake8_dbsession.analysis.facts.lifetime.caught_errors import (
    after_a_look,
    handlers_in,
    may_go_on,
)
from flake8_dbsession.analysis.facts.lifetime.error_ways import Ways
from flake8_dbsession.analysis.facts.lifetime.expired_reads import reads_after_rollback
from flake8_dbsession.analysis.facts.lifetime.flush_errors import FlushErrors
from flake8_dbsession.analysis.facts.lifetime.held_beside import hinting_in
from flake8_dbsession.analysis.facts.lifetime.living_on import LivingOn
from flake8_dbsession.analysis.facts.lifetime.model_queries import QUERY
from flake8_dbsession.analysis.facts.lifetime.savepoint_needs import (
    expired_by,
    unflushed_before,
)
from flake8_dbsession.analysis.facts.lifetime.session_calls import (
    SessionCalls,
    made_with,
    objects_made,
)
from flake8_dbsession.analysis.facts.lifetime.tried_code import Failed, TriedCode, encloses
from flake8_dbsession.analysis.facts.lifetime.undone_work import Undoing, Undone
from flake8_dbsession.analysis.facts.scope.carrying import as_session, functions_of
from flake8_dbsession.analysis.flow import Graph, build
from flake8_dbsession.analysis.library.methods import TRANSACTIONS, WORK
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import Resource, Role, RoleValue
from flake8_dbsession.analysis.nodes import arguments, dotted_name, nodes_in, own_nodes
from flake8_dbsession.analysis.source.mentions import Mentions, hints
from flake8_dbsession.named_tuples import NamedTuple

# Dictionaries have these too, so that they alone do not show that a name is a session.
_COMMON = frozenset({"get"})
_FLUSHES = (".commit(", ".flush(")


class SwallowedError(NamedTuple):
    """A handler that swallows an error from a session's work, after which the session goes on.

    Attributes:
        node: the handler.
        session: the session as it is written.
        is_async: whether it is an asynchronous one.
        work: the first work in the ``try`` that can fail, as it is written; a flush or commit goes
            before.
        is_retried: whether the handler itself works with the failed session.
        undone: what a rollback would undo besides; None where that is all there is.
        is_flush: whether a flush or commit can fail, after which the session itself refuses work;
            after another statement PostgreSQL does.
        before: the line of what a rollback would undo, where that stands in the function.
        after: the line of the last work in the ``try`` that may commit, and that a savepoint has to
            leave out; else 0.
        added: the line of what is added before a ``try`` that only flushes it, else 0. A savepoint
            there comes too late: it begins with a flush of its own.
        unflushed: the line of what is added right before the ``try``, and has to be flushed before
            a savepoint begins; else 0.
        expired: the name of an object that an asynchronous session cannot read any more after a
            savepoint that failed, and that is read there; else empty.
        flushed: the line of the first flush in a ``try`` whose commit is to have one of its own,
            else 0.
        is_read_again: whether objects of an asynchronous session are read after a rollback, which
            expires them.
    """

    node: ast.ExceptHandler
    session: str
    is_async: bool
    work: str
    is_retried: bool
    undone: Undone | None
    is_flush: bool = True
    before: int = 0
    after: int = 0
    added: int = 0
    unflushed: int = 0
    expired: str = ""
    is_read_again: bool = False
    flushed: int = 0


def swallowed_errors(tree: Tree, inference: Inference) -> Iterator[SwallowedError]:
    """Find the handlers that swallow errors of sessions which live on.

    Args:
        tree: the visited part of a file.
        inference: answers what is a session, and which errors are the database's.

    Yields:
        One for each handler that neither rolls back nor leaves, where the session's work can be
        gone on with in the state that the error left it in.
    """
    text = tree.scope.module.text
    handlers = Mentions(text, ("except",))
    if not handlers:
        return
    works, visited = Mentions(text, _FLUSHES), {node for node, _ in tree.functions()}
    for node, outside in functions_of(tree.scope):
        first, last = node.lineno, node.end_lineno or node.lineno
        if handlers.within(first, last) and (
            node in visited
            or (works and works.within(first, last))
            or (isinstance(outside.node, ast.ClassDef) and hinting_in(outside))
        ):
            found = _Found(TriedCode(node, outside.child(node), inference))
            graph = build(node) if found.code.sessions else None
            if graph is not None:
                yield from found.errors(graph)


class _Found:
    """A function's sessions, and the handlers that can swallow their errors."""

    def __init__(self, code: TriedCode) -> None:
        self.code = code
        goes_on = any(map(may_go_on, code.tried))
        found = handlers_in(code.tries, code.scope, code.inference) if goes_on else ()
        self._handlers = frozenset(found)
        code.sessions.update(self._find_sessions() if self._handlers else ())

    def errors(self, graph: Graph) -> Iterator[SwallowedError]:
        """Give the handlers after which a session goes on, with the first work in their ``try``."""
        code, found = self.code, dict[ast.ExceptHandler, SwallowedError]()
        failing = FlushErrors(code)
        living, undoing = LivingOn(code, failing, graph), Undoing(code, graph)
        for name, known in code.sessions.items():
            late = frozenset(failing.late_savepoints(name))
            calls = SessionCalls(name, known, code.scope, code.inference, late)
            ways = Ways(graph, calls, self._handlers)
            for handler, works in ways.works.items():
                failed = Failed(name, known, works)
                if handler in found or not failing.may_raise(failed, handler):
                    continue
                is_retried = _is_retried(handler, ways)
                if not (is_retried or living.goes_on(ways, failed, handler)):
                    continue
                undoes = undoing.undone(failed, handler)
                is_flush = failing.fails_by_flush(failed, handler)
                if undoes is None or not (is_flush or self._is_postgresql(known)):
                    continue
                work = failed.own_work if undoes.after else failed.work
                if undoes.kind is Undone.OTHERS:
                    work = f"{name}.commit()"
                found[handler] = SwallowedError(
                    handler,
                    name,
                    known.is_async,
                    work,
                    is_retried,
                    undoes.kind,
                    is_flush,
                    undoes.line,
                    undoes.after,
                    failing.added_before(name, code.tried[handler]),
                    unflushed_before(code.tried[handler], name, code),
                    expired_by(handler, name, code) if known.is_async else "",
                    known.is_async and reads_after_rollback(handler, name, code),
                    self._flush_in(handler, name) if undoes.kind is Undone.OTHERS else 0,
                )
        yield from sorted(found.values(), key=lambda error: error.node.lineno)

    def _flush_in(self, handler: ast.ExceptHandler, session: str) -> int:
        """Give the line of the first flush that stands beside a commit in a ``try``, else 0."""
        calls = self.code.calls_in(self.code.tried[handler])
        flushes = (c.lineno for c in calls if dotted_name(c.func) == f"{session}.flush")
        return min(flushes, default=0)

    def _is_postgresql(self, known: RoleValue) -> bool:
        return is_postgresql(known, self.code.scope, self.code.inference)

    def _find_sessions(self) -> Iterator[tuple[str, RoleValue]]:
        """Find the sessions that may go on after a handler that swallows their errors."""
        receivers: dict[str, ast.expr] = {}
        named_again: set[str] = set()
        for tried in self.code.tries:
            if any(h in self._handlers and may_go_on(h) for h in tried.handlers):
                found = dict(self._receivers_of_work(tried.body))
                receivers.update(found)
                named_again |= {name for name in found if self._is_named_again(name, tried)}
        for name, receiver in receivers.items():
            known = self._session(receiver)
            if known is None or not name or self._holds_transaction(name):
                continue
            if not known.is_async and self._awaits(name):
                known = known._replace(is_async=True)  # whatever its annotation says
            is_there = name in named_again or known.commits or self.code.outlives(name, known)
            is_there = is_there or self.code.may_be_injected(name)
            if is_there or self._may_be_retried(name, known):
                yield name, known

    def _may_be_retried(self, name: str, known: RoleValue) -> bool:
        calls = SessionCalls(name, known, self.code.scope, self.code.inference)
        return any(_works_with(calls, handler) for handler in self._handlers)

    def _session(self, receiver: ast.expr) -> RoleValue | None:
        """Give the session that work is done by; that of a registry is one as well."""
        match self.code.inference.value(receiver, self.code.scope):
            case RoleValue(role=Role.REGISTRY, resource=Resource.SESSION) as known:
                return known
        return as_session(receiver, self.code.scope, self.code.inference)

    def _receivers_of_work(self, body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
        """Find what may be a session in a block: what its work is called on, or is given."""
        last = body[-1].end_lineno or body[-1].lineno
        for call in self.code.calls:
            if body[0].lineno <= call.lineno <= last:
                match call.func:
                    case ast.Attribute(value=receiver, attr=method) if method in WORK:
                        if method not in _COMMON or hints(last_segment(receiver)):
                            yield dotted_name(receiver), receiver
                for given in arguments(call):
                    if isinstance(given, (ast.Attribute, ast.Name)) and hints(last_segment(given)):
                        yield dotted_name(given), given
                owner = dotted_name(call.func).partition(".")[0]
                for held in self._held_by.get(owner, ()):
                    yield dotted_name(held), held

    @cached_property
    def _held_by(self) -> dict[str, list[ast.expr]]:
        """What may be sessions that objects hold: what one is made with, and the attributes of it.

        By the name of the object.
        """
        found: dict[str, list[ast.expr]] = {}
        for call, name in objects_made(self.code.scope):
            for given in arguments(call):
                if isinstance(given, (ast.Attribute, ast.Name)) and hints(last_segment(given)):
                    found.setdefault(name, []).append(given)
        receiver, cls = self.code.scope.receiver(), self.code.scope.enclosing_class()
        if receiver is not None and cls is not None:
            owner = ast.Name(receiver, ast.Load())
            attributes = (ast.Attribute(owner, name, ast.Load()) for name in hinting_in(cls))
            found.setdefault(receiver, []).extend(attributes)
        return found

    def _awaits(self, name: str) -> bool:
        """Tell whether the function awaits the work of a session."""
        return any(
            isinstance(node, ast.Await)
            and isinstance(node.value, ast.Call)
            and dotted_name(node.value.func).rpartition(".")[0] == name
            for node in own_nodes(self.code.function)
        )

    def _holds_transaction(self, name: str) -> bool:
        """Tell whether the function keeps what ``begin()`` gives, to end the transaction by."""
        return any(
            isinstance(call, ast.Call)
            and last_segment(call) in TRANSACTIONS
            and dotted_name(call.func).rpartition(".")[0] == name
            for call in self.code.assigned
        )

    def _is_named_again(self, name: str, tried: ast.Try) -> bool:
        """Tell whether a session is named where control can come to after a ``try``'s handlers."""
        if any(encloses(loop, tried) for loop in self.code.loops):
            return True
        first, last = tried.handlers[-1].end_lineno, self.code.function.end_lineno
        made = (f"{holder}." for holder in made_with(name, self.code.scope))
        words = (name.rpartition(".")[2], f".{QUERY}.", *made)
        lines = self.code.scope.module.lines[first:last]
        return any(word in line for line in lines for word in words)


def _is_retried(handler: ast.ExceptHandler, ways: Ways) -> bool:
    """Tell whether a handler works with a session as it was left, whatever the error is."""
    looked = after_a_look(handler)
    return any(node not in looked for node in ways.retried[handler])


def _works_with(calls: SessionCalls, handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler may work with a session, whatever the error is."""
    looked = after_a_look(handler)
    return any(
        (
            isinstance(node, ast.Attribute)
            and ((node.attr in WORK and calls.is_session(node.value)) or calls.is_query(node))
        )
        or (isinstance(node, ast.Call) and calls.works_in(node))
        for statement in handler.body
        for node in nodes_in(statement)
        if node not in looked
    )
