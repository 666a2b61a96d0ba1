"""Places in a text as the protocol counts them: lines from 0, columns in the client's units."""

from __future__ import annotations

from bisect import bisect_right
from difflib import SequenceMatcher
from typing import Protocol

from lsprotocol.types import Position, Range, TextEdit

from flake8_dbsession.patterns import regex

_LINE_END = regex(r"\r\n|\r|\n")  # what editors end a line at, and nothing else


class Units(Protocol):
    """Counts what the client counts: UTF-16 code units where it asks for nothing else."""

    def client_num_units(self, string: str) -> int:
        """Give the number of units of a text."""


class Positions:
    """The positions of a text.

    Args:
        text: the text, with its own line ends.
        units: counts as the client does.
    """

    def __init__(self, text: str, units: Units) -> None:
        self._text = text
        self._units = units
        self._starts = [0, *(end.end() for end in _LINE_END.finditer(text))]
        self._ends = [*(end.start() for end in _LINE_END.finditer(text)), len(text)]

    def range(self, line: int, column: int, end_line: int, end_column: int) -> Range:
        """Give the range between two places, their lines and columns counted from 1.

        What lies outside of the text is brought to the nearest place inside.
        """
        start, end = self._offset(line, column), self._offset(end_line, end_column)
        return Range(self._position(start), self._position(max(start, end)))

    def edits(self, new: str) -> list[TextEdit]:
        """Give the fewest edits by lines that make another text of this one."""
        old_lines, new_lines = _lines(self._text), _lines(new)
        found = []
        offset = 0
        offsets = [0]
        for each in old_lines:
            offset += len(each)
            offsets.append(offset)
        matcher = SequenceMatcher(None, old_lines, new_lines, autojunk=False)
        for what, start, end, new_start, new_end in matcher.get_opcodes():
            if what != "equal":
                place = self._position(offsets[start]), self._position(offsets[end])
                found.append(TextEdit(Range(*place), "".join(new_lines[new_start:new_end])))
        return found

    def _offset(self, line: int, column: int) -> int:
        if line > len(self._starts):
            return len(self._text)
        index = max(line, 1) - 1
        return min(self._starts[index] + max(column, 1) - 1, self._ends[index])

    def _position(self, offset: int) -> Position:
        line = bisect_right(self._starts, offset) - 1
        before = self._text[self._starts[line] : offset]
        return Position(line, self._units.client_num_units(before))


def _lines(text: str) -> list[str]:
    starts = [0, *(end.end() for end in _LINE_END.finditer(text))]
    return [
        text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True) if text
    ]
