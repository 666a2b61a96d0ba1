"""A file under repair: its text by offsets, and what the analysis knows of it."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.analysis.nodes import block_with, first_line
from flake8_dbsession.patterns import regex
from flake8_dbsession.rewriting.edits import Edit, Fix, Refusal
from flake8_dbsession.rewriting.width import width_of
from flake8_dbsession.rules.context import Context

_CODES = regex(r"#\s*(noqa:\s*)?DBS\d{3}([\s,]+DBS\d{3})*\s*")
_LINE = regex(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


@dataclass(frozen=True, eq=False)
class Document:
    """A file's text beside its syntax tree and the facts found in it.

    Attributes:
        text: the text, its line ends as they are in the file.
        context: the file as the rules see it.
        reader: finds another file that takes a name from this one; None for none.
        is_named: tells whether any file of the project has a name in it.
    """

    text: str
    context: Context
    reader: Callable[[str], Path | None] = lambda _: None
    is_named: Callable[[str], bool] = lambda _: True
    _fixes: dict[ast.AST, Fix | Refusal] = field(default_factory=dict, init=False)

    def once(self, node: ast.AST, find: Callable[[], Fix]) -> Fix:
        """Give the fix of a place that several rules may report, found only once.

        Args:
            node: the place.
            find: finds the fix.

        Raises:
            Refusal: it cannot be rewritten.
        """
        if node not in self._fixes:
            try:
                self._fixes[node] = find()
            except Refusal as refusal:
                self._fixes[node] = refusal
        found = self._fixes[node]
        if isinstance(found, Refusal):
            raise found
        return found

    @cached_property
    def lines(self) -> list[str]:
        """The lines with their ends; the first one is line 1 of the syntax tree."""
        return lines_of(self.text)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(map(len, self.lines))]

    def offset(self, line: int, column: int) -> int:
        """Give the offset of a place.

        Args:
            line: its line, counted from 1.
            column: its column in UTF-8 bytes, as the syntax tree counts.
        """
        start = self._starts[line - 1]
        if column == 0:
            return start
        return start + len(self.lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.stmt | ast.expr | ast.arg) -> tuple[int, int]:
        """Give the offsets of a node's first character and after its last one."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno, node.end_col_offset),
        )

    def written(self, node: ast.stmt | ast.expr) -> str:
        """Give a node as it is written."""
        start, end = self.span(node)
        return self.text[start:end]

    def names_in(self, node: ast.AST) -> frozenset[str]:
        """Give the names that a node reads."""
        names = (part for part in ast.walk(node) if isinstance(part, ast.Name))
        return frozenset(name.id for name in names if isinstance(name.ctx, ast.Load))

    def names_caught(self, statements: Iterable[ast.stmt]) -> frozenset[str]:
        """Give the names of the errors that some statements catch, and of what passes over them."""
        nodes = [node for statement in statements for node in ast.walk(statement)]
        caught: list[ast.expr] = [
            n.type for n in nodes if isinstance(n, ast.ExceptHandler) and n.type
        ]
        caught += [
            n.context_expr for n in nodes if isinstance(n, ast.withitem) and n.optional_vars is None
        ]
        return frozenset[str]().union(*map(self.names_in, caught))

    def root_name(self, expression: ast.expr) -> frozenset[str]:
        """Give the name that a dotted expression or a call of one begins with, if it has one."""
        while isinstance(expression, (ast.Attribute, ast.Call)):
            expression = expression.func if isinstance(expression, ast.Call) else expression.value
        return frozenset({expression.id} if isinstance(expression, ast.Name) else ())

    def block_of(self, item: ast.AST | None) -> ast.With | ast.AsyncWith | None:
        """Give the ``with`` statement that an item belongs to."""
        parent = self.context.file.tree.parent(item) if item is not None else None
        return parent if isinstance(parent, (ast.With, ast.AsyncWith)) else None

    def block_around(self, statement: ast.stmt) -> list[ast.stmt]:
        """Give the list of statements that a statement stands in."""
        parent = self.context.file.tree.parent(statement) or self.tree
        block = block_with(statement, parent)
        if not block:
            raise Refusal("its block is not found")
        return block

    def replace(self, node: ast.stmt | ast.expr, text: str) -> Edit:
        """Make the edit that puts a text in a node's place."""
        return Edit(*self.span(node), text)

    def line_end(self, line: int) -> int:
        """Give the offset after a line, its end included."""
        return self._starts[line]

    def first_line(self, statement: ast.stmt) -> int:
        """Give the line on which a statement begins, its decorators included."""
        return first_line(statement)

    def stands_alone(self, first: ast.stmt, last: ast.stmt) -> bool:
        """Tell whether the lines of some statements hold nothing else but comments."""
        line = self.first_line(first)
        start, end = self.offset(line, 0), self.span(last)[1]
        before = self.text[start : self.span(first)[0] if line == first.lineno else start]
        after = self.text[end : self.line_end(last.end_lineno or 0)].strip()
        return not before.strip() and (not after or after.startswith("#"))

    @cached_property
    def newline(self) -> str:
        """The line end of the first line."""
        first = self.lines[0] if self.lines else ""
        return first[len(first.rstrip("\r\n")) :] or "\n"

    @cached_property
    def indent(self) -> str:
        """What the file's first indented block is indented by."""
        for node in ast.walk(self.tree):
            body = getattr(node, "body", None)
            if isinstance(node, ast.stmt) and isinstance(body, list):
                outer, inner = self.indent_of(node), self.indent_of(body[0])
                if inner.startswith(outer) and inner != outer:
                    return inner[len(outer) :]
        return "    "

    @cached_property
    def width(self) -> int:
        """How long a line of the file may be."""
        file = self.context.file
        return width_of(file.path.parent, file.inference.project.root)

    @property
    def tree(self) -> ast.Module:
        """The file's syntax tree."""
        tree = self.context.file.module.tree
        assert tree is not None
        return tree

    @property
    def top(self) -> Scope:
        """The scope that the file's imports stand in."""
        return self.context.file.module.scope

    @property
    def around(self) -> Scope | None:
        """The scope of the file around an example, whose names it sees; None for a file."""
        return self.context.file.module.scope.parent

    def indent_of(self, node: ast.stmt | ast.expr | ast.arg) -> str:
        """Give the whitespace that a node's first line begins with."""
        line = self.lines[node.lineno - 1]
        return line[: len(line) - len(line.lstrip())]

    def has_comment(self, start: int, end: int) -> bool:
        """Tell whether a comment stands in a piece of the text."""
        return bool(self.comments_in(start, end))

    def comments_in(self, start: int, end: int) -> list[str]:
        """Give the comments that stand in a piece of the text."""
        if "#" not in self.text[start:end]:
            return []
        return [comment for at, comment in self._comments.items() if start <= at < end]

    def refuse_comments(self, node: ast.stmt | ast.expr) -> None:
        """Leave a place alone whose comments would be lost.

        Raises:
            Refusal: a comment stands inside the node.
        """
        if self.has_comment(*self.span(node)):
            raise Refusal("a comment in it would be lost")

    @property
    def comments(self) -> list[str]:
        """The comments that say more than which violations are here."""
        return [*self._comments.values()]

    @cached_property
    def _comments(self) -> dict[int, str]:
        source = io.StringIO("".join(f"{line.rstrip(chr(13) + chr(10))}\n" for line in self.lines))
        return {
            self._starts[token.start[0] - 1] + token.start[1]: token.string
            for token in tokenize.generate_tokens(source.readline)
            if token.type == tokenize.COMMENT and not names_codes_only(token.string)
        }


def names_codes_only(comment: str) -> bool:
    """Tell whether a comment names violations and nothing else, so that it may go with them."""
    return _CODES.fullmatch(comment) is not None


def lines_in(tree: ast.AST, kinds: tuple[type[ast.AST], ...]) -> set[int]:
    """Give the lines of all nodes of some kinds, but for the first one of each."""
    spans = (
        range(node.lineno + 1, (node.end_lineno or 0) + 1)  # type: ignore[attr-defined]
        for node in ast.walk(tree)
        if isinstance(node, kinds)
    )
    return {line for span in spans for line in span}


def lines_of(text: str) -> list[str]:
    """Give a text's lines with their ends, as Python counts them."""
    return [line for line in _LINE.findall(text) if line]
