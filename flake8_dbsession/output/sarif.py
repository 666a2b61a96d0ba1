"""Findings as SARIF 2.1.0, which GitHub's code scanning and most other services read.

The form: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from flake8_dbsession import __version__
from flake8_dbsession.checking.findings import Finding, Replacement
from flake8_dbsession.output.fingerprints import fingerprints
from flake8_dbsession.output.pages import HOME, Page, page_of
from flake8_dbsession.output.places import line_of_file, message, relative

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_SEVERITIES = {"error": "error", "warning": "warning", "note": "recommendation"}
"""The levels as code scanning names them for a rule."""


Fixes = Mapping[Finding, Sequence[Replacement]]
_NO_FIXES: Fixes = {}


def write(findings: Sequence[Finding], stream: TextIO, *, fixes: Fixes = _NO_FIXES) -> None:
    """Write findings as one run of SARIF.

    Args:
        findings: what to write.
        stream: where to; it gets ASCII only.
        fixes: what the fix of a finding replaces in its file.
    """
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(findings, fixes)]}
    json.dump(log, stream, indent=2)
    stream.write("\n")


def _run(findings: Sequence[Finding], fixes: Fixes) -> dict[str, Any]:
    codes = sorted({finding.code for finding in findings})
    driver = {
        "name": "flake8-dbsession",
        "version": __version__,
        "informationUri": HOME,
        "rules": [_rule(page_of(code)) for code in codes],
    }
    results = [
        _result(finding, codes.index(finding.code), mark, fixes.get(finding, ()))
        for finding, mark in zip(findings, fingerprints(findings), strict=True)
    ]
    return {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}


def _rule(page: Page) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": page.code,
        "name": page.name,
        "shortDescription": {"text": page.summary},
        "fullDescription": {"text": page.description},
        "defaultConfiguration": {"level": page.level},
        "properties": {
            "tags": list(page.tags),
            "precision": page.precision,
            "problem.severity": _SEVERITIES[page.level],
        },
    }
    if page.url:
        rule["help"] = {"text": page.markdown, "markdown": page.markdown}
        rule["helpUri"] = page.url
    return rule


def _result(
    finding: Finding, rule: int, fingerprint: str, replaced: Sequence[Replacement]
) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": _artifact(relative(finding.path))}
    if line_of_file(finding):
        place["region"] = _region(finding)
    location: dict[str, Any] = {"physicalLocation": place}
    if finding.definition:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.definition}]
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.level,
        "message": {"text": message(finding)},
        "locations": [location],
        "partialFingerprints": {"dbsession/v1": fingerprint},
    }
    if replaced:
        result["fixes"] = [_fix(finding, replaced)]
    return result


def _fix(finding: Finding, replaced: Sequence[Replacement]) -> dict[str, Any]:
    change = {
        "artifactLocation": _artifact(relative(finding.path)),
        "replacements": [_replacement(each) for each in replaced],
    }
    said = f"The safe fix of {finding.code}, as `dbsession fix` makes it"
    return {"description": {"text": said}, "artifactChanges": [change]}


def _replacement(replaced: Replacement) -> dict[str, Any]:
    region = {
        "startLine": replaced.line,
        "startColumn": 1,
        "endLine": replaced.end_line,
        "endColumn": replaced.end_column,
    }
    return {"deletedRegion": region, "insertedContent": {"text": replaced.text}}


def _artifact(path: str) -> dict[str, str]:
    if Path(path).is_absolute():
        return {"uri": Path(path).as_uri()}
    return {"uri": quote(path, errors="surrogateescape"), "uriBaseId": "%SRCROOT%"}


def _region(finding: Finding) -> dict[str, Any]:
    return {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
        "snippet": {"text": finding.source},
    }
