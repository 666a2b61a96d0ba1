"""What can fail in a `try`: a flush, after which the session refuses work, or a statement alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from flake8_dbsession.analysis.effects.work.model import Did
from flake8_dbsession.analysis.facts.lifetime.autoflushing import no_factory_autoflushes
from flake8_dbsession.analysis.facts.lifetime.calls_in_sight import never_autoflushes
from flake8_dbsession.analysis.facts.lifetime.caught_errors import catches_all, caught_by
from flake8_dbsession.analysis.facts.lifetime.helped_work import methods_of
from flake8_dbsession.analysis.facts.lifetime.tried_code import (
    FLUSHING,
    Failed,
    TriedCode,
    encloses,
)
from flake8_dbsession.analysis.library.methods import CHANGING
from flake8_dbsession.analysis.nodes import arguments, blocks, dotted_name, nodes_in, own_nodes


class FlushErrors:
    """Answers what a handler's error can come of.

    Args:
        code: the function that the handlers stand in.
    """

    def __init__(self, code: TriedCode) -> None:
        self._code = code

    def fails_by_flush(self, failed: Failed, handler: ast.ExceptHandler) -> bool:
        """Tell whether a handler can catch the error of a flush, and not of a statement alone."""
        if failed.is_flush and (failed.is_only_flush or self._may_flush(failed.session, handler)):
            return True
        return self._flushes_turns(failed.session, handler)

    def may_raise(self, failed: Failed, handler: ast.ExceptHandler) -> bool:
        """Tell whether the work can raise what a handler catches: no query breaks a constraint."""
        caught = caught_by(handler, self._code.scope, self._code.inference)
        if set(caught) != {"IntegrityError"}:
            return True
        if failed.is_flush:
            return not self._only_commits_savepoints(failed, handler)
        did = (work.ever for work in self._code.uses(failed.session).acts.values())
        return any(done & (Did.WRITES | Did.MAY_WRITE) for done in did)

    def _only_commits_savepoints(self, failed: Failed, handler: ast.ExceptHandler) -> bool:
        """Tell whether all that fails commits what the end of a savepoint has just flushed."""
        commit, tried = f"{failed.session}.commit", self._code.tried[handler]
        if any(work.text != f"{commit}()" for work in failed.works):
            return False
        bodies = [block for node in nodes_in(tried) for block in blocks(node)]
        after = {
            statement.lineno
            for body in bodies
            for before, statement in pairwise(body)
            if _is_savepoint(before, failed.session)
        }
        commits = (call for call in self._code.calls_in(tried) if dotted_name(call.func) == commit)
        return all(call.lineno in after for call in commits)

    def _may_flush(self, name: str, handler: ast.ExceptHandler) -> bool:
        """Tell whether a commit can fail as a handler's errors say, for it has something to flush.

        A connection may be lost at any commit; a column is missing in statements alone.
        """
        if catches_all(handler, self._code.scope, self._code.inference):
            return True
        is_added = any(method in CHANGING for _, method in methods_of(name, self._code.calls))
        return is_added or any(
            isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            for node in own_nodes(self._code.function)
        )

    def _flushes_turns(self, name: str, handler: ast.ExceptHandler) -> bool:
        """Tell whether a query in a loop's ``try`` flushes what earlier turns of it have added."""
        first, last = self._code.function.lineno, self._code.function.end_lineno
        is_off = any("no_autoflush" in line for line in self._code.scope.module.lines[first:last])
        if is_off or not self._code.sessions[name].autoflushes:
            return False
        around = self._code.loop_around(handler, name)
        methods = {
            dotted_name(call.func) for call in self._code.calls_in(self._code.tried[handler])
        }
        commits = self._code.calls_of(name, "commit")
        is_committed = around and any(encloses(around, commit) for commit in commits)
        is_added = not methods.isdisjoint({f"{name}.{method}" for method in CHANGING})
        if around is None or not is_added or is_committed:
            return False
        known, scope, inference = self._code.sessions[name], self._code.scope, self._code.inference
        return not (
            never_autoflushes(scope, name, inference)
            or no_factory_autoflushes(known, scope, inference)
        )

    def late_savepoints(self, name: str) -> Iterator[ast.Call]:
        """Find the savepoints whose own flush writes what was added before them."""
        for tried in self._code.tries:
            savepoint = f"{name}.begin_nested"
            calls = [c for c in self._code.calls_in(tried) if dotted_name(c.func) == savepoint]
            if calls and self.added_before(name, tried):
                yield from calls

    def added_before(self, name: str, tried: ast.Try) -> int:
        """Give the line of what is added before a ``try`` that only flushes it; 0 for nothing."""
        calls = self._code.calls_in(tried)
        methods = {method for _, method in methods_of(name, calls)}
        is_given = any(dotted_name(given) == name for call in calls for given in arguments(call))
        if is_given or not {"flush"} <= methods <= {"flush", "begin_nested"}:
            return 0
        around = self._code.loop_around(tried, name) or self._code.function
        earlier = [
            (call.lineno, method)
            for call, method in methods_of(name, self._code.calls)
            if around.lineno < call.lineno < tried.lineno
        ]
        flushed = max((line for line, method in earlier if method in FLUSHING), default=0)
        added = (line for line, method in earlier if method in CHANGING and line > flushed)
        return min(added, default=0)


def _is_savepoint(statement: ast.stmt, session: str) -> bool:
    """Tell whether a statement is a block of a session's savepoint, which flushes at its end."""
    items = getattr(statement, "items", ())
    calls = (item.context_expr for item in items if isinstance(item.context_expr, ast.Call))
    return any(dotted_name(call.func) == f"{session}.begin_nested" for call in calls)
