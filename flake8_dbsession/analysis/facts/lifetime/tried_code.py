"""A function with `try` statements: its parts, and what is done in it by a session."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cached_property

from flake8_dbsession.analysis.effects.work.model import (
    ENDS,
    LASTING,
    Did,
    PathWork,
    Pending,
    Work,
    work_of,
)
from flake8_dbsession.analysis.effects.work.uses import Uses, thing_of, uses_of_name
from flake8_dbsession.analysis.facts.lifetime.error_ways import Work as Failing
from flake8_dbsession.analysis.facts.lifetime.providers import swallows_at_end
from flake8_dbsession.analysis.facts.lifetime.session_calls import SessionCalls
from flake8_dbsession.analysis.facts.scope.sequel import as_try
from flake8_dbsession.analysis.library.frameworks import TEARDOWN
from flake8_dbsession.analysis.library.wrappers import PLAIN_DECORATORS
from flake8_dbsession.analysis.lifetimes.names import is_generator
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.inference import Inference, injected_callable
from flake8_dbsession.analysis.names.parents import ancestors_in
from flake8_dbsession.analysis.names.scopes import (
    LOOPS,
    Iterated,
    Parameter,
    Scope,
    statements,
)
from flake8_dbsession.analysis.names.values import InstanceValue, Role, RoleValue
from flake8_dbsession.analysis.nodes import (
    dotted_name,
    nodes_in,
    own_nodes,
    statements_after,
)
from flake8_dbsession.analysis.source.mentions import is_gated
from flake8_dbsession.named_tuples import NamedTuple

FLUSHING = frozenset({"commit", "flush"})
"""The methods after whose failure a session refuses all work, whatever its database is."""


class Failed(NamedTuple):
    """Work of a session that can fail in a ``try``.

    Attributes:
        session: the session as it is written.
        known: what is known of it.
        works: the work, the first one first.
    """

    session: str
    known: RoleValue
    works: list[Failing]

    @property
    def is_flush(self) -> bool:
        """Whether a flush or commit is among the work."""
        return any(work.method in FLUSHING for work in self.works)

    @property
    def is_only_flush(self) -> bool:
        """Whether nothing else is, or a function that is given the session does it."""
        by_itself = {f"{self.session}.{work.method}()" for work in self.works}
        statements = [work for work in self.works if work.method not in FLUSHING]
        return not statements or any(work.text not in by_itself for work in self.works)

    @property
    def work(self) -> str:
        """The work to name: what the session takes no statement after, else the first."""
        return _to_name(self.works)

    @property
    def own_work(self) -> str:
        """The same of what no function does that is given the session, where there is any."""
        own = [work for work in self.works if work.text.startswith(f"{self.session}.")]
        return _to_name(own or self.works)


class TriedCode:
    """A function with ``try`` statements.

    Args:
        function: the function.
        scope: its scope.
        inference: follows what it calls.

    Attributes:
        function: as given.
        scope: as given.
        inference: as given.
        tries: its statements.
        tried: the statement of each handler.
        loops: its loops.
        assigned: what it binds names to, without an ``await``.
        sessions: what is known of the sessions that were found in it, by their names.
    """

    def __init__(
        self,
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        scope: Scope,
        inference: Inference,
    ) -> None:
        self.function = function
        self.scope = scope
        self.inference = inference
        self.sessions: dict[str, RoleValue] = {}
        self._found_uses: dict[str, Uses] = {}
        inside = list(statements(function.body))
        self.tries = [tried for statement in inside if (tried := as_try(statement))]
        self.tried = {h: tried for tried in self.tries for h in tried.handlers}
        self.loops = [statement for statement in inside if isinstance(statement, LOOPS)]
        self.assigned = [
            statement.value.value if isinstance(statement.value, ast.Await) else statement.value
            for statement in inside
            if isinstance(statement, ast.Assign)
        ]

    @cached_property
    def calls(self) -> list[ast.Call]:
        """The calls of the function."""
        return [node for node in own_nodes(self.function) if isinstance(node, ast.Call)]

    def calls_in(self, tried: ast.Try) -> list[ast.Call]:
        """Give the calls in the body of a ``try``."""
        last = tried.body[-1].end_lineno or tried.body[-1].lineno
        return [call for call in self.calls if tried.body[0].lineno <= call.lineno <= last]

    def calls_of(self, session: str, method: str) -> list[ast.Call]:
        """Give the calls of a session's method."""
        return [call for call in self.calls if dotted_name(call.func) == f"{session}.{method}"]

    def loop_around(self, node: ast.ExceptHandler | ast.Try, session: str) -> ast.stmt | None:
        """Give the innermost loop around a node whose turns share a session."""
        around = (loop for loop in self.loops if encloses(loop, node))
        loop = max(around, key=lambda loop: loop.lineno, default=None)
        opened = self.opened.get(session, ())
        if loop is None or any(encloses(loop, block) for block in opened):
            return None
        return loop

    @cached_property
    def opened(self) -> dict[str, list[ast.With | ast.AsyncWith]]:
        """The blocks that open sessions, by the name that they give them."""
        found: dict[str, list[ast.With | ast.AsyncWith]] = {}
        for node in own_nodes(self.function):
            if isinstance(node, (ast.With, ast.AsyncWith)):
                for item in node.items:
                    if isinstance(item.optional_vars, ast.Name):
                        found.setdefault(item.optional_vars.id, []).append(node)
        return found

    def uses(self, session: str) -> Uses:
        """Give what the function does by one of its sessions."""
        if session not in self._found_uses:
            thing = thing_of(self.sessions[session])
            uses = uses_of_name(session, self.scope, thing, self.inference)
            self._add_objects_work(session, uses)
            self._found_uses[session] = uses
        return self._found_uses[session]

    def _add_objects_work(self, session: str, uses: Uses) -> None:
        """Add what is done by way of objects that hold the session, however they came to it."""
        reach = self.session_calls(session).reach
        for node in [*uses.acts]:
            if isinstance(node, ast.Attribute) and self._is_of_no_session(node):
                del uses.acts[node]
        for call in self.calls:
            if reach.is_of_carrier(call) and reach.run_by(call) is not None:
                did = uses.acts.get(call)
                uses.acts.pop(call.func.value, None)  # type: ignore[attr-defined]
                if did is None or Did.MAY_END in did.ever:
                    uses.acts[call] = _work_of_object(reach.done_by(call), call)

    def _is_of_no_session(self, expression: ast.expr) -> bool:
        """Tell whether an object is of a class whose file has nothing to do with a database."""
        value = self.inference.value(expression, self.scope)
        return isinstance(value, InstanceValue) and not is_gated(value.cls.scope.module.text)

    def session_calls(self, session: str) -> SessionCalls:
        """Give what answers what the function's calls do to one of its sessions."""
        return SessionCalls(session, self.sessions.get(session), self.scope, self.inference)

    def writes(self, session: str) -> bool:
        """Tell whether the function may write, so that there is something to commit."""
        return bool(self.uses(session).ever & (LASTING | Did.COMMITS))

    def outlives(self, session: str, known: RoleValue) -> bool:
        """Tell whether a session is there after the function, for others to work with.

        Whoever calls a decorated function, or a test, is taken to be a framework, which ends the
        sessions that it gives.
        """
        bindings = self.scope.bindings(session)
        if any(isinstance(binding.how, Iterated) for binding in bindings):
            return False  # a loop over a dependency, which ends with it
        if self.is_given_by_a_framework(session):
            return known.commits
        if known.role is Role.REGISTRY:
            return not self.inference.project.may_hold(self.scope.module.path, TEARDOWN)
        return known.role is not Role.OPENED

    def is_swallowed_at_end(self, session: str) -> bool:
        """Tell whether a session's provider swallows what its commit raises in the end."""
        items = [item for block in self.opened.get(session, ()) for item in block.items]
        contexts = (item.context_expr for item in items)
        return any(swallows_at_end(each, self.scope, self.inference) for each in contexts)

    def is_given_by_a_caller(self, session: str) -> bool:
        """Tell whether a caller of the project gives the session, who may have worked by it."""
        parameters = _parameters(session, self.scope)
        return bool(parameters) and not self._is_injected_or_a_tests(parameters)

    def is_of_others(self, session: str) -> bool:
        """Tell whether a caller, or an object's other methods, work with a session as well."""
        return "." in session or self.is_given_by_a_caller(session)

    def is_given_by_a_framework(self, session: str) -> bool:
        """Tell whether a framework may give the session, as one that decorates the function."""
        parameters = _parameters(session, self.scope)
        is_decorated = not decorator_names(self.function) <= PLAIN_DECORATORS
        return bool(parameters) and (is_decorated or self._is_injected_or_a_tests(parameters))

    def may_be_injected(self, session: str) -> bool:
        """Tell whether a framework gives the session to a function that it may run for others.

        A generator may well end after those that it is run for.
        """
        is_plain = decorator_names(self.function) <= PLAIN_DECORATORS
        if not is_plain or is_generator(self.function):
            return False
        return any(_is_injected(each, self.scope) for each in _parameters(session, self.scope))

    def is_parameter(self, session: str) -> bool:
        """Tell whether the session is one that the function is given."""
        return bool(_parameters(session, self.scope))

    def _is_injected_or_a_tests(self, parameters: list[Parameter]) -> bool:
        """Tell whether a framework surely gives the session, so that no caller has worked by it."""
        is_test = self.function.name.startswith("test")
        return is_test or any(_is_injected(parameter, self.scope) for parameter in parameters)


