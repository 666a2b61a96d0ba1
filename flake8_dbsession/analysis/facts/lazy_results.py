"""Results that still need their session, returned out of the block that closes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flake8_dbsession.analysis.facts.blocks import SessionBlock, session_blocks
from flake8_dbsession.analysis.facts.entities import STILL_LAZY, Entities, returned_from
from flake8_dbsession.analysis.facts.escapes import handed_over
from flake8_dbsession.analysis.facts.sequel import binds
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned
from flake8_dbsession.analysis.names.tree import Tree

_STREAMS = frozenset({"stream", "stream_scalars"})
_RESULTS = frozenset({"exec", "execute", "scalars"})


class LazyResult(NamedTuple):
    """A result returned out of the block whose session it still needs.

    Attributes:
        node: the ``return``.
        result: the code that gives the result.
        kind: what it is, in words: a ``Query``, a result, a stream.
        block: the block.
    """

    node: ast.Return
    result: ast.expr
    kind: str
    block: SessionBlock


def lazy_results(tree: Tree, inference: Inference) -> Iterator[LazyResult]:
    """Find the lazy results returned out of their sessions' blocks.

    Args:
        tree: the visited part of a file.
        inference: answers what the blocks enter and what is selected.

    Yields:
        The returns inside a block, and those after it of a name that was given its result there.
    """
    for block in session_blocks(tree, inference):
        if binds(block.node.body, block.name, walrus=tree.scope.module.holds_walrus):
            continue
        laziness = _Laziness(block, Entities(block.scope, inference))
        for statement in returned_from(block, tree):
            for result in handed_over(statement.value):
                kind = laziness.kind(result)
                if kind is not None:
                    yield LazyResult(statement, result, kind, block)


class _Laziness:
    """Tells which expressions need the session of a block."""

    def __init__(self, block: SessionBlock, entities: Entities) -> None:
        self._block = block
        self._entities = entities

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
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if (
                name == self._block.name
            ):
                return self._kind_of_work(method, expression)
            case ast.Call(func=ast.Attribute(value=base, attr=method)) if method in STILL_LAZY:
                return self.kind(base, seen)
        return None

    def _kind_of_name(self, name: str, seen: frozenset[str]) -> str | None:
        """Say what a name stands for: lazy only where all that it is given is."""
        kinds = [
            self.kind(binding.how.value, seen)
            if isinstance(binding.how, Assigned) and not binding.how.path
            else None
            for binding in self._block.scope.lookup(name)
        ]
        return None if None in kinds else next((kind for kind in kinds if kind), None)

    def _kind_of_work(self, method: str, call: ast.Call) -> str | None:
        if self._block.known.is_async:
            return "stream" if method in _STREAMS else None
        if method == "query":
            return "`Query`"
        if method in _RESULTS and call.args and self._entities.are_selected_by(call.args[0]):
            return "result"
        return None
