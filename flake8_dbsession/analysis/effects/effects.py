"""The one place to ask what a call does to a session or connection."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache

from flake8_dbsession.analysis.effects.calls import (
    NO_CALLABLES,
    Argument,
    Callables,
    argument,
    callables_given,
    constants,
    is_constructor,
    is_gathered,
    is_run,
    is_stub,
    unfolded,
)
from flake8_dbsession.analysis.effects.decorators import (
    Undecorated,
    catches,
    passed_on,
    wrapper_of,
)
from flake8_dbsession.analysis.effects.endings import Exits
from flake8_dbsession.analysis.effects.errors import raised_by
from flake8_dbsession.analysis.effects.handlers import caught_classes
from flake8_dbsession.analysis.effects.objects import attributes_made_of, makes_session
from flake8_dbsession.analysis.effects.overrides import may_be_of_others, overrides
from flake8_dbsession.analysis.effects.raising import (
    is_imported,
    is_quiet,
    may_raise,
    only_keeps_books,
)
from flake8_dbsession.analysis.flow import CallEnding, CallTraits, Graph, build, raises_by_name
from flake8_dbsession.analysis.library.drivers import CONFIGURING, driver_of
from flake8_dbsession.analysis.library.frameworks import OBJECTS
from flake8_dbsession.analysis.library.methods import KEEPING_NOTHING, LISTENING
from flake8_dbsession.analysis.library.python import ENVIRONMENT, MAPPINGS
from flake8_dbsession.analysis.library.running import NOTING_CALLS, NOTING_NAMES
from flake8_dbsession.analysis.library.wrappers import RECORDS
from flake8_dbsession.analysis.lifetimes import Fate, Outcome, Traits, fate_of
from flake8_dbsession.analysis.lifetimes.fates import (
    CLOSED_AT_END,
    CLOSES,
    GIVEN_BACK,
    KEPT,
    NOTHING_YET,
    UNKNOWN,
    UNTOUCHED,
    USED,
    either,
    furthest,
)
from flake8_dbsession.analysis.lifetimes.names import is_generator
from flake8_dbsession.analysis.names.functions import (
    arguments_of,
    is_context_manager,
    receiving_parameter,
)
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope, last_segment
from flake8_dbsession.analysis.names.values import (
    ClassValue,
    External,
    FunctionValue,
    InstanceValue,
    RoleValue,
    Value,
)
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_MAX_EVENTS = 3_000  # of a function that is followed; a larger one is not, and so is unknown


class _Asked(NamedTuple):
    """What is asked of an argument.

    Attributes:
        scope: the scope in which it is read.
        is_held: whether the question is what becomes of something that it holds.
        block_closes: whether the end of ``with`` over that closes it.
    """

    scope: Scope
    is_held: bool
    block_closes: bool


class Effects:
    """Answers what calls do, each question about a function once.

    Args:
        inference: answers what the calls stand for.
    """

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._exits = Exits(inference)

    def traits(
        self,
        scope: Scope,
        *,
        block_closes: bool,
        yields: bool = False,
        callables: Callables = NO_CALLABLES,
    ) -> Traits:
        """Give what following an object through a function has to know of the calls there.

        Args:
            scope: the function.
            block_closes: whether the end of ``with`` over the object closes it.
            yields: whether who receives a yielded object closes it.
            callables: what its parameters are known to stand for.
        """
        inference = self._inference

        @cache
        def fate(call: ast.Call, key: int | str, is_held: bool) -> Fate:
            return self.fate(
                call, key, scope, is_held=is_held, block_closes=block_closes, callables=callables
            )

        return Traits(
            fate=fate,
            fate_in_holder=cache(
                lambda call: self.fate_in_holder(call, scope, block_closes=block_closes)
            ),
            unfolded=cache(lambda call: unfolded(call, scope, inference)),
            runs_when_awaited=cache(lambda call: self.runs_when_awaited(call, scope)),
            borrows=cache(lambda manager: makes_session(manager, scope, inference)),
            yield_hands_on=yields,
        )

    def calls(self, scope: Scope) -> CallTraits:
        """Give what the control flow of a function has to know of the calls in it."""
        nodes = own_nodes(scope.node)
        alone = {node.value for node in nodes if isinstance(node, ast.Expr)}
        awaited = {node.value for node in nodes if isinstance(node, ast.Await)}

        def makes_coroutine(call: ast.Call) -> bool:
            return bool(awaited) and call not in awaited and self.runs_when_awaited(call, scope)

        return CallTraits(
            may_raise=lambda call: (
                self.may_raise(call, scope, is_alone=call in alone) and not makes_coroutine(call)
            ),
            raised=lambda call: raised_by(call, scope, self._inference),
            ending=lambda call: self.ending(call, scope) if call in alone else None,
            caught=lambda node: caught_classes(node, scope, self._inference),
        )

    def fate(
        self,
        call: ast.Call,
        key: int | str,
        scope: Scope,
        *,
        is_held: bool = False,
        block_closes: bool = True,
        callables: Callables = NO_CALLABLES,
    ) -> Fate:
        """Tell what becomes of an argument of a call.

        Args:
            call: the call.
            key: the position or the keyword of the argument.
            scope: the scope that the call stands in.
            is_held: whether the question is what becomes of something that the argument holds.
            block_closes: whether the end of ``with`` over it closes it.
            callables: what parameters are known to stand for.

        Returns:
            The fate; unknown where the callee cannot be found or followed.
        """
        given = argument(call, key, scope, self._inference, callables)
        asked = _Asked(scope, is_held, block_closes)
        match given.callee:
            case FunctionValue() as function:
                return self._in_methods(function, given, asked)
            case Undecorated() as function:
                return self._in_undecorated(function, given.key, given.call, asked)
            case ClassValue() as cls:
                return self._in_object(cls, given.key, given.call, asked)
        if is_run(call, scope, self._inference):
            return self._in_coroutine(call, key, scope, block_closes)
        if is_constructor(given.call, given.callee):
            return GIVEN_BACK
        if not raises_by_name(call):
            return UNTOUCHED
        match given.callee:
            case External(name=name) if name.startswith(OBJECTS):
                return UNKNOWN
            case External(name=name) if name in LISTENING:
                return UNTOUCHED
            case External() | RoleValue():
                return USED
        return USED if _is_builtin(call, scope) or _keeps_nothing(call) else UNKNOWN

    def is_held_by_value(self, call: ast.Call, key: int | str, scope: Scope) -> bool:
        """Tell whether a call gives an object of the project's that holds one of its arguments.

        Args:
            call: the call.
            key: the position or the keyword of the argument.
            scope: the scope that the call stands in.
        """
        callee = self._inference.value(call.func, scope)
        if isinstance(callee, External):
            return callee.name in RECORDS
        if not isinstance(callee, (ClassValue, FunctionValue)):
            return False
        return self.fate(call, key, scope).is_given_back

    def fate_in_holder(
        self, call: ast.Call, scope: Scope, *, block_closes: bool = True
    ) -> Fate | None:
        """Tell what a method does with the session or connection that its object holds.

        Args:
            call: the call of the method.
            scope: the scope that the call stands in.
            block_closes: whether the end of ``with`` over it closes it.

        Returns:
            The fate; None where the method, or what its object holds, cannot be found.
        """
        method = self._inference.value(call.func, scope)
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        value = self._inference.value(owner, scope) if owner is not None else None
        if not isinstance(method, FunctionValue) or not isinstance(value, InstanceValue):
            return None
        if owner is not None and may_be_of_others(owner, value, scope, self._inference):
            return UNKNOWN
        asked = _Asked(scope, False, block_closes)
        others = overrides(method, call, scope, self._inference)
        if others and is_stub(method):
            method, *others = others
        fates = [
            self._of_holder(each, attribute, call, asked)
            for each in (method, *others)
            for attribute in attributes_made_of(value.cls, self._inference)
        ]
        if not fates or None in fates:
            return None
        found = [fate for fate in fates if fate is not None]
        return either(found) if others else furthest(found)

    def _of_holder(
        self, method: FunctionValue, attribute: str, call: ast.Call, asked: _Asked
    ) -> Fate | None:
        receiver = method.receiver
        if receiver is None:
            return None
        return self._followed(method, f"{receiver}.{attribute}", constants(method, call), asked)

    def ending(self, call: ast.Call, scope: Scope) -> CallEnding | None:
        """Tell how a call ends that never returns; None for a call that returns."""
        return self._exits.ending(call, scope)

    def may_raise(self, call: ast.Call, scope: Scope, *, is_alone: bool = True) -> bool:
        """Tell whether a call can raise in practice.

        Args:
            call: the call.
            scope: the scope that it stands in.
            is_alone: whether it is a statement; elsewhere only functions called by a plain name or
                of an imported module and methods of ``self`` are followed, for most other calls
                give values that matter more than their errors.
        """
        if not may_raise(call, scope) or self._configures(call, scope):
            return False
        if self._notes_task(call, scope) or self._asks_mapping(call, scope):
            return False
        if is_quiet(call, scope, self._inference):
            return False
        if not is_alone and not _is_plainly_called(call.func, scope):
            return True
        callee = self._inference.value(call.func, scope)
        return not (isinstance(callee, FunctionValue) and self._only_keeps_books(callee))

    def _only_keeps_books(self, function: FunctionValue) -> bool:
        return only_keeps_books(function, self._inference.questions, self.may_raise)

    def _configures(self, call: ast.Call, scope: Scope) -> bool:
        """Tell whether a call only sets something in the driver, by a connection's method."""
        match call.func:
            case ast.Attribute(value=owner, attr=method) if method in CONFIGURING:
                known = self._inference.value(owner, scope)
                library = known.library if isinstance(known, RoleValue) else ""
                return method in driver_of(library).configures
        return False

    def _notes_task(self, call: ast.Call, scope: Scope) -> bool:
        """Tell whether a call only gives asyncio's loop something to do, or asks for the loop."""
        if last_segment(call.func) not in NOTING_NAMES:
            return False
        callee = self._inference.value(call.func, scope)
        return isinstance(callee, External) and callee.name in NOTING_CALLS

    def _asks_mapping(self, call: ast.Call, scope: Scope) -> bool:
        """Tell whether a call looks a written key up in a mapping, which gives None without it."""
        match call:
            case ast.Call(
                func=ast.Attribute(value=owner, attr="get"), args=[ast.Constant()], keywords=[]
            ):
                return self._is_mapping(self._inference.value(owner, scope))
        return False

    def _is_mapping(self, value: Value | None) -> bool:
        """Tell whether an object is of a class that has its ``get`` from Python's mappings."""
        if isinstance(value, External):
            return value.name == ENVIRONMENT
        if not isinstance(value, InstanceValue) or self._inference.attribute(value, "get"):
            return False
        pending, seen = [value.cls], {value.cls}
        while pending:
            cls = pending.pop()
            if any(last_segment(base) in MAPPINGS for base in cls.node.bases):
                return True
            bases = {self._inference.value(base, cls.scope) for base in cls.node.bases}
            classes = {base for base in bases if isinstance(base, ClassValue)} - seen
            seen |= classes
            pending += classes
        return False

    def runs_when_awaited(self, call: ast.Call, scope: Scope) -> bool:
        """Tell whether a call only makes a coroutine, by a function of the project."""
        callee = self._inference.value(call.func, scope)
        return (
            isinstance(callee, FunctionValue)
            and isinstance(callee.node, ast.AsyncFunctionDef)
            and not is_generator(callee.node)
            and not callee.node.decorator_list
        )

    def _in_methods(self, function: FunctionValue, given: Argument, asked: _Asked) -> Fate:
        """Tell what a function does, or those methods that may run in its place."""
        others = overrides(function, given.call, asked.scope, self._inference)
        if others and is_stub(function):
            function, *others = others
        fates = [
            self._in_undecorated(Undecorated(each, 0), given.key, given.call, asked)
            for each in (function, *others)
        ]
        return either(fates) if others else fates[0]

    def _in_undecorated(
        self, decorated: Undecorated, key: int | str, call: ast.Call, asked: _Asked
    ) -> Fate:
        wrapper = wrapper_of(decorated, self._inference)
        if wrapper is None:
            return self._in_function(decorated.function, key, call, asked)
        if decorated.function.owner is not None and isinstance(key, int):
            key += 1  # the wrapper is given the object itself as well
        inner = passed_on(wrapper, key)
        if inner is None:
            known = frozenset({(wrapper.name, wrapper.inner)})
            return self._in_function(wrapper.function, key, call, asked, known)
        if decorated.function.owner is not None and isinstance(inner, int):
            inner -= 1
        fate = self._in_undecorated(wrapper.inner, inner, call, asked)
        return either([fate, Fate(fate.on_raise)]) if catches(wrapper) else fate

    def _in_function(
        self,
        function: FunctionValue,
        key: int | str,
        call: ast.Call,
        asked: _Asked,
        callables: Callables = NO_CALLABLES,
    ) -> Fate:
        name = receiving_parameter(function, key)
        if name is None:
            return UNKNOWN
        asked = asked._replace(is_held=asked.is_held or is_gathered(function, name))
        callables |= callables_given(function, call, asked.scope, self._inference)
        return self._followed(function, name, constants(function, call), asked, callables)

    def _in_object(self, cls: ClassValue, key: int | str, call: ast.Call, asked: _Asked) -> Fate:
        """Tell what a constructor does: the object holds what is stored on it."""
        constructor = self._inference.constructor(cls)
        if constructor is None:
            return GIVEN_BACK
        fate = self._in_function(constructor, key, call, asked)
        return GIVEN_BACK if Outcome.KEPT in fate.on_return else fate

    def _in_coroutine(
        self, call: ast.Call, key: int | str, scope: Scope, block_closes: bool
    ) -> Fate:
        """Tell what becomes of what a coroutine was made with, when a library runs it."""
        coroutine = dict(arguments_of(call)).get(key)
        if not isinstance(coroutine, ast.Call):
            return USED
        fates = [
            self.fate(coroutine, each, scope, block_closes=block_closes)
            for each, value in arguments_of(coroutine)
            if not isinstance(value, ast.Constant)
        ]
        return furthest(fates) if fates else USED

    def _followed(
        self,
        function: FunctionValue,
        name: str,
        known: Mapping[str, object],
        asked: _Asked,
        callables: Callables = NO_CALLABLES,
    ) -> Fate:
        scope = function.scope.child(function.node)
        kind = (asked.is_held, asked.block_closes)
        question = ("fate", name, kind, frozenset(known.items()), callables)
        return self._inference.questions.ask(
            scope.memory,
            question,
            lambda: self._read(function, name, known, asked._replace(scope=scope), callables),
            NOTHING_YET,
            fixed_point=True,
            given_up=UNKNOWN,
        )

    def _read(
        self,
        function: FunctionValue,
        name: str,
        known: Mapping[str, object],
        asked: _Asked,
        callables: Callables,
    ) -> Fate:
        if is_stub(function):
            return UNKNOWN
        graph = self._graph(asked.scope)
        if graph is None:
            return UNKNOWN
        _, is_held, block_closes = asked
        traits = self.traits(asked.scope, block_closes=block_closes, callables=callables)
        fate = fate_of(graph, name, traits, is_held=is_held, block_closes=block_closes, known=known)
        return UNKNOWN if fate is None else _when_run(fate, function)

    def _graph(self, scope: Scope) -> Graph | None:
        if "graph" not in scope.memory:
            root: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda = scope.node  # type: ignore[assignment]
            scope.memory["graph"] = build(root, self.calls(scope), max_events=_MAX_EVENTS)
        return scope.memory["graph"]  # type: ignore[no-any-return]


