"""Builds the control-flow graph of a function, statement by statement."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import cast

from flake8_dbsession.analysis.flow.blocks import (
    Cleanup,
    Frame,
    GiveUpError,
    Handlers,
    Handling,
    Jump,
    Loop,
)
from flake8_dbsession.analysis.flow.calls import CallTraits
from flake8_dbsession.analysis.flow.exceptions import (
    ANY_EXCEPTION,
    GROUP,
    Raised,
    raised_class,
)
from flake8_dbsession.analysis.flow.expressions import Expressions
from flake8_dbsession.analysis.flow.graph import (
    Bind,
    Enter,
    Exit,
    Finish,
    Flowing,
    Graph,
    Leave,
)
from flake8_dbsession.analysis.library.python import EXPECTING
from flake8_dbsession.analysis.nodes import dotted_name, is_name, nodes_in

_MAX_EVENTS = 20_000
_SUPPRESSORS = EXPECTING | {"suppress"}


def build(
    function: Flowing,
    calls: CallTraits | None = None,
    *,
    yield_raises: bool = True,
    max_events: int = _MAX_EVENTS,
) -> Graph | None:
    """Build the control-flow graph of a function, a lambda or a module's top level.

    Nested functions and classes are events of the function around them: their bodies are not part
    of its flow.

    Args:
        function: what to build the graph of.
        calls: what is known of calls; None for what their spelled names tell.
        yield_raises: whether a ``yield`` can raise; in a pytest fixture it does not.
        max_events: how many events the graph may have.

    Returns:
        The graph; None for a function that is too large, or too deeply nested, to be judged.
    """
    builder = _Builder(calls or CallTraits(), yield_raises, max_events)
    try:
        return builder.graph(function)
    except GiveUpError:
        return None


class _Builder(Expressions):
    """Walks statements in the order in which they run."""

    def graph(self, function: Flowing) -> Graph:
        if isinstance(function, ast.Lambda):
            self._expression(function.body)
            self._emit(Finish(function))
            self._edge(Exit.RETURNS)
        else:
            self._body(function.body)
            self._edge(Exit.FALLS_OFF)
        return Graph(function, self._finished(), self._entry, self._handlers)

    def _body(self, statements: Iterable[ast.stmt]) -> None:
        self._descend()
        for statement in statements:
            self._statement(statement)
        self._depth -= 1

    def _within(self, frame: Frame, body: Iterable[ast.stmt]) -> None:
        outer = self._frames
        self._frames = (*outer, frame)
        self._body(body)
        self._frames = outer

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.If():
                self._if(statement)
            case ast.While():
                self._while(statement)
            case ast.For() | ast.AsyncFor():
                self._for(statement)
            case ast.Try():
                self._try(statement)
            case ast.With() | ast.AsyncWith():
                self._with(statement)
            case ast.Match():
                self._match(statement)
            case ast.Return(value=value):
                if value is not None:
                    self._kept(value)
                self._emit(Finish(statement))
                self._jump(Jump.RETURN)
            case ast.Raise():
                self._raise_statement(statement)
            case ast.Assert(test=ast.Call(func=ast.Name(id="isinstance")) as test):
                self._expression(test)  # it tells a type checker something, and never fails
                self._emit(Finish(statement))
            case ast.Assert(test=test, msg=message):
                passed, failed = self._new(), self._new()
                self._condition(test, passed, failed)
                self._current = failed
                self._optional(message)
                self._emit_raising(Finish(statement), Raised("AssertionError", exact=True))
                self._current = passed
            case ast.Break():
                self._jump(Jump.BREAK)
            case ast.Continue():
                self._jump(Jump.CONTINUE)
            case _ if type(statement).__name__ == "TryStar":
                # ``except*`` has the fields of ``except``; Python 3.10 does not have the node.
                self._try(cast("ast.Try", statement), splits_groups=True)
            case _:
                self._simple(statement)

    def _simple(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                self._kept(value)
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._kept(value)
                self._assign(target, value)
            case ast.AugAssign(target=target, value=value):
                self._target(target)
                self._expression(value)
                self._emit(Bind(target, statement))
            case ast.Expr(value=value):
                self._expression(value)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._define(statement, statement.name, [statement.args])
            case ast.ClassDef(name=name, bases=bases, keywords=keywords):
                self._define(statement, name, [*bases, *keywords])
            case ast.Import(names=names) | ast.ImportFrom(names=names) as imported:
                if not _is_of_python(imported):
                    self._emit_raising(Finish(statement), Raised("ImportError"))
                for alias in names:
                    self._emit(Bind(alias.asname or alias.name.partition(".")[0], None))
            case ast.Delete(targets=targets):
                for target in targets:
                    self._target(target)
        self._emit(Finish(statement))

    def _define(
        self,
        definition: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
        name: str,
        header: Iterable[ast.expr | ast.keyword | ast.arguments],
    ) -> None:
        for decorator in definition.decorator_list:
            self._expression(decorator)
        for part in header:
            self._part(part)
        self._emit(Bind(name, definition))

    def _assign(self, target: ast.expr, value: ast.expr | None) -> None:
        self._target(target)
        unpacks = isinstance(target, (ast.Tuple, ast.List))
        bind = Bind(target, value)
        if unpacks and value is not None and not isinstance(value, (ast.Tuple, ast.List)):
            self._emit_raising(bind, ANY_EXCEPTION)
        else:
            self._emit(bind)

    def _target(self, target: ast.expr) -> None:
        """Evaluate what stands inside a target: ``f(x)`` in ``f(x).y = z``."""
        if not isinstance(target, ast.Name):
            self._children(target)

    def _raise_statement(self, statement: ast.Raise) -> None:
        exception = statement.exc
        if isinstance(exception, ast.Call) and raised_class(exception).exact:
            # To make the exception does not raise another one.
            self._children(exception)
        else:
            self._optional(exception)
        self._optional(statement.cause)
        self._emit_raising(Finish(statement), *self._raised(statement.exc))
        self._current = self._new()

    def _raised(self, exception: ast.expr | None) -> frozenset[Raised]:
        for frame in reversed(self._frames):
            if isinstance(frame, Handling) and _is_of(frame, exception):
                return frame.caught
        return frozenset({raised_class(exception) if exception is not None else ANY_EXCEPTION})

    def _if(self, statement: ast.If) -> None:
        after = self._new()
        orelse: list[ast.stmt] = [statement]
        # A chain of ``elif`` nests in the tree, but not in the reader's mind.
        while len(orelse) == 1 and isinstance(branch := orelse[0], ast.If):
            then, otherwise = self._new(), self._new()
            self._condition(branch.test, then, otherwise)
            self._current = then
            self._body(branch.body)
            self._edge(after)
            self._current = otherwise
            orelse = branch.orelse
        self._body(orelse)
        self._edge(after)
        self._current = after

    def _while(self, statement: ast.While) -> None:
        head, body, otherwise, after = (self._new() for _ in range(4))
        self._edge(head)
        self._current = head
        self._condition(statement.test, body, otherwise)
        self._turns(statement, head, body, otherwise, after)

    def _for(self, statement: ast.For | ast.AsyncFor) -> None:
        self._expression(statement.iter)
        head, body, otherwise, after = (self._new() for _ in range(4))
        self._edge(head)
        self._current = head
        self._next(statement.iter, isinstance(statement, ast.AsyncFor))
        self._edge(body)
        self._edge(otherwise)
        self._current = body
        self._assign(statement.target, None)
        self._turns(statement, head, self._current, otherwise, after)

    def _turns(
        self,
        loop: ast.While | ast.For | ast.AsyncFor,
        head: int,
        body: int,
        otherwise: int,
        after: int,
    ) -> None:
        self._current = body
        self._within(Loop(head, after), loop.body)
        self._edge(head)
        self._current = otherwise
        self._body(loop.orelse)
        self._edge(after)
        self._current = after

    def _try(self, statement: ast.Try, splits_groups: bool = False) -> None:
        after = self._new()
        outer = self._frames
        if statement.finalbody:
            finalbody = statement.finalbody
            self._frames = (*outer, Cleanup(lambda: self._body(finalbody), {}))
        entries = [(self._calls.caught(h.type), self._new()) for h in statement.handlers]
        is_inside = any(isinstance(frame, Handlers) for frame in outer)
        apart: dict[int, dict[frozenset[Raised], int]] = {
            entry: {}
            for handler, (_, entry) in zip(statement.handlers, entries, strict=True)
            if not splits_groups and _is_kept_apart(handler, is_inside)
        }
        handlers = Handlers(tuple(entries), splits_groups, defaultdict(set), apart)
        self._within(handlers, statement.body)
        self._body(statement.orelse)
        self._edge(after)
        for handler, (_, entry) in zip(statement.handlers, entries, strict=True):
            for block in sorted({entry, *apart.get(entry, {}).values()}):
                self._handlers[block] = handler
                self._current = block
                if handler.name is not None:
                    self._emit(Bind(handler.name, handler))
                caught = {GROUP} if splits_groups else handlers.arrivals[block]
                self._within(Handling(frozenset(caught), handler.name), handler.body)
                self._edge(after)
        self._frames = outer
        self._current = after
        self._body(statement.finalbody)

    def _with(self, statement: ast.With | ast.AsyncWith) -> None:
        for item in statement.items:
            manager = item.context_expr
            self._expression(manager)
            self._emit(Enter(item))
            if item.optional_vars is not None:
                self._assign(item.optional_vars, manager)
            self._frames = (*self._frames, self._protection(item))
        self._body(statement.body)
        for item in reversed(statement.items):
            *outer, protection = self._frames
            self._frames = tuple(outer)
            self._emit(Leave(item))
            if isinstance(protection, Handlers):
                # What it swallows goes on here, inside the managers before it.
                ((_, after),) = protection.entries
                self._edge(after)
                self._current = after

    def _protection(self, item: ast.withitem) -> Frame:
        """Give what the end of a ``with`` does: swallow exceptions, or clean up."""
        manager = item.context_expr
        if isinstance(manager, ast.Call):
            name = dotted_name(manager.func).rpartition(".")[2]
            if name in _SUPPRESSORS:
                names = tuple(n for each in manager.args for n in self._calls.caught(each))
                return Handlers(((names, self._new()),), False, defaultdict(set), {})
        return Cleanup(lambda: self._emit(Leave(item)), {})

    def _match(self, statement: ast.Match) -> None:
        self._expression(statement.subject)
        after = self._new()
        for case in statement.cases:
            matched, otherwise = self._new(), self._new()
            self._pattern(statement.subject, case.pattern, matched, otherwise)
            self._current = matched
            for name, value in _captures(case.pattern, statement.subject):
                self._emit(Bind(name, value))
            if case.guard is not None:
                body = self._new()
                self._condition(case.guard, body, otherwise)
                self._current = body
            self._body(case.body)
            self._edge(after)
            self._current = otherwise
        self._edge(after)
        self._current = after

    def _pattern(
        self, subject: ast.expr, pattern: ast.pattern, matched: int, otherwise: int
    ) -> None:
        match pattern:
            case ast.MatchAs(pattern=None):
                self._edge(matched)
            case ast.MatchSingleton(value=None):
                is_none = ast.Compare(subject, [ast.Is()], [ast.Constant(None)])
                self._edge(matched, is_none)
                self._edge(otherwise, is_none, False)
            case _:
                self._edge(matched)
                self._edge(otherwise)


def _is_kept_apart(handler: ast.ExceptHandler, is_inside: bool) -> bool:
    """Tell whether it matters later which exception brought which state to a handler.

    It does where the handler raises again what it caught, and other handlers choose by its class.
    """
    nodes = [node for statement in handler.body for node in nodes_in(statement)]
    again = Handling(frozenset(), handler.name)
    return any(isinstance(node, ast.Raise) and _is_of(again, node.exc) for node in nodes) and (
        is_inside or any(isinstance(node, ast.Try) for node in nodes)
    )


def _is_of(handling: Handling, exception: ast.expr | None) -> bool:
    """Tell whether ``raise``, or ``raise exception``, raises again what a handler caught."""
    if exception is None:
        return True
    return is_name(exception, handling.name)


def _captures(pattern: ast.pattern, subject: ast.expr) -> Iterator[tuple[str, ast.expr | None]]:
    """Give the names that a pattern binds, each with what it binds it to, as far as is known."""
    for node in nodes_in(pattern):
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if name:
            yield name, subject if node is pattern else None


def _is_of_python(imported: ast.Import | ast.ImportFrom) -> bool:
    """Tell whether what is imported comes with Python, which does not fail in practice."""
    if isinstance(imported, ast.ImportFrom):
        names = [imported.module or ""] if not imported.level else [""]
    else:
        names = [alias.name for alias in imported.names]
    return all(name.partition(".")[0] in sys.stdlib_module_names for name in names)
