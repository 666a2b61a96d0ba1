"""What a rollback in a handler would undo besides the work that failed there."""

from __future__ import annotations

import ast
from enum import Enum

from flake8_dbsession.analysis.effects.work.model import ENDS, Did
from flake8_dbsession.analysis.facts.lifetime.certain_commits import (
    begins_around,
    commits_all,
    is_for_the_caller_to_say,
    leaves_changes,
)
from flake8_dbsession.analysis.facts.lifetime.registries import may_end
from flake8_dbsession.analysis.facts.lifetime.tried_code import Failed, TriedCode, encloses
from flake8_dbsession.analysis.facts.lifetime.work_before import left_before
from flake8_dbsession.analysis.flow import Graph
from flake8_dbsession.analysis.flow.calls import raises_by_name
from flake8_dbsession.analysis.lifetimes import constructs_by_name
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.analysis.nodes import dotted_name, nodes_in, unawaited

_ENDING = ENDS | Did.MAY_END


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


class Undoing:
    """Answers what a rollback in a handler would undo.

    Args:
        code: the function that the handlers stand in.
        graph: its control flow.
    """

    def __init__(self, code: TriedCode, graph: Graph) -> None:
        self._code = code
        self._graph = graph

    def undone(
        self, failed: Failed, handler: ast.ExceptHandler
    ) -> tuple[Undone | None, int] | None:
        """Tell what a rollback in a handler would undo besides the work that failed there.

        Returns:
            What it would, with its line: nothing where nothing is left that another does not
            commit, and where the ``try`` itself commits, for no savepoint outlives a commit. None
            where only a savepoint would save it, and the ``try`` may end that.
        """
        session, tried = failed.session, self._code.tried[handler]
        if begins_around(handler, session, self._code.scope):
            return (Undone.BLOCK, 0) if self._fits_savepoint(session, tried) else None
        undone = self._undone_around(failed, handler)
        if undone is Undone.BATCH:
            return (Undone.TURNS if self._fits_savepoint(session, tried) else undone), 0
        calls = self._code.calls_in(tried)
        commits = any(dotted_name(call.func) == f"{session}.commit" for call in calls)
        if undone is Undone.OTHERS and commits:
            return undone if failed.is_flush else None, 0
        if undone is not None:
            return (undone, 0) if self._fits_savepoint(session, tried) else None
        if commits and not self._fails_otherwise(session, tried):
            return None, 0
        left = left_before(tried, self._graph, session, self._code.scope, self._code.inference)
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
        uses = self._code.uses(session)
        is_ended = any(
            first <= getattr(node, "lineno", 0) <= last and work.ever & _ENDING
            for node, work in uses.acts.items()
        )
        if is_ended or self._code.sessions[session].role is not Role.REGISTRY:
            return not is_ended
        calls = self._code.calls_in(tried)
        return not any(may_end(call, self._code.scope, self._code.inference) for call in calls)

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
        is_an_objects = "." in name  # whose other methods work with it as well
        if not (is_an_objects or self._code.is_given_by_a_caller(name)):
            return None
        if not self._commits_for_caller(name, handler):
            return Undone.CALLERS
        is_kept = is_an_objects and known.role is not Role.REGISTRY
        is_well = is_kept and self._fails_otherwise(name, self._code.tried[handler])
        return Undone.OTHERS if is_well else None

    def _commits_in(self, loop: ast.stmt, name: str) -> bool:
        """Tell whether a turn of a loop commits, on some way at least."""
        uses = self._code.uses(name)
        inside = (call for call in self._code.calls if encloses(loop, call) and call in uses.acts)
        return any(Did.COMMITS in uses.acts[call].ever for call in inside)

    def _leaves_in(self, loop: ast.stmt, handler: ast.ExceptHandler, name: str) -> bool:
        """Tell whether a turn of a loop may leave changes, by itself or by its handler."""
        bodies: list[list[ast.stmt]] = [loop.body, handler.body]  # type: ignore[attr-defined]
        uses = self._code.uses(name)
        return any(
            leaves_changes(body, name, uses, self._code.scope, self._code.inference)
            for body in bodies
        )

    def _commits_for_caller(self, name: str, handler: ast.ExceptHandler) -> bool:
        """Tell whether the function commits what its caller did, itself or by a helper before."""
        return any(
            not is_for_the_caller_to_say(call, self._code.scope)
            if dotted_name(call.func) == f"{name}.commit"
            else call.lineno < handler.lineno and self._is_committed_by(call, name)
            for call in self._code.calls
        )

    def _is_committed_by(self, call: ast.Call, name: str) -> bool:
        """Tell whether a function that is given the session is certain to commit it."""
        work = self._code.uses(name).acts.get(call)
        return work is not None and commits_all(work.ways)
