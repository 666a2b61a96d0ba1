"""Where a text mentions words of interest, so that only those statements are looked at."""

from __future__ import annotations

import ast
import re
import sys
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache

from flake8_dbsession.patterns import regex

# A file that holds none of these has nothing to do with a database session.
GATES = (
    "ession",
    "sql",
    "onnect",
    "conn",
    "db",
    "atabase",
    "psycopg",
    "asyncmy",
    "asyncpg",
    ".acquire(",
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
_HINT = regex(
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


_NO_LINE = sys.maxsize
_FEW = 2  # words that are not worth an expression of their own
_DECORATED = frozenset({ast.AsyncFunctionDef, ast.ClassDef, ast.FunctionDef})
_UNPLACED = frozenset(
    kind
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and "end_lineno" not in kind._attributes
)


def _positions(text: str, words: Iterable[str]) -> set[int]:
    """Find where words stand in a text; of one that ends so, where its parenthesis does."""
    called: list[str] = []
    others: list[str] = []
    for word in words:
        (called if word[-1:] == "(" else others).append(word)
    if len(called) <= _FEW:
        others += called
        positions = set()
    else:
        calls = _looking_back(tuple(sorted(called)))
        positions = {call.start() for call in calls.finditer(text)}
    for word in others:
        position = text.find(word)
        while position >= 0:
            positions.add(position)
            position = text.find(word, position + 1)
    return positions


@cache
def _looking_back(called: tuple[str, ...]) -> re.Pattern[str]:
    """Make what finds many called names by one look for parentheses, which is fast."""
    return re.compile(rf"\((?:{'|'.join(f'(?<={re.escape(word)})' for word in called)})")


class Mentions:
    """The lines of a text that mention any of some words."""

    def __init__(self, text: str, words: Iterable[str]) -> None:
        self._lines: list[int] = []
        line, counted = 1, 0
        for position in sorted(_positions(text, words)):
            line += text.count("\n", counted, position)
            counted = position
            self._lines.append(line)
        self._lines.append(_NO_LINE)

    def __bool__(self) -> bool:
        return len(self._lines) > 1

    def touch(self, node: ast.AST) -> bool:
        """Tell whether any line of a node mentions a word; True for a node without a place."""
        if type(node) in _UNPLACED:
            return True
        first: int = node.lineno  # type: ignore[attr-defined]
        if type(node) in _DECORATED and node.decorator_list:  # type: ignore[attr-defined]
            first = node.decorator_list[0].lineno  # type: ignore[attr-defined]
        lines = self._lines
        return lines[bisect_left(lines, first)] <= node.end_lineno  # type: ignore[attr-defined,no-any-return]

    def within(self, first: int, last: int) -> bool:
        """Tell whether any line from ``first`` to ``last``, counted from 1, mentions a word."""
        return self._lines[bisect_left(self._lines, first)] <= last
