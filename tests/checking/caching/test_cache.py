"""Results are kept as long as all that they rest on is the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import platformdirs
import pytest
from platformdirs import user_cache_dir

from flake8_dbsession.checking.caching import cache, records, stamps
from flake8_dbsession.checking.caching.pairs import of_pairs, pairs_in
from flake8_dbsession.checking.caching.records import VARIABLE, read_record, write_record
from flake8_dbsession.checking.caching.run_keys import run_key
from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.checking.running.run import Run
from flake8_dbsession.policy.loading import forget_policies
from tests.cases import write_project

SELECT = "--select=DBS,E9,DBS001,DBS002,E9"
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
        records: the folder of the records.
    """

    def __init__(self, folder: Path, records: Path) -> None:
        self.folder = folder
        self.records = records
        self.checked: list[str] = []

    def write(self, files: dict[str, str]) -> None:
        """Write files, which are given the time to settle."""
        write_project(self.folder, files)
        time.sleep(0.02)

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

    @property
    def record(self) -> Path:
        """The project's record."""
        (record,) = self.records.glob("*.json")
        return record

    def check_twice(self) -> list[Finding]:
        """Run until all is known."""
        self.check()
        found = self.check()
        assert self.check() == found
        assert self.checked == []
        return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    folder, records = tmp_path / "project", tmp_path / "records"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv(VARIABLE, str(records))
    monkeypatch.setattr(stamps, "_SETTLING", 0)
    return Project(folder, records)


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
    assert codes(project.check()) == ["DBS001"]
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
    project.check("app")
    project.write({".gitignore": "a.py\n"})
    assert project.check("app") == []


def test_what_cannot_be_read_is_tried_again(project: Project) -> None:
    (project.folder / "app.py").symlink_to("real/app.py")
    assert codes(project.check("app.py")) == ["E902"]
    project.write({"real/app.py": "db = 1\n"})
    assert codes(project.check("app.py")) == []


@pytest.mark.parametrize(
    "damage",
    [b"", b"{}", b"1\n", b"\xff\xfe", b'{"files": 3}', b"[]", b"null", b"[" * 100_000],
    ids=repr,
)
def test_a_damaged_record_is_ignored(project: Project, damage: bytes) -> None:
    project.write({"app.py": USER.format(module="core"), "core.py": FACTORY})
    found = project.check()
    project.record.write_bytes(damage)
    assert project.check() == found
    assert project.checked != []
    assert project.check() == found
    assert project.checked == []


def test_nothing_is_written_into_the_project(project: Project) -> None:
    project.write({"app/a.py": "x = (\n"})
    os.chdir("app")
    project.check()
    assert sorted(path.name for path in project.folder.rglob("*")) == [".git", "a.py", "app"]
    assert project.record.stat().st_mode & 0o077 == 0


def test_a_record_that_cannot_be_written_is_done_without(project: Project) -> None:
    project.write({"app.py": "x = (\n"})
    project.records.write_text("in the way")
    assert codes(project.check()) == codes(project.check()) == ["E999"]


def test_runs_at_the_same_time_leave_a_whole_record(project: Project) -> None:
    project.check()
    project.write({"a.py": "x = (\n", "b.py": "y = (\n"})
    one, other = Run((SELECT,), caching=True), Run((SELECT,), caching=True)
    assert codes(one.findings(["a.py"])) == codes(other.findings(["b.py"])) == ["E999"]
    assert [finding.path for finding in project.check()] == ["./a.py", "./b.py"]
    assert project.checked == ["a.py"]  # the last to write has the word


def test_one_record_knows_several_ways_of_running(project: Project) -> None:
    project.write({"app.py": "x = (\n"})
    for code in ("DBS1", "E9"):
        project.check(arguments=(f"--select={code}",))
    assert codes(project.check(arguments=("--select=E9",))) == ["E999"]
    assert project.checked == []
    assert codes(project.check(arguments=("--select=DBS1",))) == []
    assert project.checked == []
    assert project.record


