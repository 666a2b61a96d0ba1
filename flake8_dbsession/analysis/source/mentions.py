"""Where a text mentions words of interest, so that only those statements are looked at."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache

# A file that holds none of these has nothing to do with a database session.
GATES = (
    "ession",
    "sql",
    "onnect",
    "conn",
    "db",
    "atabase",
    "psycopg",
    ".commit(",
    ".cursor(",
    ".execute(",
    ".query(",
)

# What text imports, calls or hands over something that opens a session or connection. A plain
# variable (``db.``, ``conn.``) is left out on purpose: those are many, and open nothing.
NEEDLES = (
    "Session",
    "session(",
    "session_",
    "_session",
    "_db",
    "db_",
    "db(",
    "onnect(",
    "onnection(",
    "conn(",
    "get_conn",
    "atabase",
    "db import",
    "session import",
    "_engine(",
    "_pool(",
    "Pool(",
    "aker",
    "actory",
    "acquire(",
    ".begin(",
)

# What a name has in it that stands for a session, a connection, or what gives them.
_HINT = re.compile(
    r"[sS]ession(?!s)|(?:^|_)db(?:_|$)|DB|[cC]onn(?:ect(?:ion)?)?(?:_|$)|[dD]atabase|sql|SQL"
    r"|[mM]aker|[fF]actory|acquire|scoped"
)


def is_gated(text: str, words: Iterable[str] = ()) -> bool:
    """Tell whether a text can have anything to do with a database session.

    Args:
        text: a file's source.
        words: further words that make it interesting, such as a policy's names.

    Returns:
        False where one search over the text shows that it cannot.
    """
    return any(word in text for word in GATES) or any(word in text for word in words)


@cache
def hints(name: str) -> bool:
    """Tell whether a name looks as if it had to do with sessions or connections."""
    return _HINT.search(name) is not None


@cache
def is_hidden(word: str) -> bool:
    """Tell whether no needle finds a word."""
    return not any(needle in word for needle in NEEDLES)


class Mentions:
    """The lines of a text that mention any of some words."""

    def __init__(self, text: str, words: Iterable[str]) -> None:
        positions: set[int] = set()
        for word in words:
            position = text.find(word)
            while position >= 0:
                positions.add(position)
                position = text.find(word, position + 1)
        self._lines: list[int] = []
        line, counted = 1, 0
        for position in sorted(positions):
            line += text.count("\n", counted, position)
            counted = position
            self._lines.append(line)

    def __bool__(self) -> bool:
        return bool(self._lines)

    def touch(self, node: ast.AST) -> bool:
        """Tell whether any line of a node mentions a word; True for a node without a place."""
        first = getattr(node, "lineno", None)
        if first is None:
            return True
        decorators = getattr(node, "decorator_list", None)
        if decorators:
            first = decorators[0].lineno
        return self.within(first, node.end_lineno)  # type: ignore[attr-defined]

    def within(self, first: int, last: int) -> bool:
        """Tell whether any line from ``first`` to ``last``, counted from 1, mentions a word."""
        index = bisect_left(self._lines, first)
        return index < len(self._lines) and self._lines[index] <= last
