"""Whether a session lives on after a handler that swallowed its error."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from itertools import takewhile

from flake8_dbsession.analysis.facts.lifetime.answers import (
    Answer,
    Site,
    answer_of,
    own_sites,
    sites_elsewhere,
    sites_of,
    works_after,
)
from flake8_dbsession.analysis.facts.lifetime.caught_errors import after_a_look
from flake8_dbsession.analysis.facts.lifetime.certain_commits import leaves_changes
from flake8_dbsession.analysis.facts.lifetime.dependents import works_on_after
from flake8_dbsession.analysis.facts.lifetime.error_ways import (
    ENDED,
    Sequel,
    Ways,
    sequels_after,
)
from flake8_dbsession.analysis.facts.lifetime.flush_errors import FlushErrors
from flake8_dbsession.analysis.facts.lifetime.left_alone import is_left_alone
from flake8_dbsession.analysis.facts.lifetime.session_calls import SessionCalls
from flake8_dbsession.analysis.facts.lifetime.session_objects import (
    bound_by,
    reads_objects_after,
)
from flake8_dbsession.analysis.facts.lifetime.tried_code import (
    Failed,
    TriedCode,
    rest_of_turn,
)
from flake8_dbsession.analysis.facts.lifetime.work_before import (
    left_before,
    notes_after,
    reads_expired,
)
from flake8_dbsession.analysis.flow import Graph, build
from flake8_dbsession.analysis.flow.calls import is_logger
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, last_segment
from flake8_dbsession.analysis.nodes import is_name, names, nodes_in, own_nodes

_SIMPLE = (ast.AnnAssign, ast.Assign, ast.AugAssign, ast.Expr)


class LivingOn:
    """Answers whether anybody has to do with a session after a handler.

    Args:
        code: the function that the handlers stand in.
        errors: what can fail in it.
        graph: its control flow.
    """

    def __init__(self, code: TriedCode, errors: FlushErrors, graph: Graph) -> None:
        self._code = code
        self._errors = errors
        self._graph = graph

    def goes_on(self, ways: Ways, failed: Failed, handler: ast.ExceptHandler) -> bool:
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
            self._is_lost_at_end(failed, handler) or self._is_of_others(name, handler)
        ):
            return True
        if Sequel.BLOCK_ENDS in sequels and failed.known.commits:
            fails = not self._code.is_swallowed_at_end(name)
            return self._is_lost_at_end(failed, handler, fails=fails)
        if self._is_committed_on_leaving(failed, handler, sequels):
            return True
        if Sequel.FUNCTION_ENDS in sequels and self._is_used_by_dependents(name, handler):
            return True
        if Sequel.FUNCTION_ENDS not in sequels or not self._code.outlives(name, failed.known):
            return False
        if self._code.is_given_by_a_framework(name):
            return self._is_lost_at_end(failed, handler)
        return not (self._is_ended_by_callers(name) or self._is_left_alone(name, handler))

    def _is_used_by_dependents(self, session: str, handler: ast.ExceptHandler) -> bool:
        """Tell whether what a framework runs after a dependency works on, and cannot see the error.

        What it gives them may tell of the error where it comes of the ``try``.
        """
        code, tried = self._code, self._code.tried[handler]
        if not code.may_be_injected(session):
            return False
        bound = {name for node in nodes_in(tried) for each, _ in bound_by(node) for name in each}
        last = handler.end_lineno or handler.lineno
        returned = [n for n in own_nodes(code.function) if isinstance(n, ast.Return)]
        if any(node.lineno > last and names(node, *bound) for node in returned):
            return False
        return works_on_after(code.scope, session, code.inference)

    def _is_left_alone(self, session: str, handler: ast.ExceptHandler) -> bool:
        """Tell whether nobody has to do with a session, or its objects, after a handler."""
        calls = self._code.session_calls(session)
        if reads_objects_after(self._code.tried[handler], calls):
            return False
        return is_left_alone(self._code.scope, session, self._code.inference)

    def _is_committed_on_leaving(
        self, failed: Failed, handler: ast.ExceptHandler, sequels: AbstractSet[Sequel]
    ) -> bool:
        """Tell whether a provider, or a dependency, commits a failed flush where a handler returns.

        After another failed statement that commit only saves nothing.
        """
        is_given = self._code.is_given_by_a_framework(failed.session)
        if not (Sequel.LEFT in sequels or (Sequel.RETURNED in sequels and is_given)):
            return False
        is_flush = failed.is_flush and self._errors.fails_by_flush(failed, handler)
        if not (failed.known.commits and is_flush and self._code.writes(failed.session)):
            return False
        return not self._code.is_swallowed_at_end(failed.session)

    def _is_lost_at_end(
        self, failed: Failed, handler: ast.ExceptHandler, *, fails: bool = True
    ) -> bool:
        """Tell whether the commit that comes next fails, or saves less than was written.

        After a failed flush it fails. After another statement it saves nothing, which matters
        where something was written before or is added afterwards; and objects that the session has
        to load again cannot be read.

        Args:
            failed: the work that failed.
            handler: the handler that swallowed its error.
            fails: whether the commit's own error goes on, and is not swallowed as well.
        """
        if failed.is_flush and fails:
            return self._code.writes(failed.session)
        tried = self._code.tried[handler]
        if notes_after(handler, self._code.function, failed.session):
            return True
        is_expired = failed.known.keeps_loaded is not True
        if is_expired and reads_expired(handler, tried, self._code.function, failed.session):
            return True
        left = left_before(
            tried, self._graph, failed.session, self._code.scope, self._code.inference
        )
        if left is not None and not left.is_lock:
            return True
        return self._changes_before_commit(failed.session, handler)

    def _changes_before_commit(self, session: str, handler: ast.ExceptHandler) -> bool:
        """Tell whether a handler changes objects, or what runs right after it, before a commit.

        The flush of that commit fails as well.
        """
        code, looked = self._code, after_a_look(handler)
        body = [part for part in handler.body if part not in looked]
        around = code.loop_around(handler, session) or code.function
        following = takewhile(_commits_not, rest_of_turn(around, handler, code.scope))
        # What a condition leads to may be for where nothing has failed.
        body += (statement for statement in following if isinstance(statement, _SIMPLE))
        if not any(_may_change(node) for part in body for node in nodes_in(part)):
            return False
        return leaves_changes(body, session, code.uses(session), code.scope, code.inference)

    def _is_ended_by_callers(self, session: str) -> bool:
        """Tell whether all calls in sight are given the session and then close or roll it back."""
        sites = list(sites_of(self._code.scope, session, self._code.inference))
        return bool(sites) and all(_ends_after(site, self._code.inference) for site in sites)

    def _is_used_by_callers(self, session: str, answers: set[Answer]) -> bool:
        """Tell whether a caller works on with the session where it is given such an answer."""
        return any(
            works_after(site, answer, self._code.inference)
            for site in (self._sites(session) if answers else ())
            for answer in answers
        )

    def _sites(self, session: str) -> Iterator[Site]:
        """Give the calls that share the session with the function, those in its file first."""
        yield from sites_of(self._code.scope, session, self._code.inference)
        yield from own_sites(self._code.scope, session, self._code.inference)
        if self._code.is_parameter(session) and not self._code.is_given_by_a_framework(session):
            yield from sites_elsewhere(self._code.scope, session, self._code.inference)

    def _is_of_others(self, name: str, handler: ast.ExceptHandler) -> bool:
        """Tell whether others may have work by a session that no turn of a loop has committed."""
        return self._code.loop_around(handler, name) is None and self._code.is_of_others(name)


def _commits_not(statement: ast.stmt) -> bool:
    calls = (node for node in nodes_in(statement) if isinstance(node, ast.Call))
    return all(last_segment(call.func) != "commit" for call in calls)


def _may_change(node: ast.AST) -> bool:
    """Tell whether a node may change an object, for it sets a place or calls no logger."""
    match node:
        case ast.Attribute(ctx=ctx) | ast.Subscript(ctx=ctx):
            return not isinstance(ctx, ast.Load)
        case ast.Call(func=ast.Attribute(value=owner)):
            return not is_logger(owner)
        case ast.Call(func=function):
            return not is_name(function, "print")
    return False


def _ends_after(site: Site, inference: Inference) -> bool:
    """Tell whether a session is closed or rolled back on every way after a call, unused."""
    function = site.scope.function()
    node = function.node if function is not None else None
    graph = build(node) if isinstance(node, FUNCTIONS) else None
    if graph is None:
        return False
    calls = SessionCalls(site.session, None, site.scope, inference)
    return not sequels_after(site.call, graph, calls) - ENDED
