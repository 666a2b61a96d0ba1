"""A run that finds nothing changed says the same as any other, and costs next to nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from flake8_dbsession.checking.caching import stamps
from flake8_dbsession.checking.caching.records import VARIABLE
from flake8_dbsession.checking.caching.run_keys import flake8_arguments
from flake8_dbsession.checking.caching.unchanged import unchanged
from flake8_dbsession.checking.findings import Finding, exit_code, text_of
from flake8_dbsession.checking.running.run import Run
from flake8_dbsession.policy.loading import forget_policies
from tests.cases import write_project

FILES = {
    "app/users.py": """\
        from core import SessionLocal

        def save(user):
            db = SessionLocal()
            db.add(user)
            db.commit()
        """,
    "core.py": """\
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker()
        """,
    "broken.py": "def (:\n",
    "quiet.py": "x = 1\n",
    "README.md": "```python\nfrom core import SessionLocal\n\ndb = SessionLocal()\n```\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "records"))
    monkeypatch.setattr(stamps, "_SETTLING", 0)
    write_project(folder, FILES)
    time.sleep(0.02)
    return folder


def check(*paths: str) -> list[tuple[object, ...]]:
    forget_policies()
    run = Run(flake8_arguments(), caching=True)
    return run.findings(run.files(paths))


def reported(paths: Sequence[str]) -> list[Finding] | None:
    """Give what is known of paths, the text and exit code of which must agree."""
    known = unchanged()
    found = known.findings(paths) if known else None
    report = known.report(paths) if known else None
    assert report is None or (found is not None and report == (exit_code(found), text_of(found)))
    return found


@pytest.mark.parametrize(
    "paths",
    [
        (".",),
        ("app", "core.py"),
        ("app/users.py",),
        ("quiet.py", "./broken.py"),
        ("README.md", "."),
    ],
)
def test_it_says_what_the_run_before_said(project: Path, paths: tuple[str, ...]) -> None:
    found = check(*paths)
    assert reported(paths) == found


def test_named_files_have_a_report_of_their_own(project: Path) -> None:
    paths = ["app/users.py", "quiet.py"]
    check(*paths)
    known = unchanged()
    assert known is not None
    assert known.report(paths) is not None
    assert known.report(["app", "quiet.py"]) is None
    Path("quiet.py").write_text("y = 1\n")
    assert unchanged() is None


def test_other_runs_over_the_project_do_not_matter(project: Path) -> None:
    found = check(".")
    check("app")
    check("core.py")
    assert reported(["."]) == found


@pytest.mark.parametrize(
    "change",
    [
        lambda: Path("quiet.py").write_text("y = 1\n"),
        lambda: Path("new.py").touch(),
        lambda: Path("app/new.txt").touch(),
        lambda: Path("core.py").unlink(),
        lambda: Path("app/sub").mkdir(),
        lambda: Path(".gitignore").write_text("app\n"),
        lambda: Path("dbsession.toml").write_text("preset = 'flask'\n"),
        lambda: Path("setup.cfg").write_text("[flake8]\nextend-ignore = DBS101\n"),
        lambda: os.chmod("quiet.py", 0o600),
        lambda: os.utime("quiet.py"),
        lambda: os.chdir("app"),
    ],
)
def test_after_any_change_it_says_nothing(project: Path, change: Callable[[], object]) -> None:
    check(".")
    assert reported(["."]) is not None
    change()
    assert reported(["."]) is None
    found = check(".")
    time.sleep(0.02)
    check(".")
    assert reported(["."]) == found


def test_it_knows_no_paths_that_were_not_checked(project: Path) -> None:
    check("app")
    assert reported(["."]) is None
    assert reported(["core.py"]) is None
    assert reported(["nowhere.py"]) is None


@pytest.mark.parametrize("paths", [(".",), ("app/users.py",)])
@pytest.mark.parametrize("name", ["known.json", ".dbsession-baseline.json"])
def test_it_says_nothing_where_a_baseline_hides_something(
    project: Path, paths: tuple[str, ...], name: str
) -> None:
    Path("setup.cfg").write_text("[flake8]\n")
    time.sleep(0.02)
    check(*paths)
    assert reported(paths) is not None
    Path(name).write_text('{"version": 1, "violations": []}')
    if name == "known.json":
        Path("setup.cfg").write_text("[flake8]\ndbsession-baseline = ./known.json\n")
    assert reported(paths) is None
    check(*paths)
    assert reported(paths) is None
    Path(name).unlink()
    Path("setup.cfg").write_text("[flake8]\n")
    time.sleep(0.02)
    check(*paths)
    assert reported(paths) is not None


def test_a_broken_policy_is_told_each_time(project: Path) -> None:
    Path("dbsession.toml").write_text("preset = 1\n")
    assert any(finding[3] == "DBS001" for finding in check("."))
    assert reported(["."]) is None


def test_what_cannot_be_read_is_tried_each_time(project: Path) -> None:
    os.symlink("nowhere", "gone.py")
    check(".", "gone.py")
    assert reported([".", "gone.py"]) is None


_MODULES = """\
import sys
from flake8_dbsession.checking.caching import stamps
stamps._SETTLING = 0
before = set(sys.modules)
from flake8_dbsession.entry import main
sys.argv[1:1] = ["check"]
try:
    main()
except SystemExit as end:
    print(end.code, *(set(sys.modules) - before), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [[], ["-q"], ["--quiet", "."]])
@pytest.mark.parametrize("force", ["", "1"])
def test_it_imports_next_to_nothing(project: Path, arguments: list[str], force: str) -> None:
    command = [sys.executable, "-c", _MODULES, *arguments]
    environment = {**os.environ, "FORCE_COLOR": force}
    first, second = (
        subprocess.run(command, capture_output=True, text=True, env=environment) for _ in range(2)
    )
    code, *modules = second.stderr.split()
    assert code == "1"
    assert second.stdout == first.stdout != ""
    heavy = {"ast", "click", "flake8", "fnmatch", "importlib.metadata", "logging", "subprocess"}
    assert not heavy & set(modules)
    assert not any(name.startswith("flake8_dbsession.analysis") for name in modules)
    others = {"_blake2", "__future__", "errno", "gc"}
    if not force:
        assert {name for name in modules if not name.startswith("flake8_dbsession")} <= others
        assert len(modules) < 20
