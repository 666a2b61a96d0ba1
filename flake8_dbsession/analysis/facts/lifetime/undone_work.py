"""What a rollback in a handler would undo besides the work that failed there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum

from flake8_dbsession.analysis.effects.work.model import ENDS, Did, Work
from flake8_dbsession.analysis.facts.lifetime.certain_commits import (
    begins_around,
    commits_all,
    is_for_the_caller_to_say,
    leaves_changes,
)
from flake8_dbsession.analysis.facts.lifetime.registries import may_end
from flake8_dbsession.analysis.facts.lifetime.tried_code import (
    Failed,
    TriedCode,
    encloses,
    rest_of_turn,
)
from flake8_dbsession.analysis.facts.lifetime.work_before import (
    Left,
    is_ended_before,
    left_before,
)
from flake8_dbsession.analysis.flow import Graph
from flake8_dbsession.analysis.flow.calls import raises_by_name
from flake8_dbsession.analysis.lifetimes import constructs_by_name
from flake8_dbsession.analysis.names.parents import ancestors_in
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in, statements_after, unawaited
from flake8_dbsession.named_tuples import NamedTuple

_ENDING = ENDS | Did.MAY_END
_LEAVING_LOOPS = (ast.Break, ast.Raise, ast.Return)


class Undone(Enum):
    """What a rollback would undo besides the work that failed."""

    TURNS = "what earlier turns of a loop did, or loaded for the next ones"
    BATCH = "what earlier turns of a loop did that only some turns commit"
    CALLERS = "what whoever gave the session has done with it"
    OTHERS = "what an object's other methods did, where something else than the session has failed"
    OWN = "what the function has changed before"
    UNCOMMITTED = "the same, which what comes next commits along with its own work"
    LOCK = "a lock that the function has taken before"
    BLOCK = "the transaction of a block around it, in which the session takes no more work then"


class Undoes(NamedTuple):
    """What a rollback in a handler would undo besides the work that failed there.

    Attributes:
        kind: what it is; None where that is all there is.
        line: its line, where it stands in the function.
        after: the line of the last work in the ``try`` that may commit, which no savepoint can
            hold; 0 where nothing there does, or where it matters not.
    """

    kind: Undone | None
    line: int = 0
    after: int = 0


class Undoing:
    """Answers what a rollback in a handler would undo.

    Args:
        code: the function that the handlers stand in.
        graph: its control flow.
    """

    def __init__(self, code: TriedCode, graph: Graph) -> None:
        self._code = code
        self._graph = graph

    def undone(self, failed: Failed, handler: ast.ExceptHandler) -> Undoes | None:
        """Tell what a rollback in a handler would undo besides the work that failed there.

        Returns:
            What it would: nothing where nothing is left that another does not commit, and where
            the ``try`` itself commits, for no savepoint outlives a commit. None where only a
            savepoint would save it, and the ``try`` may end that.
        """
        session, tried = failed.session, self._code.tried[handler]
        if begins_around(handler, session, self._code.scope):
            return self._in_savepoint(Undoes(Undone.BLOCK), session, tried)
        undone = self._undone_around(failed, handler)
        if undone is Undone.BATCH:
            return self._undone_of_batch(session, tried)
        commits = self._commits_itself(session, tried)
        if undone is Undone.OTHERS and commits:
            return Undoes(undone if failed.is_flush else None)
        if undone is Undone.OTHERS:
            undone = None if self._is_ended_before(tried, session) else Undone.CALLERS
        if undone is not None:
            return self._in_savepoint(Undoes(undone), session, tried)
        if commits and not self._fails_otherwise(session, tried):
            return Undoes(None)
        left = self._left_before(tried, session)
        if left is None:
            return Undoes(None)
        if commits:
            return self._undone_before_turns(left, session, tried)
        return self._undone_before(left, session, handler)

    def _undone_before_turns(self, left: Left, session: str, tried: ast.Try) -> Undoes | None:
        """Tell what a rollback would undo before a loop whose turns commit, around or in a ``try``.

        The first turn commits what was left there, and releases its lock.
        """
        inside = {node for part in tried.body for node in nodes_in(part)}
        around = self._code.loop_around(tried, session)
        loops = [around] if around is not None else [x for x in self._code.loops if x in inside]
        loop = next((loop for loop in loops if self._commits_turns_of(loop, session)), None)
        if loop is None or left.line > tried.lineno:
            return None
        if left.is_lock:
            return Undoes(None) if left.line < loop.lineno else None
        return Undoes(Undone.UNCOMMITTED, left.line)

    def _commits_turns_of(self, loop: ast.stmt, session: str) -> bool:
        """Tell whether a loop commits, and goes on to its next turn after that."""
        return any(
            encloses(loop, commit) and not self._is_left_after(commit)
            for commit in self._code.calls_of(session, "commit")
        )

    def _is_left_after(self, call: ast.Call) -> bool:
        """Tell whether the loop is left in the statements that come right after a call."""
        inner: ast.AST = call
        for outer in ancestors_in(call, self._code.scope):
            if isinstance(inner, ast.stmt):
                following = statements_after(inner, outer)
                return any(isinstance(each, _LEAVING_LOOPS) for each in following)
            inner = outer
        return False

    def _undone_of_batch(self, session: str, tried: ast.Try) -> Undoes:
        """Tell what a rollback would undo of a loop that commits in some of its turns."""
        if self._fits_savepoint(session, tried):
            return Undoes(Undone.TURNS)
        loop, left = self._code.loop_around(tried, session), self._left_before(tried, session)
        if loop is None or left is None or left.is_lock:
            return Undoes(Undone.BATCH)
        is_this_turns = loop.lineno < left.line < tried.lineno
        return Undoes(Undone.UNCOMMITTED, left.line) if is_this_turns else Undoes(Undone.BATCH)

    def _undone_before(self, left: Left, session: str, handler: ast.ExceptHandler) -> Undoes | None:
        """Tell what a rollback would undo of what the function has left before a ``try``."""
        tried = self._code.tried[handler]
        if any(self._is_committed_by(call, session) for call in self._code.calls_in(tried)):
            if left.is_lock:
                return Undoes(None)
            last = self._last_end(session, tried)
            if self._is_for_others_to_commit(session, handler) and self._works_after(
                last, session, tried
            ):
                return Undoes(Undone.OWN, left.line, last)
            return Undoes(Undone.UNCOMMITTED, left.line)
        kind = Undone.LOCK if left.is_lock else Undone.OWN
        return self._in_savepoint(Undoes(kind, left.line), session, tried)

    def _in_savepoint(self, undoes: Undoes, session: str, tried: ast.Try) -> Undoes | None:
        return undoes if self._fits_savepoint(session, tried) else None

    def _commits_itself(self, session: str, tried: ast.Try) -> bool:
        calls = self._code.calls_in(tried)
        return any(dotted_name(call.func) == f"{session}.commit" for call in calls)

    def _is_for_others_to_commit(self, session: str, handler: ast.ExceptHandler) -> bool:
        """Tell whether others have work by a session that the function need not commit."""
        is_of_others = self._code.is_of_others(session)
        return is_of_others and not self._commits_for_caller(session, handler, always=True)

    def _left_before(self, tried: ast.Try, session: str) -> Left | None:
        return left_before(tried, self._graph, session, self._code.scope, self._code.inference)

    def _is_ended_before(self, tried: ast.Try, session: str) -> bool:
        code = self._code
        return is_ended_before(tried, self._graph, session, code.scope, code.inference)

    def _fits_savepoint(self, session: str, tried: ast.Try) -> bool:
        """Tell whether nothing in a ``try`` can end the transaction, and a savepoint with it."""
        is_ended = bool(self._last_end(session, tried))
        if is_ended or self._code.sessions[session].role is not Role.REGISTRY:
            return not is_ended
        calls = self._code.calls_in(tried)
        return not any(may_end(call, self._code.scope, self._code.inference) for call in calls)

    def _last_end(self, session: str, tried: ast.Try) -> int:
        """Give the line of the last work in a ``try`` that may end the transaction, else 0."""
        lines = (line for line, work in self._work_in(session, tried) if work.ever & _ENDING)
        return max(lines, default=0)

    def _works_after(self, line: int, session: str, tried: ast.Try) -> bool:
        """Tell whether more work is done by a session in a ``try`` after a line of it."""
        works = self._work_in(session, tried)
        return any(each > line and work.ever & Did.ASKS for each, work in works)

    def _work_in(self, session: str, tried: ast.Try) -> Iterator[tuple[int, Work]]:
        """Give the work of a session in the body of a ``try``, each with its line."""
        first, last = tried.body[0].lineno, tried.body[-1].end_lineno or tried.body[-1].lineno
        for node, work in self._code.uses(session).acts.items():
            line = getattr(node, "lineno", 0)
            if first <= line <= last:
                yield line, work

    def _fails_otherwise(self, session: str, tried: ast.Try) -> bool:
        """Tell whether other work than the session's can fail in a ``try``, and leave it well."""
        work = self._code.uses(session).acts
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

    def _undone_around(self, failed: Failed, handler: ast.ExceptHandler) -> Undone | None:
        """Tell what a rollback would undo of a loop's other turns, or of the caller's work.

        It expires what was loaded as well, which an asynchronous session cannot load again by
        itself.
        """
        name, known = failed.session, failed.known
        commits = self._code.calls_of(name, "commit")
        around = self._code.loop_around(handler, name)
        if around is not None:
            commits_there = self._commits_in(around, name)
            later = any(commit.lineno > around.lineno for commit in commits)
            if commits_there and self._leaves_in(around, handler, name):
                return Undone.BATCH
            if not commits_there and (later or known.commits or known.is_async):
                return Undone.TURNS
        if not self._code.is_of_others(name):
            return None
        if not self._commits_for_caller(name, handler):
            return Undone.CALLERS
        is_kept = "." in name and known.role is not Role.REGISTRY
        is_well = is_kept and self._fails_otherwise(name, self._code.tried[handler])
        return Undone.OTHERS if is_well else None

    def _commits_in(self, loop: ast.stmt, name: str) -> bool:
        """Tell whether a turn of a loop commits, on some way at least."""
        uses = self._code.uses(name)
        inside = (call for call in self._code.calls if encloses(loop, call) and call in uses.acts)
        return any(Did.COMMITS in uses.acts[call].ever for call in inside)

    def _leaves_in(self, loop: ast.stmt, handler: ast.ExceptHandler, name: str) -> bool:
        """Tell whether a turn of a loop may leave changes, by itself or after its handler."""
        after_error = [*handler.body, *rest_of_turn(loop, handler, self._code.scope)]
        bodies: list[list[ast.stmt]] = [loop.body, after_error]  # type: ignore[attr-defined]
        uses = self._code.uses(name)
        return any(
            leaves_changes(body, name, uses, self._code.scope, self._code.inference)
            for body in bodies
        )

    def _commits_for_caller(
        self, name: str, handler: ast.ExceptHandler, *, always: bool = False
    ) -> bool:
        """Tell whether the function commits what its caller did, itself or by a helper before.

        Args:
            name: the session.
            handler: the handler that the helper comes before.
            always: whether a helper has to commit on each of its ways.
        """
        return any(
            not is_for_the_caller_to_say(call, self._code.scope)
            if dotted_name(call.func) == f"{name}.commit"
            else call.lineno < handler.lineno and self._is_committed_by(call, name, always=always)
            for call in self._code.calls
        )

    def _is_committed_by(self, call: ast.Call, name: str, *, always: bool = False) -> bool:
        """Tell whether a function that is given the session commits all that it does by it.

        Args:
            call: the call of the function.
            name: the session.
            always: whether it has to commit on each of its ways, and so what was done before.
        """
        work = self._code.uses(name).acts.get(call)
        is_sure = work is not None and (not always or Did.COMMITS in work.always)
        return is_sure and work is not None and commits_all(work.ways)
