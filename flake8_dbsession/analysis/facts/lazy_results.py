"""Results that still need their session, returned out of the block that closes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flake8_dbsession.analysis.facts.blocks import SessionBlock, session_blocks
from flake8_dbsession.analysis.facts.escapes import handed_over
from flake8_dbsession.analysis.facts.sequel import after_block, binds
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Assigned, last_segment, statements
from flake8_dbsession.analysis.names.tree import Tree
from flake8_dbsession.analysis.names.values import ClassValue, External

_SELECTS = frozenset(
    {
        "sqlalchemy.select",
        "sqlalchemy.future.select",
        "sqlalchemy.sql.select",
        "sqlalchemy.sql.expression.select",
        "sqlmodel.select",
        "sqlmodel.sql.expression.select",
    }
)
# The methods of Query and Result that give one again, by SQLAlchemy's reference of both.
_STILL_LAZY = frozenset(
    {
        "add_columns",
        "add_entity",
        "columns",
        "correlate",
        "distinct",
        "enable_eagerloads",
        "execution_options",
        "except_",
        "filter",
        "filter_by",
        "from_statement",
        "group_by",
        "having",
        "intersect",
        "join",
        "limit",
        "mappings",
        "offset",
        "options",
        "order_by",
        "outerjoin",
        "params",
        "populate_existing",
        "scalars",
        "select_from",
        "slice",
        "tuples",
        "union",
        "union_all",
        "unique",
        "where",
        "with_entities",
        "with_for_update",
        "with_hint",
        "yield_per",
    }
)
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
        if binds(block.node.body, block.name, walrus=tree.scope.module.has_walrus):
            continue
        laziness = _Laziness(block, inference)
        for statement in (*statements(block.node.body), *_returned_after(block, tree)):
            if isinstance(statement, ast.Return):
                for result in handed_over(statement.value):
                    kind = laziness.kind(result)
                    if kind is not None:
                        yield LazyResult(statement, result, kind, block)


def _returned_after(block: SessionBlock, tree: Tree) -> Iterator[ast.Return]:
    """Give the returns after a block of names that get their value nowhere but in it."""
    names = {
        target.id
        for statement in statements(block.node.body)
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for name in sorted(names):
        for node in after_block(block.node, name, tree):
            match node:
                case ast.Return(value=ast.Name(id=returned)) if returned == name:
                    yield node


class _Laziness:
    """Tells which expressions need the session of a block."""

    def __init__(self, block: SessionBlock, inference: Inference) -> None:
        self._block = block
        self._inference = inference

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
            case ast.Call(func=ast.Attribute(value=base, attr=method)) if method in _STILL_LAZY:
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
        if method in _RESULTS and call.args and self._selects_entities(call.args[0]):
            return "result"
        return None

    def _selects_entities(self, statement: ast.expr, seen: frozenset[str] = frozenset()) -> bool:
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
            and any(self._is_entity(argument) for argument in statement.args)
        )

    def _all_select_entities(self, name: str, seen: frozenset[str]) -> bool:
        bindings = self._block.scope.lookup(name)
        return bool(bindings) and all(
            isinstance(binding.how, Assigned)
            and self._selects_entities(binding.how.value, seen | {name})
            for binding in bindings
        )

    def _is_select(self, function: ast.expr) -> bool:
        if last_segment(function) != "select":
            return False
        return self._inference.qualified_name(function, self._block.scope) in _SELECTS

    def _is_entity(self, argument: ast.expr) -> bool:
        """Tell whether a whole mapped class is selected, and not its columns."""
        if not isinstance(argument, (ast.Name, ast.Attribute)):
            return False
        value = self._inference.value(argument, self._block.scope)
        if isinstance(value, ClassValue):
            return True
        name = last_segment(argument)
        is_class_name = name[:1].isupper() and not name.isupper()
        return is_class_name and (value is None or isinstance(value, External))
