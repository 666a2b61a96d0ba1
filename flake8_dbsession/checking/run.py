"""A run over many files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from flake8_dbsession.checking.file_check import FileCheck
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.linter import BROKEN_POLICY, RULE_FAILED


def check_files(files: Sequence[str], options: argparse.Namespace) -> list[Finding]:
    """Check files.

    Args:
        files: their paths, as the report is to name them.
        options: flake8's.

    Returns:
        What flake8 would report of them, in its order.

    Raises:
        PolicyError: the policy or preset that the options name cannot be used.
    """
    check = FileCheck(options)
    found = [finding for file in files for finding in check.findings(file)]
    return sorted(found, key=lambda finding: finding.path)


def exit_code(findings: Sequence[Finding]) -> int:
    """Give a run's exit code: 0 for nothing found, 2 for what kept it from checking, else 1."""
    codes = {finding.code for finding in findings}
    if codes & {BROKEN_POLICY, RULE_FAILED}:
        return 2
    return 1 if codes else 0
