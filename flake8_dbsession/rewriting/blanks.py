"""Blank lines that are left over where a fix took what stood between them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TypeAlias

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.rewriting.document import lines_in, lines_of
from flake8_dbsession.rewriting.edits import Edit

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_TEXTS = (ast.Constant, ast.JoinedStr)

_Key: TypeAlias = tuple[str, bool]


class _Gap(NamedTuple):
    """Blank lines between two others.

    Attributes:
        before: the line above them.
        after: the line below them.
        first: the index of the first of them.
        last: that of the line below them.
        is_inside: whether they stand inside of a function.
    """

    before: str
    after: str
    first: int
    last: int
    is_inside: bool


def spare_blanks(old: str, new: str) -> list[Edit]:
    """Find the blank lines that parted what a fix took from what is left.

    Args:
        old: the file's text before the fix.
        new: its text after it.

    Returns:
        The edits that leave as many as stood beside what went, or none below a block's head.
    """
    known = [*_gaps(old)]
    above = _widest(((g.before, g.is_inside), g) for g in known)
    below = _widest(((g.after, g.is_inside), g) for g in known)
    starts = [*accumulate(map(len, lines_of(new)), initial=0)]
    old_lines = {line.strip() for line in lines_of(old)}
    edits = []
    for gap in _gaps(new):
        if not (gap.is_inside or {gap.before, gap.after} <= old_lines):
            continue
        upper, lower = (gap.before, gap.is_inside), (gap.after, gap.is_inside)
        stays = max(above.get(upper, 0), below.get(lower, 0), 1)
        if gap.before.endswith(":") and upper not in above:
            stays = 0
        if gap.first + stays < gap.last:
            edits.append(Edit(starts[gap.first], starts[gap.last - stays], ""))
    return edits


def _widest(gaps: Iterable[tuple[_Key, _Gap]]) -> dict[_Key, int]:
    found: dict[_Key, int] = {}
    for key, gap in gaps:
        found[key] = max(found.get(key, 0), gap.last - gap.first)
    return found


def _gaps(text: str) -> Iterator[_Gap]:
    """Give the blank lines between others, none of which stand in a text."""
    tree, lines = ast.parse(text), lines_of(text)
    inside, texts = lines_in(tree, _FUNCTIONS), lines_in(tree, _TEXTS)
    first = 0
    for index, line in enumerate(lines):
        if line.strip():
            around = set(range(first + 1, index + 2))
            if 0 < first < index and not around & texts:
                before, after = lines[first - 1].strip(), line.strip()
                yield _Gap(before, after, first, index, around <= inside)
            first = index + 1
