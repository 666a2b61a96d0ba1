"""flake8's own checker of one file, with this linter as its only check."""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from flake8.checker import FileChecker, Manager, Results
from flake8.formatting.base import BaseFormatter
from flake8.plugins.finder import Checkers
from flake8.processor import FileProcessor
from flake8.style_guide import StyleGuideManager
from flake8.violation import Violation as Reported

from flake8_dbsession.checking.files import markdown, notebooks
from flake8_dbsession.checking.files.discovery import STDIN
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.suppression.fingerprints import Fingerprint, Fingerprints
from flake8_dbsession.linter import Linter
from flake8_dbsession.policy.model import Level

if TYPE_CHECKING:
    from flake8_dbsession.rules.base import Violation

    _Plain: TypeAlias = tuple[ast.Module, list[Violation]]

_NO_PLUGINS = Checkers(tree=[], logical_line=[], physical_line=[])


class Reports:
    """Lets flake8 decide what of a file is reported, and in which order.

    Args:
        options: flake8's.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._reported = _Collector(options)
        self._manager = Manager(StyleGuideManager(options, self._reported), _NO_PLUGINS, [])

    def by(self, checker: Checker) -> list[Finding]:
        """Give what flake8 reports of what a checker finds."""
        self._manager.results = [checker.run_checks()]
        self._manager.report()
        return [checker.finding(reported) for reported in self._reported.take()]


class _Collector(BaseFormatter):
    """Keeps what flake8 would print."""

    def after_init(self) -> None:
        self._kept: list[Reported] = []

    def handle(self, error: Reported) -> None:
        self._kept.append(error)

    def take(self) -> list[Reported]:
        """Give what was reported since the last time."""
        kept, self._kept = self._kept, []
        return kept


class _Processor(FileProcessor):
    """flake8's reader of one file, which looks for comments only where the text has their words."""

    def should_ignore_file(self) -> bool:
        return "flake8" in self._text and super().should_ignore_file()

    def noqa_line_for(self, line_number: int) -> str | None:
        return super().noqa_line_for(line_number) if self._has_noqa else ""

    @cached_property
    def _has_noqa(self) -> bool:
        return "noqa" in self._text

    @cached_property
    def _text(self) -> str:
        return "".join(self.lines).lower()


