"""A docstring's example as a file of its own, and its lines put back into the docstring."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile

from flake8_dbsession.analysis.facts.acquisition.docstrings import DocstringExample
from flake8_dbsession.analysis.names.scopes import FUNCTIONS, Scope
from flake8_dbsession.analysis.source.outline import parse
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex
from flake8_dbsession.rewriting.document import Document, lines_of
from flake8_dbsession.rewriting.edits import Edit, Fix, Refusal, applied
from flake8_dbsession.rewriting.imports import superfluous
from flake8_dbsession.rules.context import Context

_PROMPTS = (">>>", "...")
_HEAD = "def __example__():"
_INDENT = "    "
_LINE_NUMBER = regex(r"(?<=\bline )\d+")
_QUOTES = regex(r"['\"]")


class _Line(NamedTuple):
    """A line of code that a docstring shows.

    Attributes:
        number: its line in the file, counted from 1.
        prefix: what stands before the code: indentation, and a doctest's prompt.
        code: the code.
        is_whole: whether the docstring's quotes stand on other lines.
        end: the line's end.
    """

    number: int
    prefix: str
    code: str
    is_whole: bool
    end: str


class ExampleDocument(Document):
    """An example under repair; one that stands in no function is read as the body of one.

    Args:
        text: the text.
        context: the example as the rules see it.
        numbers: for each line the number that it has in the docstring's file.
    """

    def __init__(self, text: str, context: Context, numbers: Sequence[int] = ()) -> None:
        super().__init__(text, context)
        self._numbers = numbers

    def of_file(self, reason: str) -> str:
        """Give a reason that names lines of the example with their numbers in the file."""
        return _LINE_NUMBER.sub(lambda found: str(self._numbers[int(found[0]) - 1]), reason)

    @property
    def top(self) -> Scope:
        """The scope that the example's imports stand in."""
        first = self.tree.body[0]
        module = self.context.file.module.scope
        is_body = self.text.startswith(_HEAD) and isinstance(first, ast.FunctionDef)
        return module.child(first) if is_body else module  # type: ignore[arg-type]


