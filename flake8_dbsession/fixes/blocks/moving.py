"""The tests that patch a name in the place of another after a fix."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.fixes.doubts.beside import beside
from flake8_dbsession.rewriting.document import lines_of
from flake8_dbsession.rewriting.edits import Edit, Move, applied
from flake8_dbsession.rewriting.text import Text


def moved(text: Text, moves: Collection[Move]) -> Text:
    """Let a test's file name other things.

    Args:
        text: its text, as it lay on disk when the moves were found.
        moves: the texts in it that have to change, or that get another beside them.

    Returns:
        The new text, the quotes of which are as they were.
    """
    tree = parse(text.source)
    assert tree is not None
    lines = lines_of(text.content)
    wanted = {(move.line, move.old): move.new for move in moves if not move.stays}
    staying = (move for move in moves if move.stays and (move.line, move.old) not in wanted)
    edits = {edit for move in staying for edit in _beside(tree, text, move, lines)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(value), lineno=line) if (line, value) in wanted:
                new = wanted[line, value]
                if "." in value or "." not in new:
                    edits.add(_edit(node, value, new, lines))
            case ast.Call(args=[owner, ast.Constant(value=str(value), lineno=line) as named, *_]):
                new = wanted.get((line, value), "")
                if "." in new and "." not in value:
                    edits |= _in_one(node, owner, _edit(named, value, new, lines), lines)
    return Text(applied(text.content, edits), text.encoding)


def _beside(tree: ast.Module, text: Text, move: Move, lines: list[str]) -> Iterator[Edit]:
    found = beside(tree, text.source, move.line, move.old, move.new)
    if found is not None:
        at = _offset(found.line, found.column, lines)
        newline = "\r\n" if lines[found.line - 1].endswith("\r\n") else "\n"
        yield Edit(at, at, found.text.replace("\n", newline))


def _in_one(call: ast.Call, owner: ast.expr, name: Edit, lines: list[str]) -> set[Edit]:
    """Let a text stand for a module and a name of it, which stood side by side."""
    start = _offset(owner.lineno, owner.col_offset, lines)
    quoted = _offset(call.args[1].lineno, call.args[1].col_offset, lines)
    edits = {Edit(start, quoted, ""), name}
    if isinstance(call.func, ast.Attribute) and call.func.attr == "object":
        patch = call.func.value
        first = _offset(patch.end_lineno or 0, patch.end_col_offset or 0, lines)
        edits.add(Edit(first, first + len(".object"), ""))
    return edits


def _offset(line: int, column: int, lines: list[str]) -> int:
    """Give the offset of a place, whose column is counted in bytes."""
    return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())


def _edit(node: ast.Constant, old: str, new: str, lines: list[str]) -> Edit:
    """Replace what stands between the quotes."""
    first = _offset(node.lineno, 0, lines)
    quoted = _offset(node.lineno, node.col_offset, lines)
    start = first + lines[node.lineno - 1].index(old, quoted - first)
    return Edit(start, start + len(old), new)
