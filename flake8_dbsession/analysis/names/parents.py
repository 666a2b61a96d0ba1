"""What stands around the nodes of a function, and where it reads its names."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.memory import remembered
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.nodes import children, nodes_in, own_nodes


@remembered
def parents_in(function: Scope) -> dict[ast.AST, ast.AST]:
    """Give the node around each node of a function or module, those of nested ones included."""
    nodes = nodes_in(function.node)
    return {child: node for node in nodes for child in children(node)}


def ancestors_in(node: ast.AST, function: Scope) -> Iterator[ast.AST]:
    """Give what stands around a node of a function, the nearest first."""
    parents = parents_in(function)
    while (above := parents.get(node)) is not None:
        yield above
        node = above


@remembered
def readings_in(function: Scope) -> dict[str, list[ast.Name]]:
    """Give the places where a function or module, or a nested one, reads each name."""
    found: dict[str, list[ast.Name]] = {}
    for node in nodes_in(function.node):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.setdefault(node.id, []).append(node)
    return found


@remembered
def run_in(function: Scope) -> frozenset[ast.AST]:
    """Give the nodes that run with a function or module itself, those of nested ones left out."""
    return frozenset(own_nodes(function.node))
