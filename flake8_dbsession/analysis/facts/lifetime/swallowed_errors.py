"""Swallowed errors: handlers that go on with a session whose transaction has failed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from enum import Enum
from functools import cached_property
from itertools import pairwise

from flake8_dbsession.analysis.effects.work.model import ENDS, LASTING, Did, work_of
from flake8_dbsession.analysis.effects.work.uses import Uses, thing_of, uses_of_name
from flake8_dbsession.analysis.facts.connection.databases import is_postgresql
from flake8_dbsession.analysis.facts.lifetime.answers import (
    Answer,
    Site,
    answer_of,
    own_sites,
    sites_elsewhere,
    sites_of,
    works_after,
)
from flake8_dbsession.analysis.facts.lifetime.certain_commits import (
    begins_around,
    commits_all,
    is_for_the_caller_to_say,
    leaves_changes,
)
from flake8_dbsession.analysis.facts.lifetime.error_ways import (
    Sequel,
    Ways,
    Work,
    sequels_after,
)
from flake8_dbsession.analysis.facts.lifetime.held_beside import hinting_in
from flake8_dbsession.analysis.facts.lifetime.helped_work import methods_of
from flake8_dbsession.analysis.facts.lifetime.model_queries import QUERY
from flake8_dbsession.analysis.facts.lifetime.providers import swallows_at_end
from flake8_dbsession.analysis.facts.lifetime.registries import may_end
from flake8_dbsession.analysis.facts.lifetime.session_calls import (
    SessionCalls,
    made_with,
    objects_made,
)
from flake8_dbsession.analysis.facts.lifetime.work_before import (
    left_before,
    notes_after,
    reads_expired,
)
from flake8_dbsession.analysis.facts.scope.carrying import as_session, functions_of
from flake8_dbsession.analysis.facts.scope.sequel import as_try
from flake8_dbsession.analysis.flow import Graph, build
from flake8_dbsession.analysis.flow.calls import is_logger, raises_by_name
from flake8_dbsession.analysis.library.frameworks import TEARDOWN
from flake8_dbsession.analysis.library.methods import (
    CHANGING,
    DATABASE_ERRORS,
    TRANSACTIONS,
    WORK,
)
from flake8_dbsession.analysis.library.wrappers import PLAIN_DECORATORS
from flake8_dbsession.analysis.lifetimes import constructs_by_name
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.inference import Inference, injected_callable
from flake8_dbsession.analysis.names.scopes import (
    FUNCTIONS,
    LOOPS,
    Imported,
    Iterated,
    Parameter,
    Scope,
    last_segment,
    statements,
)
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import (
    External,
    InstanceValue,
    Resource,
    Role,
    RoleValue,
)
from flake8_dbsession.analysis.nodes import (
    arguments,
    blocks,
    dotted_name,
    names,
    nodes_in,
    own_nodes,
    unawaited,
)
from flake8_dbsession.analysis.source.mentions import Mentions, hints, is_gated
from flake8_dbsession.named_tuples import NamedTuple

_ENDING = ENDS | Did.MAY_END
_ALL_ERRORS = frozenset({"BaseException", "Exception"})
# What is caught by them leaves nothing that a database raises.
_ROOTS = _ALL_ERRORS | {"DBAPIError", "SQLAlchemyError"}
# Dictionaries have these too, so that they alone do not show that a name is a session.
_COMMON = frozenset({"get"})
_FLUSHING = frozenset({"commit", "flush"})
_FLUSHES = (".commit(", ".flush(")
_ENDED = frozenset({Sequel.GONE, Sequel.SEEN_TO})
_LEAVING = (ast.Return, ast.Break, ast.Continue)


class Undone(Enum):
    """What a rollback would undo besides the work that failed."""

    TURNS = "what earlier turns of a loop did, or loaded for the next ones"
    BATCH = "what earlier turns of a loop did that only some turns commit"
    CALLERS = "what whoever gave the session has done with it"
    OTHERS = "what an object's other methods did, where something else than the session has failed"
    OWN = "what the function has changed before"
    UNCOMMITTED = "the same, which a function that is called next commits along with its own work"
    LOCK = "a lock that the function has taken before"
    BLOCK = "the transaction of a block around it, in which the session takes no more work then"


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
        added: the line of what is added before a ``try`` that only flushes it, else 0. A savepoint
            there comes too late: it begins with a flush of its own.
    """

    node: ast.ExceptHandler
    session: str
    is_async: bool
    work: str
    is_retried: bool
    undone: Undone | None
    is_flush: bool = True
    before: int = 0
    added: int = 0


