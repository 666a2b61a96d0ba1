"""The one place to ask what a call does to a session or connection."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from flake8_dbsession.analysis.effects.calls import (
    argument,
    constants,
    is_constructor,
    is_gathered,
    is_run,
    is_stub,
)
from flake8_dbsession.analysis.effects.endings import Exits
from flake8_dbsession.analysis.effects.library import RECORDS
from flake8_dbsession.analysis.effects.objects import attributes_made_of
from flake8_dbsession.analysis.effects.raising import may_raise, only_keeps_books
from flake8_dbsession.analysis.flow import CallTraits, Graph, build, raises_by_name
from flake8_dbsession.analysis.flow import Ending as CallEnding
from flake8_dbsession.analysis.lifetimes import Fate, Outcome, Traits, fate_of
from flake8_dbsession.analysis.lifetimes.fates import (
    CLOSES,
    GIVEN_BACK,
    KEPT,
    NOTHING_YET,
    UNKNOWN,
    UNTOUCHED,
    USED,
    furthest,
)
from flake8_dbsession.analysis.lifetimes.names import is_generator
from flake8_dbsession.analysis.names.functions import (
    arguments_of,
    is_context_manager,
    receiving_parameter,
)
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import (
    ClassValue,
    External,
    FunctionValue,
    InstanceValue,
    Known,
)
from flake8_dbsession.analysis.nodes import own_nodes

_MAX_EVENTS = 3_000  # of a function that is followed; a larger one is not, and so is unknown


class Effects:
    """Answers what calls do, each question about a function once.

    Args:
        inference: answers what the calls stand for.
    """

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._exits = Exits(inference)

    def traits(
        self, scope: Scope, *, block_closes: bool, yields: bool = False, ends: bool = False
    ) -> Traits:
        """Give what following an object through a function has to know of the calls there.

        Args:
            scope: the function.
            block_closes: whether the end of ``with`` over the object closes it.
            yields: whether who receives a yielded object closes it.
            ends: whether the process ends with the function.
        """
        return Traits(
            fate=lambda call, key, is_held: self.fate(
                call, key, scope, is_held=is_held, block_closes=block_closes
            ),
            fate_in_holder=lambda call: self.fate_in_holder(call, scope, block_closes=block_closes),
            runs_when_awaited=lambda call: self.runs_when_awaited(call, scope),
            yield_hands_on=yields,
            ends_process=ends,
        )

    def calls(self, scope: Scope) -> CallTraits:
        """Give what the control flow of a function has to know of the calls in it."""
        alone = {node.value for node in own_nodes(scope.node) if isinstance(node, ast.Expr)}
        return CallTraits(
            may_raise=lambda call: self.may_raise(call, scope, is_alone=call in alone),
            ending=lambda call: self.ending(call, scope) if call in alone else None,
        )

    def fate(
        self,
        call: ast.Call,
        key: int | str,
        scope: Scope,
        *,
        is_held: bool = False,
        block_closes: bool = True,
    ) -> Fate:
        """Tell what becomes of an argument of a call.

        Args:
            call: the call.
            key: the position or the keyword of the argument.
            scope: the scope that the call stands in.
            is_held: whether the question is what becomes of something that the argument holds.
            block_closes: whether the end of ``with`` over it closes it.

        Returns:
            The fate; unknown where the callee cannot be found or followed.
        """
        given = argument(call, key, scope, self._inference)
        match given.callee:
            case FunctionValue() as function:
                return self._in_function(function, given.key, given.call, is_held, block_closes)
            case ClassValue() as cls:
                return self._in_object(cls, given.key, given.call, is_held, block_closes)
        if is_run(call, scope, self._inference):
            return self._in_coroutine(call, key, scope, block_closes)
        if is_constructor(given.call, given.callee):
            return GIVEN_BACK
        if not raises_by_name(call):
            return UNTOUCHED
        if isinstance(given.callee, (External, Known)) or _is_builtin(call, scope):
            return USED
        return UNKNOWN

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
        if not isinstance(method, FunctionValue) or owner is None:
            return None
        value = self._inference.value(owner, scope)
        first = next(iter([*method.node.args.posonlyargs, *method.node.args.args]), None)
        if not isinstance(value, InstanceValue) or first is None:
            return None
        attributes = attributes_made_of(value.cls, self._inference)
        known = constants(method, call)
        fates = [
            self._followed(method, f"{first.arg}.{attribute}", known, False, block_closes)
            for attribute in attributes
        ]
        return furthest(fates) if fates else None

    def ending(self, call: ast.Call, scope: Scope) -> CallEnding | None:
        """Tell how a call ends that never returns; None for a call that returns."""
        return self._exits.ending(call, scope)

    def may_raise(self, call: ast.Call, scope: Scope, *, is_alone: bool = True) -> bool:
        """Tell whether a call can raise in practice.

        Args:
            call: the call.
            scope: the scope that it stands in.
            is_alone: whether it is a statement; elsewhere only functions called by a plain name are
                followed, for most other calls give values that matter more than their errors.
        """
        if not may_raise(call, scope):
            return False
        if not is_alone and not isinstance(call.func, ast.Name):
            return True
        callee = self._inference.value(call.func, scope)
        return not (isinstance(callee, FunctionValue) and only_keeps_books(callee))

    def runs_when_awaited(self, call: ast.Call, scope: Scope) -> bool:
        """Tell whether a call only makes a coroutine, by a function of the project."""
        callee = self._inference.value(call.func, scope)
        return (
            isinstance(callee, FunctionValue)
            and isinstance(callee.node, ast.AsyncFunctionDef)
            and not is_generator(callee.node)
            and not callee.node.decorator_list
        )

    def _in_function(
        self,
        function: FunctionValue,
        key: int | str,
        call: ast.Call,
        is_held: bool,
        block_closes: bool,
    ) -> Fate:
        name = receiving_parameter(function, key)
        if name is None:
            return UNKNOWN
        is_held = is_held or is_gathered(function, name)
        return self._followed(function, name, constants(function, call), is_held, block_closes)

    def _in_object(
        self,
        cls: ClassValue,
        key: int | str,
        call: ast.Call,
        is_held: bool,
        block_closes: bool,
    ) -> Fate:
        """Tell what a constructor does: the object holds what is stored on it."""
        constructor = self._inference.constructor(cls)
        if constructor is None:
            return GIVEN_BACK
        fate = self._in_function(constructor, key, call, is_held, block_closes)
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
        is_held: bool,
        block_closes: bool,
    ) -> Fate:
        scope = function.scope.child(function.node)
        question = ("fate", name, is_held, block_closes, frozenset(known.items()))
        return self._inference.questions.ask(
            scope.memory,
            question,
            lambda: self._read(function, scope, name, known, is_held, block_closes),
            NOTHING_YET,
            fixed_point=True,
        )

    def _read(
        self,
        function: FunctionValue,
        scope: Scope,
        name: str,
        known: Mapping[str, object],
        is_held: bool,
        block_closes: bool,
    ) -> Fate:
        if is_stub(function):
            return UNKNOWN
        graph = self._graph(scope)
        if graph is None:
            return UNKNOWN
        traits = self.traits(scope, block_closes=block_closes)
        fate = fate_of(graph, name, traits, is_held=is_held, block_closes=block_closes, known=known)
        if fate is None:
            return UNKNOWN
        return _when_run(fate, function)

    def _graph(self, scope: Scope) -> Graph | None:
        if "graph" not in scope.memory:
            root: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda = scope.node  # type: ignore[assignment]
            scope.memory["graph"] = build(root, self.calls(scope), max_events=_MAX_EVENTS)
        return scope.memory["graph"]  # type: ignore[no-any-return]


def _when_run(fate: Fate, function: FunctionValue) -> Fate:
    """Take what a function's body does for what a call of it does.

    A generator runs later, with whoever drives it. What is closed, given back or not followed on
    some ways only may be so on all that the caller takes, which knows more of the conditions.
    """
    closes = not fate.on_return.isdisjoint(CLOSES)
    if is_generator(function.node):
        if closes or Outcome.KEPT in fate.on_return:
            return KEPT
        return USED if is_context_manager(function.node) else GIVEN_BACK
    if closes and not fate.is_closed:
        return KEPT
    if Outcome.UNKNOWN in fate.on_return:
        return UNKNOWN
    return GIVEN_BACK if fate.is_given_back else fate


def _is_builtin(call: ast.Call, scope: Scope) -> bool:
    return isinstance(call.func, ast.Name) and not scope.lookup(call.func.id)
