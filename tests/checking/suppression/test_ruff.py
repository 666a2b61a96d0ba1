"""What ruff's configuration lacks is said, and the real ruff agrees that it lacks it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from flake8_dbsession.checking.suppression.ruff import advice
from flake8_dbsession.command.group import main
from tests.cases import HOUSE, write_project

CODE = "x = 1  # noqa: DBS101\n"
KNOWS = '[lint]\nexternal = ["DBS"]\n'
LACKS = '[lint]\nexternal = ["X"]\n'

CONFIGURATIONS = [
    ({"ruff.toml": ""}, "ruff.toml"),
    ({"ruff.toml": KNOWS}, None),
    ({"ruff.toml": '[lint]\nexternal = ["D"]\n'}, None),
    ({"ruff.toml": '[lint]\nexternal = []\nselect = ["RUF"]\n'}, "ruff.toml"),
    ({"ruff.toml": 'external = ["DBS"]\n'}, None),
    ({".ruff.toml": LACKS, "ruff.toml": KNOWS}, ".ruff.toml"),
    ({"pyproject.toml": "[tool.ruff]\n"}, "pyproject.toml"),
    ({"pyproject.toml": '[tool.ruff.lint]\nexternal = ["DBS"]\n'}, None),
    ({"pyproject.toml": "[tool.ruff]\n", "ruff.toml": KNOWS}, None),
    ({"ruff.toml": "extend = 'base/b.toml'\n", "base/b.toml": KNOWS}, None),
    ({"ruff.toml": f"extend = 'base/b.toml'\n{LACKS}", "base/b.toml": KNOWS}, "ruff.toml"),
    ({"ruff.toml": "extend = 'base/b.toml'\n", "base/b.toml": "line-length = 90"}, "ruff.toml"),
    ({"ruff.toml": KNOWS, "app/pyproject.toml": "[project]\nname = 'a'\nversion = '1'\n"}, None),
    ({"ruff.toml": KNOWS, "app/ruff.toml": ""}, "app/ruff.toml"),
]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("files", "lacking"), CONFIGURATIONS)
def test_what_lacks_it(project: Path, files: dict[str, str], lacking: str | None) -> None:
    write_project(project, {**files, "app/a.py": CODE})
    said = advice(["app"])
    assert [line.partition(":")[0] for line in said] == ([lacking] if lacking else [])


@pytest.mark.parametrize(("files", "lacking"), CONFIGURATIONS)
def test_ruff_takes_the_comment_away_where_it_is_said(
    project: Path, files: dict[str, str], lacking: str | None
) -> None:
    pytest.importorskip("ruff")
    write_project(project, {**files, "app/a.py": CODE})
    command = ["-m", "ruff", "check", "--no-cache", "--fix", "--extend-select=RUF", "app"]
    subprocess.run([sys.executable, *command], capture_output=True)
    assert (project / "app/a.py").read_text() == ("x = 1\n" if lacking else CODE)


def test_the_advice_is_what_ruff_wants(project: Path) -> None:
    write_project(project, {"pyproject.toml": "[tool.ruff]\n", "a.py": CODE})
    assert advice([""]) == [
        'pyproject.toml: write `external = ["DBS"]` under `[tool.ruff.lint]`; without it '
        "`ruff check --fix` takes each `# noqa: DBS...` comment away, by RUF100 or RUF102"
    ]
    write_project(project, {"pyproject.toml": '[tool.ruff.lint]\nexternal = ["DBS"]\n'})
    assert advice([""]) == []


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pyproject.toml": "[tool.black]\n"},
        {"ruff.toml": "no toml"},
        {"ruff.toml": "extend = '~/ruff.toml'\n"},
        {"ruff.toml": "extend = '$HOME/ruff.toml'\n"},
        {"ruff.toml": "extend = '../ruff.toml'\n"},
        {"ruff.toml": "extend = 'ruff.toml'\n"},
        {"ruff.toml": "extend = 1\n"},
    ],
)
def test_what_cannot_be_told_is_not_said(project: Path, files: dict[str, str]) -> None:
    write_project(project, files)
    assert advice(["."]) == []


@pytest.mark.parametrize("arguments", [["check", "--add-noqa"], ["baseline"], ["init"]])
def test_the_commands_say_it(project: Path, arguments: list[str]) -> None:
    opens = "from core.database import SessionLocal\n\ndb = SessionLocal()\n"
    write_project(project, {**HOUSE, "app.py": opens, "ruff.toml": ""})
    assert 'ruff.toml: write `external = ["DBS"]`' in CliRunner().invoke(main, arguments).stderr
    write_project(project, {"ruff.toml": KNOWS, "app.py": opens})
    assert "external" not in CliRunner().invoke(main, arguments).stderr
    assert (project / "ruff.toml").read_text() == KNOWS
