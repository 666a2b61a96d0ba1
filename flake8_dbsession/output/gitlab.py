"""Findings as a GitLab code quality report.

The form is that of GitLab's "Code Quality report format", a part of Code Climate's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TextIO

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.output.fingerprints import fingerprints
from flake8_dbsession.output.places import line_of_file, message, relative

_SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}


def write(findings: Sequence[Finding], stream: TextIO) -> None:
    """Write findings as an array of issues.

    Args:
        findings: what to write.
        stream: where to; it gets ASCII only.
    """
    prints = fingerprints(findings)
    issues = [_issue(finding, mark) for finding, mark in zip(findings, prints, strict=True)]
    json.dump(issues, stream, indent=2)
    stream.write("\n")


def _issue(finding: Finding, fingerprint: str) -> dict[str, object]:
    line = line_of_file(finding)
    return {
        "description": f"{finding.code} {message(finding)}",
        "check_name": finding.code,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[finding.level],
        "location": {
            "path": relative(finding.path),
            "lines": {"begin": line or 1, "end": finding.end_line if line else 1},
        },
    }
