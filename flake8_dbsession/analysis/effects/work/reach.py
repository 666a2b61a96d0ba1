"""What a function's calls do by a session: given it, or of an object that is made with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cached_property, reduce
from operator import or_

from flake8_dbsession.analysis.effects.overrides import overrides
from flake8_dbsession.analysis.effects.work.acts import did_by
from flake8_dbsession.analysis.effects.work.carriers import SESSION, Carrier, Carriers, Known
from flake8_dbsession.analysis.effects.work.following import (
    Told,
    can_be_followed,
    nodes_untaken,
    told_by,
)
from flake8_dbsession.analysis.effects.work.model import ANYTHING, NOTHING, Did
from flake8_dbsession.analysis.library.methods import effect_of
from flake8_dbsession.analysis.lifetimes.names import is_generator
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import ClassValue, FunctionValue, Resource
from flake8_dbsession.analysis.nodes import arguments, is_name, own_nodes


class Reach:
    """How a function reaches a session.

    Args:
        known: what its names stand for from the beginning.
        scope: the function's scope.
        inference: follows what is called.
        told: the parameters of which the call says the value, True, False or None.

    Attributes:
        scope: as given.
        inference: as given.
        carriers: answers what the function's expressions stand for.
        question: what tells it from other ways of the same function to reach a session.
    """

    def __init__(
        self, known: Known, scope: Scope, inference: Inference, told: Told = frozenset()
    ) -> None:
        self.scope = scope
        self.inference = inference
        self.carriers = Carriers(known, scope, inference)
        self.question = (known, told)
        self._told = told
        self._run_by: dict[ast.Call, Reach | None] = {}

    @cached_property
    def calls(self) -> list[ast.Call]:
        """The calls that run with the function, but for those that such values leave out."""
        untaken = set(nodes_untaken(self._nodes, self._told))
        calls = (node for node in self._nodes if isinstance(node, ast.Call))
        return [call for call in calls if call not in untaken]

    @property
    def _nodes(self) -> Sequence[ast.AST]:
        return own_nodes(self.scope.node)

    @cached_property
    def _awaited(self) -> frozenset[ast.expr]:
        return frozenset(node.value for node in self._nodes if isinstance(node, ast.Await))

    def is_session(self, expression: ast.expr) -> bool:
        """Tell whether an expression is the session."""
        return self.carriers.value(expression) is SESSION

    def methods(self) -> Iterator[tuple[ast.Call, str]]:
        """Give the calls of the session's own methods, each with the method's name."""
        for call in self.calls:
            match call.func:
                case ast.Attribute(value=owner, attr=method):
                    is_its = effect_of(Resource.SESSION, method) is not None
                    if is_its and self.is_session(owner):
                        yield call, method

    def is_given(self, call: ast.Call) -> bool:
        """Tell whether the session is among the arguments of a call."""
        return any(map(self.is_session, arguments(call)))

    def is_of_carrier(self, call: ast.Call) -> bool:
        """Tell whether a call is of a method of an object that is made with the session."""
        return self._owner(call) is not None

    def _owner(self, call: ast.Call) -> Carrier | None:
        owner = getattr(call.func, "value", None)
        value = self.carriers.value(owner) if owner is not None else None
        return value if isinstance(value, Carrier) else None

    def makes_carrier(self, call: ast.Call) -> bool:
        """Tell whether a call makes such an object."""
        is_named = isinstance(call.func, (ast.Attribute, ast.Name))
        return is_named and isinstance(self.carriers.value(call), Carrier)

    def run_by(self, call: ast.Call) -> Reach | None:
        """Follow a call that is given the session, or is of an object that is made with it.

        Args:
            call: any call in the function.

        Returns:
            How the called function reaches the session; None where no function of the project is
            called so, or its code does not tell what it does.
        """
        if call not in self._run_by:
            self._run_by[call] = self._followed(call)
        return self._run_by[call]

    def _followed(self, call: ast.Call) -> Reach | None:
        owner = self._owner(call)
        if owner is None and not any(map(self.carriers.value, arguments(call))):
            return None
        called = self.inference.value(call.func, self.scope)
        if isinstance(called, ClassValue):
            made = self.carriers.value(call)
            called = self.inference.constructor(called)
            owner = made if isinstance(made, Carrier) else None
        elif owner is not None and not self._is_run(call, called):
            return None
        return self._inside(call, called, owner) if isinstance(called, FunctionValue) else None

    def _is_run(self, call: ast.Call, method: object) -> bool:
        """Tell whether a call surely runs a method here and now, and not that of a subclass."""
        if not isinstance(method, FunctionValue):
            return False
        is_async = isinstance(method.node, ast.AsyncFunctionDef)
        if is_async and call not in self._awaited:
            return False
        return not overrides(method, call, self.scope, self.inference)

    def _inside(
        self, call: ast.Call, function: FunctionValue, owner: Carrier | None
    ) -> Reach | None:
        if is_generator(function.node) or not can_be_followed(function):
            return None
        known = self.carriers.given(call, function)
        if owner is not None and function.receiver is not None:
            known |= {(function.receiver, owner)}
        if not known:
            return None
        scope, told = function.scope.child(function.node), told_by(function, call)
        return reach_in(scope, known, told, inference=self.inference)

    def done_by(self, call: ast.Call) -> Did:
        """Tell what a called function does by the session on any way; nothing for other calls."""
        reached = self.run_by(call)
        if reached is None:
            return ANYTHING if self.is_given(call) or self.is_of_carrier(call) else NOTHING
        return self.inference.questions.ask(
            reached.scope.memory,
            ("done", reached.question),
            reached.done,
            NOTHING,
            fixed_point=True,
            given_up=ANYTHING,
        )

    def done(self) -> Did:
        """Tell what the function does by the session on any way."""
        own = {
            call: did_by(call, Resource.SESSION, self.scope, self.inference)
            for call, _ in self.methods()
        }
        others = (self.done_by(call) for call in self.calls if call not in own)
        changed = Did.MAY_WRITE if own and self._sets_attributes() else NOTHING
        return reduce(or_, (*own.values(), *others), changed)

    def _sets_attributes(self) -> bool:
        """Tell whether the function changes objects, which may be the session's."""
        receiver = self.scope.receiver()
        return any(
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and not is_name(node.value, receiver)
            for node in self._nodes
        )


@remembered
def reach_in(
    scope: Scope, known: Known, told: Told = frozenset(), *, inference: Inference
) -> Reach:
    """Give how a function reaches a session; the same object each time.

    Args:
        scope: the function's scope.
        known: as `Reach` takes it.
        told: as `Reach` takes it.
        inference: as `Reach` takes it.
    """
    return Reach(known, scope, inference, told)
