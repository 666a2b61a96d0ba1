"""``dbsession cache`` and the options that say where results are kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.checking.caching.records import VARIABLE
from flake8_dbsession.command.group import main
from tests.cases import write_project


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    write_project(tmp_path / "project", {"app.py": "x = 1\n"})


def test_the_option_wins_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "environment"))
    assert run("check", "--cache-dir", str(tmp_path / "option")).exit_code == 0
    assert len(list((tmp_path / "option").iterdir())) == 1
    assert not (tmp_path / "environment").exists()
    assert run("check").exit_code == 0
    assert len(list((tmp_path / "environment").iterdir())) == 1


def test_no_cache_leaves_nothing(tmp_path: Path) -> None:
    assert run("check", "--no-cache", "--cache-dir", str(tmp_path / "records")).exit_code == 0
    assert not (tmp_path / "records").exists()


def test_clean_removes_records_and_nothing_else(tmp_path: Path) -> None:
    records = tmp_path / "records"
    run("check", "--cache-dir", str(records))
    (records / "mine.json").write_text("{}")
    (records / f"{'0' * 32}.json").symlink_to(tmp_path)
    result = run("cache", "clean", "--cache-dir", str(records))
    assert (result.exit_code, result.stdout) == (0, f"1 record removed from {records}\n")
    assert len(list(records.iterdir())) == 2
    result = run("cache", "clean", "--cache-dir", str(tmp_path / "nowhere"))
    assert (result.exit_code, result.stdout) == (
        0,
        f"0 records removed from {tmp_path / 'nowhere'}\n",
    )
