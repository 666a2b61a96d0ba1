"""What flake8 keeps of a file holds as long as all that it rests on is the same."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from flake8_dbsession.analysis.facts import teardowns
from flake8_dbsession.analysis.names import project as project_module
from flake8_dbsession.checking import kept
from flake8_dbsession.checking.cache_folder import FOLDER, write
from flake8_dbsession.checking.kept import SUFFIX, Kept
from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.rules.base import Violation
from tests.cases import forget_policies, write_project
from tests.flake8_runs import run_flake8

FACTORY = """\
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

db_maker = sessionmaker(bind=create_engine("postgresql://db"))
"""
USER = """\
from core import db_maker


def save(user):
    db = db_maker()
    db.add(user)
    db.commit()
"""
FLASK = """\
from flask import Flask
from sqlalchemy.orm import scoped_session, sessionmaker

app = Flask(__name__)
db_session = scoped_session(sessionmaker())


@app.route("/users")
def users():
    return db_session.query(User).all()
"""
PROJECT = {"app.py": USER, "core.py": FACTORY}


class Project:
    """A project whose file ``app.py`` is checked run after run."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.settings = Settings()
        self.is_checked = False
        check = Linter.check

        def noted(linter: Linter, filename: str, text: str, tree: ast.Module) -> list[Violation]:
            self.is_checked = True
            return check(linter, filename, text, tree)

        monkeypatch.setattr(Linter, "check", noted)

    def write(self, files: dict[str, str]) -> None:
        """Write files."""
        write_project(self.folder, files)

    def run(self) -> list[str]:
        """Check the file in a run of its own and give the codes found; note whether it was known.

        What is kept must be what a check gives.
        """
        forget_policies()
        path = self.folder / "app.py"
        text = path.read_text()
        checked = Linter(self.settings).check(str(path), text, ast.parse(text))
        self.is_checked = False
        found = Kept(self.settings).check(str(path), text, ast.parse(text))
        assert found == checked
        return [violation.code for violation in found]

    def run_again(self) -> list[str]:
        """Check twice; the second time the result must be known."""
        self.run()
        found = self.run()
        assert not self.is_checked
        return found

    @property
    def entries(self) -> list[Path]:
        """The files of the cache."""
        return [*self.folder.glob(f"{FOLDER}/*{SUFFIX}")]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path, monkeypatch)


def test_an_unchanged_file_is_known(project: Project) -> None:
    project.write(PROJECT)
    assert project.run_again() == ["DBS101", "DBS302"]
    assert len(project.entries) == 1


def test_a_changed_file_is_checked_again(project: Project) -> None:
    project.write(PROJECT)
    project.run_again()
    project.write({"app.py": USER + "    db.close()\n"})
    assert project.run() == ["DBS101", "DBS303", "DBS301"]
    assert project.is_checked
    assert len(project.entries) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"core.py": "db_maker = dict\n"},
        {"app/__init__.py": "", "core/__init__.py": "db_maker = dict\n"},
    ],
    ids=["another content", "another module takes its place"],
)
def test_a_change_in_what_is_imported_counts(project: Project, change: dict[str, str]) -> None:
    project.write(PROJECT)
    project.run_again()
    project.write(change)
    assert project.run() == []
    assert project.is_checked


def test_so_does_one_behind_a_re_export(project: Project) -> None:
    project.write({**PROJECT, "core.py": "from deep import *\n", "deep.py": FACTORY})
    assert project.run_again() == ["DBS101", "DBS302"]
    project.write({"deep.py": "db_maker = dict\n"})
    assert project.run() == []


def test_so_does_a_module_that_was_missing(project: Project) -> None:
    project.write({**PROJECT, "core.py": "from .deep import db_maker\n"})
    assert project.run_again() == []
    project.write({"deep.py": FACTORY})
    assert project.run() == ["DBS101", "DBS302"]


def test_so_does_one_that_goes(project: Project) -> None:
    project.write(PROJECT)
    project.run_again()
    (project.folder / "core.py").unlink()
    assert project.run() == []


