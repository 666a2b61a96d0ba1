"""What statements do by a session, what they change of the objects that it loaded included."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.work.acts import did_by
from flake8_dbsession.analysis.effects.work.block import block_of
from flake8_dbsession.analysis.effects.work.following import (
    Following,
    Told,
    can_be_followed,
    decided,
)
from flake8_dbsession.analysis.effects.work.holders import NOTHING_HELD
from flake8_dbsession.analysis.effects.work.loaded import Objects, given_classes, inside
from flake8_dbsession.analysis.effects.work.model import (
    ANYTHING,
    LASTING,
    NOTHING,
    UNFOLLOWED,
    Broken,
    Did,
    PathWork,
    Work,
    unknown_work,
    work_of,
)
from flake8_dbsession.analysis.effects.work.reading import changes_by_function
from flake8_dbsession.analysis.effects.work.walk import ways_through, work_through
from flake8_dbsession.analysis.library.methods import TRANSACTIONS, Effect, effect_of
from flake8_dbsession.analysis.library.python import (
    CONTAINER_READERS,
    IN_PLACE,
    LOGS,
    LOOKING,
    MUTATORS,
    VALUE_METHODS,
)
from flake8_dbsession.analysis.library.queries import LISTS, METHODS
from flake8_dbsession.analysis.lifetimes.names import is_generator
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.functions import parameter_for
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, body_of, last_segment
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.analysis.nodes import arguments, nodes_in, unawaited

_TELLING = LOGS | {"print"}
_OF_MODELS = frozenset({"from_orm", "model_validate", "parse_obj"})  # pydantic's, which only read
_CHANGING = ("delattr", "setattr")


@remembered
def changes_objects(function: Scope, session: str, *, inference: Inference) -> bool:
    """Tell whether a function may change data by a session, by way of its objects too.

    Args:
        function: the function's scope.
        session: the session's name there.
        inference: follows names.
    """
    objects = Objects(session, block_of(function, inference=inference))
    ways = ways_through(body_of(function.node), Changes(objects, closes_stay=False))
    return any(way.did & LASTING for way in ways)


class Changes:
    """What statements do by a session and the objects that it loaded.

    Args:
        objects: the session, and what holds its objects.
        closes_stay: whether a close among them stays there, and gives up what is pending.
        told: the parameters of which a call says the value.
    """

    def __init__(
        self, objects: Objects, *, closes_stay: bool = True, told: Told = frozenset()
    ) -> None:
        self._objects = objects
        self._callees = objects.callees
        self._closes_stay = closes_stay
        self._told = told

    def by(self, node: ast.AST) -> Iterator[Work]:
        """Give what a node does."""
        if isinstance(node, ast.Call):
            yield from self._by_call(node)
        elif self._changes_object(node):
            yield _changes(node)

    def at_end(self, context: ast.expr) -> Did:
        """Tell what the end of a block over an expression does."""
        is_begun = last_segment(context) == "begin" and self._objects.session_call(context)
        return Did.COMMITS if is_begun else NOTHING

    def decides(self, test: ast.expr) -> bool | None:
        """Tell how the test of what the call said ends; None where that is not known."""
        return decided(test, self._told)

    def is_foreign(self, error: ast.expr | None) -> bool:
        """Tell whether a handler catches only what no session or connection raises."""
        return self._callees.is_foreign(error)

    def _changes_object(self, node: ast.AST) -> bool:
        """Tell whether a node stores into an object, or takes something out of one."""
        match node:
            case ast.Attribute() if self._objects.is_of_plain_object(node):
                return False
            case ast.Subscript(value=base) if self._objects.is_plain_container(base):
                return False
            case ast.Attribute(value=base, ctx=ast.Store() | ast.Del()):
                return not self._objects.is_holder(base) and self._objects.mentions(base)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                return name in self._objects.parts
            case ast.Subscript(value=base, ctx=ast.Store() | ast.Del()):
                return self._objects.mentions(base)
            case ast.AugAssign(target=ast.Name(id=name)):
                return name in self._objects.parts
        return False

    def _by_call(self, call: ast.Call) -> Iterator[Work]:
        asked = self._objects.session_call(call)
        if call in self._objects.block.finished:
            return  # the coroutine itself is looked at
        if changes_by_function(call, self._callees.scope):
            yield _changes(call)
        elif self._is_given_session(call) or (asked is None and self._runs_closure(call)):
            yield self._by_helper(call)
        elif asked is call:
            yield from self._by_method_of_session(call)
        elif asked is not None:
            yield from self._by_chain(call)
        else:
            yield from self._by_other_call(call)

    def _by_helper(self, call: ast.Call) -> Work:
        """Judge a call that is given the session or its objects by what it calls."""
        following = self._objects.followed(call)
        if following is None:
            return _unknown(call)
        return self._as_seen(call, following)

    def _as_seen(self, call: ast.Call, following: Following) -> Work:
        return _done_by(following, self._objects).at(call.lineno, f"{ast.unparse(call.func)}()")

    def _by_method_of_session(self, call: ast.Call) -> Iterator[Work]:
        callees = self._callees
        did = did_by(call, Resource.SESSION, callees.scope, callees.inference)
        if did == Did.CLOSES and not self._closes_stay:
            return
        work = _changes(call) if did is ANYTHING else work_of(did & ~Did.BEGINS, call.lineno)
        yield work._replace(breaks=frozenset(self._breaking(call, did)))

    def _breaking(self, call: ast.Call, did: Did) -> Iterator[Broken]:
        """Tell whether the failure of a session's method breaks it: by a flush, or a commit.

        A savepoint begins with a flush, too, but is there for what comes after it.
        """
        method = last_segment(call.func)
        effect = effect_of(Resource.SESSION, method) if did is not ANYTHING else Effect.SENDS
        if effect is None or method in TRANSACTIONS:
            return
        asks = did & Did.ASKS and self._objects.autoflushes
        if effect == Effect.WRITES or effect & Effect.SENDS or asks:
            yield Broken(call.lineno, if_pending=effect != Effect.WRITES)

    def _by_chain(self, call: ast.Call) -> Iterator[Work]:
        """Judge what is done with what the session gave: to a query, a result or an object."""
        assert isinstance(call.func, ast.Attribute)
        name = call.func.attr
        if self._objects.is_entity(call.func.value):
            if not self._is_read_of_object(call.func):
                yield _unknown(call)
        elif name not in METHODS | CONTAINER_READERS | VALUE_METHODS:
            yield _changes(call)

    def _by_other_call(self, call: ast.Call) -> Iterator[Work]:
        """Judge a call of anything else: given an object, it may write."""
        function = call.func
        if isinstance(function, ast.Name) and self._objects.carries(function):
            yield _unknown(call)
            return
        parts = arguments(call)
        if isinstance(function, ast.Attribute):
            parts.append(function.value)
            if function.attr in IN_PLACE and self._is_part(function.value):
                yield _changes(call)
                return
        if not any(map(self._objects.carries, parts)):
            return
        if self._callees.only_stores(function):
            return
        if self._callees.is_project(function):
            yield self._by_helper(call)
        elif self._callees.is_builtin(function, *_CHANGING):
            yield _changes(call)
        elif self._callees.is_builtin(function):
            yield from self._by_function_given(call)
        elif isinstance(function, ast.Attribute):
            yield from self._by_method(call, function)
        elif not self._callees.is_library(function):
            yield _unknown(call)

    def _by_function_given(self, call: ast.Call) -> Iterator[Work]:
        """Judge the function that one of Python's own calls, as ``sorted`` does its ``key``."""
        given = self._callees.run_by(call)
        if isinstance(given, ast.Lambda):
            for node in nodes_in(given.body):
                yield from self.by(node)
        elif given is not None and not self._only_gets(given):
            following = self._following(given)
            yield self._as_seen(call, following) if following is not None else _unknown(call)

    def _following(self, given: ast.expr) -> Following | None:
        """Follow a function that one of Python's own calls with one object after another."""
        function = self._callees.function(given) if isinstance(given, ast.Name) else None
        if function is None or not can_be_followed(function):
            return None
        first = parameter_for(function, 0)
        return Following(function, NOTHING_HELD, frozenset({first})) if first else None

    def _only_gets(self, function: ast.expr) -> bool:
        is_read = isinstance(function, ast.Attribute) and self._is_read(function)
        return is_read or self._callees.gets_values(function)

    def _by_method(self, call: ast.Call, method: ast.Attribute) -> Iterator[Work]:
        receiver, name = method.value, method.attr
        if not self._objects.carries(receiver):
            if name in MUTATORS and self._callees.is_container(receiver):
                return
            if not self._is_read(method):
                yield _unknown(call)
        elif self._is_query(receiver):
            if name not in METHODS | CONTAINER_READERS:
                yield _changes(call)
        elif self._is_container(receiver):
            if name not in IN_PLACE | CONTAINER_READERS | VALUE_METHODS:
                yield _unknown(call)
        elif name in IN_PLACE and not isinstance(receiver, ast.Name):
            if not self._objects.is_plain_container(receiver) and not self._is_new_part(receiver):
                yield _changes(call)
        elif not self._is_read_of_object(method):
            yield _unknown(call)

    def _is_read(self, method: ast.Attribute) -> bool:
        """Tell whether a method of something else only reads what it is given."""
        if self._callees.is_project(method):
            return False
        if method.attr in _TELLING and self._callees.is_of_logger(method):
            return True
        if method.attr in _OF_MODELS or self._callees.is_library(method):
            return True
        return isinstance(method.value, ast.Constant) and method.attr in VALUE_METHODS

    def _is_read_of_object(self, method: ast.Attribute) -> bool:
        """Tell whether a method that may be one of a loaded object's is not the project's own."""
        if method.attr in VALUE_METHODS:
            return True
        known = CONTAINER_READERS | METHODS | {"dict", "json", "model_dump", "model_dump_json"}
        return method.attr in known and self._objects.is_inherited(method.attr)

    def _is_query(self, receiver: ast.expr) -> bool:
        """Tell whether a name is that of a query, or of a result that is not fetched yet."""
        if not isinstance(receiver, ast.Name):
            return False
        values = self._objects.block.assigned(receiver.id)
        asked = [value for value in values if self._objects.session_call(value)]
        return bool(asked) and not any(map(self._is_fetched, asked))

    def _is_container(self, receiver: ast.expr) -> bool:
        """Tell whether a name is that of a list or dictionary, and not of a loaded object."""
        if not isinstance(receiver, ast.Name):
            return False
        values = self._objects.block.assigned(receiver.id)
        return self._callees.is_container(receiver) or (
            bool(values) and not any(map(self._objects.is_entity, values))
        )

    def _is_fetched(self, value: ast.expr) -> bool:
        call = unawaited(value)
        is_listed = isinstance(call, ast.Call) and last_segment(call.func) in LISTS
        return is_listed or self._objects.is_entity(value)

    def _is_new_part(self, receiver: ast.expr) -> bool:
        """Tell whether it is in a container whose parts are containers made for it.

        Such as ``found.setdefault(key, [])``, where nothing else is put into ``found``.
        """
        match receiver:
            case (
                ast.Subscript(value=ast.Name(id=name))
                | ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="setdefault"))
            ):
                return self._objects.holds_new_containers(name)
        return False

    def _is_part(self, receiver: ast.expr) -> bool:
        return isinstance(receiver, ast.Name) and receiver.id in self._objects.parts

    def _is_given_session(self, call: ast.Call) -> bool:
        if self._callees.is_builtin(call.func, *LOOKING):
            return False
        read = self._objects.as_read(call)
        if isinstance(read, ast.Attribute):
            is_called = call in self._objects.block.called
            is_missing = self._objects.is_inherited(read.attr) and not is_called
            return self._objects.is_session(read.value) or (
                self._objects.carries(read) and not is_missing
            )
        parts = arguments(call)
        objects = self._objects
        is_given = any(objects.is_session(part) or objects.is_holder(part) for part in parts)
        return is_given or objects.is_of_holder(call)

    def _runs_closure(self, call: ast.Call) -> bool:
        """Tell whether a call runs a function that the block defines, and that works with it."""
        closure = self._objects.block.closures.get(last_segment(call.func))
        return closure is not None and self._objects.mentions(closure)


def _unknown(call: ast.Call) -> Work:
    return unknown_work(call.lineno, f"{ast.unparse(call.func)}()")


def _changes(node: ast.AST) -> Work:
    return work_of(Did.MAY_WRITE, node.lineno)  # type: ignore[attr-defined]


def _done_by(following: Following, caller: Objects) -> Work:
    """Give what a helper does that is given the session or its objects.

    A function that stands in the block sees the block's own names besides.
    """
    if following.function.node in caller.block.closures.values():
        objects = following.objects | frozenset(caller.names)
        following = following._replace(held=following.held | caller.held, objects=objects)
    return caller.callees.inference.questions.ask(
        following.scope.memory,
        (
            "changes",
            following.held,
            following.objects,
            given_classes(following, caller),
            following.told,
            caller.autoflushes,
        ),
        lambda: _done_in(following, inside(following, caller)),
        Work(),
        fixed_point=True,
        given_up=UNFOLLOWED,
    )


def _done_in(following: Following, objects: Objects) -> Work:
    work = work_through(following.body, Changes(objects, told=following.told))
    if is_generator(following.function.node):  # it may never be gone through
        return work._replace(ways=work.ways | {PathWork()})
    return work
