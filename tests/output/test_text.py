"""Findings as text: plain in pipes, in colour on terminals."""

from __future__ import annotations

import io

import pytest

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.output.text import write

FOUND = Finding("app.py", 1, 6, "DBS101", "opens a session", 1, 12, "db = make()")
PLAIN = "app.py:1:6: DBS101 opens a session\n"
SOURCE = "db = make()\n     ^^^^^^\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(stream: io.StringIO) -> str:
    write([FOUND], stream)
    return stream.getvalue()


def test_in_a_pipe() -> None:
    assert written(io.StringIO()) == PLAIN


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    output = written(Terminal())
    assert "\x1b[" in output
    assert output.endswith(SOURCE)


def test_on_a_terminal_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert written(Terminal()) == PLAIN + SOURCE