def _when_run(fate: Fate, function: FunctionValue) -> Fate:
    """Turn what a function's body does into what a call of it does.

    The body of a generator runs later, when somebody drives it: a context manager that closes on
    all its ways closes at the end of its block. What is closed, given back or not followed on some
    ways only counts as unknown, for the caller knows more of the conditions.
    """
    if is_generator(function.node):
        is_manager = is_context_manager(function.node)
        if is_manager and fate.is_closed and fate.on_raise <= CLOSES:
            return CLOSED_AT_END
        if not fate.on_return.isdisjoint(CLOSES) or Outcome.KEPT in fate.on_return:
            return KEPT
        return USED if is_manager else GIVEN_BACK
    return fate.settled()


def _is_plainly_called(function: ast.expr, scope: Scope) -> bool:
    match function:
        case ast.Name() | ast.Attribute(value=ast.Name(id="self")):
            return True
        case ast.Attribute(value=ast.Name() as module):
            return is_imported(module, scope)
    return False


def _keeps_nothing(call: ast.Call) -> bool:
    """Tell whether a call is that of a library's method which keeps nothing that it is given."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in KEEPING_NOTHING


def _is_builtin(call: ast.Call, scope: Scope) -> bool:
    return isinstance(call.func, ast.Name) and not scope.lookup(call.func.id)
