"""The checks behind the server: what ``check`` finds, and what is kept between keystrokes."""

from __future__ import annotations

import ast
import gc
import os
from pathlib import Path

import pytest

from flake8_dbsession.checking.caching.run_keys import flake8_arguments
from flake8_dbsession.checking.running.run import Run
from flake8_dbsession.server.buffers import AbandonedError, Buffers, Shown
from flake8_dbsession.server.checks import Checks
from tests.cases import HOUSE, write_project
from tests.test_examples import APPLICATIONS, EXAMPLES

FILES = {
    **HOUSE,
    "helping.py": "def report(db):\n    return db.execute('select 1').scalar()\n",
    "app.py": """\
        from core.database import SessionLocal
        from helping import report


        def load():
            db = SessionLocal()
            found = report(db)
            db.close()
            return found
        """,
}


class Desk:
    """Texts that are open, and the checks of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.buffers = Buffers()
        self.sources = Shown()
        self.checks = Checks(self.sources)

    def found(self, path: Path, text: str | None = None) -> list[str]:
        if text is not None:
            self.buffers.put(str(path), path.as_uri(), None, text)
        self.sources.show(self.buffers.texts, bool)
        report = self.checks.report(str(path), str(self.folder))
        assert report.problem is None
        return [f"{f.line}:{f.column}:{f.code} {f.message}" for f in report.findings]


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # the checks go from folder to folder


@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_server_finds_what_check_finds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = EXAMPLES / name
    monkeypatch.chdir(folder)
    run = Run(flake8_arguments())
    files = [file for file in run.files(["."]) if file.endswith(".py")]
    expected: dict[str, list[str]] = {os.path.abspath(file): [] for file in files}
    for f in run.findings(files, jobs=1):
        expected[os.path.abspath(f.path)].append(f"{f.line}:{f.column}:{f.code} {f.message}")
    assert any(expected.values())
    desk = Desk(folder)
    for path, found in expected.items():
        text = Path(path).read_text(encoding="utf-8")
        assert desk.found(Path(path), text) == found
        assert desk.found(Path(path), f"{text}\n# one more keystroke\n") == found


def test_what_is_kept_gives_the_same_as_what_is_read_anew(tmp_path: Path) -> None:
    write_project(tmp_path, FILES)
    app, helping, database = (
        tmp_path / name for name in ("app.py", "helping.py", "core/database.py")
    )
    provider = database.read_text()
    states = [
        (helping, "def report(db):\n    db.close()\n"),
        (helping, "from app import load\n\n\ndef report(db):\n    return db.scalar('select 1')\n"),
        (app, app.read_text() + "\n\ndef more():\n    report(SessionLocal())\n"),
        (database, provider.replace("yield db", "yield db\n        db.commit()")),
        (helping, "report = print\n"),
        (database, "SessionLocal = list\n"),
        (app, app.read_text().replace("db.close()", "pass")),
        (database, provider),
        (helping, "def report(db):\n    return 1\n"),
    ]
    desk = Desk(tmp_path)
    desk.found(app, app.read_text())
    seen = set()
    for path, text in states:
        desk.buffers.put(str(path), path.as_uri(), None, text)
        fresh = Desk(tmp_path)
        fresh.buffers = desk.buffers
        for each in (app, helping, database):
            expected = fresh.found(each)
            assert desk.found(each) == expected
            seen.add(tuple(expected))
    assert len(seen) > 3


def test_keystrokes_keep_the_neighbours_and_leave_nothing_behind(tmp_path: Path) -> None:
    write_project(tmp_path, FILES)
    app = tmp_path / "app.py"
    desk, text = Desk(tmp_path), app.read_text()

    def kept() -> tuple[int, int]:
        gc.collect()
        nodes = sum(isinstance(each, ast.AST) for each in gc.get_objects())
        modules = [
            module
            for prepared in desk.checks._kept.values()
            for project in prepared.check.linter._projects.values()
            for module in project._modules
        ]
        return len(modules), nodes

    def type_some(count: int) -> None:
        for number in range(count):
            assert desk.found(app, f"{text}\n\ndef more_{number}():\n    return load()\n")

    type_some(3)
    prepared = desk.checks._kept[str(app)]
    before = kept()
    type_some(150)
    modules, nodes = kept()
    assert modules == before[0] > 0
    assert nodes <= before[1] * 1.5
    del prepared


def test_a_keystroke_does_not_read_the_neighbours_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, FILES)
    app = tmp_path / "app.py"
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.utime(path, (1, 1))
    desk, text = Desk(tmp_path), app.read_text()
    desk.found(app, text)
    settle(desk)
    desk.found(app, text)
    read: list[str] = []
    plain = desk.sources.read_with_status

    def counted(path: str, **options: object) -> object:
        read.append(str(path))
        return plain(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.sources, "read_with_status", counted)
    desk.found(app, f"{text}\n")
    assert read == [str(app)]


def settle(desk: Desk) -> None:
    """Take what just changed for known, as it is two seconds later."""
    for prepared in desk.checks._kept.values():
        stamps = prepared._stamps
        stamps.update({path: desk.sources.stamp(path) for path in stamps})


def test_work_that_nobody_waits_for_ends_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    write_project(tmp_path, FILES)
    app = tmp_path / "app.py"
    desk = Desk(tmp_path)
    expected = desk.found(app, app.read_text())
    for reads in range(3):
        left = iter([False] * reads)
        desk.buffers.put(str(app), app.as_uri(), None, app.read_text())
        desk.checks.forget()
        desk.sources.show(desk.buffers.texts, lambda left=left: next(left, True))
        with pytest.raises(AbandonedError):
            desk.checks.report(str(app), str(tmp_path))
        assert desk.found(app) == expected
