"""Results are kept as long as all that they rest on is the same."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from flake8_dbsession.checking.cache import FOLDER
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.run import Run
from tests.cases import forget_policies, write_project

SELECT = "--select=DBS,E9,DBS001,DBS002"
FACTORY = """\
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

db_maker = sessionmaker(bind=create_engine("postgresql://db"))
"""
USER = """\
from {module} import db_maker


def save(user):
    db = db_maker()
    db.add(user)
    db.commit()
    db.close()
"""


class Project:
    """A project that is checked run after run.

    Args:
        folder: an empty folder, which is the working directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checked: list[str] = []

    def write(self, files: dict[str, str]) -> None:
        """Write files, as old as files are that nobody works on."""
        write_project(self.folder, files)
        self.age()

    def age(self) -> None:
        """Make all changes so far old ones, each with a time of its own."""
        now = time.time_ns() - 100_000_000_000
        for path in (self.folder, *self.folder.rglob("*")):
            modified = path.stat().st_mtime_ns
            if modified > now:
                os.utime(path, ns=(modified, modified - 100_000_000_000))

    def check(self, *paths: str, arguments: tuple[str, ...] = (SELECT,)) -> list[Finding]:
        """Run once, noting the files that were not known."""
        forget_policies()
        run = Run(arguments, caching=True)
        self.checked = []

        def track(results, total):  # type: ignore[no-untyped-def]
            for result in results:
                self.checked.append(os.path.relpath(result.path))
                yield result

        return run.findings(run.files(paths or (".",)), track=track)

    def check_twice(self) -> list[Finding]:
        """Run until all is known."""
        self.check()
        self.age()
        found = self.check()
        assert self.check() == found
        assert self.checked == []
        return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def codes(found: list[Finding]) -> list[str]:
    return [finding.code for finding in found]


def test_nothing_is_checked_twice(project: Project) -> None:
    project.write({"app.py": USER.format(module="core"), "core.py": FACTORY, "x.py": "def (:\n"})
    first = project.check()
    assert sorted(project.checked) == ["app.py", "core.py", "x.py"]
    assert codes(first) == ["DBS101", "DBS303", "DBS301", "E999"]
    assert project.check() == first
    assert project.checked == []


def test_a_changed_file_is_checked_again(project: Project) -> None:
    project.write({"app.py": USER.format(module="core"), "core.py": FACTORY, "x.py": "x = 1\n"})
    project.check_twice()
    project.write({"x.py": "x = (\n"})
    assert "E999" in codes(project.check())
    assert project.checked == ["x.py"]


def test_the_same_content_with_another_time_is_known(project: Project) -> None:
    project.write({"app.py": USER.format(module="core"), "core.py": FACTORY})
    found = project.check_twice()
    (project.folder / "app.py").touch()
    assert project.check() == found
    assert project.checked == []


