"""On which line of a policy something stands, which a TOML parser does not tell."""

from __future__ import annotations

import re

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

_HEADER = regex(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")


class Spot(NamedTuple):
    """A table, or one of a list of tables.

    Attributes:
        table: its dotted name, such as ``tool.dbsession.layers``; empty for the file itself.
        number: which of the tables of that name, from 1; 0 for a table that stands alone.
    """

    table: str = ""
    number: int = 0


def line_of(text: str, spot: Spot, key: str = "", value: str = "") -> int:
    """Find the line of a key, or of a text in its value.

    Args:
        text: the policy's source.
        spot: the table that the key stands in.
        key: the key; empty for the table itself.
        value: a text in the key's value; empty for the key itself.

    Returns:
        The line, from 1: the nearest that is found, where the key is written in an unusual way.
    """
    lines = text.split("\n")
    first, end = _extent(lines, spot)
    at = _key_line(lines, first, end, key) if key else first
    if at is None:
        at = _key_line(lines, 0, len(lines), key)
    if at is None:
        at = next((i for i, line in enumerate(lines) if key in line), first)
    if value:
        at = next((i for i in range(at, len(lines)) if value in lines[i]), at)
    return at + 1


def _extent(lines: list[str], spot: Spot) -> tuple[int, int]:
    """Give where a table begins and ends; the whole text where no header names it."""
    headers = [(i, found) for i, line in enumerate(lines) if (found := _HEADER.match(line))]
    ends = [*(i for i, _ in headers), len(lines)][1:]
    if not spot.table:
        return 0, headers[0][0] if headers else len(lines)
    seen = 0
    for (start, found), end in zip(headers, ends, strict=True):
        if found[2].replace('"', "").replace("'", "").replace(" ", "") == spot.table:
            seen += 1
            if not spot.number or seen == spot.number:
                return start, end
    return 0, len(lines)


def _key_line(lines: list[str], first: int, end: int, key: str) -> int | None:
    pattern = re.compile(rf"""(?:^|[\s{{,.])["']?{re.escape(key)}["']?\s*[=.]""")
    return next((i for i in range(first, end) if pattern.search(lines[i])), None)
