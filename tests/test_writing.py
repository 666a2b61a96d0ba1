"""Files are written whole or not at all, and never through a link."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from flake8_dbsession.writing import ChangedError, remove_leftovers, write_file, write_out


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, with a file outside of it that nothing may change."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("old")
    monkeypatch.chdir(folder)
    return folder


def test_a_file_is_made_with_the_mode_of_new_files(project: Path) -> None:
    write_file("new.txt", b"new")
    open("other.txt", "w").close()
    assert Path("new.txt").read_bytes() == b"new"
    assert Path("new.txt").stat().st_mode == Path("other.txt").stat().st_mode


def test_a_file_keeps_its_mode(project: Path) -> None:
    Path("run.py").write_text("old")
    os.chmod("run.py", 0o751)
    write_file("run.py", b"new")
    assert Path("run.py").stat().st_mode & 0o777 == 0o751
    assert os.listdir() in ([".git", "run.py"], ["run.py", ".git"])


def test_a_file_that_holds_something_else_is_left_alone(project: Path) -> None:
    Path("app.py").write_text("theirs")
    with pytest.raises(ChangedError):
        write_file("app.py", b"new", expected=b"old")
    assert Path("app.py").read_text() == "theirs"
    assert len(os.listdir()) == 2


@pytest.mark.parametrize("target", ["../outside/secret", "../outside/new", "there.txt"])
def test_a_link_is_not_written_through(project: Path, target: str) -> None:
    Path("there.txt").write_text("old")
    os.symlink(target, "report.txt")
    for write in (write_file, write_out):
        with pytest.raises(OSError, match="is a link"):
            write("report.txt", b"new")
    assert os.path.islink("report.txt")
    assert Path("there.txt").read_text() == "old"
    assert [path.name for path in Path("../outside").iterdir()] == ["secret"]
    assert Path("../outside/secret").read_text() == "old"


@pytest.mark.parametrize("makes_repository", [False, True])
def test_a_folder_that_leads_out_is_not_written_to(project: Path, makes_repository: bool) -> None:
    if makes_repository:
        Path("../outside/.git").mkdir()
    os.symlink("../outside", "reports")
    with pytest.raises(OSError, match="leads out of the project"):
        write_file("reports/secret", b"new")
    assert Path("../outside/secret").read_text() == "old"


def test_a_link_above_the_project_is_no_harm(project: Path) -> None:
    os.symlink(project, "../way")
    write_file("../way/new.txt", b"new")
    assert Path("new.txt").read_bytes() == b"new"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_write_protected_file_stays(project: Path) -> None:
    Path("app.py").write_text("old")
    os.chmod("app.py", 0o444)
    with pytest.raises(PermissionError):
        write_file("app.py", b"new")


def test_a_failure_leaves_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    Path("app.py").write_text("old")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_file("app.py", b"new")
    assert Path("app.py").read_text() == "old"
    assert len(os.listdir()) == 2


def test_a_report_goes_into_a_pipe(project: Path) -> None:
    os.mkfifo("pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe").read_bytes()))
    reader.start()
    write_out("pipe", b"report")
    reader.join()
    assert read == [b"report"]
    write_out(os.devnull, b"report")
    with pytest.raises(OSError, match="not a regular file"):
        write_file("pipe", b"new")


_KILLED = """
import os, signal
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from flake8_dbsession.writing import write_file
write_file("app.py", b"new")
"""


def test_what_a_killed_run_left_the_next_removes(project: Path) -> None:
    Path("app.py").write_text("old")
    subprocess.run([sys.executable, "-c", _KILLED])
    (left,) = Path().glob(".dbsession-*")
    of_a_running_one = left.with_name(left.name.replace(left.name.split("-")[1], str(os.getpid())))
    of_a_running_one.write_text("")
    left.with_name(".dbsession-1-mine.tmp").write_text("")
    remove_leftovers(".")
    assert not left.exists()
    assert len(list(Path().glob(".dbsession-*"))) == 2
    assert Path("app.py").read_text() == "old"
