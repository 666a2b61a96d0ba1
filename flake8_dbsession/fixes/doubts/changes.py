"""What changes in the text of a test, and where its nodes stand there."""

from __future__ import annotations

import ast
from typing import TypeAlias

from flake8_dbsession.named_tuples import NamedTuple

_Placed: TypeAlias = ast.expr | ast.arg | ast.keyword

# What a test may use of a double that gives the same, but by other means.
ASSERTS = frozenset({"assert_called", "assert_called_once", "assert_not_called", "called"})


class Change(NamedTuple):
    """A piece of a text that another one takes the place of.

    Attributes:
        start: its line, counted from 1, and its column, counted in bytes.
        end: the same of where it ends.
        text: what takes its place.
    """

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


def start_of(node: _Placed) -> tuple[int, int]:
    """Give the line and the column, as ``Change`` counts them, at which a node begins."""
    return node.lineno, node.col_offset


def end_of(node: _Placed) -> tuple[int, int]:
    """Give the line and the column, as ``Change`` counts them, at which a node ends."""
    return node.end_lineno or 0, node.end_col_offset or 0


def source_of(node: _Placed, text: str) -> str:
    """Give a node's text, as ``ast.get_source_segment`` does for far longer."""
    (first, start), (last, end) = start_of(node), end_of(node)
    lines = [line.encode() for line in text.split("\n")[first - 1 : last]]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    return b"\n".join(lines).decode()


def indent_of(line: str) -> str:
    """Give the blanks with which a line begins."""
    return line[: len(line) - len(line.lstrip())]
