"""What the calls and blocks of a function do to one session in it, as far as a handler asks."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from flake8_dbsession.analysis.effects.said_to_close import closes, rolls_back
from flake8_dbsession.analysis.effects.work.model import Did
from flake8_dbsession.analysis.effects.work.reach import Reach, reach_in
from flake8_dbsession.analysis.facts.lifetime.held_beside import known_with
from flake8_dbsession.analysis.facts.lifetime.helped_work import (
    closure_run_by,
    failing_work,
    first_work,
    may_see_to,
)
from flake8_dbsession.analysis.facts.lifetime.model_queries import is_model_query
from flake8_dbsession.analysis.facts.lifetime.registries import ends_at_block
from flake8_dbsession.analysis.lifetimes import constructs_by_name
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.names.values import Role, RoleValue
from flake8_dbsession.analysis.nodes import arguments, dotted_name, own_nodes

_SEEING_TO = Did.ROLLS_BACK | Did.CLOSES | Did.MAY_END


class SessionCalls:
    """Answers what calls and blocks do to a session.

    Args:
        session: the session as it is written.
        known: what it is; None where only its name is known.
        scope: the function's scope.
        inference: follows what is called.
        late: the calls of ``begin_nested()`` whose own flush writes what was added before.
    """

    def __init__(
        self,
        session: str,
        known: RoleValue | None,
        scope: Scope,
        inference: Inference,
        late: AbstractSet[ast.Call] = frozenset(),
    ) -> None:
        self.session = session
        self.known = known
        self.scope = scope
        self.inference = inference
        self.late = late

    def is_session(self, node: object) -> bool:
        """Tell whether a node is the session."""
        return isinstance(node, ast.expr) and dotted_name(node) == self.session

    def is_method(self, call: ast.expr) -> bool:
        """Tell whether something is the call of a method of the session."""
        return (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and self.is_session(call.func.value)
        )

    def is_given(self, call: ast.Call) -> bool:
        """Tell whether the session is among the arguments of a call."""
        return any(map(self.is_session, arguments(call)))

    def failing_in(self, call: ast.Call) -> Sequence[str]:
        """Give the session's methods by which a call fails, of a function that works by it."""
        return ["flush"] if call in self.late else failing_work(call, self.reach)

    def works_in(self, call: ast.Call) -> Sequence[str]:
        """Give those by which it fails with a session that has failed before.

        Of a function that is given the session, or whose object holds it.
        """
        return first_work(call, self.reach)

    @cached_property
    def reach(self) -> Reach:
        """How the function reaches the session."""
        known = known_with(self.scope, self.session, inference=self.inference)
        return reach_in(self.scope, known, inference=self.inference)

    def is_worked_with_by(self, call: ast.Call) -> bool:
        """Tell whether a method of an object that holds the session works with it, come what may.

        What rolls back or closes as well may do that first.
        """
        if not self.reach.is_of_carrier(call):
            return False
        did = self.reach.done_by(call)
        return bool(did & Did.ASKS) and not did & _SEEING_TO

    def is_made_holder(self, call: ast.Call) -> bool:
        """Tell whether a call only makes an object that keeps the session."""
        return self.reach.makes_carrier(call) and self.leaves_alone(call)

    def leaves_alone(self, call: ast.Call) -> bool:
        """Tell whether a call runs code that does nothing with the session, as far as it goes."""
        return self.reach.run_by(call) is not None and not self.reach.done_by(call)

    def is_seen_to_by(self, call: ast.Call) -> bool:
        """Tell whether a method of an object that holds the session may roll it back or close it.

        One that cannot be followed may; a method of the function's own object is taken not to. So
        may a function that is defined in it.
        """
        closure = closure_run_by(call, self.reach)
        if closure is not None:
            return bool(closure.done() & _SEEING_TO)
        if not self.reach.is_of_carrier(call):
            return self.is_of_holder(call)
        if self.reach.run_by(call) is None:
            return self.is_of_holder(call)
        return bool(self.reach.done_by(call) & _SEEING_TO)

    def closes(self, call: ast.Call) -> bool:
        """Tell whether a call closes something."""
        return closes(call, self.scope, self.inference)

    def rolls_back(self, call: ast.Call) -> bool:
        """Tell whether a call whose name says so rolls something back."""
        return rolls_back(call, self.scope, self.inference)

    def may_end_at(self, context: ast.expr) -> bool:
        """Tell whether the end of a block over an expression may roll back or close the session."""
        is_registry = self.known is not None and self.known.role is Role.REGISTRY
        if is_registry and ends_at_block(context, self.scope, self.inference):
            return True
        return may_see_to(context, self.session, self.scope, self.inference)

    def is_query(self, expression: ast.expr) -> bool:
        """Tell whether an expression is a query of a model, which the session runs."""
        if self.known is None:
            return False
        return is_model_query(expression, self.known, self.scope, self.inference)

    def is_of_holder(self, call: ast.Call) -> bool:
        """Tell whether a call is that of an object which is made with the session."""
        return dotted_name(call.func).partition(".")[0] in self._holders

    @cached_property
    def _holders(self) -> frozenset[str]:
        return frozenset(made_with(self.session, self.scope))

    def is_of_owner(self, call: ast.Call) -> bool:
        """Tell whether a call is a method's of the object that has the session."""
        owner = self.session.rpartition(".")[0]
        return bool(owner) and dotted_name(call.func).rpartition(".")[0] == owner


def made_with(session: str, function: Scope) -> list[str]:
    """Give the names of the objects that a function makes with a session.

    Args:
        session: the session as it is written.
        function: the function's scope.
    """
    return [
        name
        for call, name in objects_made(function)
        if any(dotted_name(given) == session for given in arguments(call))
    ]


@remembered
def objects_made(function: Scope) -> list[tuple[ast.Call, str]]:
    """Give the calls by which a function makes objects, each with the object's name."""
    return [
        (node.value, target.id)
        for node in own_nodes(function.node)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if constructs_by_name(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
