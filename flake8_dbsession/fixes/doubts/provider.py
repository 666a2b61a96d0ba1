"""Whether a provider does more than open a session and end it: a fix would add that to the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.calls import is_stub
from flake8_dbsession.analysis.flow.calls import is_logger
from flake8_dbsession.analysis.library.drivers import GIVINGS
from flake8_dbsession.analysis.library.python import LOGGING, TIMES
from flake8_dbsession.analysis.library.wrappers import (
    CLOSING,
    CONTEXT_MANAGERS,
    PLAIN_DECORATORS,
)
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import Scope, body_of, last_segment
from flake8_dbsession.analysis.names.values import (
    HELD,
    OPENING,
    External,
    FunctionValue,
    Role,
    RoleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import nodes_in, own_nodes, unawaited
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.fixes.doubts.patched import shown_from
from flake8_dbsession.house.options import options_of

FACTORIES = frozenset({Role.FACTORY, Role.REGISTRY, Role.SESSION_CLASS})
"""What these make takes no connection before it is used, so that nothing can go wrong."""

_OPENING = FACTORIES | OPENING | {Role.PROVIDER}
_ENDING = frozenset({"close", "commit", "flush", "rollback"})
_NEXT = frozenset({"anext", "next"})
_QUIET = (ast.AsyncFunctionDef, ast.FunctionDef, ast.Import, ast.ImportFrom, ast.Pass, ast.Raise)
_VALUES = (ast.Constant, ast.Name)
_CLOCKS = frozenset(f"time.{clock}" for clock in TIMES)


def more_than_a_session(
    provider: FunctionValue | None, opening: ast.Call, scope: Scope, inference: Inference
) -> str | None:
    """Say where a provider does more than open and end a session or connection.

    Such as a transaction that it begins, a lock that it holds, options that it opens the session
    with, or another session that it yields on some condition: code that opened its session by hand
    did without. What a provider enters, calls or gives itself is looked at as well.

    Args:
        provider: the provider; None for one that is not found.
        opening: what the code calls as it is.
        scope: the scope that it does so in.
        inference: answers what the calls in the provider stand for.

    Returns:
        The place in words; None for a plain provider.
    """
    if provider is None:
        return None
    looking = _Looking(inference, opening, inference.value(opening.func, scope))
    found = next(looking.into(provider), None)
    return _in_words(*found, inference) if found is not None else None


def _in_words(scope: Scope, line: int, inference: Inference) -> str:
    """Name a line of a function by its place in the file, which may lie elsewhere."""
    module = scope.module
    shown = shown_from(inference.project.root, module.path)
    before = _lines_before(scope.node, module)
    if before is None:
        return f"`{getattr(scope.node, 'name', 'lambda')}` of {shown}"
    return f"line {line + before} of {shown}"


def _lines_before(node: ast.AST, module: Module) -> int | None:
    """Give the number of lines before the part of a module that a node was parsed with."""
    tree = parse(module.text)
    alike = ast.dump(node)
    for whole in ast.walk(tree) if tree is not None else ():
        if type(whole) is type(node) and ast.dump(whole) == alike:
            return int(getattr(whole, "lineno", 0) - getattr(node, "lineno", 0))
    return None


def only_tells(call: ast.Call, scope: Scope, inference: Inference) -> bool:
    """Tell whether a call only writes a line to a log, or asks a clock.

    Args:
        call: the call.
        scope: the scope that it stands in.
        inference: tells a logger of the project's own from one of a library.
    """
    value = inference.value(call.func, scope)
    if isinstance(value, External) and value.name in _CLOCKS:
        return True
    match call.func:
        case ast.Attribute(value=owner, attr=method) if method in LOGGING and is_logger(owner):
            return isinstance(inference.value(owner, scope), (External, RoleValue))
        case ast.Name(id="print" | "id" | "str" | "type"):
            return not scope.lookup(call.func.id)
    return False


class _Looking:
    """Looks for what functions do besides opening and ending a session."""

    def __init__(self, inference: Inference, opening: ast.Call, by_hand: Value | None) -> None:
        self._inference = inference
        self._opening_by_hand = opening
        self._written = ast.unparse(opening)
        self._by_hand = by_hand
        self._seen: set[ast.AST] = set()

    def into(self, function: FunctionValue) -> Iterator[tuple[Scope, int]]:
        """Give the scope and line of what is done besides, what runs in handlers left out."""
        node = function.node
        if node in self._seen or (self._seen and function == self._by_hand):
            return
        self._seen.add(node)
        scope = function.scope.child(node)
        if isinstance(node, ast.Lambda):
            yield from self._opening(node.body, scope)
            return
        if not decorator_names(node) <= PLAIN_DECORATORS | CONTEXT_MANAGERS or is_stub(function):
            yield scope, node.lineno
        yield from self._in(body_of(node), scope)
        yields = [part.lineno for part in own_nodes(node) if isinstance(part, ast.Yield)]
        yield from ((scope, line) for line in yields[1:])

    def _in(self, body: list[ast.stmt], scope: Scope) -> Iterator[tuple[Scope, int]]:
        for statement in body:
            match statement:
                case ast.Try():
                    inner = [*statement.body, *statement.orelse, *statement.finalbody]
                    yield from self._in(inner, scope)
                case ast.If():
                    yield from self._calls_in(statement.test, scope)
                    yield from self._in([*statement.body, *statement.orelse], scope)
                case ast.With() | ast.AsyncWith():
                    for item in statement.items:
                        yield from self._opening(item.context_expr, scope)
                    yield from self._in(statement.body, scope)
                case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                    if not isinstance(value, ast.Constant):
                        yield from self._opening(value, scope)
                case ast.Return(value=value):
                    if value is not None and not isinstance(value, _VALUES):
                        yield from self._opening(value, scope)
                case ast.Expr(value=ast.YieldFrom(value=value)):
                    yield from self._opening(value, scope)
                case ast.Expr(value=value):
                    if not isinstance(value, (ast.Constant, ast.Yield)):
                        yield from self._calls_in(value, scope)
                case _ if not isinstance(statement, _QUIET):
                    yield scope, statement.lineno

    def _calls_in(self, expression: ast.expr, scope: Scope) -> Iterator[tuple[Scope, int]]:
        for node in nodes_in(expression):
            if isinstance(node, ast.Call) and not self._ends_or_tells(node, scope):
                yield scope, node.lineno

    def _ends_or_tells(self, call: ast.Call, scope: Scope) -> bool:
        if only_tells(call, scope, self._inference):
            return True
        match call:
            case ast.Call(func=ast.Attribute(value=owner, attr=method), args=[], keywords=[]):
                known = self._inference.known(owner, scope)
                return method in _ENDING and known is not None and known.role in HELD
            case ast.Call(func=ast.Attribute(attr=method), args=[given], keywords=[]):
                known = self._inference.known(given, scope)
                return method in GIVINGS and known is not None and known.role in HELD
        return False

    def _opening(self, expression: ast.expr, scope: Scope) -> Iterator[tuple[Scope, int]]:
        """Give what an expression does besides opening a session, as by hand or from a factory."""
        if ast.unparse(unawaited(expression)) == self._written:
            return
        match unawaited(expression):
            case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in _NEXT:
                yield from self._opening(inner, scope)
            case ast.Call() as call if self._connects_alike(call, scope):
                return
            case ast.Call(func=function, args=[inner], keywords=[]):
                if last_segment(function) in CLOSING:
                    yield from self._opening(inner, scope)
                else:
                    yield scope, expression.lineno
            case ast.Call(func=function, args=[], keywords=[]) as call:
                value = self._inference.value(function, scope)
                if isinstance(value, FunctionValue):
                    yield from self.into(value)
                elif not (_is_factory(function, value) or only_tells(call, scope, self._inference)):
                    yield scope, expression.lineno
            case _:
                yield scope, expression.lineno

    def _connects_alike(self, call: ast.Call, scope: Scope) -> bool:
        """Tell whether a call connects as by hand, to whichever database."""
        opening, by_hand = self._opening_by_hand, self._by_hand
        if not isinstance(by_hand, RoleValue) or by_hand.role is not Role.CONNECT:
            return False
        is_same = self._inference.value(call.func, scope) == by_hand
        return is_same and {*options_of(call)} == {*options_of(opening)}


def _is_factory(function: ast.expr, value: Value | None) -> bool:
    """Tell whether what is called opens a session, and begins no transaction in it."""
    is_known = isinstance(value, RoleValue) and value.role in _OPENING
    return is_known and not (isinstance(function, ast.Attribute) and function.attr == "begin")
