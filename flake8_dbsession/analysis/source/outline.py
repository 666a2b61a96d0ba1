"""A followed module's text, of which only the statements that matter are parsed.

A linted file often names one function of a module of ten thousand lines. Parsing that whole module
would cost more than everything else, so its text is cut into top-level statements, and only those
that can bind the wanted name are handed to the parser. A long class is cut again in the same way.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice

from flake8_dbsession.patterns import regex

PARSE_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError)

_LINE_START = regex(r"\n[A-Za-z_@\"'(\[{]")
_CONTINUATION = regex(r"(?:else|elif|except|finally)\b")
_DEFINITION = regex(r"^(?:async\s+def|def|class)\s+(\w+)", re.MULTILINE)
_ASSIGNMENT = regex(r"(\w+)\s*(?::[^=\n]+)?=(?!=)")
_DEFINITION_STARTS = ("@", "def ", "class ", "async ")
_GLOBAL = regex(r"^\s+global\s", re.MULTILINE)
_HEADER_END = regex(r":[ \t]*(?:#[^\n]*)?\n")
_INDENTATION = regex(r"^([ \t]+)\S", re.MULTILINE)
_LONG_CLASS = 3000  # characters; a shorter one is parsed as fast as it is cut


def parse(text: str) -> ast.Module | None:
    """Parse Python source, or give None for what is none.

    Args:
        text: the source.

    Returns:
        Its tree; None where the parser refuses it (syntax, NUL bytes, nesting too deep).
    """
    try:
        return _parse(text)
    except PARSE_ERRORS:
        return None


def refusal(text: str) -> str | None:
    """Say that the parser refuses a source, and at which line; None where it does not."""
    try:
        _parse(text)
    except PARSE_ERRORS as error:
        line = getattr(error, "lineno", None)
        return f"does not parse (line {line})" if line else "does not parse"
    return None


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        return ast.parse(text)


class Outline:
    """The top-level statements of a module's text, parsed one by one when asked for.

    Args:
        text: the module's source, or that of a class's body.
        is_indented: whether it is a body.

    Attributes:
        class_bodies: the outlines of the long classes; such a class's own node has no body.
    """

    def __init__(self, text: str, *, is_indented: bool = False) -> None:
        self.class_bodies: dict[ast.ClassDef, Outline] = {}
        self._written = text
        self._is_indented = is_indented
        self._parsed: dict[int, list[ast.stmt]] = {}
        self._whole: list[ast.stmt] | None = None

    def statements(self, name: str) -> list[ast.stmt]:
        """Give the top-level statements that can bind a name.

        Args:
            name: an identifier.

        Returns:
            The statements in the order of the text; more than needed where that costs nothing,
            none where the part that can bind the name does not parse.
        """
        return self._parse(i for i in self._mentioning(name) if self._can_bind(i, name))

    def statements_with(self, text: str) -> list[ast.stmt]:
        """Give the top-level statements in which a text stands."""
        return self._parse(self._mentioning(text))

    def statements_matching(self, pattern: re.Pattern[str]) -> list[ast.stmt]:
        """Give the top-level statements in whose text a pattern is found."""
        return self._parse(i for i in range(len(self._starts)) if pattern.search(self._chunk(i)))

    def star_imports(self) -> list[ast.stmt]:
        """Give the top-level statements that hold a ``from module import *``."""
        return self.statements_with("import *")

    def definitions(self, *words: str) -> list[str]:
        """Give the names that the top-level statements bind in which any of some words stands.

        Args:
            words: what to look for; none for all names.

        Returns:
            The names of functions, classes and of what is assigned.
        """
        names = []
        every = range(len(self._starts))
        mentioning = sorted({index for word in words for index in self._mentioning(word)})
        for index in mentioning if words else every:
            chunk = self._chunk(index)
            if chunk.startswith(_DEFINITION_STARTS):
                if (defined := _DEFINITION.search(chunk)) is not None:
                    names.append(defined.group(1))
            elif (assigned := _ASSIGNMENT.match(chunk)) is not None:
                names.append(assigned.group(1))
        return names

    @cached_property
    def _text(self) -> str:
        return _dedented(self._written) if self._is_indented else self._written

    @cached_property
    def _starts(self) -> list[int]:
        starts: list[int] = []
        strings = _long_strings(self._text)
        string_end = 0
        is_decorated = False
        for match in _LINE_START.finditer("\n" + self._text):
            position = match.start()
            while strings and strings[-1].start < position:
                string_end = strings.pop().stop
            if position < string_end or _CONTINUATION.match(self._text, position):
                continue
            if not is_decorated:
                starts.append(position)
            is_decorated = match.group() == "\n@"
        return starts

    def _chunk(self, index: int) -> str:
        return self._text[self._starts[index] : self._end(index)]

    def _end(self, index: int) -> int:
        return self._starts[index + 1] if index + 1 < len(self._starts) else len(self._text)

    def _mentioning(self, word: str) -> Iterator[int]:
        position = self._text.find(word, self._starts[0] if self._starts else len(self._text))
        while position >= 0:
            index = bisect_right(self._starts, position) - 1
            yield index
            position = self._text.find(word, self._end(index))

    def _can_bind(self, index: int, name: str) -> bool:
        chunk = self._chunk(index)
        if not chunk.startswith(_DEFINITION_STARTS):
            return True
        definition = _DEFINITION.search(chunk)
        if definition is not None and definition.group(1) == name:
            return True
        return "global " in chunk and bool(re.search(rf"^\s+global\b.*\b{name}\b", chunk, re.M))

    def _parse(self, indices: Iterable[int]) -> list[ast.stmt]:
        statements: list[ast.stmt] = []
        for index in indices:
            if index not in self._parsed:
                body = self._parse_chunk(self._chunk(index))
                if body is None:
                    return self._parse_whole()
                self._parsed[index] = body
            statements += self._parsed[index]
        return statements

    def _parse_chunk(self, chunk: str) -> list[ast.stmt] | None:
        if len(chunk) > _LONG_CLASS and not _GLOBAL.search(chunk):
            node = self._parse_class_header(chunk)
            if node is not None:
                return [node]
        tree = parse(chunk)
        return tree.body if tree else None

    def _parse_class_header(self, chunk: str) -> ast.ClassDef | None:
        """Parse a class without its body, which gets an outline of its own."""
        if (found := _DEFINITION.search(chunk)) is None or not found.group().startswith("class"):
            return None
        for end in islice(_HEADER_END.finditer(chunk), 5):
            header = parse(chunk[: end.start()] + ": pass")
            if header is not None:
                node = header.body[0]
                if isinstance(node, ast.ClassDef):
                    self.class_bodies[node] = Outline(chunk[end.end() :], is_indented=True)
                    self.class_bodies[node].class_bodies = self.class_bodies
                    node.body = []
                    return node
                return None
        return None

    def _parse_whole(self) -> list[ast.stmt]:
        if self._whole is None:
            tree = parse(self._text)
            self._whole = tree.body if tree else []
        return self._whole


def _long_strings(text: str) -> list[range]:
    """Find where a text's triple-quoted strings stand, the last one first."""
    found: list[range] = []
    following = {quotes: text.find(quotes) for quotes in ('"""', "'''")}
    while opened := {start: quotes for quotes, start in following.items() if start >= 0}:
        start = min(opened)
        end = text.find(opened[start], start + 3) + 3
        if end < start + 3:
            end = len(text)
        found.append(range(start, end))
        for quotes, position in following.items():
            if 0 <= position < end:
                following[quotes] = text.find(quotes, end)
    return found[::-1]


def _dedented(body: str) -> str:
    """Take a block's indentation away, also inside its strings, whose text does not matter here."""
    indentation = _INDENTATION.search(body)
    if indentation is None:
        return body
    return ("\n" + body).replace("\n" + indentation.group(1), "\n")[1:]