class Example:
    """An example in a docstring.

    Args:
        fact: the example.
        document: the file.

    Attributes:
        is_doctest: whether it has prompts, so that ``doctest`` can run it.
    """

    def __init__(self, fact: DocstringExample, document: Document) -> None:
        self._file = document
        lines = [*_lines(fact, document)]
        self.is_doctest = any(line.prefix.strip().endswith(_PROMPTS) for line in lines)
        # A doctest's output, and what stands between its parts, is none of the code.
        self._lines = [line for line in lines if line.prefix or not self.is_doctest]
        if any(line.code.endswith("\\") for line in self._lines):
            raise Refusal("a line of the example goes on in the next one")

    def as_file(self, line: int) -> tuple[ExampleDocument, int, int]:
        """Give the example as a file of its own.

        Args:
            line: a line of the docstring's file.

        Returns:
            The example; on which of its lines that line's code stands, and how much deeper.
        """
        numbers = [each.number for each in self._lines]
        index = numbers.index(line)
        text = "".join(f"{each.code}\n" for each in self._lines)
        if _stands_in_definition(index + 1, parse(text)):
            return self._document(text, numbers), index + 1, 0
        return self._document(_as_body(text), [0, *numbers]), index + 2, len(_INDENT)

    def edited(self, old: ExampleDocument, fix: Fix) -> ExampleDocument:
        """Make a fix in the example, and take the imports away that it needs no more."""
        new = self._document(applied(old.text, fix.edits))
        unneeded = superfluous(fix.unneeded, new)
        return self._document(applied(new.text, unneeded)) if unneeded else new

    def put_back(self, old: ExampleDocument, new: ExampleDocument) -> Edit:
        """Put the example back into its docstring.

        Args:
            old: the example as a file.
            new: the same after a fix.

        Returns:
            The edit of the docstring.

        Raises:
            Refusal: it cannot be put back so that the rest of the docstring stays as it is.
        """
        text = _without_head(new.text) if old.text.startswith(_HEAD) else new.text
        code = [line.rstrip("\n") for line in lines_of(text)]
        tree = parse(text)
        assert tree is not None
        rows = [*self._rows(code, {new.first_line(statement) for statement in tree.body})]
        first, last = self._lines[0].number, self._lines[-1].number
        before = self._file.lines[first - 1 : last]
        top = _common(before, rows)
        bottom = _common(before[top:][::-1], rows[top:][::-1])
        start, end = self._file.offset(first + top, 0), self._file.line_end(last - bottom)
        return Edit(start, end, "".join(rows[top : len(rows) - bottom]))

    def _document(self, text: str, numbers: Sequence[int] = ()) -> ExampleDocument:
        tree = parse(text)
        if tree is None or not tree.body:
            raise Refusal("the example cannot be read by itself")
        context = self._file.context
        fact = DocstringExample(text, tree, 1, (0,) * len(text.split("\n")))
        return ExampleDocument(text, Context(context.file.shown(fact), context.policy), numbers)

    def _rows(self, code: list[str], starts: set[int]) -> Iterator[str]:
        """Give the docstring's lines with new code in the place of the example's.

        Args:
            code: the new code's lines.
            starts: the numbers of the lines on which its statements begin.
        """
        stays = _alignment([line.code for line in self._lines], code)
        going = {*range(len(self._lines))} - {*stays.values()}
        done = 0  # so many of the old lines are dealt with
        for number, text in enumerate(code, start=1):
            old = stays.get(number - 1)
            until = done + (done in going) if old is None else old + 1
            between = [*self._passed(range(done, until), going)]
            if between and number > 1 and number not in starts:
                raise Refusal("what the doctest prints stands in the middle of the new block")
            yield from between
            done = until
            prefix = self._prefix(text, is_start=number in starts)
            yield self._written(old, text, prefix)
        yield from self._passed(range(done, len(self._lines)), going)

    def _passed(self, indexes: Iterable[int], going: Container[int]) -> Iterator[str]:
        """Give what stands above some of the example's lines and is none of its code."""
        for index in indexes:
            if index in going:
                self._refuse_quotes(self._lines[index])
            if index:
                above, line = self._lines[index - 1].number, self._lines[index].number
                yield from self._file.lines[above : line - 1]

    def _written(self, old: int | None, text: str, prefix: str) -> str:
        """Write a line of code: as it stands where it is the same, else with a prefix."""
        if old is None:
            return f"{prefix}{text}".rstrip() + self._file.newline
        line = self._lines[old]
        if line.code == text:
            return self._file.lines[line.number - 1]
        self._refuse_quotes(line)
        return f"{prefix}{text}".rstrip() + line.end

    def _prefix(self, text: str, *, is_start: bool) -> str:
        """Give what stands before a line of new code."""
        prefixes = [line.prefix for line in self._lines if line.code]
        if not self.is_doctest:
            return prefixes[0]
        inner = next((p for p in prefixes if p.strip() in _PROMPTS), " " * len(prefixes[0]))
        indent = inner[: len(inner) - len(inner.lstrip())]
        return f"{indent}{_PROMPTS[not is_start]} "

    @staticmethod
    def _refuse_quotes(line: _Line) -> None:
        if not line.is_whole:
            raise Refusal("its code shares a line with the docstring's quotes")


def _lines(fact: DocstringExample, document: Document) -> Iterator[_Line]:
    codes = fact.text.split("\n")
    for number, (code, indent) in enumerate(zip(codes, fact.indents, strict=True), fact.line):
        raw = document.lines[number - 1]
        body = raw.rstrip("\r\n")
        is_whole = body[indent:] == code and not _QUOTES.search(body[:indent])
        yield _Line(number, body[:indent], code, is_whole, raw[len(body) :])


def _stands_in_definition(line: int, tree: ast.Module | None) -> bool:
    """Tell whether a line of an example belongs to a function or class that the example defines."""
    return tree is not None and any(
        isinstance(statement, (*FUNCTIONS, ast.ClassDef))
        and statement.lineno <= line <= (statement.end_lineno or 0)
        for statement in tree.body
    )


def _as_body(text: str) -> str:
    lines = (f"{_INDENT}{line}" if line.strip() else line for line in lines_of(text))
    return f"{_HEAD}\n{''.join(lines)}"


def _without_head(text: str) -> str:
    return "".join(line.removeprefix(_INDENT) for line in lines_of(text)[1:])


def _alignment(old: list[str], new: list[str]) -> dict[int, int]:
    """Give, for new lines that are old ones, however indented, the index of the old line."""
    matcher = SequenceMatcher(
        None, [line.strip() for line in old], [line.strip() for line in new], autojunk=False
    )
    return {
        block.b + index: block.a + index
        for block in matcher.get_matching_blocks()
        for index in range(block.size)
    }


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Give the number of lines with which both begin."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in pairs)
