"""One file checked as flake8 checks it, with this linter as its only check."""

from __future__ import annotations

import ast
import os
import sys
from functools import cached_property
from symtable import symtable
from typing import TYPE_CHECKING

from flake8_dbsession.checking.caching.memory import ANY_NAME, Grounds, Links
from flake8_dbsession.checking.caching.stamps import Stamp, read
from flake8_dbsession.checking.files import markdown, notebooks
from flake8_dbsession.checking.files.discovery import STDIN
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.digests import digest
from flake8_dbsession.failures import BROKEN_POLICY, FAILURES
from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex
from flake8_dbsession.reading import DISK, Sources

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from flake8_dbsession.analysis.facts.suppression.unused_noqa import UnusedNoqa
    from flake8_dbsession.analysis.file import SourceFile
    from flake8_dbsession.checking.running.flake8_check import Checker, Reports
    from flake8_dbsession.checking.suppression.unused import NoqaComments
    from flake8_dbsession.policy.errors import PolicyError
    from flake8_dbsession.rules.base import Violation

# What follows is imported where it is used: most files need none of flake8's machinery.

# That of UTF-8 says nothing new, and stands at the head of many files.
_FOREIGN_COOKIE = regex(rb"coding[:=](?![ \t]*(?i:utf-?8)(?![-\w.]))")
_LONGEST_HEAD = 400  # bytes that hold any coding cookie


class Checked(NamedTuple):
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
        self.linter = Linter(Settings.of(options), comments=_Comments(options), sources=sources)

    @cached_property
    def _reports(self) -> Reports:
        from flake8_dbsession.checking.running.flake8_check import Reports

        return Reports(self._options)

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
            return Checked(path, self._reports.by(self._checker(path, error)), None)
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
                grounds.link(str(asker), links)
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
        return self._reports.by(self._checker(STDIN, None))

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
        if checked is not None and not checked[1]:  # flake8 has nothing to decide
            return []
        return self._reports.by(self._checker(path, content, checked))

    def _plainly_checked(
        self, path: str, content: bytes
    ) -> tuple[ast.Module, list[Violation]] | None:
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
        return tree, self.linter.check(path, text, tree)

    def _checker(
        self,
        path: str,
        content: bytes | OSError | None,
        checked: tuple[ast.Module, list[Violation]] | None = None,
    ) -> Checker:
        from flake8_dbsession.checking.running.flake8_check import Checker

        return Checker(path, self._options, self.linter, content, checked)

    def _of_markdown(self, path: str, content: bytes) -> list[Finding]:
        from flake8_dbsession.checking.running.flake8_check import BlockChecker

        found: dict[Finding, None] = {}  # each once: a broken policy breaks every block
        text = content.decode(errors="replace").replace("\r\n", "\n")
        for block in markdown.python_blocks(text):
            if self.linter.dismisses(path, "".join(block.lines).encode()):
                continue
            checker = BlockChecker(path, self._options, self.linter, text, block)
            found.update(dict.fromkeys(self._reports.by(checker)))
        return list(found)

    def _of_notebook(self, path: str, content: bytes) -> list[Finding]:
        try:
            notebook = notebooks.read(content)
        except notebooks.NotebookError as error:
            return self._reports.by(self._checker(path, error))
        text = "".join(notebook.lines).encode()
        if self.linter.dismisses(self._shown(path), text) and _certainly_parses(text, path):
            return []
        from flake8_dbsession.checking.running.flake8_check import NotebookChecker

        checker = NotebookChecker(path, self._options, self.linter, notebook)
        return self._reports.by(checker)


class _Comments:
    """The comments of files, of which only few are asked about."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options

    @cached_property
    def _comments(self) -> NoqaComments:
        from flake8_dbsession.checking.suppression.unused import NoqaComments

        return NoqaComments(self._options)

    def unused(
        self, file: SourceFile, found: Sequence[Violation], codes: frozenset[str]
    ) -> Iterator[UnusedNoqa]:
        """Find the comments with a code that hides nothing."""
        return self._comments.unused(file, found, codes)


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
