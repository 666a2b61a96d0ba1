"""What a violation is known by after its line has moved: the code around it, however formatted."""

from __future__ import annotations

import ast
import copy
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_INNER_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_LONGEST = 200  # characters of a statement that are kept
# What one Python writes otherwise than another, and the beginning of a statement that was cut.
_ACCIDENTAL = regex(r"""[\s()'"\\]|^.*\.\.\. (?=[0-9a-f]{12}$)""")

# What has a header of its own to stand in.
_Part: TypeAlias = ast.stmt | ast.ExceptHandler


class Fingerprint(NamedTuple):
    """A place in a file, by what does not change when lines move.

    Attributes:
        definition: the qualified name of the definition around it, such as ``Users.save``; empty
            at module level.
        statement: its statement on one line, without the blocks inside; of a docstring, the line.
    """

    definition: str
    statement: str


class Fingerprints:
    """The fingerprints of one file.

    Args:
        tree: its syntax tree.
        lines: its lines.
    """

    def __init__(self, tree: ast.Module, lines: Sequence[str]) -> None:
        self._tree = tree
        self._lines = lines
        self._written: dict[_Part, str] = {}
        self._parts: dict[ast.AST, tuple[list[tuple[int, int]], list[_Part]]] = {}

    def at(self, line: int, column: int) -> Fingerprint:
        """Give the fingerprint of a place.

        Args:
            line: its line, counted from 1.
            column: its column, counted from 0.
        """
        around = list(self._around(line, column))
        names = [part.name for part in around[:-1] if isinstance(part, _DEFINITIONS)]
        statement = around[-1] if around else None
        if statement is None or _is_docstring(statement):
            return Fingerprint(".".join(names), self._line(line))
        if statement not in self._written:
            self._written[statement] = self._write(statement)
        return Fingerprint(".".join(names), self._written[statement])

    def _around(self, line: int, column: int) -> Iterator[_Part]:
        """Give what stands around a place, the outermost first."""
        node: ast.Module | _Part = self._tree
        while True:
            starts, parts = self._inside(node)
            position = bisect_right(starts, (line, column)) - 1
            if position < 0 or line > (parts[position].end_lineno or parts[position].lineno):
                return
            node = parts[position]
            yield node

    def _inside(self, node: ast.Module | _Part) -> tuple[list[tuple[int, int]], list[_Part]]:
        """Give the parts right inside a node, which stand in order, and where each begins."""
        if node not in self._parts:
            parts = list(_parts(node))
            self._parts[node] = [_start(part) for part in parts], parts
        return self._parts[node]

    def _write(self, part: _Part) -> str:
        bare = copy.copy(part)
        for block in _INNER_BLOCKS:
            if isinstance(getattr(bare, block, None), list):
                setattr(bare, block, [])
        try:
            text = " ".join(ast.unparse(bare).split())
        except (RecursionError, ValueError):  # nested too deep, or more than an f-string can say
            text = self._line(part.lineno)
        telling = essence(text)
        if len(telling) <= _LONGEST:
            return text
        from hashlib import sha256  # which takes milliseconds to import

        digest = sha256(telling.encode(errors="surrogatepass")).hexdigest()
        return f"{text[:_LONGEST]}... {digest[:12]}"

    def _line(self, line: int) -> str:
        return " ".join(self._lines[line - 1].split()) if line <= len(self._lines) else ""


def essence(statement: str) -> str:
    """Give what of a fingerprint's statement is the same under every Python.

    ``ast.unparse`` sets parentheses, quotes and spaces now in one way and now in another.
    """
    return _ACCIDENTAL.sub("", statement)


def _parts(node: ast.Module | _Part) -> Iterator[_Part]:
    """Give the statements right inside a node, and the handlers of a ``try``."""
    for block in ("body", "handlers", "orelse", "finalbody"):
        yield from getattr(node, block, ())
    for case in getattr(node, "cases", ()):
        yield from case.body


def _start(part: _Part) -> tuple[int, int]:
    decorators = getattr(part, "decorator_list", None)
    first = decorators[0] if decorators else part
    return first.lineno, first.col_offset if first is part else 0


def _is_docstring(part: _Part) -> bool:
    return (
        isinstance(part, ast.Expr)
        and isinstance(part.value, ast.Constant)
        and isinstance(part.value.value, str)
    )
