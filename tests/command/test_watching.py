"""``dbsession check --watch`` as a process: it checks after each change, and ends when told to."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases import CHOSEN, HOUSE, write_project

APP = "from core.database import SessionLocal\n\nwith SessionLocal() as db:\n    db.get(1)\n"
QUIET = "x = 1\n"
READY = "for changes; Ctrl-C ends it."


def _interruptible() -> None:
    """Take SIGINT as a shell's foreground does; what runs in its background ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Watcher:
    """A watching process, whose lines are read as they come."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        command = [sys.executable, "-u", "-m", "flake8_dbsession", "check", "--watch", *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_interruptible if os.name == "posix" else None,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def next(self) -> list[str]:
        """Give what the next check prints."""
        lines: list[str] = []
        while not (lines and lines[-1].endswith(READY)):
            lines.append(self._lines.get(timeout=60))
        return lines[:-1]

    def end(self) -> tuple[int, list[str]]:
        """Interrupt it, and give its exit code and what it still says."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=30)
        return code, list(self._lines.queue)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    write_project(project, {**HOUSE, "app.py": QUIET})
    return project


@pytest.fixture
def watcher(folder: Path) -> Iterator[Watcher]:
    started = Watcher(folder)
    yield started
    if started.process.poll() is None:
        started.process.kill()


def put(folder: Path, path: str, text: str) -> None:
    """Write a file beside the project and move it there, so that no look finds it half written."""
    new = folder.parent / "new"
    new.write_text(text)
    new.replace(folder / path)


def codes(lines: list[str]) -> list[str]:
    return [" ".join(line.split(" ")[:2]) for line in lines]


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a process")
def test_it_checks_after_each_change_and_ends_cleanly(folder: Path, watcher: Watcher) -> None:
    assert watcher.next() == []
    put(folder, "app.py", APP)
    assert codes(watcher.next()) == ["./app.py:3:6: DBS102"]
    write_project(folder.parent / "lib", {"new.py": "if:\n"})
    (folder.parent / "lib").replace(folder / "lib")
    assert codes(watcher.next()) == ["./app.py:3:6: DBS102", "./lib/new.py:1:4: E999"]
    (folder / "lib/new.py").unlink()
    assert codes(watcher.next()) == ["./app.py:3:6: DBS102"]
    put(folder, "dbsession.toml", CHOSEN["dbsession.toml"] + "ignore = ['DBS102']\n")
    assert watcher.next() == []
    put(folder, "dbsession.toml", CHOSEN["dbsession.toml"])
    assert codes(watcher.next()) == ["./app.py:3:6: DBS102"]
    put(folder, "core/database.py", "SessionLocal = object\n")
    assert watcher.next() == []
    assert watcher.end() == (0, [])


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a process")
def test_what_stops_a_check_does_not_stop_it(folder: Path, watcher: Watcher) -> None:
    assert watcher.next() == []
    put(folder, "setup.cfg", "[flake8]\njobs = many\n")
    assert watcher.next()[0].startswith("Error: flake8's configuration cannot be used")
    (folder / "setup.cfg").unlink()
    assert watcher.next() == []
    assert watcher.end() == (0, [])