def test_of_many_ways_the_last_are_known(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MOST_WAYS", 2)
    project.write({"app.py": "x = (\n"})
    for code in ("DBS1", "DBS2", "E9"):
        project.check(arguments=(f"--select={code}",))
    assert json.loads(read_record(str(project.record))[3])["ways"] == [
        run_key((f"--select={code}",)) for code in ("E9", "DBS2")
    ]
    project.check(arguments=("--select=DBS1",))
    assert project.checked == ["app.py"]


def test_environments_do_not_push_each_other_out(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write({"app.py": "x = (\n"})
    project.check()
    with monkeypatch.context() as patch:
        patch.setattr("sys.prefix", "/elsewhere")
        project.check()
        assert project.checked == ["app.py"]
    project.check()
    assert project.checked == []
    assert len(list(project.records.iterdir())) == 2


def test_a_restored_copy_is_known_by_its_content(project: Project) -> None:
    project.write({"app.py": USER.format(module="core"), "core.py": FACTORY, "x.py": "x = (\n"})
    found = project.check_twice()
    shutil.copytree(project.folder, project.folder.with_name("copy"))
    shutil.rmtree(project.folder)
    project.folder.with_name("copy").rename(project.folder)
    os.chdir(project.folder)
    assert project.check() == found
    assert project.checked == []


def test_an_edit_of_the_same_size_with_its_time_put_back_is_seen(project: Project) -> None:
    project.write({"app.py": "x = (1)\n"})
    os.utime("app.py", ns=(10**18, 10**18))
    time.sleep(0.02)
    assert project.check_twice() == []
    Path("app.py").write_text("x = (1(\n")
    os.utime("app.py", ns=(10**18, 10**18))
    assert codes(project.check()) == ["E999"]


def test_a_file_put_in_another_s_place_is_seen(project: Project) -> None:
    project.write({"app.py": "x = (1)\n", "other.txt": "x = (1(\n"})
    for name in ("app.py", "other.txt"):
        os.utime(name, ns=(10**18, 10**18))
    time.sleep(0.02)
    assert project.check_twice() == []
    os.replace("other.txt", "app.py")
    assert codes(project.check()) == ["E999"]


def test_a_new_version_checks_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write({"app.py": "x = (\n"})
    project.check_twice()
    monkeypatch.setattr(cache, "installation", lambda: b"new")
    project.check()
    assert project.checked == []  # the same version, installed anew
    monkeypatch.setattr(cache, "installation", lambda: b"newer")
    monkeypatch.setattr(cache, "state_of_code", lambda: "new")
    project.check()
    assert project.checked == ["app.py"]


def test_a_policy_that_comes_above_a_project_without_repository_is_seen(project: Project) -> None:
    project.write({"setup.cfg": "", "app.py": USER.format(module="core"), "core.py": FACTORY})
    (project.folder / ".git").rmdir()
    assert "DBS101" in codes(project.check())
    policy = project.folder.parent / "dbsession.toml"
    policy.write_text("[[layers]]\nname = 'all'\npaths = ['**']\nallow = ['DBS101']\n")
    assert "DBS101" not in codes(project.check())


class TestSafety:
    """Nothing that a repository holds can stand in for a result."""

    def forge(self, project: Project) -> Path:
        """Make the record say that nothing is found, and give it."""
        project.write({"app.py": USER.format(module="core"), "core.py": FACTORY})
        project.check_twice()
        project.write({"app.py": "x = 1\n", "core.py": ""})
        assert project.check_twice() == []
        installed, stamped, _, head, content, links = read_record(str(project.record))
        kept, body = dict(pairs_in(stamped)), json.loads(content)
        project.write({"app.py": USER.format(module="core"), "core.py": FACTORY})
        for path, entry in body["files"].items():
            kept[path], entry[0] = stamps.look(path)
        parts = installed, of_pairs(kept), b"", head, json.dumps(body).encode(), links
        write_record(str(project.record), parts)
        return project.record

    def test_a_forged_record_would_be_believed(self, project: Project) -> None:
        self.forge(project)
        assert project.check() == []  # so that the tests below can fail

    def test_one_that_git_tracks_is_not(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inside = project.folder / "records"
        monkeypatch.setenv(VARIABLE, str(inside))
        git = ("git", "-c", "user.name=x", "-c", "user.email=x@x")
        subprocess.run([*git, "init", "-q"], check=True)
        project.records = inside
        self.forge(project)
        assert project.check() == []  # as the user names the folder
        subprocess.run([*git, "add", "-f", "records"], check=True)
        assert "DBS101" in codes(project.check())

    def test_where_git_cannot_be_asked_none_is_read(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project.records = project.folder / "records"
        monkeypatch.setenv(VARIABLE, str(project.records))
        with monkeypatch.context() as patch:
            patch.setattr(records, "_is_tracked", lambda path: False)
            self.forge(project)
            assert project.check() == []
        monkeypatch.setenv("PATH", "/nowhere")
        assert "DBS101" in codes(project.check())

    def test_one_inside_the_project_that_nobody_names_is_not(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv(VARIABLE)
        monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: "cache")
        monkeypatch.setenv("XDG_CACHE_HOME", str(project.folder))
        project.write({"app.py": "x = (\n"})
        project.check()
        project.check()
        assert project.checked == ["app.py"]
        assert sorted(path.name for path in project.folder.iterdir()) == [".git", "app.py"]

    def test_a_link_is_not_read(self, project: Project) -> None:
        record = self.forge(project)
        record.rename(record.with_suffix(".elsewhere"))
        record.symlink_to(record.with_suffix(".elsewhere"))
        assert "DBS101" in codes(project.check())


def test_records_that_were_not_written_for_long_go(project: Project) -> None:
    project.records.mkdir()
    old, new, other = (project.records / f"{name}.json" for name in ("0" * 32, "1" * 32, "mine"))
    for file in (old, new, other):
        file.write_text("{}")
    os.utime(old, (0, 0))
    os.utime(other, (0, 0))
    project.write({"app.py": "x = (\n"})
    project.check()
    assert not old.exists()
    assert new.exists()
    assert other.exists()


def test_the_users_cache_folder_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    expected = platformdirs.user_cache_dir("flake8-dbsession", appauthor=False)
    assert records.records_folder() == expected
    monkeypatch.setenv(VARIABLE, "/from/environment")
    assert records.records_folder() == "/from/environment"
    assert records.records_folder("/from/option") == "/from/option"


@pytest.mark.parametrize("home", [None, "", "/elsewhere", "/with space/", " /x ", "relative"])
def test_records_lie_where_the_system_has_caches(
    home: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", home)
    expected = user_cache_dir("flake8-dbsession", appauthor=False)
    assert records.records_folder() == expected
