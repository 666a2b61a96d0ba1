"""The control flow of expressions: the order of evaluation, and the branches in it."""

from __future__ import annotations

import ast

from flake8_dbsession.analysis.flow.blocks import Blocks
from flake8_dbsession.analysis.flow.calls import CallEnding, CallTraits
from flake8_dbsession.analysis.flow.exceptions import ANY_EXCEPTION, ANYTHING, SYSTEM_EXIT, Raised
from flake8_dbsession.analysis.flow.graph import (
    Bind,
    Collect,
    Evaluate,
    Exit,
    Finish,
    Iterate,
    Take,
)
from flake8_dbsession.analysis.nodes import children

_TRUE = ast.Constant(True)
_FALSE = ast.Constant(False)


class Expressions(Blocks):
    """Walks expressions in the order of evaluation.

    Args:
        calls: what is known of calls.
        yield_raises: whether a ``yield`` can raise.
        max_events: how many events and blocks the graph may have.
    """

    def __init__(self, calls: CallTraits, yield_raises: bool, max_events: int) -> None:
        super().__init__(max_events)
        self._calls = calls
        self._yield_raises = yield_raises

    def _optional(self, expression: ast.expr | None) -> None:
        if expression is not None:
            self._expression(expression)

    def _kept(self, expression: ast.expr) -> None:
        """Evaluate what is only kept for later: a generator does not run by that."""
        if isinstance(expression, ast.GeneratorExp):
            expression = expression.generators[0].iter
        self._expression(expression)

    def _children(self, node: ast.AST) -> None:
        for child in children(node):
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
        while isinstance(node, ast.Attribute):  # to read one is no event
            node = node.value
        if isinstance(node, (ast.Name, ast.Constant)):
            return
        self._descend()
        match node:
            case ast.Call(func=function, args=arguments, keywords=keywords):
                for expression in (function, *arguments, *(k.value for k in keywords)):
                    self._expression(expression)
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
            case ast.Lambda(args=parameters):
                self._part(parameters)
            case _:
                self._children(node)
        self._depth -= 1

    def _call(self, node: ast.Call) -> None:
        ending = self._calls.ending(node)
        if ending is None:
            raises = self._calls.may_raise(node)
            self._evaluated(node, self._calls.raised(node) if raises else None)
            return
        if ending is CallEnding.KILLS:
            self._emit(Finish(node))
            self._edge(Exit.STOPS)
        else:
            raised = SYSTEM_EXIT if ending is CallEnding.EXITS else ANYTHING
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

    def _choice(self, node: ast.expr, test: ast.expr, body: ast.expr, orelse: ast.expr) -> None:
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

    def _next(self, iterable: ast.expr, is_async: bool) -> None:
        if is_async:
            self._emit_raising(Iterate(iterable), ANYTHING)
        elif isinstance(iterable, ast.Call) and self._calls.may_raise(iterable):
            self._emit_raising(Iterate(iterable), self._calls.raised(iterable))
        else:
            self._emit(Iterate(iterable))

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


def is_none_test(node: ast.expr) -> bool:
    """Tell whether an expression compares one value with None."""
    match node:
        case ast.Compare(ops=[ast.Is() | ast.IsNot() | ast.Eq() | ast.NotEq()]):
            comparator = node.comparators[0]
            return isinstance(comparator, ast.Constant) and comparator.value is None
    return False