def _to_name(works: Sequence[Failing]) -> str:
    flushes = (work for work in works if work.method in FLUSHING)
    return next(flushes, works[0]).text


def _work_of_object(did: Did, call: ast.Call) -> Work:
    """Give the work of an object's method, of which a part may not be seen."""
    if did & ENDS or Did.MAY_END not in did or did & (Did.WRITES | Did.DEFINES):
        return work_of(did, call.lineno)
    pending = Pending(call.lineno, ast.unparse(call.func), is_seen=False)
    return Work(frozenset({PathWork(did, did, pending)}), did)


def encloses(loop: ast.stmt, node: ast.stmt | ast.expr | ast.excepthandler) -> bool:
    """Tell whether a node stands inside of a statement, by its lines."""
    return loop.lineno < node.lineno <= (loop.end_lineno or 0)


def rest_of_turn(around: ast.AST, handler: ast.ExceptHandler, scope: Scope) -> Iterator[ast.stmt]:
    """Give the statements that come after a handler in the same turn of a loop.

    Args:
        around: the loop, or the function of the handler.
        handler: the handler.
        scope: the function's scope.
    """
    inner: ast.AST = handler
    for outer in ancestors_in(handler, scope):
        if inner is around:
            return
        if isinstance(outer, ast.Try) and inner not in outer.finalbody:
            yield from outer.finalbody
        yield from statements_after(inner, outer) if isinstance(inner, ast.stmt) else ()
        inner = outer


def _parameters(session: str, scope: Scope) -> list[Parameter]:
    hows = (binding.how for binding in scope.bindings(session))
    return [how for how in hows if isinstance(how, Parameter)]


def _is_injected(parameter: Parameter, scope: Scope) -> bool:
    given = [part for part in (parameter.default, parameter.arg.annotation) if part is not None]
    return any(
        isinstance(node, ast.Call) and injected_callable(node, scope) is not None
        for part in given
        for node in nodes_in(part)
    )
