"""Workflow commands, read as GitHub's runner reads them."""

from __future__ import annotations

import re

from hypothesis import given, settings

from flake8_dbsession.checking.findings import Finding
from flake8_dbsession.output.github import write
from flake8_dbsession.output.places import relative
from tests.output.samples import ANY, RAW, SPREAD, UNREADABLE, written

# The runner undoes these in this order: https://github.com/actions/runner (ActionCommand)
_OF_MESSAGES = {"%0D": "\r", "%0A": "\n", "%25": "%"}
_OF_PROPERTIES = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}


def read(line: str) -> tuple[dict[str, str], str]:
    """Read a command: the properties end at the first ``::``, and each at a comma."""
    command = re.fullmatch(r"::(?:error|warning|notice) (?P<properties>.*?)::(?P<message>.*)", line)
    assert command
    pairs = (part.split("=", 1) for part in command["properties"].split(","))
    properties = {key: unescape(value, _OF_PROPERTIES) for key, value in pairs}
    return properties, unescape(command["message"], _OF_MESSAGES)


def unescape(text: str, escapes: dict[str, str]) -> str:
    for escape, char in escapes.items():
        text = text.replace(escape, char)
    return text


def test_one_line_of_code() -> None:
    assert written(write, [RAW]) == (
        "::warning title=dbsession DBS101,file=app/my users.py,line=7,endLine=7,col=10,endColumn=24"
        "::DBS101 `SessionLocal()` opens a session by hand; use `with get_db() as db:`\n"
    )


def test_a_level_has_its_command() -> None:
    levels = ("error", "warning", "note")
    lines = written(write, [RAW._replace(level=level) for level in levels]).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning", "::notice"]


def test_columns_are_left_out_where_the_code_spans_lines() -> None:
    properties, message = read(written(write, [SPREAD]).rstrip("\n"))
    assert properties == {
        "title": "dbsession DBS303",
        "file": "app/ü.py",
        "line": "3",
        "endLine": "5",
    }
    assert message == "DBS303 100%, a: b"


def test_a_file_that_cannot_be_read_has_no_line() -> None:
    properties, _ = read(written(write, [UNREADABLE]).rstrip("\n"))
    assert properties == {"title": "dbsession E902", "file": "gone.py"}


def test_a_sign_that_means_something_is_escaped() -> None:
    odd = RAW._replace(path="a,b:c%2C.py", level="error", message="one\r\ntwo %0A :: three")
    assert written(write, [odd]).split("::")[1:] == [
        "error title=dbsession DBS101,file=a%2Cb%3Ac%252C.py,line=7,endLine=7,col=10,endColumn=24",
        "DBS101 one%0D%0Atwo %250A ",
        " three\n",
    ]


@settings(max_examples=50, deadline=None)
@given(ANY)
def test_what_is_read_is_what_was_found(findings: list[Finding]) -> None:
    lines = written(write, findings).split("\n")[:-1]
    assert len(lines) == len(findings)
    for line, finding in zip(lines, findings, strict=True):
        properties, message = read(line)
        cell = f"cell {finding.cell}, line {finding.line}: " if finding.cell else ""
        assert message == f"{finding.code} {cell}{finding.message}"
        assert properties["file"] == relative(finding.path)
        assert properties.get("line") == (None if finding.cell else str(finding.line))
