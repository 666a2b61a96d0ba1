"""The part of a syntax tree that mentions words of interest, with parents and scopes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeVar

from flake8_dbsession.analysis.mentions import Mentions
from flake8_dbsession.analysis.scopes import COMPREHENSIONS, Scope

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


class Tree:
    """The statements of a module that mention a word, and everything inside those.

    Args:
        scope: the module's scope; its node is the whole tree.
        mentions: the lines that matter.
    """

    def __init__(self, scope: Scope, mentions: Mentions) -> None:
        self._mentions = mentions
        self._parents: dict[ast.AST, ast.AST] = {}
        self._recorded: dict[type[ast.AST], list[tuple[ast.AST, Scope]]] = {
            kind: [] for kind in _RECORDED
        }
        self._visit(scope)

    def find(self, kind: type[Node]) -> Iterator[tuple[Node, Scope]]:
        """Give the nodes of one kind with their scopes, in the order of the text."""
        return iter(self._recorded[kind])  # type: ignore[arg-type]

    def functions(self) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, Scope]]:
        """Give the function definitions with the scopes they stand in, lambdas left out."""
        yield from self.find(ast.FunctionDef)
        yield from self.find(ast.AsyncFunctionDef)

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
        parents, recorded = self._parents, self._recorded
        while stack:
            node, scope = stack.pop()
            found = recorded.get(type(node))
            if found is not None:
                found.append((node, scope))
            children = list(self._children(node, scope))
            for child, _ in children:
                parents[child] = node
            stack += reversed(children)

    def _children(self, node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            yield from self._scope_children(node, scope)
            return
        inner = scope.child(node) if isinstance(node, COMPREHENSIONS) else scope
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.stmt) or self._is_mentioned(child):
                yield child, inner

    def _scope_children(self, node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        """Give a function's or class's parts: its header is read outside, its body inside."""
        inner = scope.child(node)  # type: ignore[arg-type]
        for name, value in ast.iter_fields(node):
            where = inner if name == "body" else scope
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.stmt):
                    if self._is_mentioned(part):
                        yield part, where
                elif isinstance(part, ast.AST):
                    yield part, where

    def _is_mentioned(self, statement: ast.stmt) -> bool:
        decorators = getattr(statement, "decorator_list", None)
        first = decorators[0].lineno if decorators else statement.lineno
        return self._mentions.within(first, statement.end_lineno or statement.lineno)
