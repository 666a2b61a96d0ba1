"""The part of a syntax tree that mentions words of interest, with parents and scopes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set
from typing import Any, TypeVar

from flake8_dbsession.analysis.names.scopes import COMPREHENSIONS, SCOPES, Scope, last_segment
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import LAST_FIRST, LEAVES
from flake8_dbsession.analysis.source.mentions import Mentions, hints

Node = TypeVar("Node", bound=ast.AST)

_RECORDED = (
    ast.Assign,
    ast.AnnAssign,
    ast.AsyncFor,
    ast.AsyncFunctionDef,
    ast.AsyncWith,
    ast.Attribute,
    ast.Call,
    ast.ClassDef,
    ast.For,
    ast.FunctionDef,
    ast.Import,
    ast.ImportFrom,
    ast.Name,
    ast.Return,
    ast.With,
    ast.Yield,
)

_SCOPES = frozenset(SCOPES)
_EXPRESSIONS = frozenset(
    kind for kind in vars(ast).values() if isinstance(kind, type) and issubclass(kind, ast.expr)
)


class Tree:
    """The parts of a module that mention a word of interest, and what stands around them.

    Args:
        scope: the module's scope; its node is the whole tree.
        mentions: the lines that matter.
        words: names that may open something, though nothing in them says so.

    Attributes:
        scope: the module's scope.
        memory: answers already given about the tree.
    """

    def __init__(self, scope: Scope, mentions: Mentions, words: Set[str] = frozenset()) -> None:
        self.scope = scope
        self.memory: dict[object, Any] = {}
        self._words = words
        self._mentions = mentions
        self._parents: dict[ast.AST, ast.AST] = {}
        self._recorded: dict[type[ast.AST], list[tuple[ast.AST, Scope]]] = {
            kind: [] for kind in _RECORDED
        }
        self._visit(scope)

    def find(self, kind: type[Node]) -> Iterator[tuple[Node, Scope]]:
        """Give the nodes of one kind with their scopes, in the order of the text."""
        return iter(self._recorded[kind])  # type: ignore[arg-type]

    def calling_functions(self) -> Iterator[FunctionValue]:
        """Give the functions in which a call that may open something was visited."""
        seen: set[ast.AST] = set()
        for call, scope in self.find(ast.Call):
            if self.is_of_interest(last_segment(call.func)):
                function = scope.function()
                if function is not None and function.parent and function.node not in seen:
                    seen.add(function.node)
                    yield FunctionValue(function.node, function.parent)  # type: ignore[arg-type]

    def functions(self) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, Scope]]:
        """Give the function definitions with the scopes they stand in, lambdas left out."""
        yield from self.find(ast.FunctionDef)
        yield from self.find(ast.AsyncFunctionDef)

    def with_items(self) -> Iterator[ast.withitem]:
        """Give the items of the ``with`` and ``async with`` statements."""
        for block, _ in self.find(ast.With):
            yield from block.items
        for async_block, _ in self.find(ast.AsyncWith):
            yield from async_block.items

    def is_of_interest(self, name: str) -> bool:
        """Tell whether a call of this name may open something."""
        return name == "begin" or hints(name) or name in self._words

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Give the node around a node; None for the module and for what was not visited."""
        return self._parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Give the nodes around a node, the nearest first."""
        above = self._parents.get(node)
        while above is not None:
            yield above
            above = self._parents.get(above)

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """Give the statement that a node belongs to; itself where it is one."""
        if isinstance(node, ast.stmt):
            return node
        return next((a for a in self.ancestors(node) if isinstance(a, ast.stmt)), None)

    def _visit(self, module: Scope) -> None:
        stack: list[tuple[ast.AST, Scope]] = [(module.node, module)]
        parents, recorded, touch = self._parents, self._recorded, self._mentions.touch
        while stack:
            node, scope = stack.pop()
            kind = type(node)
            found = recorded.get(kind)
            if found is not None:
                found.append((node, scope))
            if kind in LEAVES:
                continue
            header = body = scope
            if kind in _SCOPES:
                body = scope.child(node)  # type: ignore[arg-type]
                header = body if kind in COMPREHENSIONS else scope
            is_whole = kind in _EXPRESSIONS and node.lineno == node.end_lineno  # type: ignore[attr-defined]
            for name in LAST_FIRST[kind]:
                value = getattr(node, name, None)
                if not value:
                    continue
                where = body if name == "body" else header
                for part in reversed(value) if type(value) is list else (value,):
                    if part is not None and (is_whole or touch(part)):
                        parents[part] = node
                        stack.append((part, where))
