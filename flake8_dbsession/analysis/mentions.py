"""Where a text mentions words of interest, so that only those statements are looked at."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import cache
from itertools import accumulate

# A file that holds none of these has nothing to do with a database session.
GATES = ("ession", "sql", "onnect", "conn", "db", "atabase", ".query(", ".commit(", "psycopg")

# What text calls, imports or defines something that opens a session or connection. A plain variable
# (``db.``, ``session_id``) is left out on purpose: those are many, and open nothing.
NEEDLES = (
    "Session",
    "session(",
    "_session",
    "session_scope",
    "session_context",
    "_db",
    "db_",
    "db(",
    "DB",
    "onnect(",
    "onnection(",
    "get_conn",
    "getconn",
    "conn(",
    "Database",
    "_database",
    "atabase(",
    "sqlite",
    "sqlalchemy",
    "SQLAlchemy",
    "psycopg",
    "create_engine",
    "create_async_engine",
    "pool",
    "Pool",
    "maker",
    "factory",
    "Factory",
    "acquire(",
    ".begin(",
)

# What a name can have in it that stands for a session, a connection, or what gives them.
HINTS = (
    "ession",
    "db",
    "Db",
    "DB",
    "conn",
    "Conn",
    "atabase",
    "sql",
    "SQL",
    "ngine",
    "ool",
    "maker",
    "actory",
    "acquire",
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
    return any(hint in name for hint in HINTS)


class Mentions:
    """The lines of a text that mention any of some words."""

    def __init__(self, text: str, words: Iterable[str]) -> None:
        starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        found: set[int] = set()
        for word in words:
            position = text.find(word)
            while position >= 0:
                line = bisect_right(starts, position)
                found.add(line)
                # the rest of the line adds nothing
                position = text.find(word, starts[line] if line < len(starts) else len(text))
        self._lines = sorted(found)

    def within(self, first: int, last: int) -> bool:
        """Tell whether any line from ``first`` to ``last``, counted from 1, mentions a word."""
        index = bisect_left(self._lines, first)
        return index < len(self._lines) and self._lines[index] <= last
