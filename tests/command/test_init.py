"""``dbsession init``: what it prints, what it writes, and what it never overwrites."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.command.group import main
from flake8_dbsession.policy.loading import forget_policies, load
from tests.cases import write_project

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
    assert "6 more places" in result.stdout
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
    assert "without this policy: " in result.stderr


@pytest.mark.parametrize(
    "text",
    ["", '[project]\nname = "x"', "# café\r\n[tool.ruff]\r\nline-length = 100  # ours\r\n"],
)
def test_writes_into_the_project_s_own_file(project: Path, text: str) -> None:
    init(str(project), "--write")
    alone = load(project / "dbsession.toml")
    (project / "dbsession.toml").unlink()
    forget_policies()
    file = project / "pyproject.toml"
    file.write_bytes(text.encode())
    result = init(str(project), "--write")
    assert f"{file}: written" in result.stderr
    assert not (project / "dbsession.toml").exists()
    written = file.read_bytes()
    assert written.startswith(text.encode())
    assert written.count(b"\r\n") in (0, written.count(b"\n"))
    assert load(file).layers == alone.layers
    assert load(file).preset == alone.preset
    forget_policies()
    assert init(str(project), "--write").exit_code == 2


@pytest.mark.parametrize("text", ["tool = {}\n", "[tool\n"])
def test_writes_a_file_of_its_own_beside_one_that_takes_no_table(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(text)
    init(str(project), "--write")
    assert (project / "pyproject.toml").read_text() == text
    assert (project / "dbsession.toml").exists()


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


FACTORY = """
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

engine = create_engine("sqlite://")
SessionLocal = sessionmaker(engine)
"""
RAW = """
from database import SessionLocal

def work():
    db = SessionLocal()
    db.query(1)
    db.close()
"""


def house(folder: Path, database: str = FACTORY) -> Path:
    (folder / ".git").mkdir()
    (folder / "work.py").write_text(RAW)
    file = folder / "database.py"
    file.write_bytes(database.encode())
    return file


def test_a_provider_is_written_beside_the_factory(tmp_path: Path) -> None:
    file = house(tmp_path, FACTORY + '\nif __name__ == "__main__":\n    print(1)\n')
    result = init(str(tmp_path), "--write", "--with-provider")
    assert result.exit_code == 0, result.stderr
    text = file.read_text()
    assert text.index("SessionLocal =") < text.index("def get_db_session") < text.index("if __name")
    assert "has no provider" not in (tmp_path / "dbsession.toml").read_text()
    module: dict[str, object] = {}
    exec(text, module)
    assert callable(module["get_db_session"])


def test_a_provider_takes_no_name_that_is_taken(tmp_path: Path) -> None:
    taken = "\ndef get_db_session():\n    return SessionLocal()\n"
    file = house(tmp_path, FACTORY + taken)
    result = init(str(tmp_path), "--write", "--with-provider")
    assert "`session_scope` written" in result.stderr
    text = file.read_text()
    assert text.count("def get_db_session") == text.count("def session_scope") == 1


def test_a_provider_keeps_line_ends_and_a_factory_named_as_the_class(tmp_path: Path) -> None:
    database = FACTORY.replace("SessionLocal", "Session").replace("\n", "\r\n")
    file = house(tmp_path, database)
    assert init(str(tmp_path), "--write", "--with-provider").exit_code == 0
    data = file.read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n")
    assert b"import Session as SQLAlchemySession" in data


def test_a_provider_imports_nothing_twice(tmp_path: Path) -> None:
    at_hand = "from sqlalchemy.orm import Session, sessionmaker"
    file = house(tmp_path, FACTORY.replace("from sqlalchemy.orm import sessionmaker", at_hand))
    assert init(str(tmp_path), "--write", "--with-provider").exit_code == 0
    text = file.read_text()
    assert at_hand in text
    assert text.count("import Session") == 1
    assert "-> Iterator[Session]:" in text


def test_a_provider_can_be_written_after_the_policy(tmp_path: Path) -> None:
    file = house(tmp_path)
    assert init(str(tmp_path), "--write").exit_code == 0
    policy = (tmp_path / "dbsession.toml").read_bytes()
    forget_policies()
    assert init(str(tmp_path), "--write", "--with-provider").exit_code == 0
    assert "def get_db_session" in file.read_text()
    assert (tmp_path / "dbsession.toml").read_bytes() == policy


@pytest.mark.parametrize(
    ("database", "reason"),
    [
        ("import sqlite3\n", "no session factory is found"),
        (
            FACTORY
            + "from contextlib import contextmanager\n"
            + "@contextmanager\ndef scope():\n    with SessionLocal() as db:\n        yield db\n",
            "every factory has a provider",
        ),
    ],
)
def test_where_no_provider_can_be_written_nothing_is(
    database: str, reason: str, tmp_path: Path
) -> None:
    file = house(tmp_path, database)
    result = init(str(tmp_path), "--write", "--with-provider")
    assert result.exit_code == 2
    assert reason in result.stderr
    assert file.read_text() == database
    assert not (tmp_path / "dbsession.toml").exists()


def test_of_two_factories_the_other_one_is_named(tmp_path: Path) -> None:
    house(tmp_path, FACTORY + "Archive = sessionmaker(engine)\n")
    result = init(str(tmp_path), "--write", "--with-provider")
    assert "`database:Archive` has no provider yet" in result.stderr
    again = init(str(tmp_path), "--write", "--with-provider")
    assert "`session_scope` written, for `Archive`" in again.stderr
    assert "has no provider yet" not in again.stderr
    assert init(str(tmp_path), "--write", "--with-provider").exit_code == 2


BOTH = """
from database import SessionLocal

