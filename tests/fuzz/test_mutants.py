"""Everything holds of the examples, however they are changed."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.runs import fuzz, sources

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_mutants_of_the_examples(tmp_path: Path) -> None:
    found = list(fuzz(sources([EXAMPLES]), 500, 1, tmp_path))
    assert [f"{failure.path}: {failure.what}" for failure, _ in found] == []


def test_what_does_not_hold_is_seen(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("flake8_dbsession.linter.Linter.check", broken)
    found = list(fuzz(sources([EXAMPLES]), 10, 1, tmp_path))
    assert any("check: ZeroDivisionError" in failure.what for failure, _ in found)
