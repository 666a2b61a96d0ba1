"""``dbsession check`` as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.command import main
from tests.cases import write_project

BY_HAND = "from core.database import SessionLocal\n\ndb = SessionLocal()\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["check", *arguments], input=stdin)


def codes(result: Result) -> list[str]:
    return [line.split()[1] for line in result.stdout.splitlines()]


def test_nothing_found(project: Path) -> None:
    write_project(project, {"app.py": "x = 1\n"})
    result = check()
    assert (result.exit_code, result.output) == (0, "")


def test_found_in_the_working_directory(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND, "lib/broken.py": "if:\n"})
    result = check()
    assert result.exit_code == 1
    assert [line.split(" ")[0] for line in result.stdout.splitlines()] == [
        "./app.py:3:6:",
        "./app.py:3:6:",
        "./lib/broken.py:1:4:",
    ]


def test_selection(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND, "broken.py": "if:\n"})
    assert codes(check("--select", "DBS1")) == ["DBS101"]
    assert codes(check("--ignore", "DBS201,E999")) == ["DBS101"]


def test_missing_path_is_wrong_use(project: Path) -> None:
    result = check("apps")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: apps: there is no such file or folder; check the spelling\n"


def test_broken_policy(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND, "dbsession.toml": "presets = 'flask'\n"})
    result = check("--select", "DBS101")
    assert result.exit_code == 2
    assert codes(result) == ["DBS001"]


def test_broken_flake8_configuration(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND, "setup.cfg": "[flake8]\nextend-ignore = dbs-101\n"})
    result = check()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: flake8's configuration cannot be used: Error code 'dbs-101'" in result.stderr


def test_policy_named_in_flake8_configuration_is_missing(project: Path) -> None:
    write_project(project, {"app.py": BY_HAND, ".flake8": "[flake8]\ndbsession-policy = no.toml\n"})
    result = check()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: no.toml: there is no such file\n"


def test_standard_input(project: Path) -> None:
    write_project(project, {"app.py": "x = 1\n"})
    result = check("--stdin-filename", "app.py", "-", stdin=BY_HAND)
    assert result.exit_code == 1
    assert [line.split(" ")[0] for line in result.stdout.splitlines()] == [
        "app.py:3:6:",
        "app.py:3:6:",
    ]
