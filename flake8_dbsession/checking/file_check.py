"""One file checked as flake8 checks it, with this linter as its only check."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from flake8.checker import FileChecker, Manager
from flake8.formatting.base import BaseFormatter
from flake8.plugins.finder import Checkers
from flake8.style_guide import StyleGuideManager
from flake8.violation import Violation as Reported

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.landmarks import Landmark, Landmarks
from flake8_dbsession.linter import Linter, Settings

if TYPE_CHECKING:
    from flake8_dbsession.rules.base import Violation

_NO_PLUGINS = Checkers(tree=[], logical_line=[], physical_line=[])


class FileCheck:
    """Checks files and lets flake8 decide what of it is reported, and in which order.

    Args:
        options: flake8's.

    Raises:
        PolicyError: the policy or preset that the options name cannot be used.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._linter = Linter(Settings.of(options))
        self._reported = _Collector(options)
        self._manager = Manager(StyleGuideManager(options, self._reported), _NO_PLUGINS, [])

    def findings(self, filename: str) -> list[Finding]:
        """Check one file.

        Args:
            filename: its path as the user named it; ``-`` for standard input.
        """
        checker = _Checker(filename, self._options, self._linter)
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


class _Checker(FileChecker):
    """flake8's checker of one file, which asks this linter and no plugin."""

    def __init__(self, filename: str, options: argparse.Namespace, linter: Linter) -> None:
        super().__init__(filename=filename, plugins=_NO_PLUGINS, options=options)
        self._linter = linter
        self._violations: dict[tuple[str, int, int, str], Violation] = {}

    def run_ast_checks(self) -> None:
        assert self.processor is not None
        tree = self.processor.build_ast()
        text = "".join(self.processor.lines)
        self._landmarks = Landmarks(tree, self.processor.lines)
        for violation in self._linter.check(self.processor.filename, text, tree):
            position = violation.line, violation.column
            self.report(violation.code, *position, violation.message)
            self._violations[(violation.code, *position, violation.message)] = violation

    def finding(self, reported: Reported) -> Finding:
        """Give what flake8 reports with what the linter knows besides."""
        line, column = reported.line_number, reported.column_number
        violation = self._violations.get((reported.code, line, column - 1, reported.text))
        lines = self.processor.lines if self.processor else []
        landmark = self._landmarks.at(line, column - 1) if violation else Landmark("", "")
        return Finding(
            path=reported.filename,
            line=line,
            column=column,
            code=reported.code,
            message=reported.text,
            end_line=violation.end_line if violation else line,
            end_column=violation.end_column + 1 if violation else column,
            source=lines[line - 1].rstrip("\r\n") if 0 < line <= len(lines) else "",
            definition=landmark.definition,
            statement=landmark.statement,
        )
