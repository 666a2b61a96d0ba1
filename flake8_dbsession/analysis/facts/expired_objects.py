"""Mapped objects returned out of the block of a provider that commits, which expires them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flake8_dbsession.analysis.facts.blocks import SessionBlock, session_blocks
from flake8_dbsession.analysis.facts.entities import STILL_LAZY, Entities, returned_from
from flake8_dbsession.analysis.facts.escapes import handed_over
from flake8_dbsession.analysis.facts.sequel import binds
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, last_segment
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.nodes import own_nodes

_GETTERS = frozenset({"get", "get_one"})
_RESULTS = frozenset({"exec", "execute", "scalars"})
_CHAINED = STILL_LAZY - {"add_columns", "columns", "mappings", "with_entities"}
# The methods of Query and Result that fetch objects, by SQLAlchemy's reference of both.
_FETCHING = frozenset(
    {
        "all",
        "first",
        "get",
        "one",
        "one_or_none",
        "scalar",
        "scalar_one",
        "scalar_one_or_none",
    }
)
# An object that has left its session, or was loaded again by hand, is its author's affair.
_DETACHING = frozenset({"expunge", "expunge_all", "make_transient"})


class ExpiredObject(NamedTuple):
    """A mapped object returned out of a block whose provider commits.

    Attributes:
        node: the ``return``.
        returned: the object as it is written.
        block: the block.
    """

    node: ast.Return
    returned: str
    block: SessionBlock


def expired_objects(tree: Tree, inference: Inference) -> Iterator[ExpiredObject]:
    """Find the mapped objects returned out of blocks that commit and so expire them.

    Args:
        tree: the visited part of a file.
        inference: answers what the blocks enter, and how their factory was made.

    Yields:
        The returns, where the provider and its factory are found, and the factory is known to
        expire objects on commit.
    """
    for block in session_blocks(tree, inference):
        known = block.known
        if not known.commits or known.keeps_loaded is not False or _detaches(block):
            continue
        if binds(block.node.body, block.name, walrus=tree.scope.module.holds_walrus):
            continue
        objects = _Objects(block, Entities(block.scope, inference))
        for statement in returned_from(block, tree):
            for value in handed_over(statement.value):
                if objects.has(value):
                    yield ExpiredObject(statement, ast.unparse(value), block)


def _detaches(block: SessionBlock) -> bool:
    calls = (node for node in own_nodes(block.node) if isinstance(node, ast.Call))
    return any(last_segment(call.func) in _DETACHING for call in calls)


class _Objects:
    """Tells which expressions give mapped objects of a block's session."""

    def __init__(self, block: SessionBlock, entities: Entities) -> None:
        self._block = block
        self._entities = entities

    def has(self, expression: ast.expr, seen: frozenset[str] = frozenset()) -> bool:
        """Tell whether an expression gives a mapped object, or a list of them.

        Args:
            expression: the expression.
            seen: the names whose values are being asked for.
        """
        match expression:
            case ast.Await(value=inner):
                return self.has(inner, seen)
            case ast.Name(id=name):
                return name not in seen and self._is_named(name, seen | {name})
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if (
                name == self._block.name
            ):
                return self._is_given(method, expression)
            case ast.Call(func=ast.Attribute(value=base, attr=method)) if method in _FETCHING:
                return self._is_fetched(base, frozenset())
        return False

    def _is_named(self, name: str, seen: frozenset[str]) -> bool:
        """Tell whether a name only ever stands for a mapped object or None."""
        found = [binding.how for binding in self._block.scope.lookup(name)]
        values = [how.value for how in found if isinstance(how, Assigned) and not how.path]
        values = [value for value in values if not isinstance(value, ast.Constant)]
        if not values or not all(isinstance(how, Assigned) for how in found):
            return False
        return all(self._is_object(value, name, seen) for value in values)

    def _is_object(self, value: ast.expr, name: str, seen: frozenset[str]) -> bool:
        makes = isinstance(value, ast.Call) and self._entities.is_entity(value.func)
        return (makes and self._is_added(name)) or self.has(value, seen)

    def _is_added(self, name: str) -> bool:
        """Tell whether an object is added to the session by its name."""
        for node in own_nodes(self._block.node):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=session), attr="add"),
                    args=[ast.Name(id=added)],
                ) if session == self._block.name and added == name:
                    return True
        return False

    def _is_given(self, method: str, call: ast.Call) -> bool:
        """Tell whether a method of the session itself gives an object."""
        match call.args:
            case [entity, *_] if method in _GETTERS:
                return self._entities.is_entity(entity)
            case [statement, *_] if method == "scalar":
                return self._entities.are_selected_by(statement)
        return method == "merge"

    def _is_fetched(self, source: ast.expr, seen: frozenset[str]) -> bool:
        """Tell whether what objects are fetched from is a query or a result of whole entities."""
        match source:
            case ast.Await(value=inner):
                return self._is_fetched(inner, seen)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if (
                name == self._block.name
            ):
                return self._is_of_entities(method, source)
            case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in _CHAINED:
                return self._is_fetched(inner, seen)
            case ast.Name(id=name):
                return name in seen or self._all_fetch(name, seen | {name})
        return False

    def _all_fetch(self, name: str, seen: frozenset[str]) -> bool:
        bindings = self._block.scope.lookup(name)
        return bool(bindings) and all(
            isinstance(binding.how, Assigned) and self._is_fetched(binding.how.value, seen)
            for binding in bindings
        )

    def _is_of_entities(self, method: str, call: ast.Call) -> bool:
        match call.args:
            case [entity] if method == "query":
                return self._entities.is_entity(entity)
            case [statement, *_] if method in _RESULTS:
                return self._entities.are_selected_by(statement)
        return False
