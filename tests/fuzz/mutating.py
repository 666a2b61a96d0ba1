"""Real files changed at random, a little each: most still compile, and look like nobody's code."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

_NAME = re.compile(r"\b[A-Za-z_]\w*\b")
_TRIES = 6  # to get a mutant that compiles
_TELLING = (
    *("db", "session", "conn", "self", "g", "SessionLocal", "Session", "sessionmaker", "get_db"),
    *(
        "create_engine",
        "sqlite3",
        "connect",
        "closing",
        "contextmanager",
        "Depends",
        "next",
        "open",
    ),
    *("close", "commit", "rollback", "begin", "execute", "add", "query", "remove", "print"),
    *("with", "async", "await", "yield", "return", "raise", "try", "finally", "except", "pass"),
    *("lambda", "def", "class", "global", "nonlocal", "del", "for", "while", "if", "else", "None"),
    *("import", "from", "as", "in", "not", "and", "or", "match", "case"),
)
_ODD = (
    *("\x00", "\x0c", "\r", "\r\n", "\t", "\\", "\\\n", "'", '"', "'''", "(", ")", "[", "{", "é"),
    *("\u2028", "\ufeff", "𝔡𝔟", "\ud800", "# noqa", "  # noqa: DBS1", "# coding: latin-1\n", ";"),
    *("# flake8: noqa\n", ":=", "*", "**", "...", "0", "1e999", "f'{db!r}'", "b'\\xff'", "@", "->"),
    *("`", "::error::", "\x1b[31m", "é" * 50, "(" * 40 + ")" * 40, "not " * 60, "x." * 120 + "x"),
)

_HEADERS = (
    *("if db:", "while db:", "with SessionLocal() as db:", "try:", "async def f(db=db):"),
    *("class C:", "for db in sessions:", "async with db.begin():"),
)

Lines: TypeAlias = list[str]
_Change: TypeAlias = Callable[[Random, Lines, Sequence[Lines]], None]


def mutant(random: Random, source: Lines, others: Sequence[Lines]) -> bytes:
    """Change a file.

    Args:
        random: decides what is changed.
        source: the lines of the file, with their ends.
        others: files of which it may get parts.

    Returns:
        The content, which in most cases compiles where the file did.
    """
    for _ in range(_TRIES):
        lines = list(source)
        for _ in range(random.choice((1, 1, 2, 3, 5))):
            random.choice(_CHANGES)(random, lines, others)
        content = "".join(lines).encode(errors="surrogatepass")
        if compiles(content) or random.random() < 0.1:
            break
    return content


def compiles(content: bytes) -> bool:
    """Tell whether Python compiles a content."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(content, "mutant.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _drop(random: Random, lines: Lines, others: Sequence[Lines]) -> None:
    start = random.randrange(len(lines) + 1)
    del lines[start : start + random.choice((1, 1, 2, 4))]


def _repeat(random: Random, lines: Lines, others: Sequence[Lines]) -> None:
    start = random.randrange(len(lines) + 1)
    part = lines[start : start + random.choice((1, 2, 5))]
    place = random.randrange(len(lines) + 1)
    lines[place:place] = _indented_as(lines[place : place + 1], part)


def _splice(random: Random, lines: Lines, others: Sequence[Lines]) -> None:
    other = random.choice(others)
    start, place = random.randrange(len(other) + 1), random.randrange(len(lines) + 1)
    part = other[start : start + random.choice((1, 2, 4, 8))]
    lines[place:place] = _indented_as(lines[place : place + 1], part)


def _swap(random: Random, lines: Lines, others: Sequence[Lines]) -> None:
    if len(lines) > 1:
        first, second = random.randrange(len(lines)), random.randrange(len(lines))
        lines[first], lines[second] = lines[second], lines[first]


def _rename(random: Random, lines: Lines, others: Sequence[Lines]) -> None:
    """Put a name in another's place: once, or everywhere."""
    text = "".join(lines)
    names = _NAME.findall(text)
    if not names:
        return
    old, new = random.choice(names), random.choice((random.choice(names), random.choice(_TELLING)))
    if random.random() < 0.3:
        text = re.sub(rf"\b{old}\b", new, text)
    else:
        place = random.choice(list(re.finditer(rf"\b{old}\b", text)))
        text = text[: place.start()] + new + text[place.end() :]
    lines[:] = text.splitlines(keepends=True)


def _insert(random: Random, lines: Lines, others: Sequence[Lines]) -> None:
    if lines:
        place = random.randrange(len(lines))
        column = random.randrange(len(lines[place]) + 1)
        odd = random.choice((*_ODD, f" {random.choice(_TELLING)} "))
        lines[place] = lines[place][:column] + odd + lines[place][column:]


def _erase(random: Random, lines: Lines, others: Sequence[Lines]) -> None:
    text = "".join(lines)
    start = random.randrange(len(text) + 1)
    text = text[:start] + text[start + random.choice((1, 2, 5, 20)) :]
    lines[:] = text.splitlines(keepends=True)


def _shift(random: Random, lines: Lines, others: Sequence[Lines]) -> None:
    """Indent some lines more, or less."""
    start = random.randrange(len(lines) + 1)
    more = random.random() < 0.5
    for number in range(start, min(len(lines), start + random.choice((1, 3, 8)))):
        lines[number] = f"    {lines[number]}" if more else lines[number].removeprefix("    ")


def _wrap(random: Random, lines: Lines, others: Sequence[Lines]) -> None:
    """Put some lines into a block of their own."""
    start = random.randrange(len(lines) + 1)
    part = lines[start : start + random.choice((1, 3, 8))]
    space = _indent(part[0]) if part else ""
    header = random.choice(
        (
            "if db:",
            "while db:",
            "with SessionLocal() as db:",
            "try:",
            "async def f(db=db):",
            "class C:",
        )
    )
    end = [f"{space}finally:\n", f"{space}    db.close()\n"] if header == "try:" else []
    block = [f"{space}{header}\n", *(f"    {line}" for line in part), *end]
    lines[start : start + len(part)] = block


_CHANGES: tuple[_Change, ...] = (
    *(_drop, _repeat, _splice, _splice, _swap, _rename, _rename, _rename),
    *(_insert, _erase, _shift, _wrap),
)


def _indented_as(model: Lines, part: Lines) -> Lines:
    """Give lines the indentation of a line that they come before."""
    if not model or not part:
        return list(part)
    space, own = _indent(model[0]), _indent(part[0])
    return [space + line.removeprefix(own) for line in part]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
