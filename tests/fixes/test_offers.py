"""The fixes that reports carry: each made alone, safe, and what ``dbsession fix`` would make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flake8_dbsession.checking.findings import Finding, Replacement
from flake8_dbsession.checking.running.run import Run
from flake8_dbsession.fixes.offers import offers, replacements
from flake8_dbsession.policy.loading import forget_policies
from tests.cases import HOUSE, write_project

TWICE = """\
from core.database import SessionLocal


def first():
    db = SessionLocal()
    try:
        return db.query(User).count()
    finally:
        db.close()


def second():
    db = SessionLocal()
    try:
        return db.query(User).count()
    finally:
        db.close()
"""
WRITES = """\
from core.database import SessionLocal


def save(user):
    db = SessionLocal()
    try:
        db.add(user)
        audit(db)
    finally:
        db.close()
"""
_TEXTS = st.lists(st.sampled_from(["a\n", "b\r\n", "  c\n", "\n", "\f\u2028d\r"])).map("".join)


def found(code: str) -> tuple[Run, list[Finding]]:
    run = Run([f"--select={code}"])
    return run, run.findings(run.files(["."]))


def replaced(text: str, edits: tuple[Replacement, ...]) -> str:
    """Make replacements as a viewer does: by lines and columns, from the bottom to the top."""
    starts = [0]
    for line in re.findall(r"[^\r\n]*(?:\r\n|\r|\n)", text):
        starts.append(starts[-1] + len(line))
    for edit in reversed(edits):
        start = starts[edit.line - 1]
        end = starts[edit.end_line - 1] + edit.end_column - 1
        text = text[:start] + edit.text + text[end:]
    return text


@given(_TEXTS, st.sampled_from(["", "end"]), _TEXTS, st.sampled_from(["", "end"]))
def test_replacements_lead_from_one_text_to_the_other(
    before: str, last: str, after: str, other: str
) -> None:
    edits = tuple(replacements(before + last, after + other))
    assert replaced(before + last, edits) == after + other


def test_each_finding_is_fixed_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path, {**HOUSE, "app.py": TWICE})
    monkeypatch.chdir(tmp_path)
    run, findings = found("DBS101")
    made = offers(findings, run.options)
    assert [(finding.code, finding.line) for finding in made] == [("DBS101", 5), ("DBS101", 13)]
    for finding, edits in made.items():
        write_project(tmp_path, {"app.py": replaced(TWICE, edits)})
        _, left = found("DBS101")
        assert len(left) == 1
        assert left[0].line != finding.line


def test_a_fix_with_a_doubt_is_offered_where_the_policy_accepts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = HOUSE["core/database.py"].replace("yield db", "yield db\n                db.commit()")
    write_project(tmp_path, {"core/database.py": house, "app.py": WRITES})
    monkeypatch.chdir(tmp_path)
    run, findings = found("DBS101")
    assert len(findings) == 1
    assert not offers(findings, run.options)
    write_project(tmp_path, {"dbsession.toml": "accept = ['commit']\n"})
    forget_policies()
    assert len(offers(findings, run.options)) == 1


def test_what_changed_since_it_was_checked_is_offered_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, {**HOUSE, "app.py": TWICE})
    monkeypatch.chdir(tmp_path)
    run, findings = found("DBS101")
    write_project(tmp_path, {"app.py": "if:\n"})
    assert not offers(findings, run.options)
    (tmp_path / "app.py").unlink()
    assert not offers(findings, run.options)
