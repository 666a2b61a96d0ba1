"""Blank lines that are left over where a fix took what stood between them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import accumulate

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.rewriting.document import lines_in, lines_of
from flake8_dbsession.rewriting.edits import Edit

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_TEXTS = (ast.Constant, ast.JoinedStr)


class _Gap(NamedTuple):
    """Blank lines in a function.

    Attributes:
        before: the line above them.
        after: the line below them.
        first: the index of the first of them.
        last: that of the line below them.
    """

    before: str
    after: str
    first: int
    last: int


def spare_blanks(old: str, new: str) -> list[Edit]:
    """Find the blank lines in functions that parted what a fix took from what is left.

    Args:
        old: the file's text before the fix.
        new: its text after it.

    Returns:
        The edits that leave as many as stood beside what went, or none below a block's head.
    """
    known = [*_gaps(old)]
    above, below = _widest((g.before, g) for g in known), _widest((g.after, g) for g in known)
    starts = [*accumulate(map(len, lines_of(new)), initial=0)]
    edits = []
    for gap in _gaps(new):
        stays = max(above.get(gap.before, 0), below.get(gap.after, 0), 1)
        if gap.before.endswith(":") and gap.before not in above:
            stays = 0
        if gap.first + stays < gap.last:
            edits.append(Edit(starts[gap.first + stays], starts[gap.last], ""))
    return edits


def _widest(gaps: Iterable[tuple[str, _Gap]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line, gap in gaps:
        found[line] = max(found.get(line, 0), gap.last - gap.first)
    return found


def _gaps(text: str) -> Iterator[_Gap]:
    """Give the blank lines between those of functions, none of which stand in a text."""
    tree, lines = ast.parse(text), lines_of(text)
    inside = lines_in(tree, _FUNCTIONS) - lines_in(tree, _TEXTS)
    first = 0
    for index, line in enumerate(lines):
        if line.strip():
            if first and set(range(first + 1, index + 2)) <= inside:
                yield from _gap_between(lines, first, index)
            first = index + 1


def _gap_between(lines: list[str], first: int, last: int) -> Iterator[_Gap]:
    if first < last:
        yield _Gap(lines[first - 1].strip(), lines[last].strip(), first, last)
