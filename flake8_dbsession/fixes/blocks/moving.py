"""The tests that patch a name in the place of another after a fix."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.rewriting.document import lines_of
from flake8_dbsession.rewriting.edits import Edit, Move, applied
from flake8_dbsession.rewriting.text import Text


def moved(text: Text, moves: Iterable[Move]) -> Text:
    """Let a test's file name other things.

    Args:
        text: its text, as it lay on disk when the moves were found.
        moves: the texts in it that have to change.

    Returns:
        The new text, the quotes of which are as they were.
    """
    tree = parse(text.source)
    assert tree is not None
    wanted = {(move.line, move.old): move.new for move in moves}
    lines = lines_of(text.content)
    edits = set()
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(value), lineno=line) if (line, value) in wanted:
                edits.add(_edit(node, value, wanted[line, value], lines))
    return Text(applied(text.content, edits), text.encoding)


def _edit(node: ast.Constant, old: str, new: str, lines: list[str]) -> Edit:
    """Replace what stands between the quotes."""
    line = lines[node.lineno - 1]
    column = len(line.encode()[: node.col_offset].decode())
    start = sum(map(len, lines[: node.lineno - 1])) + line.index(old, column)
    return Edit(start, start + len(old), new)
