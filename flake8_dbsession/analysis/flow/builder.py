"""Builds the control-flow graph of a function."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias, cast

from flake8_dbsession.analysis.flow.calls import CallTraits, Ending, dotted_name
from flake8_dbsession.analysis.flow.exceptions import (
    ANY_EXCEPTION,
    ANYTHING,
    SYSTEM_EXIT,
    Caught,
    Raised,
    as_caught,
    caught_by,
    class_names,
    in_group,
    raised_class,
)
from flake8_dbsession.analysis.flow.graph import (
    Bind,
    Block,
    Collect,
    Edge,
    Enter,
    Evaluate,
    Event,
    Exit,
    Finish,
    Flowing,
    Graph,
    Iterate,
    Leave,
    Take,
)

_MAX_EVENTS = 20_000
_MAX_DEPTH = 100
_SUPPRESSORS = frozenset({"suppress", "raises", "assertRaises", "assertRaisesRegex"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_TRUE = ast.Constant(True)
_FALSE = ast.Constant(False)


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
    except _GiveUpError:
        return None


class _GiveUpError(Exception):
    """The function is too large or too deep."""


class _Jump(Enum):
    RETURN = "return"
    BREAK = "break"
    CONTINUE = "continue"


_Way: TypeAlias = _Jump | Raised


@dataclass(frozen=True, slots=True)
class _Loop:
    """Around a loop's body: where ``continue`` and ``break`` lead."""

    head: int
    after: int


@dataclass(frozen=True, slots=True)
class _Handlers:
    """Around a ``try`` body: the blocks that handle the classes, and what arrives there."""

    entries: tuple[tuple[tuple[str, ...], int], ...]
    splits_groups: bool = False
    arrivals: dict[int, set[Raised]] = field(default_factory=lambda: defaultdict(set))


@dataclass(frozen=True, slots=True)
class _Handling:
    """Around a handler's body: what a bare ``raise``, or one of its name, raises again."""

    caught: frozenset[Raised]
    name: str | None


