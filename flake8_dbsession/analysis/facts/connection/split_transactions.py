"""Split transactions: commits between two writes on one connection."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

from flake8_dbsession.analysis.effects.work.sql import is_write, sql_statements
from flake8_dbsession.analysis.facts.scope.carrying import scopes_mentioning
from flake8_dbsession.analysis.flow import build, carry_forward
from flake8_dbsession.analysis.flow.graph import Bind, Evaluate, Event
from flake8_dbsession.analysis.library.queries import TEXT_MAKERS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import LOOPS, Assigned, Entered, Scope, last_segment
from flake8_dbsession.analysis.names.texts import followed, text_of
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import HELD, Resource
from flake8_dbsession.analysis.nodes import dotted_name, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_EXECUTING = frozenset({"execute", "executemany", "executescript"})
_STEPS = 2  # a cursor, and its connection


class SplittingCommit(NamedTuple):
    """A commit on some way from one write to another.

    Attributes:
        node: the commit.
        first: a write before it that it makes permanent.
        second: a write on the same connection after it.
    """

    node: ast.Call
    first: ast.Call
    second: ast.Call


class _Written(NamedTuple):
    """A write on a connection, and the commit that followed it, where one did."""

    connection: str
    write: ast.Call
    commit: ast.Call | None = None


_State: TypeAlias = frozenset[_Written]


def splitting_commits(tree: Tree, inference: Inference) -> Iterator[SplittingCommit]:
    """Find the commits that part the writes of a function.

    Args:
        tree: a file.
        inference: answers what is a connection, and follows the texts of statements.

    Yields:
        The commits, each with the nearest pair of writes that it parts. Left out are those that end
        a turn of a loop, and writes between which an exception, a ``yield`` or another connection
        of the same name lies.
    """
    for scope in scopes_mentioning(tree.scope, {".commit("}):
        if not isinstance(scope.node, ast.Module):
            yield from _Walk(scope, inference).found()


class _Walk:
    """One function's flow, walked with what its connections have written."""

    def __init__(self, scope: Scope, inference: Inference) -> None:
        self._scope = scope
        self._inference = inference
        self._found: dict[ast.Call, SplittingCommit] = {}
        self._loops = [node for node in own_nodes(scope.node) if isinstance(node, LOOPS)]

    def found(self) -> Iterator[SplittingCommit]:
        """Walk the function, and give what was found on the way."""
        graph = build(self._scope.node)  # type: ignore[arg-type]
        if graph is not None:
            nothing: _State = frozenset()
            carry_forward(graph, nothing, self._step, frozenset.union)
        yield from self._found.values()

    def _step(self, event: Event, state: _State) -> tuple[_State, _State]:
        match event:
            case Evaluate(node=ast.Call() as call):
                state = self._call(call, state)
            case Evaluate(node=ast.Yield()):
                state = frozenset()
            case Bind(target=ast.expr() as target):
                name = dotted_name(target)
                state = frozenset(each for each in state if each.connection != name)
        return state, frozenset()

    def _call(self, call: ast.Call, state: _State) -> _State:
        if not isinstance(call.func, ast.Attribute):
            return state
        method, owner = call.func.attr, call.func.value
        if method not in _EXECUTING | {"commit", "rollback"}:
            return state
        connection = self._connection(owner, self._scope)
        if not connection:
            return state
        if method == "rollback":
            return frozenset(each for each in state if each.connection != connection)
        if method == "commit":
            return frozenset(self._committed(each, call, connection) for each in state)
        if not self._writes(call):
            return state
        for each in state:
            if each.connection == connection and self._is_split(each, call):
                assert each.commit is not None
                found = SplittingCommit(each.commit, each.write, call)
                nearest = min(found, self._found.get(each.commit, found), key=_distance)
                self._found[each.commit] = nearest
        return state | {_Written(connection, call)}

    def _committed(self, written: _Written, commit: ast.Call, connection: str) -> _Written:
        is_first = written.connection == connection and written.commit is None
        return written._replace(commit=commit) if is_first else written

    def _is_split(self, written: _Written, second: ast.Call) -> bool:
        """Tell whether a commit parts two writes, rather than ends a turn or a batch of a loop."""
        commit = written.commit
        if commit is None or not _line(written.write) <= _line(commit) <= _line(second):
            return False
        return all(_is_in(second, loop) for loop in self._loops if _is_in(commit, loop))

    def _writes(self, call: ast.Call) -> bool:
        statement = call.args[0] if call.args else None
        if isinstance(statement, ast.Call) and last_segment(statement) in TEXT_MAKERS:
            statement = statement.args[0] if statement.args else None
        text = statement and text_of(statement, self._scope, self._inference)
        if not text:
            return last_segment(call.func) == "executemany"
        return any(is_write(each) for each in sql_statements(text))

    def _connection(self, owner: ast.expr, scope: Scope) -> str:
        """Give the name of the connection that something is, or is a cursor of; or else nothing."""
        for _ in range(_STEPS):
            known = self._inference.known(owner, scope)
            if known is not None and known.resource is Resource.CONNECTION and known.role in HELD:
                return dotted_name(owner)
            if not isinstance(owner, ast.Call):
                owner, scope = self._made_from(owner, scope)
            match owner:
                case ast.Call(func=ast.Attribute(value=connection, attr="cursor")):
                    owner = connection
                case _:
                    return ""
        return ""

    def _made_from(self, owner: ast.expr, scope: Scope) -> tuple[ast.expr, Scope]:
        """Give what a name is assigned from, or what the ``with`` block enters that binds it."""
        if isinstance(owner, ast.Name):
            for binding in scope.lookup(owner.id):
                match binding.how:
                    case Entered(context=value) | Assigned(value=value, path=()):
                        return value, binding.scope
        return followed(owner, scope, self._inference)


def _distance(commit: SplittingCommit) -> int:
    return _line(commit.second) - _line(commit.first)


def _is_in(node: ast.AST, loop: ast.stmt) -> bool:
    return loop.lineno <= _line(node) <= (loop.end_lineno or loop.lineno)


def _line(node: ast.AST) -> int:
    return node.lineno  # type: ignore[attr-defined, no-any-return]
