"""Every format, asked for by name as a user does."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from flake8_dbsession.command.group import main
from flake8_dbsession.output import FORMATS
from tests.cases import write_project


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_writes_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, {"app.py": "from core.database import SessionLocal\nSessionLocal()\n"})
    result = CliRunner().invoke(main, ["check", "--output-format", name, "app.py"])
    assert (result.exit_code, result.stderr) == (1, "")
    assert "DBS101" in result.stdout
    assert "app.py" in result.stdout
