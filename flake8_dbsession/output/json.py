"""Findings as a JSON array."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TextIO

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.output.pages import page_of


def write(findings: Sequence[Finding], stream: TextIO) -> None:
    """Write findings as an array of objects.

    Args:
        findings: what to write.
        stream: where to; it gets ASCII only.
    """
    json.dump([_object(finding) for finding in findings], stream, indent=2)
    stream.write("\n")


def _object(finding: Finding) -> dict[str, object]:
    page = page_of(finding.code)
    return {
        "code": finding.code,
        "name": page.name,
        "message": finding.message,
        "level": finding.level,
        "path": finding.path,
        "cell": finding.cell or None,
        "start": {"line": finding.line, "column": finding.column},
        "end": {"line": finding.end_line, "column": finding.end_column},
        "definition": finding.definition or None,
        "url": page.url,
    }
