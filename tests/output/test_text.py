"""Findings as text: plain in pipes, in colour on terminals."""

from __future__ import annotations

import io
import re

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


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def test_on_a_terminal() -> None:
    output = written(Terminal())
    assert output.endswith("db = \x1b[1mmake()\x1b[0m\n     \x1b[1;31m^^^^^^\x1b[0m\n")
    assert re.sub(r"\x1b\[[0-9;]*m", "", output) == PLAIN + SOURCE


@pytest.mark.parametrize(
    ("variables", "terminal", "pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_the_variables(
    variables: dict[str, str], terminal: bool, pipe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in written(Terminal())) is terminal
    assert ("\x1b[" in written(io.StringIO())) is pipe


@pytest.mark.parametrize("color", [True, False])
def test_what_is_asked_for_counts(color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR" if color else "FORCE_COLOR", "1")
    stream = io.StringIO()
    write([FOUND], stream, color=color)
    assert ("\x1b[" in stream.getvalue()) is color


def test_on_a_terminal_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert written(Terminal()) == PLAIN + SOURCE