@dataclass(frozen=True, slots=True)
class _Cleanup:
    """Around what a ``finally`` or ``with`` protects: one copy of it for each way out."""

    run: Callable[[], None]
    copies: dict[_Way, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Grouping:
    """Around the handlers of ``except*``: what they raise leaves in a group."""


_Frame: TypeAlias = _Loop | _Handlers | _Handling | _Cleanup | _Grouping


class _Builder:
    """Walks a function in the order of evaluation, and grows the graph at the current block."""

    def __init__(self, calls: CallTraits, yield_raises: bool, max_events: int) -> None:
        self._calls = calls
        self._yield_raises = yield_raises
        self._max_events = max_events
        self._events: list[list[Event]] = []
        self._edges: list[list[Edge]] = []
        self._raising: list[set[int]] = []
        self._cleanups: list[bool] = []
        self._count = 0
        self._depth = 0
        self._frames: tuple[_Frame, ...] = ()
        self._in_cleanup = False
        for _ in Exit:
            self._new()
        self._entry = self._current = self._new()

    def graph(self, function: Flowing) -> Graph:
        if isinstance(function, ast.Lambda):
            self._expression(function.body)
            self._emit(Finish(function))
            self._edge(Exit.RETURNS)
        else:
            self._body(function.body)
            self._edge(Exit.FALLS_OFF)
        blocks = tuple(
            Block(tuple(events), frozenset(raising), tuple(edges), cleanup)
            for events, raising, edges, cleanup in zip(
                self._events, self._raising, self._edges, self._cleanups, strict=True
            )
        )
        return Graph(function, blocks, self._entry)

    # Growing the graph

    def _new(self) -> int:
        self._tick()
        self._events.append([])
        self._edges.append([])
        self._raising.append(set())
        self._cleanups.append(self._in_cleanup)
        return len(self._events) - 1

    def _tick(self) -> None:
        self._count += 1
        if self._count > self._max_events:
            raise _GiveUpError

    def _emit(self, event: Event) -> None:
        self._tick()
        self._events[self._current].append(event)

    def _edge(self, target: int, test: ast.expr | None = None, truth: bool = True) -> None:
        self._edges[self._current].append(Edge(target, False, test, truth))

    def _emit_raising(self, event: Event, *raised: Raised) -> None:
        """Add an event that may raise; a block has one set of places where exceptions lead."""
        targets = {target for each in raised for target in self._way_out(each, self._frames)}
        edges = [Edge(target, raised=True) for target in sorted(targets)]
        current = [edge for edge in self._edges[self._current] if edge.raised]
        if current and current != edges:
            following = self._new()
            self._edge(following)
            self._current = following
            current = []
        if not current:
            self._edges[self._current] += edges
        self._raising[self._current].add(len(self._events[self._current]))
        self._emit(event)

    def _jump(self, jump: _Jump) -> None:
        for target in self._way_out(jump, self._frames):
            self._edge(target)
        self._current = self._new()

    def _way_out(self, way: _Way, frames: tuple[_Frame, ...]) -> list[int]:
        """Find the blocks that a jump or an exception leads to."""
        targets: list[int] = []
        for depth in range(len(frames) - 1, -1, -1):
            frame = frames[depth]
            if isinstance(frame, _Cleanup):
                return [*targets, self._copy(frame, way, frames[:depth])]
            if isinstance(frame, _Loop) and isinstance(way, _Jump) and way is not _Jump.RETURN:
                return [frame.after if way is _Jump.BREAK else frame.head]
            if isinstance(frame, _Grouping) and isinstance(way, Raised):
                way = in_group(way)
            if isinstance(frame, _Handlers) and isinstance(way, Raised):
                for names, entry in frame.entries:
                    caught = caught_by(way, names, frame.splits_groups)
                    if caught is not Caught.NO:
                        targets.append(entry)
                        frame.arrivals[entry] |= as_caught(way, names)
                    if caught is Caught.YES:
                        return targets
                    way = way.past(names)
        return [*targets, _exit(way)]

    def _copy(self, cleanup: _Cleanup, way: _Way, outer: tuple[_Frame, ...]) -> int:
        """Give the copy of a cleanup that one way out runs through; build it at its first use."""
        if way not in cleanup.copies:
            saved = self._current, self._frames, self._in_cleanup
            self._frames, self._in_cleanup = outer, True
            cleanup.copies[way] = self._current = self._new()
            cleanup.run()
            for target in self._way_out(way, outer):
                self._edge(target)
            self._current, self._frames, self._in_cleanup = saved
        return cleanup.copies[way]

    # Statements

    def _body(self, statements: Iterable[ast.stmt]) -> None:
        self._descend()
        for statement in statements:
            self._statement(statement)
        self._depth -= 1

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _GiveUpError

    def _within(self, frame: _Frame, body: Iterable[ast.stmt]) -> None:
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
                self._optional(value)
                self._emit(Finish(statement))
                self._jump(_Jump.RETURN)
            case ast.Raise():
                self._raise_statement(statement)
            case ast.Assert(test=test, msg=message):
                passed, failed = self._new(), self._new()
                self._condition(test, passed, failed)
                self._current = failed
                self._optional(message)
                self._emit_raising(Finish(statement), Raised("AssertionError", exact=True))
                self._current = passed
            case ast.Break():
                self._jump(_Jump.BREAK)
            case ast.Continue():
                self._jump(_Jump.CONTINUE)
            case _ if type(statement).__name__ == "TryStar":
                # ``except*`` has the fields of ``except``; Python 3.10 does not have the node.
                self._try(cast("ast.Try", statement), _Grouping())
            case _:
                self._simple(statement)

    def _simple(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                self._expression(value)
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._expression(value)
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
            case ast.Import(names=names) | ast.ImportFrom(names=names):
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
        self._optional(statement.exc)
        self._optional(statement.cause)
        self._emit_raising(Finish(statement), *self._raised(statement.exc))
        self._current = self._new()

    def _raised(self, exception: ast.expr | None) -> frozenset[Raised]:
        handling = next((f for f in reversed(self._frames) if isinstance(f, _Handling)), None)
        if handling is not None:
            is_its_name = isinstance(exception, ast.Name) and exception.id == handling.name
            if exception is None or is_its_name:
                return handling.caught
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
        self._within(_Loop(head, after), loop.body)
        self._edge(head)
        self._current = otherwise
        self._body(loop.orelse)
        self._edge(after)
        self._current = after

    def _next(self, iterable: ast.expr, is_async: bool) -> None:
        if is_async:
            self._emit_raising(Iterate(iterable), ANYTHING)
        elif isinstance(iterable, ast.Call) and self._calls.may_raise(iterable):
            self._emit_raising(Iterate(iterable), ANY_EXCEPTION)
        else:
            self._emit(Iterate(iterable))

    def _try(self, statement: ast.Try, *around_handlers: _Frame) -> None:
        after = self._new()
        outer = self._frames
        if statement.finalbody:
            finalbody = statement.finalbody
            self._frames = (*outer, _Cleanup(lambda: self._body(finalbody)))
        entries = [(class_names(h.type), self._new()) for h in statement.handlers]
        handlers = _Handlers(tuple(entries), splits_groups=bool(around_handlers))
        self._within(handlers, statement.body)
        self._body(statement.orelse)
        self._edge(after)
        self._frames = (*self._frames, *around_handlers)
        for handler, (_, entry) in zip(statement.handlers, entries, strict=True):
            self._current = entry
            if handler.name is not None:
                self._emit(Bind(handler.name, handler))
            caught = frozenset(handlers.arrivals[entry])
            self._within(_Handling(caught, handler.name), handler.body)
            self._edge(after)
        self._frames = outer
        self._current = after
        self._body(statement.finalbody)

    def _with(self, statement: ast.With | ast.AsyncWith) -> None:
        after = self._new()
        outer = self._frames
        for item in statement.items:
            manager = item.context_expr
            self._expression(manager)
            self._emit(Enter(item))
            if item.optional_vars is not None:
                self._assign(item.optional_vars, manager)
            self._frames = (*self._frames, self._protection(item, after))
        self._body(statement.body)
        for item in reversed(statement.items):
            self._frames = self._frames[:-1]
            self._emit(Leave(item))
        self._frames = outer
        self._edge(after)
        self._current = after

    def _protection(self, item: ast.withitem, after: int) -> _Frame:
        """Give what the end of a ``with`` does: swallow exceptions, or clean up."""
        manager = item.context_expr
        if isinstance(manager, ast.Call):
            name = dotted_name(manager.func).rpartition(".")[2]
            if name in _SUPPRESSORS:
                names = tuple(n for argument in manager.args for n in class_names(argument))
                return _Handlers(((names, after),))
        return _Cleanup(lambda: self._emit(Leave(item)))

    def _match(self, statement: ast.Match) -> None:
        self._expression(statement.subject)
        after = self._new()
        for case in statement.cases:
            matched, otherwise = self._new(), self._new()
            self._pattern(statement.subject, case.pattern, matched, otherwise)
            self._current = matched
            for name in _captures(case.pattern):
                self._emit(Bind(name, None))
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

    # Expressions

    def _optional(self, expression: ast.expr | None) -> None:
        if expression is not None:
            self._expression(expression)

    def _children(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.expr, ast.keyword)):
                self._part(child)

    def _part(self, part: ast.expr | ast.keyword | ast.arguments) -> None:
        """Evaluate an expression, an argument, or the defaults of parameters."""
        if isinstance(part, ast.keyword):
            self._expression(part.value)
        elif isinstance(part, ast.arguments):
            for default in [*part.defaults, *part.kw_defaults]:
                self._optional(default)
        else:
            self._expression(part)

    def _expression(self, node: ast.expr) -> None:
        if isinstance(node, (ast.Name, ast.Constant)):
            return
        self._descend()
        match node:
            case ast.Call():
                self._children(node)
                self._call(node)
            case ast.Await(value=value):
                self._expression(value)
                safe = isinstance(value, ast.Call) and not self._calls.may_raise(value)
                self._evaluated(node, None if safe else ANYTHING)
            case ast.Yield() | ast.YieldFrom():
                self._children(node)
                self._evaluated(node, ANYTHING if self._yield_raises else None)
            case ast.Subscript(slice=index, ctx=ast.Load()):
                self._children(node)
                self._evaluated(node, None if isinstance(index, ast.Slice) else ANY_EXCEPTION)
            case ast.NamedExpr(target=target, value=value):
                self._expression(value)
                self._emit(Bind(target, value))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._choice(node, test, body, orelse)
            case ast.BoolOp():
                self._short_circuit(node)
            case ast.UnaryOp(op=ast.Not()):
                self._choice(node, node, _TRUE, _FALSE)
            case ast.Compare() if is_none_test(node):
                self._choice(node, node, _TRUE, _FALSE)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                self._comprehension(node)
            case ast.Lambda(args=arguments):
                self._part(arguments)
            case _:
                self._children(node)
        self._depth -= 1

    def _call(self, node: ast.Call) -> None:
        ending = self._calls.ending(node)
        if ending is None:
            self._evaluated(node, ANY_EXCEPTION if self._calls.may_raise(node) else None)
            return
        if ending is Ending.KILLS:
            self._emit(Finish(node))
            self._edge(Exit.STOPS)
        else:
            raised = SYSTEM_EXIT if ending is Ending.EXITS else ANYTHING
            self._emit_raising(Finish(node), raised)
        self._current = self._new()

    def _evaluated(self, node: ast.expr, raised: Raised | None) -> None:
        if raised is None:
            self._emit(Evaluate(node))
        else:
            self._emit_raising(Evaluate(node), raised)

    def _condition(self, test: ast.expr, then: int, otherwise: int) -> None:
        """Evaluate a test and branch on it, one atomic test at a time."""
        self._descend()
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._condition(operand, otherwise, then)
            case ast.BoolOp(op=op, values=values):
                for value in values[:-1]:
                    following = self._new()
                    if isinstance(op, ast.And):
                        self._condition(value, following, otherwise)
                    else:
                        self._condition(value, then, following)
                    self._current = following
                self._condition(values[-1], then, otherwise)
            case ast.Constant(value=value):
                self._edge(then if value else otherwise)
            case _:
                if is_none_test(test):
                    self._children(test)
                else:
                    self._expression(test)
                self._edge(then, test)
                self._edge(otherwise, test, False)
        self._depth -= 1

    def _choice(
        self, node: ast.expr, test: ast.expr, body: ast.expr, orelse: ast.expr
    ) -> None:
        then, otherwise, after = self._new(), self._new(), self._new()
        self._condition(test, then, otherwise)
        for block, part in ((then, body), (otherwise, orelse)):
            self._current = block
            self._take(node, part, after)
        self._current = after

    def _take(self, whole: ast.expr, part: ast.expr, after: int) -> None:
        self._expression(part)
        self._emit(Take(whole, part))
        self._edge(after)

    def _short_circuit(self, node: ast.BoolOp) -> None:
        after = self._new()
        for value in node.values[:-1]:
            self._expression(value)
            enough, following = self._new(), self._new()
            stops_on = isinstance(node.op, ast.Or)
            self._edge(enough, value, stops_on)
            self._edge(following, value, not stops_on)
            self._current = enough
            self._emit(Take(node, value))
            self._edge(after)
            self._current = following
        self._take(node, node.values[-1], after)
        self._current = after

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        """Run a comprehension as the nested loops that it stands for."""
        heads: list[int] = []
        after = self._new()
        for generator in node.generators:
            self._expression(generator.iter)
            head, body = self._new(), self._new()
            self._edge(head)
            self._current = head
            self._next(generator.iter, bool(generator.is_async))
            self._edge(body)
            self._edge(heads[-1] if heads else after)
            self._current = body
            heads.append(head)
            for test in generator.ifs:
                passed = self._new()
                self._condition(test, passed, head)
                self._current = passed
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for part in parts:
            self._expression(part)
            self._emit(Collect(node, part))
        self._edge(heads[-1])
        self._current = after


def _exit(way: _Way) -> Exit:
    if isinstance(way, _Jump):
        return Exit.RETURNS
    return Exit.STOPS if way.name == "SystemExit" else Exit.RAISES


def is_none_test(node: ast.expr) -> bool:
    """Tell whether an expression compares one value with None."""
    match node:
        case ast.Compare(ops=[ast.Is() | ast.IsNot() | ast.Eq() | ast.NotEq()]):
            comparator = node.comparators[0]
            return isinstance(comparator, ast.Constant) and comparator.value is None
    return False


def _captures(pattern: ast.pattern) -> list[str]:
    names = (
        getattr(node, "name", None) or getattr(node, "rest", None) for node in ast.walk(pattern)
    )
    return [name for name in names if name]
