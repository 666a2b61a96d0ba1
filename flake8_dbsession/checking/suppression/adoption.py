"""How an old code base begins: the known left out, only changed lines, or a comment beside each."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import groupby

from flake8.style_guide import Decision, DecisionEngine

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.suppression.baseline import Baseline, Entry, is_recordable
from flake8_dbsession.checking.suppression.fingerprints import Fingerprint
from flake8_dbsession.checking.suppression.noqa import add_noqa
from flake8_dbsession.failures import BROKEN_POLICY


class BaselineRun:
    """A run held against a baseline.

    Args:
        baseline: the baseline.
        files: the files that were checked, as the run names them.
        options: flake8's.
    """

    def __init__(
        self, baseline: Baseline, files: Sequence[str], options: argparse.Namespace
    ) -> None:
        self._baseline = baseline
        self._files = files
        self._decisions = DecisionEngine(options)

    def compare(self, findings: Sequence[Finding]) -> tuple[list[Finding], dict[Entry, int]]:
        """Give the findings that are new, and the entries that the run finds gone."""
        comparison = self._baseline.compare(map(self._entry, findings))
        new = [findings[position] for position in comparison.new]
        return new, self._in_run(comparison.gone, findings)

    def is_whole(self, findings: Sequence[Finding]) -> bool:
        """Tell whether the run speaks of all that the baseline lists."""
        return self._in_run(self._baseline.known, findings) == self._baseline.known

    def record(self, findings: Sequence[Finding]) -> Baseline:
        """Give the baseline with the findings in the place of what it had of these files."""
        replacing = self._in_run(self._baseline.known, findings)
        return self._baseline.record(map(self._entry, findings), replacing)

    def _entry(self, finding: Finding) -> Entry:
        fingerprint = Fingerprint(finding.definition, finding.statement)
        return self._baseline.entry(finding.path, finding.code, fingerprint)

    def _in_run(
        self, entries: Mapping[Entry, int], findings: Sequence[Finding]
    ) -> dict[Entry, int]:
        """Give the entries that the run speaks of: of files it checked and of deleted ones.

        Of a file that could not be checked it says nothing, and under a broken policy of none.
        """
        if not entries or is_of_broken_policy(findings):
            return {}
        failed = {finding.path for finding in findings if not is_recordable(finding.code)}
        checked = {self._baseline.relative(file) for file in self._files if file not in failed}
        folder = self._baseline.file.parent
        return {
            entry: count
            for entry, count in entries.items()
            if (entry.path in checked or not (folder / entry.path).exists())
            and self._decisions.decision_for(entry.code) is Decision.Selected
        }


def is_of_broken_policy(findings: Sequence[Finding]) -> bool:
    """Tell whether a policy of the run could not be used, so that what it hides is not known."""
    return any(finding.code == BROKEN_POLICY for finding in findings)


def hide(
    findings: Sequence[Finding], options: argparse.Namespace
) -> tuple[list[Finding], list[RunError]]:
    """Write ``# noqa`` comments beside findings.

    Args:
        findings: the findings, those of a file together.
        options: flake8's.

    Returns:
        The findings beside which no comment can stand, and why files cannot be read or written.
    """
    left: list[Finding] = []
    errors: list[RunError] = []
    for path, group in groupby(findings, key=lambda finding: finding.path):
        of_file = list(group)
        try:
            left += add_noqa(path, of_file, options)
        except RunError as error:
            left += of_file
            errors.append(error)
    return left, errors
