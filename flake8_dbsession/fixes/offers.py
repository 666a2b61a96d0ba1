"""The safe fix of each violation by itself, for who shows a fix beside each violation."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import SequenceMatcher
from functools import partial
from io import StringIO

from flake8_dbsession.checking.files.discovery import STDIN, python_files
from flake8_dbsession.checking.findings import Finding, Replacement
from flake8_dbsession.checking.running.workers import processes, spread
from flake8_dbsession.checking.suppression.unused import NoqaComments
from flake8_dbsession.fixes.doubts.patched import PatchedNames
from flake8_dbsession.fixes.registry import fixers
from flake8_dbsession.fixes.repair import Wishes, repair_each
from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.rewriting.proof import UnprovedError
from flake8_dbsession.rewriting.text import UnreadableError, decode

Offers = Mapping[Finding, tuple[Replacement, ...]]
"""What each fix replaces in its file, by the finding that it fixes."""

_ALONE = Wishes()  # no doubt but those that the policy accepts, and no change of another file


def offers(findings: Iterable[Finding], options: argparse.Namespace) -> Offers:
    """Find the fixes that ``dbsession fix`` would make of some findings, each made alone.

    One with a doubt is not among them, for who applies it at a click does not see the doubt; nor is
    one that changes another file as well.

    Args:
        findings: of a run.
        options: flake8's.
    """
    by_file: dict[str, list[Finding]] = {}
    for finding in findings:
        is_code = finding.path != STDIN and python_files([finding.path])
        if is_code and finding.code in fixers():
            by_file.setdefault(finding.path, []).append(finding)
    make = partial(_Offering, options, by_file)
    return dict(pair for found in spread(make, [*by_file], processes(options)) for pair in found)


class _Offering:
    """Finds the fixes in some files at a time.

    Args:
        options: flake8's.
        findings: what is found in each file.
    """

    def __init__(self, options: argparse.Namespace, findings: dict[str, list[Finding]]) -> None:
        self._linter = Linter(Settings.of(options), comments=NoqaComments(options))
        self._patched = PatchedNames()
        self._findings = findings

    def __call__(self, files: list[str]) -> list[tuple[Finding, tuple[Replacement, ...]]]:
        return [pair for file in files for pair in self._of_file(file)]

    def _of_file(self, path: str) -> Iterator[tuple[Finding, tuple[Replacement, ...]]]:
        try:
            with open(path, "rb") as stream:
                text = decode(stream.read())
        except (OSError, UnreadableError):  # it changed since it was checked
            return
        findings = self._findings[path]
        places = [(each.code, each.line, each.column) for each in findings]
        made = repair_each(path, text, self._linter, _ALONE, places, self._patched)
        with suppress(SyntaxError, PolicyError, UnprovedError):
            for finding, done in zip(findings, made, strict=True):
                if done.fixed and not done.moves:
                    yield finding, tuple(replacements(text.content, done.text.content))


def replacements(before: str, after: str) -> Iterator[Replacement]:
    """Tell two texts apart by their lines.

    Args:
        before: a text.
        after: what it becomes.

    Yields:
        What is replaced, from the top to the bottom; none of them overlap.
    """
    old, new = (StringIO(text, newline="").readlines() for text in (before, after))
    for kind, first, last, begin, end in SequenceMatcher(None, old, new).get_opcodes():
        if kind != "equal":
            yield Replacement(first + 1, *_end(old, last), "".join(new[begin:end]))


def _end(lines: list[str], last: int) -> tuple[int, int]:
    """Give the place after a line: the next one's beginning, where there is a next one."""
    is_open = last == len(lines) and last > 0 and not lines[-1].endswith(("\n", "\r"))
    return (last, len(lines[-1]) + 1) if is_open else (last + 1, 1)
