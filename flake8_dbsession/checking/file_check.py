"""One file checked as flake8 checks it, with this linter as its only check."""

from __future__ import annotations

import argparse
import os
import re
from dataclasses import dataclass
from symtable import symtable
from typing import TYPE_CHECKING

from flake8.checker import FileChecker, Manager
from flake8.formatting.base import BaseFormatter
from flake8.plugins.finder import Checkers
from flake8.style_guide import StyleGuideManager
from flake8.violation import Violation as Reported

from flake8_dbsession.checking.discovery import STDIN
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.landmarks import Landmark, Landmarks
from flake8_dbsession.checking.memory import Grounds, Links
from flake8_dbsession.checking.stamps import Stamp, read
from flake8_dbsession.failures import FAILURES
from flake8_dbsession.linter import Linter, Settings

if TYPE_CHECKING:
    from flake8_dbsession.rules.base import Violation

_COOKIE = re.compile(rb"coding[:=]")
_LONGEST_HEAD = 400  # bytes that hold any coding cookie
_NO_PLUGINS = Checkers(tree=[], logical_line=[], physical_line=[])


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of one file.

    Attributes:
        path: as the user named it.
        findings: what flake8 would report of it, in its order.
        stamp: of the content that was checked; None where the findings are not to be kept.
    """

    path: str
    findings: list[Finding]
    stamp: Stamp | None


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

    def check(self, path: str) -> Checked:
        """Check one file.

        Args:
            path: as the user named it; ``-`` for standard input.
        """
        found, content = (None, None) if path == STDIN else read(path)
        if content is not None and self._is_dismissed(path, content):
            return Checked(path, [], found)
        findings = self._findings(path)
        is_kept = not any(finding.code in FAILURES for finding in findings)
        return Checked(path, findings, found if is_kept else None)

    def take_grounds(self) -> Grounds:
        """Give what the results since this was last called rest on."""
        grounds = Grounds()
        for trace in self._linter.take_traces():
            grounds.folders.update(map(str, trace.folders))
            for asker, names in trace.names.items():
                links = Links([*names], [*map(str, trace.files[asker])])
                grounds.add(Grounds({str(asker): links}))
        if self._options.dbsession_policy:
            grounds.policies.add(os.path.abspath(self._options.dbsession_policy))
        return grounds

    def _is_dismissed(self, path: str, content: bytes) -> bool:
        """Tell whether a file has nothing to do with sessions and certainly parses."""
        if _COOKIE.search(content, 0, _LONGEST_HEAD) or not self._linter.dismisses(path, content):
            return False
        try:
            # The cheapest parse there is; what it takes, ast takes. flake8 words the errors.
            symtable(content.decode(), path, "exec")
        except Exception:
            return False
        return True

    def _findings(self, path: str) -> list[Finding]:
        checker = _Checker(path, self._options, self._linter)
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