class _Failed(NamedTuple):
    """Work of a session that can fail in a ``try``.

    Attributes:
        session: the session as it is written.
        known: what is known of it.
        works: the work, the first one first.
    """

    session: str
    known: RoleValue
    works: list[Work]

    @property
    def is_flush(self) -> bool:
        """Whether a flush or commit is among the work."""
        return any(work.method in _FLUSHING for work in self.works)

    @property
    def is_only_flush(self) -> bool:
        """Whether nothing else is, or a function that is given the session does it."""
        by_itself = {f"{self.session}.{work.method}()" for work in self.works}
        statements = [work for work in self.works if work.method not in _FLUSHING]
        return not statements or any(work.text not in by_itself for work in self.works)

    @property
    def work(self) -> str:
        """The work to name: what the session takes no statement after, else the first."""
        flushes = (work for work in self.works if work.method in _FLUSHING)
        return next(flushes, self.works[0]).text


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
            function = _Function(node, outside.child(node), inference)
            graph = build(node) if function.sessions and function.handlers else None
            if graph is not None:
                yield from function.found(graph)


class _Function:
    """A function's sessions, and the handlers that can swallow their errors."""

    def __init__(
        self,
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        scope: Scope,
        inference: Inference,
    ) -> None:
        self._function = function
        self._scope = scope
        self._inference = inference
        self._found_uses: dict[str, Uses] = {}
        inside = list(statements(function.body))
        self._tries = [tried for statement in inside if (tried := as_try(statement))]
        self._tried = {h: tried for tried in self._tries for h in tried.handlers}
        self._loops = [statement for statement in inside if isinstance(statement, LOOPS)]
        self._assigned = [
            statement.value.value if isinstance(statement.value, ast.Await) else statement.value
            for statement in inside
            if isinstance(statement, ast.Assign)
        ]
        goes_on = any(_may_go_on(handler) for tried in self._tries for handler in tried.handlers)
        self.handlers = frozenset(self._find_handlers() if goes_on else ())
        self.sessions = dict(self._find_sessions()) if self.handlers else {}

    def found(self, graph: Graph) -> Iterator[SwallowedError]:
        """Give the handlers after which a session goes on, with the first work in their ``try``."""
        found: dict[ast.ExceptHandler, SwallowedError] = {}
        for name, known in self.sessions.items():
            late = frozenset(self._late_savepoints(name))
            calls = SessionCalls(name, known, self._scope, self._inference, late)
            ways = Ways(graph, calls, self.handlers)
            for handler, works in ways.works.items():
                failed = _Failed(name, known, works)
                sequels = ways.sequels[handler]
                if not self._may_raise(failed, handler):
                    continue
                is_retried = Sequel.RETRIED in sequels and _works_with(calls, handler)
                if handler in found or not (
                    is_retried or self._goes_on(ways, failed, handler, graph)
                ):
                    continue
                seen_to = self._undone(failed, handler, graph)
                is_flush = self._fails_by_flush(failed, handler)
                if seen_to is None or not (is_flush or self._is_postgresql(known)):
                    continue
                undone, before = seen_to
                work = f"{name}.commit()" if undone is Undone.OTHERS else failed.work
                found[handler] = SwallowedError(
                    handler,
                    name,
                    known.is_async,
                    work,
                    is_retried,
                    undone,
                    is_flush,
                    before,
                    self._added_before(name, self._tried[handler]),
                )
        yield from sorted(found.values(), key=lambda error: error.node.lineno)

    def _is_postgresql(self, known: RoleValue) -> bool:
        return is_postgresql(known, self._scope, self._inference)

    def _fails_by_flush(self, failed: _Failed, handler: ast.ExceptHandler) -> bool:
        """Tell whether a handler can catch the error of a flush, and not of a statement alone."""
        if failed.is_flush and (failed.is_only_flush or self._may_flush(failed.session, handler)):
            return True
        return self._flushes_turns(failed.session, handler)

    def _may_raise(self, failed: _Failed, handler: ast.ExceptHandler) -> bool:
        """Tell whether the work can raise what a handler catches: no query breaks a constraint."""
        if set(self._caught(handler.type)) != {"IntegrityError"}:
            return True
        if failed.is_flush:
            return not self._only_commits_savepoints(failed, handler)
        did = (work.ever for work in self._uses(failed.session).acts.values())
        return any(done & (Did.WRITES | Did.MAY_WRITE) for done in did)

    def _only_commits_savepoints(self, failed: _Failed, handler: ast.ExceptHandler) -> bool:
        """Tell whether all that fails commits what the end of a savepoint has just flushed."""
        commit, tried = f"{failed.session}.commit", self._tried[handler]
        if any(work.text != f"{commit}()" for work in failed.works):
            return False
        bodies = [block for node in nodes_in(tried) for block in blocks(node)]
        after = {
            statement.lineno
            for body in bodies
            for before, statement in pairwise(body)
            if _is_savepoint(before, failed.session)
        }
        commits = (call for call in self._calls_in(tried) if dotted_name(call.func) == commit)
        return all(call.lineno in after for call in commits)

    def _may_flush(self, name: str, handler: ast.ExceptHandler) -> bool:
        """Tell whether a commit can fail as a handler's errors say, for it has something to flush.

        A connection may be lost at any commit; a column is missing in statements alone.
        """
        if not _ROOTS.isdisjoint(self._caught(handler.type)):
            return True
        is_added = any(method in CHANGING for _, method in methods_of(name, self._calls))
        return is_added or any(
            isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            for node in own_nodes(self._function)
        )

    def _flushes_turns(self, name: str, handler: ast.ExceptHandler) -> bool:
        """Tell whether a query in a loop's ``try`` flushes what earlier turns of it have added."""
        first, last = self._function.lineno, self._function.end_lineno
        is_off = any("no_autoflush" in line for line in self._scope.module.lines[first:last])
        if is_off or not self.sessions[name].autoflushes:
            return False
        around = self._loop_around(handler, name)
        methods = {dotted_name(call.func) for call in self._calls_in(self._tried[handler])}
        commits = [call for call in self._calls if dotted_name(call.func) == f"{name}.commit"]
        is_committed = around and any(_encloses(around, commit) for commit in commits)
        is_added = not methods.isdisjoint({f"{name}.{method}" for method in CHANGING})
        return around is not None and is_added and not is_committed

    def _late_savepoints(self, name: str) -> Iterator[ast.Call]:
        """Find the savepoints whose own flush writes what was added before them."""
        for tried in self._tries:
            savepoint = f"{name}.begin_nested"
            calls = [c for c in self._calls_in(tried) if dotted_name(c.func) == savepoint]
            if calls and self._added_before(name, tried):
                yield from calls

    def _added_before(self, name: str, tried: ast.Try) -> int:
        """Give the line of what is added before a ``try`` that only flushes it; 0 for nothing."""
        calls = self._calls_in(tried)
        methods = {method for _, method in methods_of(name, calls)}
        is_given = any(dotted_name(given) == name for call in calls for given in arguments(call))
        if is_given or not {"flush"} <= methods <= {"flush", "begin_nested"}:
            return 0
        around = self._loop_around(tried, name) or self._function
        earlier = [
            (call.lineno, method)
            for call, method in methods_of(name, self._calls)
            if around.lineno < call.lineno < tried.lineno
        ]
        flushed = max((line for line, method in earlier if method in _FLUSHING), default=0)
        added = (line for line, method in earlier if method in CHANGING and line > flushed)
        return min(added, default=0)

    def _find_sessions(self) -> Iterator[tuple[str, RoleValue]]:
        """Find the sessions that may go on after a handler that swallows their errors."""
        receivers: dict[str, ast.expr] = {}
        named_again: set[str] = set()
        for tried in self._tries:
            if any(h in self.handlers and _may_go_on(h) for h in tried.handlers):
                found = dict(self._receivers_of_work(tried.body))
                receivers.update(found)
                named_again |= {name for name in found if self._is_named_again(name, tried)}
        for name, receiver in receivers.items():
            known = self._session(receiver)
            if known is None or not name or self._holds_transaction(name):
                continue
            if not known.is_async and self._awaits(name):
                known = known._replace(is_async=True)  # whatever its annotation says
            is_there = name in named_again or known.commits or self._outlives(name, known)
            if is_there or self._is_retried(name, known):
                yield name, known

    def _is_retried(self, name: str, known: RoleValue) -> bool:
        calls = SessionCalls(name, known, self._scope, self._inference)
        return any(_works_with(calls, handler) for handler in self.handlers)

    def _session(self, receiver: ast.expr) -> RoleValue | None:
        """Give the session that work is done by; that of a registry is one as well."""
        match self._inference.value(receiver, self._scope):
            case RoleValue(role=Role.REGISTRY, resource=Resource.SESSION) as known:
                return known
        return as_session(receiver, self._scope, self._inference)

    @cached_property
    def _calls(self) -> list[ast.Call]:
        return [node for node in own_nodes(self._function) if isinstance(node, ast.Call)]

    def _receivers_of_work(self, body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
        """Find what may be a session in a block: what its work is called on, or is given."""
        last = body[-1].end_lineno or body[-1].lineno
        for call in self._calls:
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
        for call, name in objects_made(self._scope):
            for given in arguments(call):
                if isinstance(given, (ast.Attribute, ast.Name)) and hints(last_segment(given)):
                    found.setdefault(name, []).append(given)
        receiver, cls = self._scope.receiver(), self._scope.enclosing_class()
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
            for node in own_nodes(self._function)
        )

    def _holds_transaction(self, name: str) -> bool:
        """Tell whether the function keeps what ``begin()`` gives, to end the transaction by."""
        return any(
            isinstance(call, ast.Call)
            and last_segment(call) in TRANSACTIONS
            and dotted_name(call.func).rpartition(".")[0] == name
            for call in self._assigned
        )

    def _undone(
        self, failed: _Failed, handler: ast.ExceptHandler, graph: Graph
    ) -> tuple[Undone | None, int] | None:
        """Tell what a rollback in a handler would undo besides the work that failed there.

        Returns:
            What it would, with its line: nothing where nothing is left that another does not
            commit, and where the ``try`` itself commits, for no savepoint outlives a commit. None
            where only a savepoint would save it, and the ``try`` may end that.
        """
        session, tried = failed.session, self._tried[handler]
        if begins_around(handler, session, self._scope):
            return (Undone.BLOCK, 0) if self._fits_savepoint(session, tried) else None
        undone = self._undone_around(failed, handler)
        if undone is Undone.BATCH:
            return (Undone.TURNS if self._fits_savepoint(session, tried) else undone), 0
        calls = self._calls_in(tried)
        commits = any(dotted_name(call.func) == f"{session}.commit" for call in calls)
        if undone is Undone.OTHERS and commits:
            return undone if failed.is_flush else None, 0
        if undone is not None:
            return (undone, 0) if self._fits_savepoint(session, tried) else None
        if commits and not self._fails_otherwise(session, tried):
            return None, 0
        left = left_before(tried, graph, session, self._scope, self._inference)
        if left is None:
            return None, 0
        if commits:
            return None
        if any(self._is_committed_by(call, session) for call in calls):
            return (None, 0) if left.is_lock else (Undone.UNCOMMITTED, left.line)
        if not self._fits_savepoint(session, tried):
            return None
        return (Undone.LOCK if left.is_lock else Undone.OWN), left.line

    def _fits_savepoint(self, session: str, tried: ast.Try) -> bool:
        """Tell whether nothing in a ``try`` can end the transaction, and a savepoint with it."""
        first, last = tried.body[0].lineno, tried.body[-1].end_lineno or tried.body[-1].lineno
        uses = self._uses(session)
        is_ended = any(
            first <= getattr(node, "lineno", 0) <= last and work.ever & _ENDING
            for node, work in uses.acts.items()
        )
        if is_ended or self.sessions[session].role is not Role.REGISTRY:
            return not is_ended
        calls = self._calls_in(tried)
        return not any(may_end(call, self._scope, self._inference) for call in calls)

    def _fails_otherwise(self, session: str, tried: ast.Try) -> bool:
        """Tell whether other work than the session's can fail in a ``try``, and leave it well."""
        work = self._uses(session).acts
        statements = [s for part in tried.body for s in nodes_in(part) if isinstance(s, ast.stmt)]
        values = (getattr(statement, "value", None) for statement in statements)
        calls = (unawaited(value) for value in values if isinstance(value, ast.expr))
        return any(
            isinstance(call, ast.Call)
            and (call not in work or Did.MAY_END in work[call].ever)
            and not ast.unparse(call.func).startswith(f"{session}.")
            and raises_by_name(call)
            and not constructs_by_name(call)
            for call in calls
        )

    def _calls_in(self, tried: ast.Try) -> list[ast.Call]:
        last = tried.body[-1].end_lineno or tried.body[-1].lineno
        return [call for call in self._calls if tried.body[0].lineno <= call.lineno <= last]

    def _undone_around(self, failed: _Failed, handler: ast.ExceptHandler) -> Undone | None:
        """Tell what a rollback would undo of a loop's other turns, or of the caller's work.

        It expires what was loaded as well, which an asynchronous session cannot load again by
        itself.
        """
        name, known = failed.session, failed.known
        commits = [call for call in self._calls if dotted_name(call.func) == f"{name}.commit"]
        around = self._loop_around(handler, name)
        if around is not None:
            commits_there = self._commits_in(around, name)
            later = any(commit.lineno > around.lineno for commit in commits)
            if commits_there and self._leaves_in(around, handler, name):
                return Undone.BATCH
            if not commits_there and (later or known.commits or known.is_async):
                return Undone.TURNS
        is_an_objects = "." in name  # whose other methods work with it as well
        if not (is_an_objects or self._is_given_by_a_caller(name)):
            return None
        if not self._commits_for_caller(name, handler):
            return Undone.CALLERS
        is_kept = is_an_objects and known.role is not Role.REGISTRY
        is_well = is_kept and self._fails_otherwise(name, self._tried[handler])
        return Undone.OTHERS if is_well else None

    def _is_of_others(self, name: str, handler: ast.ExceptHandler) -> bool:
        """Tell whether others may have work by a session that no turn of a loop has committed."""
        if self._loop_around(handler, name) is not None:
            return False
        return "." in name or self._is_given_by_a_caller(name)

    def _is_given_by_a_caller(self, name: str) -> bool:
        parameters = self._parameters(name)
        return bool(parameters) and not self._is_injected_or_a_tests(parameters)

    def _loop_around(self, node: ast.ExceptHandler | ast.Try, session: str) -> ast.stmt | None:
        """Give the innermost loop around a node whose turns share a session."""
        around = (loop for loop in self._loops if _encloses(loop, node))
        loop = max(around, key=lambda loop: loop.lineno, default=None)
        opened = self._opened.get(session, ())
        if loop is None or any(_encloses(loop, block) for block in opened):
            return None
        return loop

    @cached_property
    def _opened(self) -> dict[str, list[ast.With | ast.AsyncWith]]:
        """The blocks that open sessions, by the name that they give them."""
        found: dict[str, list[ast.With | ast.AsyncWith]] = {}
        for node in own_nodes(self._function):
            if isinstance(node, (ast.With, ast.AsyncWith)):
                for item in node.items:
                    if isinstance(item.optional_vars, ast.Name):
                        found.setdefault(item.optional_vars.id, []).append(node)
        return found

    def _commits_in(self, loop: ast.stmt, name: str) -> bool:
        """Tell whether a turn of a loop commits, on some way at least."""
        uses = self._uses(name)
        inside = (call for call in self._calls if _encloses(loop, call) and call in uses.acts)
        return any(Did.COMMITS in uses.acts[call].ever for call in inside)

    def _leaves_in(self, loop: ast.stmt, handler: ast.ExceptHandler, name: str) -> bool:
        """Tell whether a turn of a loop may leave changes, by itself or by its handler."""
        bodies: list[list[ast.stmt]] = [loop.body, handler.body]  # type: ignore[attr-defined]
        uses = self._uses(name)
        return any(
            leaves_changes(body, name, uses, self._scope, self._inference) for body in bodies
        )

    def _commits_for_caller(self, name: str, handler: ast.ExceptHandler) -> bool:
        """Tell whether the function commits what its caller did, itself or by a helper before."""
        return any(
            not is_for_the_caller_to_say(call, self._scope)
            if dotted_name(call.func) == f"{name}.commit"
            else call.lineno < handler.lineno and self._is_committed_by(call, name)
            for call in self._calls
        )

    def _is_committed_by(self, call: ast.Call, name: str) -> bool:
        """Tell whether a function that is given the session is certain to commit it."""
        work = self._uses(name).acts.get(call)
        return work is not None and commits_all(work.ways)

    def _is_named_again(self, name: str, tried: ast.Try) -> bool:
        """Tell whether a session is named where control can come to after a ``try``'s handlers."""
        if any(_encloses(loop, tried) for loop in self._loops):
            return True
        first, last = tried.handlers[-1].end_lineno, self._function.end_lineno
        made = (f"{holder}." for holder in made_with(name, self._scope))
        words = (name.rpartition(".")[2], f".{QUERY}.", *made)
        lines = self._scope.module.lines[first:last]
        return any(word in line for line in lines for word in words)

    def _find_handlers(self) -> Iterator[ast.ExceptHandler]:
        """Find the handlers that errors of the database come to."""
        for tried in self._tries:
            for handler in tried.handlers:
                caught = list(self._caught(handler.type))
                if caught:
                    yield handler
                if not _ROOTS.isdisjoint(caught):
                    break  # nothing is left of them for the handlers below it

    def _caught(self, classes: ast.expr | None) -> Iterator[str]:
        """Give the classes of the database's errors among those that a handler names."""
        if classes is None:
            yield "BaseException"
            return
        for element in classes.elts if isinstance(classes, ast.Tuple) else [classes]:
            if isinstance(element, ast.Name) and element.id in _ALL_ERRORS:
                yield element.id  # which nobody gives another meaning
            elif self._may_name_a_database_error(element):
                value = self._inference.value(element, self._scope)
                origin = value.name if isinstance(value, External) else ""
                package, _, name = origin.rpartition(".")
                if name in DATABASE_ERRORS and package.startswith("sqlalchemy."):
                    yield name

    def _may_name_a_database_error(self, element: ast.expr) -> bool:
        """Tell, without following an import, whether an expression may name such an error."""
        if last_segment(element) in DATABASE_ERRORS:
            return True
        bindings = self._scope.lookup(element.id) if isinstance(element, ast.Name) else []
        return any(isinstance(b.how, Imported) and b.how.name in DATABASE_ERRORS for b in bindings)

    def _goes_on(
        self, ways: Ways, failed: _Failed, handler: ast.ExceptHandler, graph: Graph
    ) -> bool:
        """Tell whether a failed session is worked with again, committed, or there for others.

        One way on which it is rolled back in the end shows that the others are seen to.
        """
        name, sequels = failed.session, ways.sequels[handler]
        if Sequel.SEEN_TO in sequels:
            return False
        if Sequel.USED in sequels:
            return True
        if self._is_used_by_callers(name, set(map(answer_of, ways.returned[handler]))):
            return True
        if Sequel.COMMITTED in sequels and (
            self._is_lost_at_end(failed, handler, graph) or self._is_of_others(name, handler)
        ):
            return True
        if Sequel.BLOCK_ENDS in sequels and failed.known.commits:
            return self._is_lost_at_end(failed, handler, graph)
        if self._is_committed_on_leaving(failed, handler, sequels):
            return True
        if Sequel.FUNCTION_ENDS not in sequels or not self._outlives(name, failed.known):
            return False
        if self._is_given_by_a_framework(self._parameters(name)):
            return self._is_lost_at_end(failed, handler, graph)
        return not self._is_ended_by_callers(name)

    def _is_committed_on_leaving(
        self, failed: _Failed, handler: ast.ExceptHandler, sequels: AbstractSet[Sequel]
    ) -> bool:
        """Tell whether a provider, or a dependency, commits a failed flush where a handler returns.

        After another failed statement that commit only saves nothing.
        """
        is_given = self._is_given_by_a_framework(self._parameters(failed.session))
        if not (Sequel.LEFT in sequels or (Sequel.RETURNED in sequels and is_given)):
            return False
        is_flush = failed.is_flush and self._fails_by_flush(failed, handler)
        if not (failed.known.commits and is_flush and self._writes(failed.session)):
            return False
        return not any(
            swallows_at_end(item.context_expr, self._scope, self._inference)
            for block in self._opened.get(failed.session, ())
            for item in block.items
        )

    def _is_lost_at_end(self, failed: _Failed, handler: ast.ExceptHandler, graph: Graph) -> bool:
        """Tell whether the commit that comes next fails, or saves less than was written.

        After a failed flush it fails. After another statement it saves nothing, which matters
        where something was written before or is added afterwards; and objects that the session has
        to load again cannot be read.
        """
        if failed.is_flush:
            return self._writes(failed.session)
        tried = self._tried[handler]
        if notes_after(handler, self._function, failed.session):
            return True
        is_expired = failed.known.keeps_loaded is not True
        if is_expired and reads_expired(handler, tried, self._function, failed.session):
            return True
        left = left_before(tried, graph, failed.session, self._scope, self._inference)
        return left is not None and not left.is_lock

    def _is_ended_by_callers(self, session: str) -> bool:
        """Tell whether all calls in sight are given the session and then close or roll it back."""
        sites = list(sites_of(self._scope, session, self._inference))
        return bool(sites) and all(_ends_after(site, self._inference) for site in sites)

    def _is_used_by_callers(self, session: str, answers: set[Answer]) -> bool:
        """Tell whether a caller works on with the session where it is given such an answer."""
        return any(
            works_after(site, answer, self._inference)
            for site in (self._sites(session) if answers else ())
            for answer in answers
        )

    def _sites(self, session: str) -> Iterator[Site]:
        """Give the calls that share the session with the function, those in its file first."""
        yield from sites_of(self._scope, session, self._inference)
        yield from own_sites(self._scope, session, self._inference)
        parameters = self._parameters(session)
        if parameters and not self._is_given_by_a_framework(parameters):
            yield from sites_elsewhere(self._scope, session, self._inference)

    def _uses(self, session: str) -> Uses:
        if session not in self._found_uses:
            thing = thing_of(self.sessions[session])
            uses = uses_of_name(session, self._scope, thing, self._inference)
            self._add_objects_work(session, uses)
            self._found_uses[session] = uses
        return self._found_uses[session]

    def _add_objects_work(self, session: str, uses: Uses) -> None:
        """Add what is done by way of objects that hold the session, however they came to it."""
        reach = self._session_calls(session).reach
        for node in [*uses.acts]:
            if isinstance(node, ast.Attribute) and self._is_of_no_session(node):
                del uses.acts[node]
        for call in self._calls:
            if reach.is_of_carrier(call) and reach.run_by(call) is not None:
                known = uses.acts.get(call)
                uses.acts.pop(call.func.value, None)  # type: ignore[attr-defined]
                if known is None or Did.MAY_END in known.ever:
                    uses.acts[call] = work_of(reach.done_by(call), call.lineno)

    def _is_of_no_session(self, expression: ast.expr) -> bool:
        """Tell whether an object is of a class whose file has nothing to do with a database."""
        value = self._inference.value(expression, self._scope)
        return isinstance(value, InstanceValue) and not is_gated(value.cls.scope.module.text)

    def _session_calls(self, session: str) -> SessionCalls:
        return SessionCalls(session, self.sessions.get(session), self._scope, self._inference)

    def _writes(self, session: str) -> bool:
        """Tell whether the function may write, so that there is something to commit."""
        uses = self._uses(session)
        return bool(uses.ever & (LASTING | Did.COMMITS))

    def _outlives(self, name: str, known: RoleValue) -> bool:
        """Tell whether a session is there after the function, for others to work with.

        Whoever calls a decorated function, or a test, is taken to be a framework, which ends the
        sessions that it gives.
        """
        bindings = self._scope.bindings(name)
        if any(isinstance(binding.how, Iterated) for binding in bindings):
            return False  # a loop over a dependency, which ends with it
        if self._is_given_by_a_framework(self._parameters(name)):
            return known.commits
        if known.role is Role.REGISTRY:
            return not self._inference.project.may_hold(self._scope.module.path, TEARDOWN)
        return known.role is not Role.OPENED

    def _parameters(self, name: str) -> list[Parameter]:
        hows = (binding.how for binding in self._scope.bindings(name))
        return [how for how in hows if isinstance(how, Parameter)]

    def _is_given_by_a_framework(self, parameters: list[Parameter]) -> bool:
        """Tell whether a framework may give the session, as one that decorates the function."""
        is_decorated = not decorator_names(self._function) <= PLAIN_DECORATORS
        return bool(parameters) and (is_decorated or self._is_injected_or_a_tests(parameters))

    def _is_injected_or_a_tests(self, parameters: list[Parameter]) -> bool:
        """Tell whether a framework surely gives the session, so that no caller has worked by it."""
        is_test = self._function.name.startswith("test")
        return bool(parameters) and (is_test or any(map(self._is_injected, parameters)))

    def _is_injected(self, parameter: Parameter) -> bool:
        given = [part for part in (parameter.default, parameter.arg.annotation) if part is not None]
        return any(
            isinstance(node, ast.Call) and injected_callable(node, self._scope) is not None
            for part in given
            for node in nodes_in(part)
        )


