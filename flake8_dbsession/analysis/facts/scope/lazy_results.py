"""Results that still need their session or connection, outside of the block that closes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.effects.objects import attributes_made_of
from flake8_dbsession.analysis.effects.work.acts import did_by
from flake8_dbsession.analysis.effects.work.model import Did
from flake8_dbsession.analysis.facts.lifetime.blocks import (
    SessionBlock,
    connection_blocks,
    session_blocks,
)
from flake8_dbsession.analysis.facts.scope.entities import (
    Entities,
    named_in,
    returned_from,
)
from flake8_dbsession.analysis.facts.scope.escapes import handed_over
from flake8_dbsession.analysis.facts.scope.sequel import after_block, binds, reads
from flake8_dbsession.analysis.library.methods import RESULTS, STREAMS
from flake8_dbsession.analysis.library.python import LOOKING
from flake8_dbsession.analysis.library.queries import FETCHING, STILL_LAZY, WITHOUT_ROWS
from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.functions import arguments_of, receiving_parameter
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, Scope, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import (
    FunctionValue,
    InstanceValue,
    Resource,
    RoleValue,
)
from flake8_dbsession.analysis.nodes import arguments, dotted_name, own_nodes, start_of
from flake8_dbsession.named_tuples import NamedTuple

_LOOPS = (ast.AsyncFor, ast.For)
_ROWS = RESULTS | {"exec_driver_sql"}


class LazyResult(NamedTuple):
    """A result that leaves the block whose session, or connection, it still needs.

    Attributes:
        node: the ``return``, or the first use after the block.
        result: the code that gives the result.
        kind: what it is, in words: a ``Query``, a result, a stream.
        block: the block.
    """

    node: ast.Return | ast.Name
    result: ast.expr
    kind: str
    block: SessionBlock


def lazy_results(tree: Tree, inference: Inference) -> Iterator[LazyResult]:
    """Find the lazy results returned out of their sessions' blocks.

    Args:
        tree: the visited part of a file.
        inference: answers what the blocks enter and what is selected.

    Yields:
        The returns inside a block, those after it of a name that was given its result there, and
        the first other use after it of such a name.
    """
    for block in (*session_blocks(tree, inference), *connection_blocks(tree, inference)):
        if binds(block.node.body, block.name, walrus=tree.scope.module.holds_walrus):
            continue
        asked = (block.name, block.known, block.scope, inference)
        laziness = _Laziness(*asked)
        for statement in returned_from(block, tree):
            for result in handed_over(statement.value):
                kind = laziness.kind(result)
                if kind is not None:
                    yield LazyResult(statement, result, kind, block)
        for name in sorted(named_in(block)):
            use = next(_used_after(name, block, tree), None)
            if use is not None:
                laziness = _Laziness(*asked, is_fetched=use.fetches)
                kind = laziness.kind(ast.Name(name, ast.Load()))
                if kind is not None:
                    yield LazyResult(use.node, use.node, kind, block)


class _Use(NamedTuple):
    """A use of a name after its block.

    Attributes:
        node: the name.
        fetches: whether rows are fetched from it, which only a statement with rows lets.
    """

    node: ast.Name
    fetches: bool


def _used_after(name: str, block: SessionBlock, tree: Tree) -> Iterator[_Use]:
    """Give the uses of a name after its block, in the order of the text.

    A test of it is none, nor is what is known without its rows, nor what is only passed on: a
    return of it is seen to elsewhere.
    """
    nodes = after_block(block.node, name, tree)
    function = block.scope.function() or block.scope.module.scope
    stepped_through = _stepped_through(function)
    found = [
        _Use(node, fetches=True)
        for node in nodes
        if isinstance(node, ast.Name) and node in stepped_through and node.id == name
    ]
    found += [
        _Use(use, fetches=isinstance(around, ast.Attribute) and around.attr in FETCHING)
        for after in nodes
        for use, around in reads(after, name)
        if not isinstance(around, (ast.Return, ast.Compare, ast.BoolOp, ast.If, ast.Assign))
        if not (isinstance(around, ast.Call) and last_segment(around.func) in LOOKING)
        if not (isinstance(around, ast.Attribute) and around.attr in WITHOUT_ROWS)
    ]
    yield from sorted(found, key=lambda use: start_of(use.node))


@remembered
def _stepped_through(function: Scope) -> frozenset[ast.expr]:
    """Give what the loops of a function go through."""
    return frozenset(node.iter for node in own_nodes(function.node) if isinstance(node, _LOOPS))


class _Laziness:
    """Tells which expressions need a session.

    Args:
        session: the session as it is written: a name, or an attribute of the method's own object.
        known: what is known of it; it may be a connection.
        scope: the scope that the expressions are read in.
        inference: answers what is selected and called.
        is_fetched: whether rows are known to be fetched from what is asked about.
    """

    def __init__(
        self,
        session: str,
        known: RoleValue,
        scope: Scope,
        inference: Inference,
        *,
        is_fetched: bool = False,
    ) -> None:
        self._is_fetched = is_fetched
        self._session = session
        self._known = known
        self._scope = scope
        self._inference = inference
        self._entities = Entities(scope, inference)

    def kind(self, expression: ast.expr, seen: frozenset[str] = frozenset()) -> str | None:
        """Say what an expression gives that still needs the session.

        Args:
            expression: the expression.
            seen: the names whose values are being asked for.

        Returns:
            The words for it; none where a seen name decides, and None where it needs no session.
        """
        match expression:
            case ast.Await(value=inner):
                return self.kind(inner, seen)
            case ast.Name(id=name):
                return "" if name in seen else self._kind_of_name(name, seen | {name})
            case ast.Call(func=ast.Attribute(value=base, attr=method)) if self._is_session(base):
                return self._kind_of_work(method, expression)
            case ast.Call(func=ast.Attribute(value=base, attr=method)) if method in STILL_LAZY:
                return self.kind(base, seen)
            case ast.GeneratorExp(generators=[ast.comprehension(iter=iterable), *_]):
                return self.kind(iterable, seen)
            case ast.Call():
                return self._kind_of_call(expression)
        return None

    def _is_session(self, expression: ast.expr) -> bool:
        return dotted_name(expression) == self._session

    def _kind_of_name(self, name: str, seen: frozenset[str]) -> str | None:
        """Say what a name stands for: lazy only where all that it is given is."""
        kinds = [
            self.kind(binding.how.value, seen)
            if isinstance(binding.how, Assigned) and not binding.how.path
            else None
            for binding in self._scope.lookup(name)
        ]
        return None if None in kinds else next((kind for kind in kinds if kind), None)

    def _kind_of_work(self, method: str, call: ast.Call) -> str | None:
        if self._known.is_async:
            return "stream" if method in STREAMS else None
        if self._known.resource is Resource.CONNECTION:
            return "result" if self._gives_rows(method, call) else None
        if method == "query":
            return "`Query`"
        if method in RESULTS and call.args and self._entities.are_selected_by(call.args[0]):
            return "result"
        return None

    def _gives_rows(self, method: str, call: ast.Call) -> bool:
        """Tell whether a connection's method gives rows that are not fetched yet."""
        if method not in _ROWS or self._is_fetched:
            return method in _ROWS
        return bool(did_by(call, Resource.CONNECTION, self._scope, self._inference) & Did.READS)

    def _kind_of_call(self, call: ast.Call) -> str | None:
        """Say what a function of the project gives that works with the session."""
        function = self._inference.value(call.func, self._scope)
        if not isinstance(function, FunctionValue) or isinstance(function.node, ast.Lambda):
            return None
        sessions = [*self._received(function, call), *self._held(function, call)]
        return next((kind for each in sessions if (kind := self._given_by(function, each))), None)

    def _received(self, function: FunctionValue, call: ast.Call) -> Iterator[str]:
        """Give the parameters that get the session."""
        for key, value in arguments_of(call):
            if self._is_session(value):
                parameter = receiving_parameter(function, key)
                if parameter is not None:
                    yield parameter

    def _held(self, method: FunctionValue, call: ast.Call) -> Iterator[str]:
        """Give the attributes by which an object that is made with the session holds it."""
        receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
        made = self._made(receiver) if receiver is not None else None
        own = method.receiver
        if made is None or own is None or not any(map(self._is_session, arguments(made))):
            return
        value = self._inference.value(made, self._scope)
        if isinstance(value, InstanceValue):
            for attribute in attributes_made_of(value.cls, self._inference):
                yield f"{own}.{attribute}"

    def _made(self, receiver: ast.expr) -> ast.Call | None:
        """Give the call that makes an object, where it is called on or assigned once."""
        if isinstance(receiver, ast.Name):
            hows = [binding.how for binding in self._scope.lookup(receiver.id)]
            if len(hows) == 1 and isinstance(hows[0], Assigned) and not hows[0].path:
                receiver = hows[0].value
        return receiver if isinstance(receiver, ast.Call) else None

    def _given_by(self, function: FunctionValue, session: str) -> str | None:
        """Say what all the returns of a function give that still needs its session."""
        scope = function.scope.child(function.node)

        def answer() -> str | None:
            laziness = _Laziness(session, self._known, scope, self._inference)
            kinds = [
                laziness.kind(node.value)
                for node in own_nodes(function.node)
                if isinstance(node, ast.Return) and node.value is not None
            ]
            return kinds[0] if kinds and None not in kinds else None

        is_async = self._known.is_async
        return self._inference.questions.ask(
            scope.memory, ("lazy", session, self._known.resource, is_async), answer, None
        )
