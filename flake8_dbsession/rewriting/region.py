"""Neighbouring statements as LibCST sees them, and the edits that put others in their place."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from itertools import islice, takewhile
from typing import TypeAlias

import libcst as cst

from flake8_dbsession.rewriting.continued import realigned
from flake8_dbsession.rewriting.document import Document, lines_in, lines_of, names_codes_only
from flake8_dbsession.rewriting.edits import Doubt, Edit, Kind, Refusal
from flake8_dbsession.rewriting.said import may_name_close, said_again

_TEXTS = (ast.Constant, ast.JoinedStr)

Statement: TypeAlias = cst.SimpleStatementLine | cst.BaseCompoundStatement


class Region:
    """Statements that follow one another in one block.

    Args:
        statements: the statements, as the syntax tree has them.
        document: the file.

    Attributes:
        statements: the same, as LibCST has them: with comments, blank lines and indentation.
        indent: what a new block is indented by.

    Raises:
        Refusal: they share their lines with other code, or LibCST cannot read them.
    """

    def __init__(self, statements: Sequence[ast.stmt], document: Document) -> None:
        first, last = document.first_line(statements[0]), statements[-1].end_lineno or 0
        self._document = document
        self._first = first
        self.indent = document.indent
        self._start, self._end = document.offset(first, 0), document.line_end(last)
        if not document.stands_alone(statements[0], statements[-1]):
            raise Refusal("it shares a line with other code")
        try:
            self._module = cst.parse_module(
                f"if 1:{document.newline}{self._text}" if self._is_indented else self._text
            )
        except cst.ParserSyntaxError as error:
            raise Refusal("LibCST cannot read it") from error
        body = self._block.body if self._is_indented else self._module.body
        self.statements: list[Statement] = [*body]  # type: ignore[list-item]
        if len(self.statements) != len(statements):
            raise Refusal("several statements share a line")

    def rewritten(self, statements: Sequence[Statement]) -> tuple[Edit, ...]:
        """Give the edits that put other statements in the place of these.

        Args:
            statements: the new statements.

        Returns:
            Edits of whole lines, and only of those that differ.
        """
        if self._is_indented:
            wrapper = self._module.body[0]
            block = self._block.with_changes(body=statements)
            module = self._module.with_changes(body=[wrapper.with_changes(body=block)])
            code = "".join(self._emptied(module.code)[1:])
        else:
            code = "".join(self._emptied(self._module.with_changes(body=statements).code))
        code = self._realigned(self._shifted(code)) + self._gap_below(code)
        return tuple(_line_edits(self._text, code, self._start))

    def _emptied(self, code: str) -> list[str]:
        """Give the lines of code, of which those are empty that are only indented, and anew."""
        known, lines = set(lines_of(self._text)), lines_of(code)
        beside = _beside_new(lines, known) if any(map(str.isspace, lines)) else set()
        inside = lines_in(ast.parse(code), _TEXTS) if beside else set()
        for number in beside:
            if number + 1 not in inside:
                lines[number] = lines[number].lstrip(" \t")
        return lines

    def _gap_below(self, code: str) -> str:
        """Give the blank lines above a last statement that goes, where others follow it."""
        *_, last = lines_of(self._text)
        below = lines_of(self._document.text[self._end :])[:1]
        gap, _ = parted(self.statements[-1:])
        goes = last.strip() not in map(str.strip, lines_of(code))
        is_followed = any(line.strip() and _indent(line) == _indent(last) for line in below)
        return self._document.newline * len(gap) if goes and is_followed else ""

    def keeping(
        self, statements: Sequence[Statement], beside: Sequence[Statement] = ()
    ) -> list[Statement]:
        """Put comments above statements that would be lost with those in whose place they come.

        But for those that name a call of ``close``, which is none of theirs there, and those of
        which nobody here can tell whether they speak of one.

        Args:
            statements: the statements.
            beside: others that come in their place too.
        """
        if not statements:
            return []
        lost = self._lost([*beside, *statements]).elements()
        still_true = (comment for comment in lost if not may_name_close(comment))
        above = [cst.EmptyLine(comment=cst.Comment(comment)) for comment in still_true]
        first, *rest = statements
        return [first.with_changes(leading_lines=[*first.leading_lines, *above]), *rest]

    def losses(self, statements: Sequence[Statement]) -> tuple[Doubt, ...]:
        """Say of a comment that other statements would not have it any more; nothing for none."""
        return tuple(lost_comment(lost) for lost in islice(self._lost(statements), 1))

    def _lost(self, statements: Sequence[Statement]) -> Counter[str]:
        """Count the comments that others would not have, and that say more than what goes."""
        if "#" not in self._text:
            return Counter()
        kept = Counter(_comments(cst.Module(list(statements))))
        lost = Counter(_comments(self._module)) - kept
        return lost - said_again(self._module) if lost else lost

    def _shifted(self, code: str) -> str:
        """Move lines after a backslash with the line that they continue, which LibCST does not."""
        if "\\" not in self._text:
            return code
        number, before = self._first, {}
        for group in _continued(lines_of(self._text)):
            if not self._texts.intersection(range(number + 1, number + len(group))):
                before[_words(group)] = _indent(group[0])
            number += len(group)
        lines: list[str] = []
        for first, *rest in _continued(lines_of(code)):
            now = _indent(first)
            was = before.get(_words([first, *rest]), now)
            moved = (now + line[len(was) :] if line.startswith(was) else line for line in rest)
            lines += [first, *moved]
        return "".join(lines)

    def _realigned(self, code: str) -> str:
        """Move lines with the bracket that they are aligned to, which LibCST does not."""
        above = "if 1:\n" if self._is_indented else ""
        return realigned(above + self._text, above + code)[len(above) :]

    @cached_property
    def _texts(self) -> set[int]:
        """The lines that begin inside of a text."""
        return lines_in(self._document.tree, _TEXTS)

    @property
    def _text(self) -> str:
        return self._document.text[self._start : self._end]

    @property
    def _is_indented(self) -> bool:
        return self._text[:1] in " \t"

    @property
    def _block(self) -> cst.IndentedBlock:
        wrapper = self._module.body[0]
        assert isinstance(wrapper, cst.If)
        assert isinstance(wrapper.body, cst.IndentedBlock)
        return wrapper.body


def lost_comment(comment: str) -> Doubt:
    """Doubt that nobody needs a comment."""
    return Doubt(Kind.COMMENT, f"the comment `{comment}` would be lost")


def parted(statements: Sequence[Statement]) -> tuple[list[cst.EmptyLine], list[Statement]]:
    """Part statements from the blank lines above the first of them, and its comments."""
    if not statements:
        return [], []
    first, *rest = statements
    lines = [*first.leading_lines]
    blank = [*takewhile(lambda line: line.comment is None, lines)]
    return blank, [first.with_changes(leading_lines=lines[len(blank) :]), *rest]


def in_place_of(old: Statement, statements: Sequence[Statement]) -> list[Statement]:
    """Put the first of some statements where another stood: under what stands above that."""
    first, *rest = parted(statements)[1]
    above = [*old.leading_lines, *first.leading_lines]
    return [first.with_changes(leading_lines=above), *rest]


def _comments(node: cst.CSTNode) -> Iterator[str]:
    if isinstance(node, cst.Comment) and not names_codes_only(node.value):
        yield node.value
    for child in node.children:
        yield from _comments(child)


def _continued(lines: list[str]) -> Iterator[list[str]]:
    """Put lines together that a backslash joins."""
    group: list[str] = []
    for line in lines:
        group.append(line)
        if not line.rstrip("\r\n").endswith("\\"):
            yield group
            group = []
    if group:
        yield group


def _beside_new(lines: Sequence[str], known: Collection[str]) -> set[int]:
    """Give the numbers of the blank lines right above or below a line that was not known."""
    found: set[int] = set()
    for numbers in (range(len(lines)), reversed(range(len(lines)))):
        is_new = False
        for number in numbers:
            if not lines[number].isspace():
                is_new = lines[number] not in known
            elif is_new:
                found.add(number)
    return found


def _words(group: list[str]) -> tuple[str, ...]:
    return tuple(line.strip() for line in group)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _line_edits(old: str, new: str, start: int) -> list[Edit]:
    before, after = lines_of(old), lines_of(new)
    offsets = [start]
    for line in before:
        offsets.append(offsets[-1] + len(line))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return [
        Edit(offsets[first], offsets[last], "".join(after[from_:to]))
        for tag, first, last, from_, to in matcher.get_opcodes()
        if tag != "equal"
    ]
