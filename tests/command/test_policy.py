"""``dbsession policy``: the policy in force, the house, and what leads nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.command.group import main
from flake8_dbsession.policy.loading import forget_policies
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
    assert policy().stderr == "Warning: the layer `jobs` has no files: no path matches `jobs/`\n"


LAYERS = """
[[layers]]
name = "all"
paths = ["*"]

[[layers]]
name = "late"
paths = ["services/"]

[[layers]]
name = "routes"
paths = ["users/**"]
"""


@pytest.mark.usefixtures("project")
def test_why_a_layer_has_no_files(project: Path) -> None:
    write_project(project, {"dbsession.toml": LAYERS, "app/users/a.py": "x = 1\n"})
    forget_policies()
    warnings = [
        "Warning: the layer `late` has no files: those that its paths match lie in layers before "
        "it",
        "Warning: the layer `routes` has no files: `users/**` begins at the policy's folder; "
        "`**/users/**` is any",
    ]
    assert policy().stderr.splitlines() == warnings
    assert CliRunner().invoke(main, ["check"]).stderr.splitlines() == warnings
    assert CliRunner().invoke(main, ["check", "services"]).stderr == ""


VALUES = """
owners = ["core/", "kore/"]
exclude = ["vendor/", "!services/"]
factories = ["acme.make_session"]

[per-file-ignores]
"service/*.py" = "DBS101"
"!service/*.py" = "DBS102"
"services/*.py" = "DBS101"

[[layers]]
name = "services"
paths = ["services/"]
use = ["skope", "self.core.scope", "SessionLocal"]
"""


def test_values_that_lead_nowhere_are_warnings(project: Path) -> None:
    write_project(project, {"dbsession.toml": VALUES, "services/users.py": "self.core = 1\n"})
    forget_policies()
    assert policy().stderr.splitlines() == [
        "Warning: `owners` has `kore/`, which matches no file",
        "Warning: `exclude` has `vendor/`, which matches no file",
        "Warning: `per-file-ignores` has `service/*.py`, which matches no file",
        "Warning: `per-file-ignores` has `!service/*.py`, which matches no file",
        "Warning: `factories` has `acme.make_session`, and no file names `acme`",
        "Warning: [[layers]] `services`: `use` has `skope`, and no file names `skope`",
    ]


def test_layers_that_no_file_reaches_are_not_shown(project: Path) -> None:
    """A preset's below one of the user's that takes all; what tests are still counts."""
    policy_of_one = '[[layers]]\nname = "all"\npaths = ["*"]\nuse = "core.database:scope"\n'
    write_project(project, {"dbsession.toml": policy_of_one})
    forget_policies()
    lines = policy().stdout.partition("Layers")[2].partition("Found")[0].splitlines()[1:-1]
    assert [line.partition(":")[0].strip() for line in lines] == ["all", "tests"]


def test_functions_that_are_found_to_own_are_named(project: Path) -> None:
    """No file owns sessions as a whole, where the policy does not say so."""
    (project / "dbsession.toml").unlink()
    forget_policies()
    assert "core/database.py: scope, the top level (found)" in policy().stdout


def test_registries_are_found(project: Path) -> None:
    extensions = """
    from flask_sqlalchemy import SQLAlchemy
    from sqlalchemy.orm import scoped_session
    from core.database import SessionLocal

    db = SQLAlchemy()
    current = scoped_session(SessionLocal)

    def here():
        own = scoped_session(SessionLocal)
    """
    write_project(project, {"shelf/extensions.py": extensions})
    found = [line.strip() for line in policy().stdout.splitlines() if "registry" in line]
    assert found == [
        "registry of sessions: db.session (shelf/extensions.py)",
        "registry of sessions: current (shelf/extensions.py)",
    ]


def test_a_preset_says_what_it_is_for(project: Path) -> None:
    write_project(project, {"dbsession.toml": 'preset = "sqlite"\n'})
    forget_policies()
    assert "preset sqlite: The standard of a house that works on sqlite3" in policy().stdout


GENERATOR = """
def get_db():
    with SessionLocal() as db:
        yield db
"""


def test_a_generator_is_a_dependency_or_an_error(project: Path) -> None:
    """Whatever style a preset has for the layer: what is used tells, or is said to be wrong."""
    layer = '[[layers]]\nname = "services"\nuse = "core.database:get_db"\n'
    files = {"core/database.py": DATABASE + GENERATOR, "dbsession.toml": layer}
    write_project(project, files)
    forget_policies()
    assert "services: core.database:get_db (dependency)" in policy().stdout
    write_project(project, {"dbsession.toml": f'{layer}style = "context"\n'})
    forget_policies()
    result = policy()
    assert result.exit_code == 2
    assert "`core.database:get_db`, which is a dependency and no context manager" in result.stderr


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


@pytest.mark.parametrize("key", ["select = DBS1,DBS302", "extend-ignore = DBS305"])
def test_a_selection_that_flake8_s_overrules_is_said(key: str, project: Path) -> None:
    chosen = 'select = ["DBS"]\n[per-file-ignores]\n"services/" = ["DBS301"]\n'
    write_project(project, {"dbsession.toml": chosen, ".flake8": f"[flake8]\n{key}\n"})
    forget_policies()
    warning = (
        "Warning: the policy's `select`, `per-file-ignores` do not count, for flake8's "
        "configuration names DBS codes; keep them in one of the two"
    )
    shown = policy()
    assert shown.stderr.splitlines() == [warning]
    note = "(dbsession.toml; flake8's configuration counts instead)"
    assert f'select = ["DBS"]   {note}' in shown.stdout
    assert CliRunner().invoke(main, ["check"]).stderr.splitlines() == [warning]
    assert CliRunner().invoke(main, ["check", "-q"]).stderr == ""


@pytest.mark.parametrize("key", ["select = E,F,DBS", "max-line-length = 99", "ignore = E501"])
def test_a_selection_that_counts_is_not_doubted(key: str, project: Path) -> None:
    files = {"dbsession.toml": 'select = ["DBS"]\n', ".flake8": f"[flake8]\n{key}\n"}
    write_project(project, files)
    forget_policies()
    assert policy().stderr == ""
    assert CliRunner().invoke(main, ["check"]).stderr == ""