def test_another_content_of_the_same_size_and_moment_is_seen(project: Project) -> None:
    write_project(project.folder, {"app.py": "x = (1)\n"})
    assert project.check() == []
    status = (project.folder / "app.py").stat()
    (project.folder / "app.py").write_text("x = (1(\n")
    os.utime(project.folder / "app.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert codes(project.check()) == ["E999"]


def test_a_changed_factory_reaches_its_users(project: Project) -> None:
    project.write(
        {
            "app.py": USER.format(module="core.sessions"),
            "core/sessions.py": "from core.engine import db_maker\n",
            "core/engine.py": FACTORY,
            "other.py": "import core.sessions\nx = 1\n",
        }
    )
    assert "DBS101" in codes(project.check_twice())
    project.write({"core/engine.py": "def db_maker(): ...\n"})
    assert codes(project.check()) == []
    assert "app.py" in project.checked
    project.write({"core/engine.py": FACTORY})
    assert "DBS101" in codes(project.check())


def test_a_factory_that_is_checked_by_nobody_reaches_its_users(project: Project) -> None:
    project.write({"app/a.py": USER.format(module="core"), "core.py": FACTORY})
    assert "DBS101" in codes(project.check("app"))
    project.write({"core.py": "def db_maker(): ...\n"})
    assert project.check("app") == []


def test_a_user_that_is_left_out_of_a_run_is_not_forgotten(project: Project) -> None:
    project.write({"app.py": USER.format(module="core"), "core.py": FACTORY})
    project.check_twice()
    project.write({"core.py": "def db_maker(): ...\n"})
    project.check("core.py")
    assert codes(project.check()) == []


@pytest.mark.parametrize("name", ["core.py", "core/__init__.py", "src/core.py"])
def test_a_module_that_was_missing_reaches_its_users(project: Project, name: str) -> None:
    project.write({"app.py": USER.format(module="core"), "x.py": "x = 1\n"})
    assert codes(project.check_twice()) == []
    project.write({name: FACTORY})
    assert "DBS101" in codes(project.check())


def test_a_module_that_goes_reaches_its_users(project: Project) -> None:
    project.write({"app.py": USER.format(module="core"), "core.py": FACTORY, "x.py": "x = 1\n"})
    project.check_twice()
    (project.folder / "core.py").unlink()
    assert codes(project.check()) == []
    assert project.checked == ["app.py"]


def test_a_module_that_stands_before_another_reaches_its_users(project: Project) -> None:
    project.write({"app/a.py": USER.format(module="core"), "core.py": FACTORY})
    assert "DBS101" in codes(project.check_twice())
    project.write({"app/core.py": "def db_maker(): ...\n"})
    assert codes(project.check()) == []


def test_policies_count(project: Project) -> None:
    allowing = "[[layers]]\nname = 'all'\npaths = ['**']\nallow = ['{}']\n"
    project.write({"app.py": USER.format(module="core"), "core.py": FACTORY})
    project.check_twice()
    project.write({"dbsession.toml": allowing.format("DBS101")})
    assert "DBS101" not in codes(project.check())
    project.write({"dbsession.toml": allowing.format("DBS301")})
    assert "DBS101" in codes(project.check())
    project.write({"dbsession.toml": "allow = ["})
    assert codes(project.check()) == ["DBS001"] * 2
    (project.folder / "dbsession.toml").unlink()
    assert "DBS301" in codes(project.check())


def test_a_named_policy_counts(project: Project) -> None:
    policy = "retired = { 'old.thing' = 'new.thing' }\n"
    project.write({"app.py": "from old import thing\n\nthing.session\n", "house.txt": policy})
    arguments = SELECT, "--dbsession-policy=house.txt"
    assert codes(project.check(arguments=arguments)) == ["DBS106"]
    project.write({"house.txt": "retired = {}\n"})
    assert codes(project.check(arguments=arguments)) == []


def test_flake8_settings_count(project: Project) -> None:
    project.write({"app.py": USER.format(module="core"), "core.py": FACTORY})
    project.check_twice()
    project.write({".flake8": "[flake8]\nextend-ignore = DBS301\n"})
    assert codes(project.check()) == ["DBS101", "DBS303"]
    assert codes(project.check(arguments=("--select=DBS303",))) == ["DBS303"]


def test_a_teardown_anywhere_counts(project: Project) -> None:
    project.write(
        {
            "app.py": """\
                from flask import Flask, g
                from core import db_maker

                app = Flask(__name__)

                @app.get("/")
                def index():
                    g.db = db_maker()
                """,
            "core.py": FACTORY,
        }
    )
    assert "DBS407" in codes(project.check_twice())
    project.write({"hooks/closing.py": "def setup(app):\n    app.teardown_request(close)\n"})
    assert "DBS407" not in codes(project.check())
    (project.folder / "hooks" / "closing.py").write_text("def setup(app): ...\n")
    assert "DBS407" in codes(project.check())


def test_files_that_come_and_go_are_found(project: Project) -> None:
    project.write({"app/a.py": "x = (\n", ".gitignore": "gen*\n"})
    project.check_twice()
    project.write({"app/b.py": "x = (\n", "app/gen.py": "x = (\n"})
    assert [finding.path for finding in project.check()] == ["./app/a.py", "./app/b.py"]
    project.write({".gitignore": "*_gen.py\n"})
    assert len(project.check()) == 3


def test_patterns_that_come_above_hold(project: Project) -> None:
    project.write({"app/a.py": "x = (\n", "app/b.py": "x = 1\n"})
    assert codes(project.check("app")) == ["E999"]
    project.age()
    project.check("app")
    project.write({".gitignore": "a.py\n"})
    assert project.check("app") == []


def test_what_cannot_be_read_is_tried_again(project: Project) -> None:
    (project.folder / "app.py").symlink_to("real/app.py")
    assert codes(project.check("app.py")) == ["E902"]
    project.write({"real/app.py": "db = 1\n"})
    assert codes(project.check("app.py")) == []


@pytest.mark.parametrize("damage", [b"", b"{}", b"1\n", b"\xff\xfe", b'0\n{"files": 3}'])
def test_a_damaged_cache_is_ignored(project: Project, damage: bytes) -> None:
    project.write({"app.py": USER.format(module="core"), "core.py": FACTORY})
    found = project.check()
    (cache,) = (project.folder / FOLDER).glob("*.json")
    cache.write_bytes(damage)
    project.age()
    assert project.check() == found
    assert project.checked != []
    assert project.check() == found
    assert project.checked == []


def test_the_cache_is_left_out_of_version_control_and_backups(project: Project) -> None:
    project.write({"app/a.py": "x = 1\n"})
    os.chdir("app")
    project.check()
    folder = project.folder / FOLDER
    assert (folder / ".gitignore").read_text() == "*\n"
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f0688")
    assert list(folder.glob("*.tmp")) == []


def test_a_cache_that_cannot_be_written_is_done_without(project: Project) -> None:
    project.write({"app.py": "x = (\n"})
    (project.folder / FOLDER).write_text("in the way")
    assert codes(project.check()) == codes(project.check()) == ["E999"]


def test_runs_at_the_same_time_leave_a_whole_cache(project: Project) -> None:
    project.check()
    project.write({"a.py": "x = (\n", "b.py": "y = (\n"})
    one, other = Run((SELECT,), caching=True), Run((SELECT,), caching=True)
    assert codes(one.findings(["a.py"])) == codes(other.findings(["b.py"])) == ["E999"]
    assert [finding.path for finding in project.check()] == ["./a.py", "./b.py"]
    assert project.checked == ["a.py"]  # the last to write has the word


def test_few_caches_are_kept(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flake8_dbsession.checking.cache._MOST_CACHES", 2)
    project.check()
    project.write({"app.py": "x = (\n"})
    for code in ("DBS1", "DBS2", "DBS3", "E9"):
        for cache in (project.folder / FOLDER).glob("*.json"):
            os.utime(cache, (0, 0))  # the clock of the files is coarse, and gives no order
        project.check(arguments=(f"--select={code}",))
        project.age()  # the first run made the cache's folder
    assert len(list((project.folder / FOLDER).glob("*.json"))) == 2
    project.check(arguments=("--select=E9",))
    assert project.checked == []
