"""What a change brought: findings on its lines, and those that the files did not have before it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flake8_dbsession.checking.files.changes import Changes
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.running.file_check import FileCheck
from flake8_dbsession.checking.suppression.fingerprints import essence
from flake8_dbsession.reading import LARGEST, Sources

if TYPE_CHECKING:
    import argparse


def brought(
    findings: Sequence[Finding], changes: Changes, options: argparse.Namespace
) -> list[Finding]:
    """Give the findings that a change brought.

    A session whose close was removed is opened on a line that did not change: what stands on other
    lines of a changed file is held against what the file, among the other changed ones as they were
    then, was reported for.

    Args:
        findings: of the changed files as they are.
        changes: the change.
        options: flake8's.
    """
    touched = set(changes.reported(findings))
    others = (each for each in findings if each not in touched and changes.knew(each.path))
    before = FileCheck(options, _AtCommit(changes))
    known: Counter[tuple[str, ...]] = Counter()
    for path in dict.fromkeys(each.path for each in others if not each.cell):
        known.update(map(_key, before.check(path).findings))
    return [each for each in findings if each in touched or _is_new(each, known, changes)]


def _is_new(finding: Finding, known: Counter[tuple[str, ...]], changes: Changes) -> bool:
    """Tell whether a finding was not there before; one of those that were is taken for it."""
    key = _key(finding)
    if known[key]:
        known[key] -= 1
        return False
    return not finding.cell and changes.knew(finding.path)


def _key(finding: Finding) -> tuple[str, ...]:
    statement = essence(finding.statement or finding.source)
    return finding.path, finding.code, finding.definition, statement


class _AtCommit(Sources):
    """The code as it was at the commit that a change begins at.

    Args:
        changes: the change.
    """

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def read_with_status(
        self, path: str | os.PathLike[str], *, most: int = LARGEST, links: bool = True
    ) -> tuple[bytes, os.stat_result | None]:
        """Read a file of code; what is no part of the change, or new, as it lies on disk."""
        content = self._changes.before(os.fspath(path))
        if content is None:
            return super().read_with_status(path, most=most, links=links)
        return content, None