def _decoded(content: bytes) -> tuple[list[str], bool]:
    """Give a file's lines as flake8 reads them, and whether they are in its own encoding.

    Raises:
        LookupError: the encoding that it names is none of texts.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return io.TextIOWrapper(io.BytesIO(content), encoding).readlines(), True
    except (SyntaxError, UnicodeError):
        return io.TextIOWrapper(io.BytesIO(content), "latin-1").readlines(), False


class Checker(FileChecker):
    """flake8's checker of one file, which asks this linter and no plugin.

    Args:
        filename: the file, as the user named it.
        options: flake8's.
        linter: checks it.
        content: its content, or why it cannot be read; None for flake8 to read standard input.
        checked: what was found in it, where that is known already.
    """

    def __init__(
        self,
        filename: str,
        options: argparse.Namespace,
        linter: Linter,
        content: bytes | OSError | None,
        checked: _Plain | None = None,
    ) -> None:
        self._checked = checked
        self._content = content
        self._is_decoded = True
        super().__init__(filename=filename, plugins=_NO_PLUGINS, options=options)
        if filename == STDIN and self.processor is None:
            self.display_name = options.stdin_display_name
        self._lines = self.processor.lines if self.processor else []
        self._linter = linter
        self._violations: dict[tuple[str, int, int, str], tuple[Violation, Fingerprint]] = {}

    def run_ast_checks(self) -> None:
        """Let the linter check the file."""
        assert self.processor is not None
        try:
            tree, violations = self._checked or self._check(self.processor)
        except (ValueError, RecursionError, MemoryError) as error:  # which end flake8's run
            self.report("E999", 1, 0, f"{type(error).__name__}: {error}")
            return
        fingerprints = Fingerprints(tree, self.processor.lines)
        for violation in violations:
            fingerprint = fingerprints.at(violation.line, violation.column)
            placed = self._placed(violation)
            key = placed.code, placed.line, placed.column, placed.message
            self._violations[key] = placed, fingerprint
            self.report(*key)

    def _check(self, processor: FileProcessor) -> _Plain:
        text = "".join(processor.lines)
        tree = ast.parse(text)
        return tree, self._linter.check(processor.filename, text, tree)

    def run_checks(self) -> tuple[str, Results, dict[str, int]]:
        """Give what is found, each with its line."""
        name, results, statistics = super().run_checks()
        return name, [self._with_line(*result) for result in results], statistics

    def _with_line(
        self, code: str, line: int, column: int, text: str, shown: str | None
    ) -> tuple[str, int, int, str, str]:
        """Add the line in which flake8 looks for noqa where it would read the file again."""
        if shown is None:
            is_there = self._is_decoded and 0 < line <= len(self._lines)
            shown = self._lines[line - 1] if is_there else ""
        return code, line, column, text, shown

    def _make_processor(self) -> FileProcessor | None:
        try:
            if self._content is None:
                return _Processor(self.filename, self.options)
            if isinstance(self._content, OSError):
                raise self._content
            lines, self._is_decoded = _decoded(self._content)
            return _Processor(self.filename, self.options, lines)
        except (OSError, LookupError, UnicodeError) as error:  # the latter two end flake8's run
            self.report("E902", 0, 0, f"{type(error).__name__}: {error}")
            return None

    def process_tokens(self) -> None:
        """Look at no tokens: nothing here asks for them, and what ``ast`` takes has no bad ones."""

    def finding(self, reported: Reported) -> Finding:
        """Give what flake8 reports with what the linter knows besides."""
        line, column = reported.line_number, reported.column_number
        key = reported.code, line, column - 1, reported.text
        violation, fingerprint = self._violations.get(key, (None, Fingerprint("", "")))
        level = self._linter.level_of(reported.filename, reported.code) if violation else None
        is_shown = 0 < line <= len(self._lines)
        return Finding(
            path=reported.filename,
            line=line,
            column=column,
            code=reported.code,
            message=reported.text,
            end_line=violation.end_line if violation else line,
            end_column=violation.end_column + 1 if violation else column,
            source=self._lines[line - 1].rstrip("\r\n") if is_shown else "",
            definition=fingerprint.definition,
            statement=fingerprint.statement,
            level=(level or Level.ERROR).value,
        )

    def _placed(self, violation: Violation) -> Violation:
        """Give a violation the columns that it has in the file."""
        return violation


class _PartChecker(Checker):
    """The same for the Python lines that another file holds.

    Args:
        filename: the file, as the user named it.
        options: flake8's.
        linter: checks it.
        lines: the lines.
    """

    def __init__(
        self, filename: str, options: argparse.Namespace, linter: Linter, lines: list[str]
    ) -> None:
        super().__init__(filename, options, linter, b"")
        if filename == STDIN:
            self.display_name = options.stdin_display_name
        self.processor = _Processor(self.display_name, options, lines)
        self.should_process = not self.processor.should_ignore_file()
        self._lines = lines


class NotebookChecker(_PartChecker):
    """The same for a notebook, whose cells are one program."""

    def __init__(
        self,
        filename: str,
        options: argparse.Namespace,
        linter: Linter,
        notebook: notebooks.Notebook,
    ) -> None:
        super().__init__(filename, options, linter, notebook.lines)
        self._notebook = notebook

    def finding(self, reported: Reported) -> Finding:
        """Give the same by its cell."""
        found = super().finding(reported)
        cell, line = self._notebook.place(found.line)
        end_line = line + found.end_line - found.line
        return found._replace(cell=cell, line=line, end_line=end_line)


class BlockChecker(_PartChecker):
    """The same for a block of Python in a Markdown file."""

    def __init__(
        self,
        filename: str,
        options: argparse.Namespace,
        linter: Linter,
        text: str,
        block: markdown.FencedBlock,
    ) -> None:
        super().__init__(filename, options, linter, block.lines)
        self._lines = [f"{line}\n" for line in text.split("\n")]
        self._indents = block.indents

    def run_ast_checks(self) -> None:
        """Let the linter check the block."""
        with suppress(SyntaxError):  # a text shows parts of programs, and output
            super().run_ast_checks()

    def _placed(self, violation: Violation) -> Violation:
        return violation._replace(
            column=violation.column + self._indents[violation.line - 1],
            end_column=violation.end_column + self._indents[violation.end_line - 1],
        )
