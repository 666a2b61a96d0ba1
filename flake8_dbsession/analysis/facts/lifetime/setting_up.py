"""Setting up: the first calls on a fresh connection, which do not fail in practice."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Set

from flake8_dbsession.analysis.effects.calls import received_as
from flake8_dbsession.analysis.effects.effects import Effects
from flake8_dbsession.analysis.effects.work.sql import sql_statements
from flake8_dbsession.analysis.facts.scope.sequel import in_tries
from flake8_dbsession.analysis.library.drivers import CONFIGURING
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import arguments, own_nodes

_DEEPEST = 3  # helpers that call one another
# What reads the answer of a pragma, or ends a transaction that no pragma has begun.
_AFTER_PRAGMAS = frozenset({"close", "commit", "fetchall", "fetchone", "rollback"})


def setup_calls(
    scope: Scope, opened: Set[str], effects: Effects, inference: Inference, deep: int = _DEEPEST
) -> frozenset[ast.Call]:
    """Give the calls of a function that only set a fresh connection up.

    Not where a handler of the function awaits their failure.

    Args:
        scope: the function.
        opened: the names of the fresh connections.
        effects: tells what raises in functions that are given one.
        inference: answers which functions these are.
        deep: how many functions may be called one by the other.

    Returns:
        ``begin()``, literal ``PRAGMA`` statements with what reads their answers or commits them,
        and the calls of functions that do nothing else with the connection: ``pragmas(conn)``.
    """
    return frozenset(_SetUp(scope, opened, effects, inference, deep).calls())


class _SetUp:
    """Goes through the calls of a function, one that stands in another before that."""

    def __init__(
        self, scope: Scope, opened: Set[str], effects: Effects, inference: Inference, deep: int
    ) -> None:
        self._scope, self._effects, self._inference, self._deep = scope, effects, inference, deep
        nodes = own_nodes(scope.node)
        self._all = sorted(_calls(nodes), key=lambda call: (call.end_lineno, call.end_col_offset))
        self._awaited = in_tries(nodes)
        self._owners = dict(_cursor_owners(nodes))
        self._looped = frozenset(_looped_pragmas(nodes))
        self._fresh, self._has_pragmas = set(opened), set[str]()

    def calls(self) -> Iterator[ast.Call]:
        """Give those that set a connection up, with those that stand in them."""
        for call in self._all:
            if self._fresh and self._sets_up(call) and call not in self._awaited:
                yield from _calls(ast.walk(call))

    def _sets_up(self, call: ast.Call) -> bool:
        given = [each.id for each in arguments(call) if isinstance(each, ast.Name)]
        for name in self._fresh.intersection(given):
            if self._deep and self._is_only_set_up_by(call, name):
                self._has_pragmas.add(name)
                return True
        return self._is_own_setup(call)

    def _is_own_setup(self, call: ast.Call) -> bool:
        """Tell whether a method of the connection or its cursor is one of the first calls."""
        name, method = _method_of(call)
        owner = self._owners.get(name, name)
        if owner not in self._fresh or method in CONFIGURING or method == "cursor":
            return False
        if _is_pragma(call, self._looped):
            self._has_pragmas.add(owner)
        elif method != "begin" and not (owner in self._has_pragmas and method in _AFTER_PRAGMAS):
            self._fresh.discard(owner)
            return False
        return True

    def _is_only_set_up_by(self, call: ast.Call, name: str) -> bool:
        """Tell whether a function does nothing but that with a connection: ``pragmas(conn)``."""
        received = received_as(call, name, self._scope, self._inference)
        callee = self._inference.value(call.func, self._scope)
        if received is None or not isinstance(callee, FunctionValue):
            return False
        function, parameter = received
        inside = callee.scope.child(function)
        setups = setup_calls(inside, {parameter}, self._effects, self._inference, self._deep - 1)
        may_raise = self._effects.calls(inside).may_raise
        return bool(setups) and not any(
            isinstance(node, ast.Raise)
            or (isinstance(node, ast.Call) and node not in setups and may_raise(node))
            for node in own_nodes(function)
        )


def _calls(nodes: Iterable[ast.AST]) -> list[ast.Call]:
    return [node for node in nodes if isinstance(node, ast.Call)]


def _method_of(call: ast.Call) -> tuple[str, str]:
    """Give the name of the connection or cursor that a method is called on, and the method's."""
    match call.func:
        case ast.Attribute(
            value=ast.Name(id=name)
            | ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="cursor" | "execute")),
            attr=method,
        ):
            return name, method
    return "", ""


def _cursor_owners(nodes: list[ast.AST]) -> Iterator[tuple[str, str]]:
    """Give the names of cursors with those of their connections."""
    for node in nodes:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=cursor)],
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="cursor")),
            ):
                yield cursor, owner


def _looped_pragmas(nodes: list[ast.AST]) -> Iterator[str]:
    """Give the names of loops over pragmas that are written out."""
    for node in nodes:
        match node:
            case ast.For(
                target=ast.Name(id=name), iter=ast.List(elts=texts) | ast.Tuple(elts=texts)
            ) if all(map(_says_pragmas, texts)):
                yield name


def _is_pragma(call: ast.Call, looped: Set[str]) -> bool:
    match call:
        case ast.Call(func=ast.Attribute(attr="execute"), args=[ast.Name(id=name)]):
            return name in looped
        case ast.Call(func=ast.Attribute(attr="execute" | "executescript"), args=[text]):
            return _says_pragmas(text)
    return False


def _says_pragmas(text: ast.expr) -> bool:
    match text:
        case ast.Constant(value=str() as sql):
            statements = sql_statements(sql)
            return bool(statements) and all(map(_begins_with_pragma, statements))
        case ast.JoinedStr(values=parts) if all(map(_is_number, parts)):
            shown = (str(part.value) if isinstance(part, ast.Constant) else "0" for part in parts)
            return _says_pragmas(ast.Constant("".join(shown)))
    return False


def _begins_with_pragma(sql: str) -> bool:
    return sql.lower().startswith("pragma")


def _is_number(part: ast.expr) -> bool:
    """Tell whether a part of a text is written out, or filled in by what gives a number."""
    match part:
        case ast.FormattedValue(value=ast.Call(func=ast.Name(id="int" | "len" | "max" | "min"))):
            return True
    return isinstance(part, ast.Constant)
