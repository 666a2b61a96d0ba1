"""The lines of a statement after its first one, and the brackets that they are aligned to."""

from __future__ import annotations

import io
import tokenize
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate, pairwise

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.rewriting.edits import Edit

_BREAKS = frozenset({tokenize.NL, tokenize.COMMENT, tokenize.NEWLINE})


class Bracket(NamedTuple):
    """A bracket that is open where a line begins.

    Attributes:
        row: its line, counted from 1.
        column: its column.
        is_last: whether nothing follows on its line, so that what is in it hangs on that.
    """

    row: int
    column: int
    is_last: bool


def brackets(text: str) -> dict[int, Bracket]:
    """Find the innermost open bracket of each line that begins inside of one, and in no text.

    Args:
        text: the text of a file, or statements of one.
    """
    tokens = _tokens(text)
    found: dict[int, Bracket] = {}
    open_ones: list[Bracket] = []
    seen = 0
    for token, after in pairwise(tokens):
        row, column = token.start
        if row > seen and open_ones and token.type != tokenize.NL:
            found[row] = open_ones[-1]
        seen = max(seen, token.end[0])
        if token.type == tokenize.OP and token.string in "([{":
            open_ones.append(Bracket(row, column, after.type in _BREAKS))
        elif token.type == tokenize.OP and token.string in ")]}" and open_ones:
            open_ones.pop()
    return found


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    """Give the tokens of a text; none where the library cannot read it, or its line ends."""
    if "\r" in text.replace("\r\n", ""):
        return []
    try:
        return list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (SyntaxError, tokenize.TokenError):
        return []


def in_column(source: str, old: int, new: int, indents: tuple[int, int]) -> str:
    """Write an expression that begins in one column for another one.

    Args:
        source: the expression, whose further lines are written for the old column.
        old: that column.
        new: the other one.
        indents: the indentation of the line that it stood on, and of that on which it is to stand.
    """
    if "\n" not in source:
        return source
    known = brackets(f"{' ' * old}({source})")
    first, *rest = source.split("\n")
    shifts = {1: new - old}
    lines = [first]
    for row, line in enumerate(rest, 2):
        at = known.get(row)
        if at is not None:
            hangs = at.is_last and at.row == 1
            shifts[row] = indents[1] - indents[0] if hangs else shifts.get(at.row, 0)
        lines.append(_shifted(line, shifts.get(row, 0)))
    return "\n".join(lines)


def realigned(old: str, new: str) -> str:
    """Move lines of new code with the bracket that they were aligned to in the old code.

    Args:
        old: the code before.
        new: the code after, in which lines of the old one may stand beside others.
    """
    columns: dict[tuple[str, int], set[int]] = defaultdict(set)
    before, as_made = old.split("\n"), new.split("\n")
    for row, at in brackets(old).items():
        if _is_aligned(row, at, before):
            columns[_place_below(row, at, before)].add(_lead(before[row - 1]) - at.column)
    lines = [*as_made]
    shifts: dict[int, int] = {}
    for row, at in sorted(brackets(new).items()):
        line, shifts[row] = as_made[row - 1], shifts.get(at.row, 0)
        known = columns.get(_place_below(row, at, as_made), ())
        if len(known) == 1 and _is_aligned(row, at, as_made):
            shifts[row] += at.column + min(known) - _lead(line)
        lines[row - 1] = _shifted(line, shifts[row])
    return "\n".join(lines)


def _is_aligned(row: int, at: Bracket, lines: list[str]) -> bool:
    return not at.is_last and "\t" not in lines[row - 1]


def _place_below(row: int, at: Bracket, lines: list[str]) -> tuple[str, int]:
    """Give what stands from a bracket on, and how many lines below it a line is."""
    return lines[at.row - 1][at.column :], row - at.row


def aligned(text: str, edits: Iterable[Edit]) -> set[Edit]:
    """Move lines with the brackets that they are aligned to, and that edits move.

    Args:
        text: the text before the edits.
        edits: the edits, none of which overlap.

    Returns:
        The edits, and those that move further lines.
    """
    made = sorted(edits)
    lines = text.split("\n")
    starts = [*accumulate((len(line) + 1 for line in lines), initial=0)]
    touched = {
        row
        for edit in made
        for row in range(
            bisect_right(starts, edit.start) + 1,
            bisect_right(starts, max(edit.start, edit.end - 1)) + 1,
        )
    }
    shifts: dict[int, int] = {}
    moves = set(made)
    for row, at in sorted(brackets(text).items()):
        shifts[row] = shifts.get(at.row, 0)
        if not at.is_last:
            shifts[row] += _moved_by(starts[at.row - 1], starts[at.row - 1] + at.column, made)
        line = lines[row - 1]
        new = _shifted(line, shifts[row])
        if new != line and row not in touched and line.strip():
            lead = _lead(line)
            start = starts[row - 1]
            moves.add(Edit(start, start + lead, new[: len(new) - len(new.lstrip(" "))]))
    return moves


def _moved_by(start: int, offset: int, edits: list[Edit]) -> int:
    """Tell by how much edits on its line move a place along."""
    before = [edit for edit in edits if start <= edit.start and edit.end <= offset]
    shift = 0
    for edit in before:
        if "\n" in edit.text:
            shift = len(edit.text.rpartition("\n")[2]) - (edit.end - start)
        else:
            shift += len(edit.text) - (edit.end - edit.start)
    return shift


def _shifted(line: str, shift: int) -> str:
    if shift >= 0:
        return " " * shift + line if line.strip() else line
    return line[min(-shift, _lead(line)) :]


def _lead(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
