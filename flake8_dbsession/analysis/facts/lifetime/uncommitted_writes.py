"""Writes on a session or connection that its function opened and never commits.

The order of the statements does not matter here: where a commit stands anywhere in the function, or
anything may commit that the function hands the session or connection to, it counts as committed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from flake8_dbsession.analysis.effects.work.statements import Statement, statement_of
from flake8_dbsession.analysis.facts.acquisition.acquisitions import (
    Acquisition,
    Holder,
    acquisitions,
)
from flake8_dbsession.analysis.facts.acquisition.joining import joins_a_connection
from flake8_dbsession.analysis.facts.connection.autocommit import commits_by_itself
from flake8_dbsession.analysis.facts.connection.connecting import is_in_memory
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.drivers import Block, Driver, driver_of
from flake8_dbsession.analysis.names.functions import decorator_names, parameter_for, position_of
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.methods import Effect, effect_of
from flake8_dbsession.analysis.names.parents import parents_in, readings_in, run_in
from flake8_dbsession.analysis.names.scopes import Assigned, Parameter, Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import FunctionValue, Resource

_DEEPEST = 3  # a helper of a helper; real code has one
_HELD = frozenset({Holder.BLOCK, Holder.DISCARDED, Holder.LOCAL, Holder.MAIN, Holder.MODULE})
_CLOSING = frozenset({"aclosing", "closing"})
_ENDING = Effect.COMMITS | Effect.ROLLS_BACK | Effect.BEGINS
# Before PyMySQL 1 and mysqlclient 1.4 their block gave a cursor, and committed; a connection of
# theirs has no ``execute``.
_GIVE_CURSORS = frozenset({"MySQLdb", "pymysql"})
# What a function does with an argument without a look at its transaction.
_HARMLESS_CALLS = frozenset(
    {
        "bool",
        "closeConnection",
        "id",
        "inspect",
        "isinstance",
        "len",
        "print",
        "putconn",
        "read_sql",
        "read_sql_query",
        "read_sql_table",
        "release",
        "repr",
        "str",
        "type",
    }
)
# Methods of connections and cursors that the table of methods does not speak of, for they change
# nothing in the database.
_HARMLESS_METHODS = frozenset(
    {
        "create_aggregate",
        "create_collation",
        "create_function",
        "enable_load_extension",
        "fetchall",
        "fetchmany",
        "fetchone",
        "load_extension",
        "ping",
        "set_client_encoding",
        "set_trace_callback",
        "setinputsizes",
    }
)


class UncommittedWrite(NamedTuple):
    """A write that is rolled back, for nothing commits it.

    Attributes:
        node: the call that writes.
        acquisition: what opened the session or connection.
        name: the name that it goes by; empty where it has none.
    """

    node: ast.Call
    acquisition: Acquisition
    name: str


class _Part(Enum):
    """What an expression stands for."""

    WHOLE = "the session or connection"
    WRAPPED = "closing(...) of it"
    CURSOR = "a cursor of it"


def uncommitted_writes(tree: Tree, inference: Inference) -> Iterator[UncommittedWrite]:
    """Find the first write on each session or connection whose writes nothing commits.

    Args:
        tree: the visited part of a file.
        inference: answers what is opened, and what functions are called.

    Yields:
        The writes: an insert, update or delete that the text shows, and what is added to a session.
        Left out is what commits by itself, what is rolled back on purpose, and what is handed to
        anything that cannot be followed.
    """
    for opened in acquisitions(tree, inference):
        function = opened.scope.function()
        if opened.holder not in _HELD or (function is None and opened.scope.enclosing_class()):
            continue
        scope = function or opened.scope.module.scope
        uses = _Uses(scope, opened.known.resource, driver_of(opened.known.library), inference)
        uses.follow(opened.node, _Part.WHOLE)
        writes = uses.lost_writes()
        if writes and not _needs_no_commit(opened, inference):
            first = min(writes, key=lambda write: (write.lineno, write.col_offset))
            yield UncommittedWrite(first, opened, uses.name)


def _needs_no_commit(opened: Acquisition, inference: Inference) -> bool:
    known, scope = opened.known, opened.scope
    return (
        known.name.endswith(".begin")
        or is_in_memory(opened.node, known, scope, inference)
        or joins_a_connection(opened.node, scope, inference)
        or commits_by_itself(opened, inference)
    )


class _Uses:
    """What a function does with a session or connection.

    Attributes:
        writes: the calls that write.
        attached: the calls that may only give an object its session back, to read more of it.
        is_settled: whether something commits or rolls back, or may do so out of sight.
        name: the first name that it goes by.
    """

    def __init__(
        self,
        scope: Scope,
        resource: Resource,
        driver: Driver,
        inference: Inference,
        depth: int = _DEEPEST,
    ) -> None:
        self.writes: list[ast.Call] = []
        self.attached: list[ast.Call] = []
        self.is_settled = False
        self.name = ""
        self._scope = scope
        self._resource = resource
        self._driver = driver
        self._inference = inference
        self._depth = depth
        self._flushes = False
        self._parents = parents_in(scope)

    def lost_writes(self) -> list[ast.Call]:
        """Give the writes that nothing commits."""
        if self.is_settled:
            return []
        return [*self.writes, *(self.attached if self._flushes or self.writes else [])]

    def follow(self, node: ast.expr, part: _Part) -> None:
        """Look at what the code around an expression does with its value."""
        parent = self._parents.get(node)
        match parent:
            case ast.Attribute():
                self._attribute(parent, part)
            case ast.Await():
                self.follow(parent, part)
            case ast.withitem(optional_vars=target):
                self._enter(parent, target, part)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                self._assign(name, part)
            case ast.Call(func=function) if function is not node:
                self._given(parent, position_of(node, parent), part)
            case ast.keyword(arg=arg):
                call = self._parents[parent]
                assert isinstance(call, ast.Call | ast.ClassDef)
                self._given(call, arg, part)
            case ast.Expr() | ast.Compare() | ast.UnaryOp() | ast.Delete():
                pass
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) if test is node:
                pass
            case ast.For() | ast.AsyncFor() if part is _Part.CURSOR and parent.iter is node:
                pass
            case _:
                self.is_settled = True

    def follow_name(self, name: str, part: _Part, inside: ast.AST) -> None:
        """Look at all that is done with a name inside some code."""
        for node in readings_in(self._scope).get(name, ()):
            if not self.is_settled and _is_inside(node, inside):
                # A nested function takes it along.
                self.is_settled = node not in run_in(self._scope)
                self.follow(node, part)

    def _assign(self, name: str, part: _Part) -> None:
        if not _is_bound_once(self._scope, name):
            self.is_settled = True  # by turns it stands for something else
            return
        self.name = self.name or name
        self.follow_name(name, part, self._scope.node)

    def _enter(self, item: ast.withitem, target: ast.expr | None, part: _Part) -> None:
        is_connection = part is _Part.WHOLE and self._resource is Resource.CONNECTION
        if is_connection and Block.COMMITS in self._driver.block:
            self.is_settled = True
        elif isinstance(target, ast.Name):
            part = _Part.CURSOR if part is _Part.CURSOR else _Part.WHOLE
            self.name = self.name or target.id
            self.follow_name(target.id, part, self._parents[item])
        elif target is not None:
            self.is_settled = True

    def _attribute(self, node: ast.Attribute, part: _Part) -> None:
        method = node.attr
        parent = self._parents.get(node)
        call = parent if isinstance(parent, ast.Call) and parent.func is node else None
        if "autocommit" in method or "isolation" in method or method == "run_sync":
            self.is_settled = True
        elif method in ("cursor", "execution_options") and call is not None:
            is_told = "autocommit" in ast.unparse(call).lower()
            self.is_settled |= is_told
            self.follow(call, _Part.CURSOR if method == "cursor" else part)
        elif part is _Part.WHOLE and method == "execute" and self._driver.name in _GIVE_CURSORS:
            self.is_settled = True
        elif call is not None and not (method in _HARMLESS_METHODS or part is _Part.WRAPPED):
            self._call(call, effect_of(self._resource, method))
        elif call is None and effect_of(self._resource, method) is not None:
            self.is_settled = True  # handed on as a bound method

    def _call(self, call: ast.Call, effect: Effect | None) -> None:
        """Note what the call of a method does."""
        method = last_segment(call.func)
        if effect is None or (effect & _ENDING and method != "begin_nested"):
            self.is_settled = True
        elif self._may_attach(call):
            self.attached.append(call)
        elif effect & (Effect.RECORDS | Effect.WRITES) or self._is_bulk_query(call):
            self.writes.append(call)
        elif effect == Effect.SENDS:
            self._flushes = True
        elif effect & Effect.EXECUTES:
            self._execute(call, method)

    def _execute(self, call: ast.Call, method: str) -> None:
        statement = call.args[0] if call.args else None
        does = statement_of(statement, self._scope, self._inference)
        if does is Statement.ENDS:
            self.is_settled = True
        elif does is Statement.CHANGES_ROWS or method == "executemany":
            self.writes.append(call)

    def _may_attach(self, call: ast.Call) -> bool:
        """Tell whether ``db.add(item)`` may be about an object that is read from afterwards."""
        match call:
            case ast.Call(func=ast.Attribute(attr="add"), args=[ast.Name(id=name)]):
                bindings = self._scope.bindings(name)
                is_given = any(isinstance(b.how, Parameter) for b in bindings)
                last = call.end_lineno or call.lineno
                readings = readings_in(self._scope).get(name, ())
                return is_given and any(reading.lineno > last for reading in readings)
        return False

    def _is_bulk_query(self, call: ast.Call) -> bool:
        """Tell whether a chain ends so: ``db.query(User).filter(...).delete()``."""
        if last_segment(call.func) != "query":
            return False
        node: ast.AST = call
        last = ""
        while isinstance(node, (ast.Attribute, ast.Call)):
            last = node.attr if isinstance(node, ast.Attribute) else last
            node = self._parents[node]
        return last in ("delete", "update")

    def _given(self, call: ast.AST, key: int | str | None, part: _Part) -> None:
        """Look at what a call does with the session or connection that it is given."""
        if not isinstance(call, ast.Call):
            self.is_settled = True
            return
        name = last_segment(call.func)
        if name in _CLOSING:
            self.follow(call, _Part.WRAPPED)
        elif name not in _HARMLESS_CALLS:
            callee = self._inference.value(call.func, self._scope)
            self._enter_function(call, callee, key, part)

    def _enter_function(
        self, call: ast.Call, callee: object, key: int | str | None, part: _Part
    ) -> None:
        parameter = parameter_for(callee, key) if isinstance(callee, FunctionValue) else None
        is_plain = isinstance(callee, FunctionValue) and not isinstance(callee.node, ast.Lambda)
        if parameter is None or not is_plain or not self._depth:
            self.is_settled = True
            return
        assert isinstance(callee, FunctionValue)
        if decorator_names(callee.node) - {"classmethod", "staticmethod"}:
            self.is_settled = True
            return
        inner = callee.scope.child(callee.node)
        uses = _Uses(inner, self._resource, self._driver, self._inference, self._depth - 1)
        if len(inner.bindings(parameter)) != 1:
            uses.is_settled = True
        uses.follow_name(parameter, part, inner.node)
        self.is_settled |= uses.is_settled
        self.writes += [call] if uses.lost_writes() else []


def _is_inside(node: ast.Name, statement: ast.AST) -> bool:
    first, last = getattr(statement, "lineno", 1), getattr(statement, "end_lineno", None)
    return first <= node.lineno and (last is None or node.lineno <= last)


@remembered
def _is_bound_once(scope: Scope, name: str) -> bool:
    """Tell whether a name is given one value in a scope, None left out."""
    return sum(not _is_none(binding.how) for binding in scope.bindings(name)) == 1


def _is_none(how: object) -> bool:
    match how:
        case Assigned(value=ast.Constant(value=None)):
            return True
    return False
