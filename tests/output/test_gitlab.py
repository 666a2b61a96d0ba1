"""GitLab's code quality report, by what its documentation asks of an issue."""

from __future__ import annotations

import json

import jsonschema
from hypothesis import given, settings

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.output.gitlab import write
from tests.output.samples import ANY, FINDINGS, RAW, written

# https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
_TEXT = {"type": "string", "minLength": 1}
_LINE = {"type": "integer", "minimum": 1}
ISSUE = {
    "type": "object",
    "required": ["description", "check_name", "fingerprint", "severity", "location"],
    "properties": {
        "description": _TEXT,
        "check_name": _TEXT,
        "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
        "location": {
            "type": "object",
            "required": ["path", "lines"],
            "properties": {
                "path": {"type": "string", "pattern": "^(?!\\./)"},
                "lines": {
                    "type": "object",
                    "required": ["begin"],
                    "properties": {"begin": _LINE, "end": _LINE},
                },
            },
        },
    },
}
REPORT = {"type": "array", "items": ISSUE}


@settings(max_examples=50, deadline=None)
@given(ANY)
def test_any_finding_fits_and_has_its_own_fingerprint(findings: list[Finding]) -> None:
    issues = json.loads(written(write, [*findings, *FINDINGS]))
    jsonschema.validate(issues, REPORT)
    assert len({issue["fingerprint"] for issue in issues}) == len(findings) + len(FINDINGS)


def test_an_issue() -> None:
    (issue,) = json.loads(written(write, [RAW]))
    fingerprint = issue.pop("fingerprint")
    assert issue == {
        "description": f"DBS101 {RAW.message}",
        "check_name": "DBS101",
        "severity": "minor",
        "location": {"path": "app/my users.py", "lines": {"begin": 7, "end": 7}},
    }
    (moved,) = json.loads(written(write, [RAW._replace(line=9, end_line=9)]))
    assert moved["fingerprint"] == fingerprint


def test_a_level_has_its_severity() -> None:
    levels = ("error", "warning", "note")
    issues = json.loads(written(write, [RAW._replace(level=level) for level in levels]))
    assert [issue["severity"] for issue in issues] == ["major", "minor", "info"]


def test_nothing_found_is_an_empty_report() -> None:
    assert json.loads(written(write, [])) == []
