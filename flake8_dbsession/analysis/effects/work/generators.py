"""What a generator that hands out a session does when its turn comes again."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.effects.work.model import NOTHING, Did, PathWork, Work
from flake8_dbsession.analysis.effects.work.uses import (
    A_SESSION,
    Uses,
    end_of_opened,
    thing_of,
    uses_of_name,
)
from flake8_dbsession.analysis.effects.work.walk import ways_through
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.parents import parents_in
from flake8_dbsession.analysis.names.scopes import Scope, body_of
from flake8_dbsession.analysis.names.values import HELD, FunctionValue
from flake8_dbsession.analysis.nodes import dotted_name, own_nodes
from flake8_dbsession.named_tuples import NamedTuple

_STEPS = 4  # providers that give what another gives; real code has one
_HANDED = Work(frozenset({PathWork(Did.HANDED)}), NOTHING)


class Leaves(NamedTuple):
    """What a generator does when whoever got its session is done.

    Attributes:
        commits: whether it commits after a good end; None where it does on some ways, or may.
        rolls_back: whether it rolls back after an error; None where that is not known.
    """

    commits: bool | None
    rolls_back: bool | None


def leaves_of(function: FunctionValue, inference: Inference) -> Leaves:
    """Tell what a generator of the project does when its turn comes again.

    Args:
        function: the generator, or a function that gives what another one gives.
        inference: answers what it hands out, and what its calls do.
    """
    generator = entered(function, inference) or function
    scope = generator.scope.child(generator.node)
    return inference.questions.ask(
        scope.memory, "leaves", lambda: _leaves(scope, inference), Leaves(None, None)
    )


def entered(function: FunctionValue | None, inference: Inference) -> FunctionValue | None:
    """Give the generator that runs when what a function gives is entered.

    Args:
        function: a provider; one that returns what another gives is followed to that.
        inference: follows names.
    """
    for _ in range(_STEPS):
        if function is None or isinstance(function.node, ast.Lambda):
            return None
        nodes = own_nodes(function.node)
        if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes):
            return function
        match [node for node in nodes if isinstance(node, ast.Return)]:
            case [ast.Return(value=ast.Call(func=callee))]:
                value = inference.value(callee, function.scope.child(function.node))
                function = value if isinstance(value, FunctionValue) else None
            case _:
                return None
    return None


def _leaves(scope: Scope, inference: Inference) -> Leaves:
    handed = [n for n in own_nodes(scope.node) if isinstance(n, ast.Yield) and n.value is not None]
    acts = _Acts(handed, scope, inference)
    ways = [w for w in ways_through(body_of(scope.node), acts) if Did.HANDED in w.did]
    on_error = NOTHING
    for node in handed:
        for did in acts.on_error(node):
            on_error |= did
    is_known = Did.MAY_END not in on_error
    rolls_back = Did.ROLLS_BACK in on_error or (False if is_known else None)
    return Leaves(_on_all([way.did for way in ways]), rolls_back)


def _on_all(dids: list[Did]) -> bool | None:
    if dids and all(Did.COMMITS in did for did in dids):
        return True
    return None if any(did & (Did.COMMITS | Did.MAY_END) for did in dids) else False


class _Acts:
    """What a generator does by the session that it hands out."""

    def __init__(self, handed: list[ast.Yield], scope: Scope, inference: Inference) -> None:
        self._handed = handed
        self._scope = scope
        self._inference = inference
        self._parents = parents_in(scope)
        self._uses = list(self._followed())

    def by(self, node: ast.AST) -> Iterable[Work]:
        """Give what a node does; a ``yield`` begins anew."""
        if node in self._handed:
            return (_HANDED,)
        return (work for uses in self._uses for work in uses.by(node))

    def at_end(self, context: ast.expr) -> Did:
        """Tell what the end of a block over an expression does."""
        did = end_of_opened(self._inference.known(context, self._scope), self._inference)
        for uses in self._uses:
            did |= uses.at_end(context)
        return did

    def decides(self, _test: ast.expr) -> bool | None:
        """Take every test for one that may end either way."""
        return None

    def is_foreign(self, error: ast.expr | None) -> bool:
        """Tell whether a handler catches only what no session or connection raises."""
        return all(uses.is_foreign(error) for uses in self._uses)

    def on_error(self, handed: ast.Yield) -> Iterator[Did]:
        """Give what is done on the way of an exception out of the generator."""
        inner: ast.AST = handed
        while (around := self._parents.get(inner)) is not None and inner is not self._scope.node:
            if isinstance(around, (ast.With, ast.AsyncWith)):
                for item in around.items:
                    if Did.COMMITS in self.at_end(item.context_expr):
                        yield Did.ROLLS_BACK
                    yield self._of_inner(item.context_expr)
            elif hasattr(around, "finalbody"):
                yield from self._in_try(around, inner)  # type: ignore[arg-type]
            inner = around

    def _of_inner(self, context: ast.expr) -> Did:
        """Tell what another generator does on the way, whose block stands around the ``yield``."""
        callee = context.func if isinstance(context, ast.Call) else None
        value = self._inference.value(callee, self._scope) if callee is not None else None
        if not isinstance(value, FunctionValue) or entered(value, self._inference) is None:
            return NOTHING
        rolls_back = leaves_of(value, self._inference).rolls_back
        return {True: Did.ROLLS_BACK, False: NOTHING, None: Did.MAY_END}[rolls_back]

    def _in_try(self, around: ast.Try, inner: ast.AST) -> Iterator[Did]:
        handlers = [part for handler in around.handlers for part in handler.body]
        for part in [*(handlers if inner in around.body else []), *around.finalbody]:
            for node in (part, *own_nodes(part)):
                for work in self.by(node):
                    yield work.ever

    def _followed(self) -> Iterator[Uses]:
        names = {dotted_name(node.value): node for node in self._handed if node.value is not None}
        for name, node in names.items():
            known = self._inference.known(node.value, self._scope) if node.value else None
            if name and (known is None or known.role in HELD):
                thing = thing_of(known) if known is not None else A_SESSION
                yield uses_of_name(name, self._scope, thing, self._inference)
