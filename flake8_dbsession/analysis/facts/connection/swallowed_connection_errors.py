"""Swallowed errors of connections: handlers that go on in a transaction that has failed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.effects.work.uses import Part
from flake8_dbsession.analysis.facts.connection.aborted_ways import (
    AbortedWays,
    Found,
    Sequel,
    without,
)
from flake8_dbsession.analysis.facts.connection.callers_transactions import callers_go_on
from flake8_dbsession.analysis.facts.connection.driver_errors import handlers_of
from flake8_dbsession.analysis.facts.connection.kept_transactions import (
    others_leave_changes,
    works_again,
)
from flake8_dbsession.analysis.facts.connection.postgresql_handles import (
    Handle,
    calls_of_keepers,
    connections_of_module,
    handles_in,
)
from flake8_dbsession.analysis.facts.connection.transaction_deeds import (
    BLOCKS,
    Change,
    Deed,
    Deeds,
)
from flake8_dbsession.analysis.facts.lifetime.answers import answer_of
from flake8_dbsession.analysis.facts.lifetime.caught_errors import after_a_look, may_go_on
from flake8_dbsession.analysis.facts.lifetime.exclusions import exclude, told_at
from flake8_dbsession.analysis.facts.scope.carrying import functions_of
from flake8_dbsession.analysis.facts.scope.sequel import as_try
from flake8_dbsession.analysis.flow import Graph, build
from flake8_dbsession.analysis.flow.graph import Evaluate
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import ancestors_in
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes
from flake8_dbsession.analysis.source.mentions import Mentions
from flake8_dbsession.named_tuples import NamedTuple

_ENDED = (Sequel.RETURNED, Sequel.KEPT)
_WORKS = ("execute", ".cursor(", ".copy_", ".callproc(", "(cur", "(conn", "(db")


class SwallowedConnectionError(NamedTuple):
    """A handler that swallows a statement's error, after which its transaction goes on.

    Attributes:
        node: the handler.
        connection: the connection as it is written; empty where only a cursor is at hand.
        library: the connection's library.
        is_async: whether it is an asynchronous one.
        work: the first call in the ``try`` that can fail, as it is written.
        sequel: what comes of the transaction.
        then: the call after it, or the call that a block is over, which ends after it; empty where
            a caller goes on.
        is_block: whether it is the end of a block.
        line: the line of that.
        before: the line of a change before the ``try`` that is not committed yet, else 0.
        is_batch: whether earlier turns of a loop have left changes.
        needs_savepoint: whether a rollback would undo more than what failed, or may.
    """

    node: ast.ExceptHandler
    connection: str
    library: str
    is_async: bool
    work: str
    sequel: Sequel
    then: str
    is_block: bool
    line: int
    before: int
    is_batch: bool
    needs_savepoint: bool


def swallowed_connection_errors(
    tree: Tree, inference: Inference
) -> Iterator[SwallowedConnectionError]:
    """Find the handlers that swallow errors of statements, while their transaction goes on.

    Args:
        tree: a file.
        inference: answers what is a connection, and follows what is called.

    Yields:
        One for each handler that neither rolls back nor leaves, where a statement is run in the
        transaction that PostgreSQL has aborted, or a commit loses what was changed before.
    """
    text = tree.scope.module.text
    handlers = Mentions(text, ("except",))
    if not handlers:
        return
    works = Mentions(text, (*_WORKS, *calls_of_keepers(tree.scope, inference)))
    if not works:
        return
    is_kept = bool(connections_of_module(tree.scope))
    yield from _errors_in(tree.scope, inference)
    for node, outside in functions_of(tree.scope):
        first, last = node.lineno, node.end_lineno or node.lineno
        if handlers.within(first, last) and (is_kept or works.within(first, last)):
            yield from _errors_in(outside.child(node), inference)


def _errors_in(scope: Scope, inference: Inference) -> Iterator[SwallowedConnectionError]:
    node = scope.node
    found = (as_try(inner) for inner in own_nodes(node))
    tries = [tried for tried in found if tried is not None and any(map(may_go_on, tried.handlers))]
    handles = handles_in(tries, scope, inference) if tries else []
    graph = build(node) if handles and isinstance(node, (*FUNCTIONS, ast.Module)) else None
    if graph is None:
        return
    seen: set[ast.ExceptHandler] = set()
    for handle in handles:
        caught = handlers_of(tries, handle.known.library, scope, inference)
        for error in _Swallowed(handle, scope, graph, inference).errors(tries, caught):
            if error.node not in seen:
                seen.add(error.node)
                yield error


class _Swallowed:
    """The errors of one connection's statements that a function swallows."""

    def __init__(self, handle: Handle, scope: Scope, graph: Graph, inference: Inference) -> None:
        self._handle = handle
        self._scope = scope
        self._graph = graph
        self._inference = inference
        self._deeds = Deeds(handle, scope, inference)

    def errors(
        self, tries: list[ast.Try], caught: frozenset[ast.ExceptHandler]
    ) -> Iterator[SwallowedConnectionError]:
        """Give the handlers after which the transaction goes on."""
        ways = AbortedWays(self._graph, self._deeds, caught, self._scope)
        changes = self._deeds.changes_before(self._graph) if ways.failures else {}
        for tried in tries:
            for handler in tried.handlers:
                failing = ways.failures.get(handler)
                if not failing:
                    continue
                work = min(failing, key=lambda call: (call.lineno, call.col_offset))
                left = self._left(tried, work, changes)
                found = self._telling(handler, ways.found[handler], left.lost)
                if found is None:
                    continue
                if left.is_batch:
                    left = self._left(tried, work, self._changes_where_mended(tried, ways))
                yield self._error(handler, work, found, left)

    def _changes_where_mended(
        self, tried: ast.Try, ways: AbortedWays
    ) -> dict[ast.AST, frozenset[Change]]:
        """Give the changes that wait where the handlers of a ``try`` leave none behind."""
        mended = [handler for handler in tried.handlers if handler in ways.failures]
        return self._deeds.changes_before(without(self._graph, mended))

    def _left(
        self, tried: ast.Try, work: ast.Call, changes: dict[ast.AST, frozenset[Change]]
    ) -> _Left:
        """Give the changes that can have been made where a call works."""
        told = told_at(work, self._scope)
        made = changes.get(work, frozenset())
        if told:
            made = frozenset(
                each for each in made if not exclude(told, told_at(each.call, self._scope))
            )
        return _Left(tried, made)

    def _error(
        self, handler: ast.ExceptHandler, work: ast.Call, found: Found, left: _Left
    ) -> SwallowedConnectionError:
        handle = self._handle
        return SwallowedConnectionError(
            handler,
            handle.name if handle.part is Part.WHOLE else "",
            handle.known.library,
            handle.known.is_async,
            f"{ast.unparse(work.func)}()",
            found.sequel,
            _written(found.node) if found.sequel not in _ENDED else "",
            found.is_block,
            found.node.lineno if found.node is not None else 0,
            left.lost if found.sequel is Sequel.COMMITTED else left.before,
            left.is_batch,
            bool(left.changes) or self._may_undo_others(handler, left.tried),
        )

    def _telling(self, handler: ast.ExceptHandler, found: set[Found], lost: int) -> Found | None:
        """Give what shows that the transaction goes on, the first in the text."""
        if any(each.sequel is Sequel.ROLLED_BACK for each in found):
            return None
        asked = after_a_look(handler)
        told = [
            each
            for each in found
            if each.sequel is Sequel.USED
            or (each.sequel is Sequel.RETRIED and each.node not in asked)
            or (each.sequel is Sequel.COMMITTED and lost)
        ]
        if told:
            return min(told, key=lambda each: (each.sequel is Sequel.COMMITTED, _line(each)))
        returned = [each for each in found if each.sequel is Sequel.RETURNED]
        is_kept = self._handle.is_kept_in(self._scope)
        if (self._handle.is_shared and any(map(self._is_gone_on_with, returned))) or (
            returned and works_again(self._scope, self._handle, self._inference)
        ):
            return returned[0]._replace(sequel=Sequel.KEPT) if is_kept else returned[0]
        return None

    def _is_gone_on_with(self, returned: Found) -> bool:
        """Tell whether a caller works on in the transaction, with what the handler returns."""
        answer = answer_of(returned.node)
        return callers_go_on(self._scope, self._handle, answer, self._inference)

    def _may_undo_others(self, handler: ast.ExceptHandler, tried: ast.Try) -> bool:
        """Tell whether a rollback may undo what others, or other calls, have done before.

        What waits for a commit where the ``try`` makes one is lost with what that was to save.
        """
        if self._is_in_block(handler):
            return True
        if not self._handle.is_kept_in(self._scope):
            return self._handle.is_shared
        calls = (n for part in tried.body for n in nodes_in(part) if isinstance(n, ast.Call))
        if any(self._deeds.of(Evaluate(call)) is Deed.COMMITS for call in calls):
            return False
        return self._deeds.leaves_changes() or others_leave_changes(
            self._scope, self._handle, self._inference
        )

    def _is_in_block(self, handler: ast.ExceptHandler) -> bool:
        """Tell whether a block of a transaction is around, in which nobody may roll back."""
        return any(
            last_segment(item.context_expr) in BLOCKS
            for around in ancestors_in(handler, self._scope)
            if isinstance(around, (ast.With, ast.AsyncWith))
            for item in around.items
            if isinstance(item.context_expr, ast.Call)
        )


class _Left(NamedTuple):
    """The changes that wait for a commit where a ``try`` begins to work."""

    tried: ast.Try
    changes: frozenset[Change]

    @property
    def before(self) -> int:
        """The line of the last of them that stands before the ``try``, else 0."""
        return max(self._lines_before(self.changes), default=0)

    @property
    def lost(self) -> int:
        """The line of the last of those that a commit was to save, else 0."""
        kept = (change for change in self.changes if change.is_kept)
        return max(self._lines_before(kept), default=0)

    @property
    def is_batch(self) -> bool:
        """Whether one of them is of an earlier turn of a loop."""
        return any(change.line >= self.tried.lineno for change in self.changes)

    def _lines_before(self, changes: Iterable[Change]) -> Iterator[int]:
        return (change.line for change in changes if change.line < self.tried.lineno)


def _line(found: Found) -> int:
    return found.node.lineno if found.node is not None else 0


def _written(node: ast.expr | None) -> str:
    if isinstance(node, ast.Call):
        return f"{ast.unparse(node.func)}()"
    return ast.unparse(node) if node is not None else ""
