"""What the code of a function writes by a session: rows that are not committed yet."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from flake8_dbsession.analysis.effects.work.changes import Changes
from flake8_dbsession.analysis.effects.work.classes import is_unmapped
from flake8_dbsession.analysis.effects.work.columns import declared
from flake8_dbsession.analysis.effects.work.following import Following
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.effects.work.model import Did
from flake8_dbsession.analysis.facts.dispatch.row_keys import KEYS, RowKeys
from flake8_dbsession.analysis.facts.dispatch.unsaved_rows import (
    NOTHING_LEFT,
    Left,
    Returned,
    Unsaved,
)
from flake8_dbsession.analysis.facts.lifetime.model_queries import is_model_query
from flake8_dbsession.analysis.library.methods import EXECUTING
from flake8_dbsession.analysis.names.dotted import expression_of
from flake8_dbsession.analysis.names.functions import given_to
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.names.values import InstanceValue, RoleValue
from flake8_dbsession.analysis.nodes import arguments, is_name, nodes_in, unawaited

_ADDING = frozenset({"add", "add_all", "merge"})


class RowWrites:
    """Answers what the calls and assignments of a function write.

    Args:
        objects: the session, and what holds its objects.
        changes: what is done by it.
        keys: answers what expressions tell of the rows.
        left_by: tells what a function leaves uncommitted that is given the session.
        is_only: whether no other session is seen in the function, whose objects there may be.
    """

    def __init__(
        self,
        objects: Objects,
        changes: Changes,
        keys: RowKeys,
        left_by: Callable[[Following, Objects], Left],
        *,
        is_only: bool,
    ) -> None:
        self._objects = objects
        self._changes = changes
        self._keys = keys
        self._asked_left = left_by
        self._is_only = is_only
        self._block = objects.block
        self._inference = objects.callees.inference
        self._left: dict[ast.expr, Left] = {}

    def written(self, call: ast.Call) -> Iterator[Unsaved]:
        """Give what a call writes, or leaves unsaved."""
        method = last_segment(call.func)
        if self._objects.is_method(call):
            if method in _ADDING:
                for name in self._keys.objects(call.args[0]) if call.args else ():
                    yield from self._unsaved(name, call, is_new=not self._was_loaded(name))
            elif method in EXECUTING:
                yield from self._executed(call)
            return
        if method == "update" and self._objects.session_call(call) is not None:
            yield from _keyed(self._keys.keys_in(call.func), call, is_new=False)
        elif self._block.callees.is_builtin(call.func, "setattr") and call.args:
            yield from self._changed(call.args[0], call)
        else:
            yield from self._left_by(call)

    def _executed(self, call: ast.Call) -> Iterator[Unsaved]:
        statement = call.args[0] if call.args else None
        if statement is None or not self._writes(call):
            return
        parts = [*call.args]
        if isinstance(statement, ast.Name):
            parts += self._block.assigned(statement.id)
        written = " ".join(map(ast.unparse, parts)).lower()
        if "delete" not in written:
            is_new = "insert" in written
            keys = {key for part in parts for key in self._keys.keys_in(part)}
            yield from _keyed(keys | set(_keys_of_parameters(call)), call, is_new=is_new)

    def _writes(self, call: ast.Call) -> bool:
        return any(Did.WRITES in work.ever for work in self._changes.by(call))

    def _unsaved(self, name: str, write: ast.AST, *, is_new: bool) -> Iterator[Unsaved]:
        """Give a row by all names that lead to it."""
        for each in {name, *self._keys.lists_with(name)} - self._objects.held.sessions:
            yield Unsaved(each, name, False, is_new, write)
        for key in self._keys.keys_of(name):
            yield Unsaved(key, name, True, is_new, write)

    def _changed(self, expression: ast.expr, write: ast.AST) -> Iterator[Unsaved]:
        if isinstance(expression, ast.Name) and self._is_loaded(expression):
            yield from self._unsaved(expression.id, write, is_new=False)

    def _is_loaded(self, name: ast.Name) -> bool:
        """Tell whether a name is certain to be that of a mapped object."""
        is_held = name.id in self._objects.names
        match self._inference.value(name, self._objects.callees.scope):
            case InstanceValue(cls=cls) if is_held or self._is_only:
                is_mapped = bool(declared(cls, "__tablename__", self._inference))
                return is_mapped or (is_held and not is_unmapped(cls, self._inference))
        if is_held and not self._objects.is_entity(name):
            return False
        return self._was_loaded(name.id)

    def _was_loaded(self, name: str) -> bool:
        """Tell whether a name gets what the session loads, so that adding it makes no new row."""
        sources = (value for _, target, value in self._block.bound if is_name(target, name))
        return any(self._loads(unawaited(value)) for value in sources)

    def _loads(self, value: ast.expr) -> bool:
        if self._objects.session_call(value) is not None:
            return True
        scope, known = self._objects.callees.scope, self._known
        return known is not None and any(
            isinstance(node, ast.Attribute) and is_model_query(node, known, scope, self._inference)
            for node in nodes_in(value)
        )

    @cached_property
    def _known(self) -> RoleValue | None:
        session = expression_of(self._objects.session)
        return self._inference.known(session, self._objects.callees.scope)

    def _left_by(self, call: ast.Call) -> Iterator[Unsaved]:
        following = self._objects.followed(call)
        if following is None or not following.held.sessions:
            return
        left = self._asked_left(following, self._objects)
        self._left[call] = left
        given = given_to(following.function, call)
        for unsaved in left.given:
            part = given.get(unsaved.name)
            if isinstance(part, ast.Name) and unsaved.is_key:
                yield Unsaved(part.id, part.id, True, unsaved.is_new, call)
            elif isinstance(part, ast.Name):
                yield from self._unsaved(part.id, call, is_new=unsaved.is_new)

    def returned_by(self, call: ast.expr) -> frozenset[Returned]:
        """Give what of the rows a call returns that was looked at."""
        return self._left.get(call, NOTHING_LEFT).returned

    def stored(self, target: ast.Attribute) -> Iterator[Unsaved]:
        """Give the row that the assignment to an attribute changes."""
        if not self._objects.columns.is_undeclared(target.attr):
            yield from self._changed(target.value, target)

    def given_by(self, name: str, call: ast.expr) -> Iterator[Unsaved]:
        """Give what a name is of, where it gets the result of a call."""
        is_of_session = isinstance(call, ast.Call) and self._objects.is_method(call)
        if is_of_session and last_segment(call) == "merge":
            yield from self._unsaved(name, call, is_new=False)
        for returned in self.returned_by(call):
            if returned.is_key:
                yield Unsaved(name, name, True, returned.is_new, call)
            else:
                yield from self._unsaved(name, call, is_new=returned.is_new)


def _keyed(names: Iterable[str], write: ast.AST, *, is_new: bool) -> Iterator[Unsaved]:
    return (Unsaved(name, name, True, is_new, write) for name in names)


def _keys_of_parameters(call: ast.Call) -> Iterator[str]:
    """Give the names that the parameters of a statement say to be the key of a row."""
    for part in arguments(call)[1:]:
        if isinstance(part, ast.Dict):
            for key, value in zip(part.keys, part.values, strict=True):
                is_key = isinstance(key, ast.Constant) and key.value in KEYS
                if is_key and isinstance(value, ast.Name):
                    yield value.id
