"""``dbsession init``: what it prints, what it writes, and what it never overwrites."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.command import main
from flake8_dbsession.policy.loading import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "sqlite_manager"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").unlink()
    return tmp_path


def init(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", *arguments])


def test_prints_and_writes_nothing(project: Path) -> None:
    result = init(str(project))
    assert result.exit_code == 0
    assert '# connections = "self._get_connection"' in result.stdout
    assert "6 more findings" in result.stdout
    assert not (project / "dbsession.toml").exists()


def test_prints_for_the_working_directory(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert init().stdout == init(str(project)).stdout


def test_writes_what_it_prints(project: Path) -> None:
    printed = init(str(project)).stdout
    result = init(str(project), "--write")
    assert (result.exit_code, result.stdout) == (0, "")
    file = project / "dbsession.toml"
    assert file.read_text(encoding="utf-8") == printed
    assert load(file).preset == "standard"
    assert "Without this policy: " in result.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [("dbsession.toml", 'preset = "flask"\n'), ("pyproject.toml", "[tool.dbsession]\n")],
)
def test_never_overwrites_a_policy(project: Path, name: str, text: str) -> None:
    (project / name).write_text(text)
    before = sorted(project.iterdir())
    result = init(str(project), "--write")
    assert result.exit_code == 2
    assert f"{name} holds a policy already" in result.stderr
    assert (project / name).read_text() == text
    assert sorted(project.iterdir()) == before


def test_leaves_no_part_of_a_policy(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = sorted(project.iterdir())
    monkeypatch.setattr("os.fsync", full)
    result = init(str(project), "--write")
    assert result.exit_code == 2
    assert "dbsession.toml cannot be written: No space left on device" in result.stderr
    assert sorted(project.iterdir()) == before


def test_prints_beside_a_policy(project: Path) -> None:
    (project / "dbsession.toml").write_text('preset = "flask"\n')
    assert '# connections = "self._get_connection"' in init(str(project)).stdout


def test_unread_files_are_named(project: Path) -> None:
    (project / "broken.py").write_text("def f(:\n")
    Path(os.fsdecode(bytes(project) + b"/\xff.py")).write_text("import sqlite3\n")
    result = init(str(project))
    assert result.exit_code == 0
    assert "broken.py: cannot be parsed" in result.stderr
    assert "its name is not UTF-8" in result.stderr


def test_a_missing_folder_is_wrong_use() -> None:
    assert init("no_such_folder").exit_code == 2