def _ends_after(site: Site, inference: Inference) -> bool:
    """Tell whether a session is closed or rolled back on every way after a call, unused."""
    function = site.scope.function()
    node = function.node if function is not None else None
    graph = build(node) if isinstance(node, FUNCTIONS) else None
    if graph is None:
        return False
    calls = SessionCalls(site.session, None, site.scope, inference)
    return not sequels_after(site.call, graph, calls) - _ENDED


def _is_savepoint(statement: ast.stmt, session: str) -> bool:
    """Tell whether a statement is a block of a session's savepoint, which flushes at its end."""
    items = getattr(statement, "items", ())
    calls = (item.context_expr for item in items if isinstance(item.context_expr, ast.Call))
    return any(dotted_name(call.func) == f"{session}.begin_nested" for call in calls)


def _encloses(loop: ast.stmt, node: ast.stmt | ast.expr | ast.excepthandler) -> bool:
    return loop.lineno < node.lineno <= (loop.end_lineno or 0)


def _works_with(calls: SessionCalls, handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler itself works with a session, whatever the error is.

    What it does only after a look at the error may be for the errors of others.
    """
    nodes = [node for statement in handler.body for node in nodes_in(statement)]
    errors = {handler.name}
    for node in nodes:
        if isinstance(node, ast.Assign) and names(node.value, *errors):
            errors |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    asked = [node for node in nodes if isinstance(node, ast.If) and names(node.test, *errors)]
    after_a_look = {inner for node in asked for inner in nodes_in(node)}
    return any(
        (
            isinstance(node, ast.Attribute)
            and ((node.attr in WORK and calls.is_session(node.value)) or calls.is_query(node))
        )
        or (isinstance(node, ast.Call) and calls.works_in(node))
        for node in nodes
        if node not in after_a_look
    )


def _may_go_on(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler may swallow an error, or work on before it raises again.

    Not where it plainly rolls back, or only raises.
    """
    for statement in handler.body:
        if not isinstance(statement, ast.Expr):
            break
        if last_segment(statement.value) == "rollback":
            return False
    if not isinstance(handler.body[-1], ast.Raise):
        return True
    return any(
        isinstance(node, _LEAVING)
        or (isinstance(node, ast.Attribute) and node.attr in WORK)
        or (isinstance(node, ast.Call) and _may_be_given(node))
        for statement in handler.body
        for node in nodes_in(statement)
    )


def _may_be_given(call: ast.Call) -> bool:
    """Tell whether a call may be given a session, or be of an object that holds one."""
    if any(hints(last_segment(given)) for given in arguments(call)):
        return True
    return isinstance(call.func, ast.Attribute) and not is_logger(call.func.value)