def more():
    with SessionLocal() as db:
        db.query(1)
"""


def test_what_is_announced_counts_the_provider_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block of the factory's own is past the provider, once there is one."""
    house(tmp_path)
    (tmp_path / "more.py").write_text(BOTH)
    monkeypatch.chdir(tmp_path)
    result = init("--write", "--with-provider")
    forget_policies()
    report = CliRunner().invoke(main, ["report"]).stdout
    found = CliRunner().invoke(main, ["check", "-q"]).stdout.splitlines()
    share = report.partition(" migrated")[0]
    announced = f"with it and the provider: {len(found)} findings, {share} migrated."
    assert announced in result.stderr
    assert announced in (tmp_path / "dbsession.toml").read_text()


def test_prints_the_form_that_it_writes(project: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "x"\n')
    printed = init(str(project)).stdout
    assert printed.startswith("[tool.dbsession]\n")
    init(str(project), "--write")
    assert (project / "pyproject.toml").read_text().endswith(printed)


def test_a_method_is_named_with_its_class_and_proposed_with_its_object(tmp_path: Path) -> None:
    manager = """
        import sqlite3
        from contextlib import contextmanager

        class Manager:
            @contextmanager
            def get_connection(self):
                conn = sqlite3.connect("notes.db")
                try:
                    yield conn
                finally:
                    conn.close()

        manager = Manager()
    """
    use = """
        import sqlite3
        from notes.manager import manager
        from notes.models import Session

        def count():
            with manager.get_connection() as conn:
                return conn.execute("x").fetchone()

        def other(path):
            conn = sqlite3.connect(path)
            return conn.execute("x").fetchone()

        def rows():
            with Session() as session:
                return session.execute("x").all()
    """
    models = "from sqlalchemy.orm import sessionmaker\nSession = sessionmaker()\n"
    files = {"notes/__init__.py": "", "notes/manager.py": manager}
    write_project(tmp_path, files | {"notes/jobs.py": use, "notes/models.py": models})
    text = init(str(tmp_path)).stdout
    assert "notes.manager:Manager.get_connection  (method, provider of connections)" in text
    assert '# connections = "notes.manager:manager.get_connection"' in text


def test_quiet_prints_the_policy_alone(project: Path) -> None:
    result = init(str(project), "--quiet")
    assert (result.stdout, result.stderr) == (init(str(project)).stdout, "")
