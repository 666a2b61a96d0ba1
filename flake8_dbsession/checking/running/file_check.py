"""One file checked as flake8 checks it, with this linter as its only check."""

from __future__ import annotations

import argparse
import ast
import io
import os
import re
import sys
import tokenize
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from symtable import symtable
from typing import TYPE_CHECKING, NamedTuple

from flake8.checker import FileChecker, Manager, Results
from flake8.formatting.base import BaseFormatter
from flake8.plugins.finder import Checkers
from flake8.processor import FileProcessor
from flake8.style_guide import StyleGuideManager
from flake8.violation import Violation as Reported

from flake8_dbsession.checking.caching.memory import ANY_NAME, Grounds, Links
from flake8_dbsession.checking.caching.stamps import Stamp, read
from flake8_dbsession.checking.files import markdown, notebooks
from flake8_dbsession.checking.files.discovery import STDIN
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.suppression.fingerprints import Fingerprint, Fingerprints
from flake8_dbsession.checking.suppression.unused import NoqaComments
from flake8_dbsession.digests import digest
from flake8_dbsession.failures import BROKEN_POLICY, FAILURES
from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.policy.model import Level
from flake8_dbsession.reading import DISK, Sources

if TYPE_CHECKING:
    from flake8_dbsession.policy.errors import PolicyError
    from flake8_dbsession.rules.base import Violation