def test_a_change_elsewhere_does_not_count(project: Project) -> None:
    project.write(PROJECT)
    project.run_again()
    project.write({"other.py": FACTORY, "setup.cfg": "[metadata]\n", "core.txt": ""})
    project.run()
    assert not project.is_checked


@pytest.mark.parametrize("name", ["dbsession.toml", "pyproject.toml"])
def test_a_policy_counts(project: Project, name: str) -> None:
    header = "[tool.dbsession]\n" if name == "pyproject.toml" else ""
    project.write(PROJECT)
    project.run_again()
    project.write({name: f'{header}owners = ["app.py"]\n'})
    assert project.run_again() == ["DBS302"]
    project.write({name: f'{header}owners = ["other.py"]\n'})
    assert project.run() == ["DBS101", "DBS302"]


def test_the_options_count(project: Project) -> None:
    project.write({**PROJECT, "app.py": USER.replace("from core import db_maker", "import x")})
    assert project.run_again() == []
    project.settings = Settings(factories=("db_maker",))
    assert project.run_again() == ["DBS101", "DBS302"]
    project.settings = Settings(factories=("db_maker",), owners=("app.py",))
    assert project.run() == ["DBS302"]


def test_the_selection_counts(project: Project) -> None:
    project.write({**PROJECT, "app.py": USER.replace("db.add(user)", "db.execute('x')")})
    codes = project.run_again()
    project.settings = Settings(selected=frozenset({"DBS307"}))
    project.run()
    assert project.is_checked
    project.settings = Settings()
    assert project.run() == codes


def test_another_version_checks_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write(PROJECT)
    project.run_again()
    monkeypatch.setattr(kept, "state_of_code", lambda: ["new"])
    project.run()
    assert project.is_checked


@pytest.mark.parametrize(
    "content", ["", "{", "0\n{}", "x\n{}", "\ud800"], ids=["empty", "cut", "sum", "no sum", "text"]
)
def test_a_damaged_result_is_made_anew(project: Project, content: str) -> None:
    project.write(PROJECT)
    project.run_again()
    project.entries[0].write_bytes(content.encode(errors="surrogatepass"))
    assert project.run() == ["DBS101", "DBS302"]
    assert project.is_checked
    project.run()
    assert not project.is_checked


def test_where_nothing_can_be_kept_all_goes_on(project: Project) -> None:
    project.write({**PROJECT, FOLDER: "a file where the folder would be"})
    assert project.run() == project.run() == ["DBS101", "DBS302"]


