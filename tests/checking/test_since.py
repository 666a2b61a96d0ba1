"""``check --since``: what a change brought, wherever in its files that is reported."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from flake8_dbsession.command.group import main
from tests.cases import write_project

CLOSED = """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker
    from app.end import end

    SessionLocal = sessionmaker(create_engine("postgresql:///app"))

    def known():
        session = SessionLocal()
        return session.scalar(1)

    def count():
        session = SessionLocal()
        total = session.scalar(1)
        session.close()
        return total

    def ended():
        session = SessionLocal()
        total = session.scalar(1)
        end(session)
        return total
"""
END = "def end(session):\n    session.close()\n"


def git(*arguments: str) -> None:
    options = ("-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgSign=false")
    subprocess.run(["git", *options, *arguments], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, {"app/work.py": CLOSED, "app/end.py": END, "app/__init__.py": ""})
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "x")
    return tmp_path


def leaks(*paths: str) -> list[int]:
    command = ["check", "--no-cache", "--select", "DBS302", "--since", "HEAD", *paths]
    result = CliRunner().invoke(main, command)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return [int(line.split(":")[1]) for line in result.stdout.splitlines()]


def rewrite(old: str, new: str, path: str = "app/work.py") -> None:
    file = Path(path)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def line_of(text: str, after: str) -> int:
    lines = Path("app/work.py").read_text().split("\n")
    return lines.index(text, lines.index(after)) + 1


def test_a_close_that_was_removed_is_a_leak_that_the_change_brought() -> None:
    assert leaks() == []
    rewrite("    session.close()\n", "")
    assert leaks() == [line_of("    session = SessionLocal()", "def count():")]


def test_what_was_there_before_is_not_reported_for_a_neighbour_s_change() -> None:
    rewrite("    return session.scalar(1)", "    found = session.scalar(1)\n    return found")
    rewrite("def known", "LIMIT = 3\n\ndef known")
    assert leaks() == []


def test_a_second_one_beside_a_known_one_is_new() -> None:
    again = "    session = SessionLocal()\n    session.scalar(2)\n    session = SessionLocal()\n"
    rewrite("    session = SessionLocal()\n", again)
    assert len(leaks()) >= 1


def test_a_moved_file_keeps_what_it_was_reported_for() -> None:
    git("mv", "app/work.py", "app/moved.py")
    assert leaks() == []


def test_what_another_changed_file_did_before_counts() -> None:
    rewrite("    session.close()", "    session.rollback()", path="app/end.py")
    rewrite("    return total\n\ndef ended", "    return total + 0\n\ndef ended")
    assert leaks() == [line_of("    session = SessionLocal()", "def ended():")]
