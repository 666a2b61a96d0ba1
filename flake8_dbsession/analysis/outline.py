"""A followed module's text, of which only the statements that matter are parsed.

A linted file often names one function of a module of ten thousand lines. Parsing that whole module
would cost more than everything else, so its text is cut into top-level statements, and only those
that can bind the wanted name are handed to the parser.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from functools import cached_property

PARSE_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError)

_BOUNDARY = re.compile(r"\"\"\"|'''|^[A-Za-z_@\"'(\[{]", re.MULTILINE)
_CONTINUATION = re.compile(r"(?:else|elif|except|finally)\b")
_DEFINITION = re.compile(r"^(?:async\s+def|def|class)\s+(\w+)", re.MULTILINE)
_DEFINITION_STARTS = ("@", "def ", "class ", "async ")


def parse(text: str) -> ast.Module | None:
    """Parse Python source, or give None for what is none.

    Args:
        text: the source.

    Returns:
        Its tree; None where the parser refuses it (syntax, NUL bytes, nesting too deep).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return ast.parse(text)
        except PARSE_ERRORS:
            return None


class Outline:
    """The top-level statements of a module's text, parsed one by one when asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._parsed: dict[int, list[ast.stmt]] = {}
        self._whole: list[ast.stmt] | None = None

    def statements(self, name: str) -> list[ast.stmt]:
        """Give the top-level statements that can bind a name.

        Args:
            name: an identifier.

        Returns:
            The statements in the order of the text; more than needed where that costs nothing,
            none where the module does not parse.
        """
        return self._parse([i for i in self._mentioning(name) if self._can_bind(i, name)])

    def star_imports(self) -> list[ast.stmt]:
        """Give the top-level statements that hold a ``from module import *``."""
        return self._parse(self._mentioning("import *"))

    def definitions(self) -> list[str]:
        """Give the names of the functions and classes at the top level."""
        names = []
        for index in range(len(self._starts)):
            chunk = self._chunk(index)
            if chunk.startswith(_DEFINITION_STARTS):
                names += _DEFINITION.findall(chunk)[:1]
        return names

    @cached_property
    def _starts(self) -> list[int]:
        starts: list[int] = []
        quote = ""
        decorated = False
        for match in _BOUNDARY.finditer(self._text):
            found, position = match.group(), match.start()
            if found in ('"""', "'''"):
                if not quote:
                    quote = found
                    if self._at_line_start(position):
                        starts.append(position)
                elif quote == found:
                    quote = ""
            elif not quote and not _CONTINUATION.match(self._text, position):
                if not decorated:
                    starts.append(position)
                decorated = found == "@"
        return starts

    def _at_line_start(self, position: int) -> bool:
        return position == 0 or self._text[position - 1] == "\n"

    def _chunk(self, index: int) -> str:
        end = self._starts[index + 1] if index + 1 < len(self._starts) else len(self._text)
        return self._text[self._starts[index] : end]

    def _mentioning(self, word: str) -> list[int]:
        indices: list[int] = []
        position = self._text.find(word)
        while position >= 0:
            index = bisect_right(self._starts, position) - 1
            if index >= 0 and (not indices or indices[-1] != index):
                indices.append(index)
            position = self._text.find(word, position + 1)
        return indices

    def _can_bind(self, index: int, name: str) -> bool:
        chunk = self._chunk(index)
        if not chunk.startswith(_DEFINITION_STARTS):
            return True
        definition = _DEFINITION.search(chunk)
        if definition is not None and definition.group(1) == name:
            return True
        return bool(re.search(rf"\bglobal\b[^\n]*\b{name}\b", chunk))

    def _parse(self, indices: list[int]) -> list[ast.stmt]:
        statements: list[ast.stmt] = []
        for index in indices:
            if index not in self._parsed:
                tree = parse(self._chunk(index))
                if tree is None:
                    return self._parse_whole()
                self._parsed[index] = tree.body
            statements += self._parsed[index]
        return statements

    def _parse_whole(self) -> list[ast.stmt]:
        if self._whole is None:
            tree = parse(self._text)
            self._whole = tree.body if tree else []
        return self._whole
