"""Where results go when they cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases import write_project

FULL = "/dev/full"  # takes nothing, as a full disk does
PROVIDER = """\
from contextlib import contextmanager

from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker()


@contextmanager
def get_db_session():
    with SessionLocal() as db:
        yield db
"""
BY_HAND = """\
from core.database import SessionLocal, get_db_session


def save(user):
    with SessionLocal() as db:
        db.expunge(user)
"""
COMMANDS = [
    ["check"],
    ["check", "--output-format", "sarif"],
    ["report"],
    ["report", "--format", "html"],
    ["init"],
    ["standard"],
    ["explain"],
    ["explain", "DBS101"],
    ["baseline"],
    ["fix", "--diff"],
    ["check", "--help"],
    ["--version"],
]
needs_full = pytest.mark.skipif(not os.path.exists(FULL), reason=f"this system has no {FULL}")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {f"app/module_{number}.py": BY_HAND for number in range(200)}
    write_project(tmp_path, {"core/database.py": PROVIDER, **files})
    return tmp_path


def run(arguments: list[str], folder: Path, stdout: int) -> subprocess.CompletedProcess[str]:
    call = f"from flake8_dbsession.command.group import main; main({arguments!r})"
    return subprocess.run(
        [sys.executable, "-c", call],
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


@needs_full
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_disk_is_one_line(project: Path, arguments: list[str]) -> None:
    with open(FULL, "w") as full:
        done = run(arguments, project, full.fileno())
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: standard output cannot be written: No space left on device"
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_closed_pipe_ends_the_command_quietly(project: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run(arguments, project, writing)
    os.close(writing)
    assert done.returncode == 141
    assert "rror" not in done.stderr
    assert "Exception ignored" not in done.stderr


@needs_full
@pytest.mark.parametrize("command", ["check", "report"])
def test_an_output_file_on_a_full_disk_is_one_line(project: Path, command: str) -> None:
    done = run([command, "--output-file", FULL], project, subprocess.PIPE)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: {FULL}: cannot be written: No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="closes a descriptor by the shell")
def test_without_a_standard_output_the_exit_code_is_left(project: Path) -> None:
    run = "from flake8_dbsession.command.group import main; main()"
    done = subprocess.run(
        f'"{sys.executable}" -c "{run}" check >&-',
        shell=True,
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
