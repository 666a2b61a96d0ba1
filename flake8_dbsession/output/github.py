"""Findings as commands by which a GitHub workflow annotates a pull request.

The form is that of GitHub's "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.output.places import line_of_file, message, relative

_COMMANDS = {"note": "notice"}


def write(findings: Sequence[Finding], stream: TextIO) -> None:
    """Write one ``::error``, ``::warning`` or ``::notice`` command a finding, by its level.

    Args:
        findings: what to write.
        stream: where to; in a workflow, standard output.
    """
    for finding in findings:
        properties = ",".join(f"{key}={_value(value)}" for key, value in _properties(finding))
        command = _COMMANDS.get(finding.level, finding.level)
        stream.write(f"::{command} {properties}::{_data(f'{finding.code} {message(finding)}')}\n")


def _properties(finding: Finding) -> list[tuple[str, str]]:
    place = [
        ("title", f"dbsession {finding.code}"),
        ("file", relative(finding.path)),
    ]
    if not line_of_file(finding):
        return place
    place += [("line", str(finding.line)), ("endLine", str(finding.end_line))]
    if finding.line == finding.end_line:  # GitHub takes columns within one line only
        place += [("col", str(finding.column)), ("endColumn", str(finding.end_column))]
    return place


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _value(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
