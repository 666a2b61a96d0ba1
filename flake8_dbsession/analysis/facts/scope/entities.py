"""Mapped classes: which statements select them, and what is returned out of a block."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.blocks import SessionBlock
from flake8_dbsession.analysis.facts.scope.sequel import after_block
from flake8_dbsession.analysis.library.queries import SELECTS
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, Scope, last_segment, statements
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import ClassValue, External


def returned_from(block: SessionBlock, tree: Tree) -> Iterator[ast.Return]:
    """Find what a session's block gives to the function's caller.

    Args:
        block: the block.
        tree: the visited part of the file.

    Yields:
        The returns inside the block, and those after it of a name that gets its value in it alone.
    """
    inside = list(statements(block.node.body))
    yield from (statement for statement in inside if isinstance(statement, ast.Return))
    for name in sorted(named_in(block)):
        for node in after_block(block.node, name, tree):
            match node:
                case ast.Return(value=ast.Name(id=returned)) if returned == name:
                    yield node


def named_in(block: SessionBlock) -> frozenset[str]:
    """Give the names that a session's block assigns to."""
    return frozenset(
        target.id
        for statement in statements(block.node.body)
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    )


class Entities:
    """Tells mapped classes from columns.

    Args:
        scope: where they are named.
        inference: answers what the names stand for.
    """

    def __init__(self, scope: Scope, inference: Inference) -> None:
        self._scope = scope
        self._inference = inference

    def are_selected_by(self, statement: ast.expr, seen: frozenset[str] = frozenset()) -> bool:
        """Tell whether a statement selects whole entities.

        Args:
            statement: what is given to ``execute`` or ``scalars``.
            seen: the names whose values are being asked for.
        """
        while (
            isinstance(statement, ast.Call)
            and isinstance(statement.func, ast.Attribute)
            and not self._is_select(statement.func)
        ):
            statement = statement.func.value
        if isinstance(statement, ast.Name):
            return statement.id in seen or self._all_select_entities(statement.id, seen)
        return (
            isinstance(statement, ast.Call)
            and self._is_select(statement.func)
            and any(self.is_entity(argument) for argument in statement.args)
        )

    def _all_select_entities(self, name: str, seen: frozenset[str]) -> bool:
        bindings = self._scope.lookup(name)
        return bool(bindings) and all(
            isinstance(binding.how, Assigned)
            and self.are_selected_by(binding.how.value, seen | {name})
            for binding in bindings
        )

    def _is_select(self, function: ast.expr) -> bool:
        if last_segment(function) != "select":
            return False
        return self._inference.qualified_name(function, self._scope) in SELECTS

    def is_entity(self, argument: ast.expr) -> bool:
        """Tell whether a whole mapped class is selected, and not its columns."""
        if not isinstance(argument, (ast.Name, ast.Attribute)):
            return False
        value = self._inference.value(argument, self._scope)
        if isinstance(value, ClassValue):
            return True
        name = last_segment(argument)
        is_class_name = name[:1].isupper() and not name.isupper()
        return is_class_name and (value is None or isinstance(value, External))
