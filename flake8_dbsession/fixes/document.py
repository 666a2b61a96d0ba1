"""A file under repair: its text by offsets, and what the analysis knows of it."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable
from functools import cached_property
from itertools import accumulate

from flake8_dbsession.fixes.base import Edit, Refusal
from flake8_dbsession.rules.context import Context

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


class Document:
    """A file's text beside its syntax tree and the facts found in it.

    Args:
        text: the text, its line ends as they are in the file.
        context: the file as the rules see it.

    Attributes:
        text: the text.
        context: the file as the rules see it.
    """

    def __init__(self, text: str, context: Context) -> None:
        self.text = text
        self.context = context

    @cached_property
    def lines(self) -> list[str]:
        """The lines with their ends; the first one is line 1 of the syntax tree."""
        return lines_of(self.text)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(map(len, self.lines))]

    def offset(self, line: int, column: int) -> int:
        """Give the offset of a place.

        Args:
            line: its line, counted from 1.
            column: its column in UTF-8 bytes, as the syntax tree counts.
        """
        start = self._starts[line - 1]
        if column == 0:
            return start
        return start + len(self.lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        """Give the offsets of a node's first character and after its last one."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno, node.end_col_offset),
        )

    def written(self, node: ast.stmt | ast.expr) -> str:
        """Give a node as it is written."""
        start, end = self.span(node)
        return self.text[start:end]

    def replace(self, node: ast.stmt | ast.expr, text: str) -> Edit:
        """Make the edit that puts a text in a node's place."""
        return Edit(*self.span(node), text)

    def has_comment(self, start: int, end: int) -> bool:
        """Tell whether a comment stands in a piece of the text."""
        return "#" in self.text[start:end] and any(start <= at < end for at in self._comments)

    def refuse_comments(self, node: ast.stmt | ast.expr) -> None:
        """Leave a place alone whose comments would be lost.

        Raises:
            Refusal: a comment stands inside the node.
        """
        if self.has_comment(*self.span(node)):
            raise Refusal("a comment in it would be lost")

    @cached_property
    def _comments(self) -> list[int]:
        source = io.StringIO("".join(f"{line.rstrip(chr(13) + chr(10))}\n" for line in self.lines))
        return [
            self._starts[token.start[0] - 1] + token.start[1]
            for token in tokenize.generate_tokens(source.readline)
            if token.type == tokenize.COMMENT
        ]


def lines_of(text: str) -> list[str]:
    """Give a text's lines with their ends, as Python counts them."""
    return [line for line in _LINE.findall(text) if line]


def applied(text: str, edits: Iterable[Edit], newline: str) -> str:
    """Make edits in a text.

    Args:
        text: the text.
        edits: the edits, none of which overlap.
        newline: the line end of what they put in.

    Returns:
        The new text, of which all that lies outside of the edits is as it was.
    """
    pieces, done = [], 0
    for edit in sorted(edits):
        pieces += [text[done : edit.start], edit.text.replace("\n", newline)]
        done = edit.end
    return "".join([*pieces, text[done:]])
