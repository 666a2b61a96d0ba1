"""What the conditions around a place say of the objects that they test."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flake8_dbsession.analysis.names.scopes import SCOPES
from flake8_dbsession.analysis.names.tree import Tree


def missing_at(node: ast.AST, tree: Tree) -> Iterator[ast.expr]:
    """Find the objects that are known to be missing where a node runs.

    Args:
        node: the node.
        tree: the visited part of the file.

    Yields:
        What was tested, innermost first: ``x`` in the ``else`` of ``if x:`` and of
        ``if x is not None:``, in the body of ``if not x:`` and of ``if x is None:``, in conditional
        expressions likewise, and after ``x or``. A test outside the node's own function says
        nothing.
    """
    yield from missing_under(node, tree.ancestors(node))


def missing_under(node: ast.AST, ancestors: Iterable[ast.AST]) -> Iterator[ast.expr]:
    """Find the objects that are known to be missing where a node runs: as ``missing_at``.

    Args:
        node: the node.
        ancestors: what stands around it, the nearest first.
    """
    inner = node
    for outer in ancestors:
        if isinstance(outer, SCOPES):
            return
        match outer:
            case ast.If(test=test, body=body, orelse=orelse):
                yield from missing_by(test, holds=inner in body, fails=inner in orelse)
            case ast.IfExp(test=test, body=value, orelse=other):
                yield from missing_by(test, holds=inner is value, fails=inner is other)
            case ast.BoolOp(op=ast.Or(), values=values):
                for value in values[: values.index(inner)] if inner in values else ():
                    yield from missing_by(value, holds=False, fails=True)
        inner = outer


def missing_by(test: ast.expr, *, holds: bool, fails: bool) -> Iterator[ast.expr]:
    """Give what a test that holds, or fails, shows to be missing.

    Args:
        test: the condition.
        holds: whether it is known to hold.
        fails: whether it is known to fail.
    """
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from missing_by(operand, holds=fails, fails=holds)
        case ast.Compare(left=left, ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            if holds:
                yield left
        case ast.Compare(left=left, ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            if fails:
                yield left
        case ast.Name() | ast.Attribute():
            if fails:
                yield test
