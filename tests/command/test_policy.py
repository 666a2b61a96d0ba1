"""``dbsession policy``: the policy in force, the house, and what leads nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.command import main
from flake8_dbsession.policy.schema import schema
from tests.cases import write_project

DATABASE = """
from contextlib import contextmanager
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

engine = create_engine("postgresql://db/shop")
SessionLocal = sessionmaker(engine)


@contextmanager
def scope():
    with SessionLocal() as db:
        yield db
"""
POLICY = """
owners = ["core/database.py"]
enable = ["hand-transaction"]
levels = { DBS301 = "note" }

[[layers]]
name = "services"
paths = ["services/"]
use = "core.database:scope"

[[layers]]
name = "jobs"
paths = ["jobs/"]
use = "core.database:scope"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {"core/__init__.py": "", "core/database.py": DATABASE, "services/users.py": "x = 1\n"}
    write_project(tmp_path, {**files, "dbsession.toml": POLICY})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def policy(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["policy", *arguments])


@pytest.mark.usefixtures("project")
def test_every_value_has_its_source() -> None:
    result = policy()
    assert result.exit_code == 0
    assert 'owners = ["core/database.py"]   (dbsession.toml)' in result.stdout
    assert 'levels.DBS301 = "note"   (dbsession.toml)' in result.stdout
    assert "(preset standard)" in result.stdout
    assert "services: core.database:scope (context)" in result.stdout
    assert "provider of sessions: scope (core/database.py)" in result.stdout
    assert "core/database.py:6: create_engine(" in result.stdout


@pytest.mark.usefixtures("project")
def test_a_layer_without_files_is_a_warning() -> None:
    assert policy().stderr == "Warning: the layer `jobs` has no files\n"


@pytest.mark.usefixtures("project")
def test_a_file_has_its_layer() -> None:
    lines = policy("services/users.py", "test_users.py").stdout.splitlines()
    at = lines.index("Files")
    assert lines[at + 1 :] == [
        "  services/users.py: services: core.database:scope (context)",
        "  test_users.py: tests: nothing named",
    ]


@pytest.mark.usefixtures("project")
def test_a_folder_has_the_policy_that_its_files_have(project: Path) -> None:
    inside = policy(".").stdout
    assert inside == policy().stdout
    assert str(project / "dbsession.toml") in inside


@pytest.mark.usefixtures("project")
def test_as_json() -> None:
    data = json.loads(policy("--json", "services/users.py").stdout)
    assert data["preset"] == "standard"
    assert {"key": "owners", "value": ["core/database.py"], "source": "dbsession.toml"} in data[
        "values"
    ]
    assert data["house"]["owners"] == ["core/database.py"]
    assert data["files"] == [
        {"path": "services/users.py", "layer": "services", "use": ["core.database:scope"]}
    ]


def test_what_leads_nowhere(project: Path) -> None:
    (project / "dbsession.toml").write_text(POLICY.replace("database:scope", "database:skope", 1))
    result = policy()
    assert result.exit_code == 2
    assert "Error: dbsession.toml:9: [[layers]] `services`: `use` has" in result.stderr
    data = json.loads(policy("--json").stdout)
    assert [each["line"] for each in data["nowhere"]] == [9]


def test_a_broken_policy(project: Path) -> None:
    (project / "dbsession.toml").write_text("onwers = []")
    result = policy()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: dbsession.toml:1: unknown key `onwers`")


def test_without_a_policy(project: Path) -> None:
    (project / "dbsession.toml").unlink()
    result = policy()
    assert result.exit_code == 0
    assert "none; the preset standard holds" in result.stdout
    assert "services: get_db_session (context), where the project has it" in result.stdout


@pytest.mark.usefixtures("project")
def test_the_schema() -> None:
    assert json.loads(policy("--schema").stdout) == schema()
