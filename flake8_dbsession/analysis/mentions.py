"""Where a text mentions words of interest, so that only those statements are looked at."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

# A file that holds none of these has nothing to do with a database session.
GATES = ("ession", "sql", "onnect", "conn", "db", "atabase", ".query(", ".commit(", "psycopg")

# Parts of the names under which sessions, connections and what makes them go, in any code seen.
NEEDLES = (
    "ession",
    "onnect",
    "conn",
    "db",
    "DB",
    "atabase",
    "sql",
    "SQL",
    "ngine",
    "ool",
    "aker",
    "actory",
    "acquire",
    ".query(",
    ".commit(",
    ".rollback(",
    ".scalars(",
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


def has_needle(name: str) -> bool:
    """Tell whether a name is found by the words that are always looked for."""
    return any(needle in name for needle in NEEDLES)


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