def test_nothing_is_kept_at_home_or_above(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(PROJECT)
    for home in (project.folder, project.folder / "home" / "me"):
        monkeypatch.setenv("HOME", str(home))
        project.run()
        assert not (project.folder / FOLDER).exists()


def test_a_link_out_of_the_project_is_not_followed(project: Project, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    project.write(PROJECT)
    (project.folder / FOLDER).symlink_to(outside)
    assert project.run() == project.run() == ["DBS101", "DBS302"]
    assert project.is_checked
    assert [*outside.iterdir()] == []


def test_a_result_that_is_a_link_is_not_read(project: Project) -> None:
    project.write(PROJECT)
    project.run_again()
    entry = project.entries[0]
    entry.rename(project.folder / "moved")
    entry.symlink_to(project.folder / "moved")
    project.run()
    assert project.is_checked


@pytest.mark.parametrize("content", [b"[]", b"null", b"{}", b"[" * 100_000])
def test_a_result_of_another_form_is_made_anew(project: Project, content: bytes) -> None:
    project.write(PROJECT)
    project.run_again()
    write(str(project.entries[0]), content)
    assert project.run() == ["DBS101", "DBS302"]
    assert project.is_checked


def test_a_folder_that_is_there_keeps_itself_out_of_git(project: Project) -> None:
    project.write(PROJECT)
    (project.folder / FOLDER).mkdir()
    project.run()
    assert (project.folder / FOLDER / ".gitignore").read_text() == "*\n"


def test_a_module_too_large_to_be_followed_keeps_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_module, "LARGEST_MODULE", 10)
    project.write(PROJECT)
    assert project.run() == []
    assert project.entries == []


def test_neither_does_a_project_too_large_to_be_searched(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teardowns, "_MOST_FILES", 1)
    project.write({"app.py": FLASK, "b.py": ""})
    assert "DBS407" not in project.run()
    assert project.entries == []


def test_a_policy_counts_as_it_was_when_it_was_loaded(project: Project) -> None:
    policy = {"dbsession.toml": 'owners = ["nobody.py"]\n'}
    project.write({**PROJECT, **policy})
    path = project.folder / "app.py"
    results = Kept(project.settings)
    assert not results.check(str(project.folder / "x.py"), "x = 1\n", ast.parse("x = 1\n"))
    project.write({"dbsession.toml": 'owners = ["app.py"]\n'})
    results.check(str(path), USER, ast.parse(USER))
    assert project.run() == ["DBS302"]


def test_outside_of_any_project_nothing_is_kept(project: Project) -> None:
    project.write(PROJECT)
    (project.folder / ".git").rmdir()
    assert project.run() == ["DBS101", "DBS302"]
    assert not (project.folder / FOLDER).exists()


def test_nothing_is_kept_of_a_file_that_names_nothing(project: Project) -> None:
    project.write({**PROJECT, "app.py": "def area(width):\n    return width\n"})
    assert project.run() == []
    assert not (project.folder / FOLDER).exists()


def test_a_broken_policy_is_told_each_time(project: Project) -> None:
    project.write(PROJECT)
    known = project.run_again()
    project.write({"dbsession.toml": "preset = 1\n"})
    assert project.run() == project.run() == ["DBS001"]
    (project.folder / "dbsession.toml").unlink()
    assert project.run() == known
    assert not project.is_checked


def test_what_rests_on_every_file_is_not_kept(project: Project) -> None:
    project.write({"app.py": FLASK})
    assert "DBS407" in project.run()
    assert project.entries == []


def test_what_closes_a_requests_session_counts(project: Project) -> None:
    hook = "@app.teardown_appcontext\ndef end(error):\n    db_session.remove()\n"
    project.write({"app.py": FLASK, "hooks.py": hook})
    assert "DBS407" not in project.run_again()
    (project.folder / "hooks.py").unlink()
    assert "DBS407" in project.run()


def test_the_examples_are_known_as_they_are_checked(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2] / "examples"
    linter, paths = Linter(Settings()), sorted(folder.rglob("*.py"))
    write_project(tmp_path, {str(path.relative_to(folder)): path.read_text() for path in paths})
    for _ in range(2):
        results = Kept(Settings())
        for path in sorted(tmp_path.rglob("*.py")):
            text = path.read_text()
            tree = ast.parse(text)
            assert results.check(str(path), text, tree) == linter.check(str(path), text, tree)


def test_flake8_reports_what_it_knows_as_it_did(tmp_path: Path) -> None:
    write_project(tmp_path, {**PROJECT, "quiet.py": USER.replace("maker()", "maker()  # noqa")})
    first = run_flake8("--select=DBS", "-j2", ".", folder=tmp_path).lines
    assert any(line.startswith("./app.py:5:10: DBS101") for line in first)
    assert len([*tmp_path.glob(f"{FOLDER}/*{SUFFIX}")]) == 3
    assert run_flake8("--select=DBS", "-j2", ".", folder=tmp_path).lines == first


def test_flake8_keeps_nothing_when_told_so(tmp_path: Path) -> None:
    write_project(tmp_path, {**PROJECT, "setup.cfg": "[flake8]\ndbsession-no-cache = true\n"})
    assert run_flake8("--select=DBS", ".", folder=tmp_path).exit_code == 1
    assert not (tmp_path / FOLDER).exists()