# That of UTF-8 says nothing new, and stands at the head of many files.
_FOREIGN_COOKIE = re.compile(rb"coding[:=](?![ \t]*(?i:utf-?8)(?![-\w.]))")
_LONGEST_HEAD = 400  # bytes that hold any coding cookie
_NO_PLUGINS = Checkers(tree=[], logical_line=[], physical_line=[])


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of one file.

    Attributes:
        path: as the user named it.
        findings: what flake8 would report of it, in its order.
        content: the stamp and the digest of what was checked; None where the findings are not to
            be kept.
    """

    path: str
    findings: list[Finding]
    content: tuple[Stamp, str] | None


class _Plain(NamedTuple):
    """A file that was checked without flake8.

    Attributes:
        tree: its syntax tree.
        violations: what was found in it.
    """

    tree: ast.Module
    violations: list[Violation]


class FileCheck:
    """Checks files and lets flake8 decide what of it is reported, and in which order.

    Args:
        options: flake8's.
        sources: where the files are read, and those that they import.

    Attributes:
        linter: finds the violations.

    Raises:
        PolicyError: the policy or preset that the options name cannot be used.
    """

    def __init__(self, options: argparse.Namespace, sources: Sources = DISK) -> None:
        self._options = options
        self._sources = sources
        self.linter = Linter(Settings.of(options), comments=NoqaComments(options), sources=sources)
        self._reported = _Collector(options)
        self._manager = Manager(StyleGuideManager(options, self._reported), _NO_PLUGINS, [])

    def check(self, path: str) -> Checked:
        """Check one file.

        Args:
            path: as the user named it; ``-`` for standard input.
        """
        broken = self.linter.broken_policy(self._shown(path))
        if path == STDIN:
            return Checked(path, _once(broken, self._of_standard_input()), None)
        try:
            stamp, content = read(path, self._sources)
        except OSError as error:
            return Checked(path, self._reported_by(self._checker(path, error)), None)
        is_left_out = self.linter.excludes(path)
        findings = [] if is_left_out else _once(broken, self._of_file(path, content))
        is_kept = not any(finding.code in FAILURES for finding in findings)
        return Checked(path, findings, (stamp, digest(content)) if is_kept else None)

    def take_grounds(self) -> Grounds:
        """Give what the results since this was last called rest on."""
        grounds = Grounds()
        for trace in self.linter.take_traces():
            grounds.folders.update(map(str, trace.folders))
            for asker, asked in trace.links.items():
                names = [ANY_NAME] if asked.is_exhaustive else []
                links = Links([*names, *asked.names], [*map(str, asked.files)])
                grounds.add(Grounds({str(asker): links}))
        grounds.policies.update(map(str, self.linter.policy_grounds()))
        if self._options.dbsession_policy:
            grounds.policies.add(os.path.abspath(self._options.dbsession_policy))
        return grounds

    def _shown(self, path: str) -> str:
        return str(self._options.stdin_display_name) if path == STDIN else path

    def _of_standard_input(self) -> list[Finding]:
        name = self._options.stdin_display_name
        if name.endswith(markdown.SUFFIX):
            return self._of_markdown(STDIN, sys.stdin.buffer.read())
        if name.endswith(notebooks.SUFFIX):
            return self._of_notebook(STDIN, sys.stdin.buffer.read())
        return self._reported_by(self._checker(STDIN, None))

    def _of_file(self, path: str, content: bytes) -> list[Finding]:
        if path.endswith(notebooks.SUFFIX):
            return self._of_notebook(path, content)
        is_foreign = _FOREIGN_COOKIE.search(content, 0, _LONGEST_HEAD) is not None
        is_dismissed = not is_foreign and self.linter.dismisses(path, content)
        if path.endswith(markdown.SUFFIX):
            return [] if is_dismissed else self._of_markdown(path, content)
        if is_dismissed and _certainly_parses(content, path):
            return []
        checked = None if is_foreign else self._plainly_checked(path, content)
        if checked is not None and not checked.violations:  # flake8 has nothing to decide
            return []
        return self._reported_by(self._checker(path, content, checked))

    def _plainly_checked(self, path: str, content: bytes) -> _Plain | None:
        """Check what parses and has no word for flake8 in it, which is nearly every file."""
        if b"flake8" in content.lower():
            return None
        try:
            text = content.decode("utf-8-sig")
            if "\r" in text:
                text = text.replace("\r\n", "\n").replace("\r", "\n")
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None  # flake8 says why
        return _Plain(tree, self.linter.check(path, text, tree))

    def _checker(
        self, path: str, content: bytes | OSError | None, checked: _Plain | None = None
    ) -> _Checker:
        return _Checker(path, self._options, self.linter, content, checked)

    def _of_markdown(self, path: str, content: bytes) -> list[Finding]:
        found: dict[Finding, None] = {}  # each once: a broken policy breaks every block
        text = content.decode(errors="replace").replace("\r\n", "\n")
        for block in markdown.python_blocks(text):
            if self.linter.dismisses(path, "".join(block.lines).encode()):
                continue
            checker = _BlockChecker(path, self._options, self.linter, text, block)
            found.update(dict.fromkeys(self._reported_by(checker)))
        return list(found)

    def _of_notebook(self, path: str, content: bytes) -> list[Finding]:
        try:
            notebook = notebooks.read(content)
        except notebooks.NotebookError as error:
            return self._reported_by(self._checker(path, error))
        text = "".join(notebook.lines).encode()
        if self.linter.dismisses(self._shown(path), text) and _certainly_parses(text, path):
            return []
        checker = _NotebookChecker(path, self._options, self.linter, notebook)
        return self._reported_by(checker)

    def _reported_by(self, checker: _Checker) -> list[Finding]:
        self._manager.results = [checker.run_checks()]
        self._manager.report()
        return [checker.finding(reported) for reported in self._reported.take()]


def _once(broken: PolicyError | None, findings: list[Finding]) -> list[Finding]:
    """Put one finding at a broken policy's own line in the place of those in the files under it."""
    if broken is None:
        return findings
    line = max(broken.line, 1)
    message = broken.problem if broken.file is not None else str(broken)
    finding = Finding(
        path=broken.shown,
        line=line,
        column=1,
        code=BROKEN_POLICY,
        message=message,
        end_line=line,
        end_column=1,
        source="",
        definition="",
        statement="",
    )
    return [*(each for each in findings if each.code != BROKEN_POLICY), finding]


def _certainly_parses(content: bytes, path: str) -> bool:
    """Tell whether a file parses, by the cheapest parser there is; False where that cannot tell.

    It takes nothing that ``ast`` does not. What it does not take flake8 parses again, and words.
    """
    try:
        symtable(content.decode(), path, "exec")
    except Exception:
        return False
    return True


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


class _Checker(FileChecker):
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
        return _Plain(tree, self._linter.check(processor.filename, text, tree))

    def run_checks(self) -> tuple[str, Results, dict[str, int]]:
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


class _PartChecker(_Checker):
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


class _NotebookChecker(_PartChecker):
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


class _BlockChecker(_PartChecker):
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
        with suppress(SyntaxError):  # a text shows parts of programs, and output
            super().run_ast_checks()

    def _placed(self, violation: Violation) -> Violation:
        return violation._replace(
            column=violation.column + self._indents[violation.line - 1],
            end_column=violation.end_column + self._indents[violation.end_line - 1],
        )
