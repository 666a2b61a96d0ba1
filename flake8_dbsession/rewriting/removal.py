"""Statements that are taken away, and the blocks that nothing is left in."""

from __future__ import annotations

import ast

import libcst as cst

from flake8_dbsession.rewriting.closes import NAMES_HERE, block_of
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Edit, Refusal
from flake8_dbsession.rewriting.places import PlacedStatement, place_of_call
from flake8_dbsession.rewriting.region import Region


def without_call(call: ast.Call, document: Document) -> tuple[Edit, ...]:
    """Take away a statement that consists of a call.

    What was there only for the call goes as well: an ``if`` that asks whether there is an object to
    call it on, and a ``finally``, with the ``try`` that has nothing else. Any other block that
    would be empty gets a ``pass``.

    Args:
        call: the call.
        document: the file.

    Raises:
        Refusal: the call is a part of a statement, shares its lines, or a comment would be lost.
    """
    return _without(place_of_call(call, document.tree), document)


def _without(path: list[PlacedStatement], document: Document) -> tuple[Edit, ...]:
    statement, block, owner = path[-1]
    if not document.stands_alone(statement, statement):
        raise Refusal("it shares a line with other code")
    if len(block) > 1:
        return (_cut(path[-1], document),)
    if isinstance(owner, ast.If) and block is owner.body and _only_asks(owner):
        return _without(path[:-1], document)
    if isinstance(owner, ast.Try) and block is owner.finalbody:
        return _without_finally(owner, document)
    document.refuse_comments(statement)
    return (document.replace(statement, "pass"),)


def _cut(place: PlacedStatement, document: Document) -> Edit:
    """Take away a statement's lines, and above the last one of a block the blank lines."""
    statement, block, _ = place
    first, last = document.first_line(statement), statement.end_lineno or 0
    if statement is block[-1]:
        while not document.lines[first - 2].strip():
            first -= 1
    start, end = document.offset(first, 0), document.line_end(last)
    if document.has_comment(start, end):
        raise Refusal("a comment beside it would be lost")
    if not all(isinstance(other, ast.Expr) for other in block):
        return Edit(start, end, "")
    # Two such edits must not empty a block together, so that each reaches to its end.
    bottom = document.line_end(block[-1].end_lineno or 0)
    return Edit(start, bottom, document.text[end:bottom])


def _without_finally(statement: ast.Try, document: Document) -> tuple[Edit, ...]:
    if not statement.handlers:
        return _unwrapped(statement, document)
    parts: list[ast.stmt | ast.ExceptHandler] = [*statement.body, *statement.handlers]
    parts += statement.orelse
    start = document.line_end(max(part.end_lineno or 0 for part in parts))
    end = document.line_end(statement.end_lineno or 0)
    if document.has_comment(start, end):
        raise Refusal("a comment in the `finally` would be lost")
    return (Edit(start, end, ""),)


def _unwrapped(statement: ast.Try, document: Document) -> tuple[Edit, ...]:
    region = Region([statement], document)
    (block,) = region.statements
    assert isinstance(block, cst.Try)
    first, *rest = block_of(block.body)
    lines = [*block.leading_lines, *first.leading_lines]
    statements = [first.with_changes(leading_lines=lines), *rest]
    for loss in region.losses(statements):
        raise Refusal(loss.reason)
    return region.rewritten(statements)


def _only_asks(owner: ast.If) -> bool:
    """Tell whether a test does nothing but ask for a name: ``if db:``, ``if db is not None:``."""
    if owner.orelse:
        return False
    match owner.test:
        case ast.Compare(
            left=ast.Constant(value=str()),
            ops=[ast.In()],
            comparators=[ast.Call(func=ast.Name(id=names), args=[], keywords=[])],
        ):
            return names in NAMES_HERE
    parts = ast.walk(owner.test)
    return all(isinstance(part, _ASKING) for part in parts)


_ASKING = (
    ast.Attribute,
    ast.Compare,
    ast.Constant,
    ast.Is,
    ast.IsNot,
    ast.Load,
    ast.Name,
    ast.NotEq,
)
