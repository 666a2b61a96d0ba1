"""``dbsession explain``: pages and the table of codes, for a terminal and for a pipe."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flake8_dbsession.command.group import main
from flake8_dbsession.rules.registry import rules

PAGES = Path(__file__).parents[2] / "docs" / "rules"


def explain(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments], env=environment)


@pytest.mark.parametrize("asked", ["DBS302", "dbs302", "session-never-closed"])
def test_prints_the_page_as_it_is_documented(asked: str) -> None:
    assert explain(asked).output == (PAGES / "DBS302.md").read_text(encoding="utf-8")


def test_links_to_other_pages_are_codes() -> None:
    assert "](DBS" in (PAGES / "DBS101.md").read_text(encoding="utf-8")
    output = explain("DBS101").output
    assert "that is DBS102)" in output
    assert "](DBS" not in output


def test_is_laid_out_on_a_terminal() -> None:
    output = explain("DBS302", FORCE_COLOR="1", TERM="xterm").output
    assert "\x1b[" in output
    assert "## What it does" not in output
    assert "What it does" in output


def test_says_that_a_rule_is_off() -> None:
    assert "off by default" in explain("DBS408").output


def test_table_has_a_line_for_each_rule() -> None:
    lines = explain().output.splitlines()
    assert [line.split()[0] for line in lines] == list(rules())
    assert any("(off)" in line for line in lines)


def test_the_beginning_of_codes_gives_their_table() -> None:
    family = [code for code in rules() if code.startswith("DBS3")]
    lines = explain("dbs3").output.splitlines()
    assert [line.split()[0] for line in lines] == family
    on_terminal = explain("DBS3", FORCE_COLOR="1", TERM="xterm").output
    assert "DBS3xx" in on_terminal
    assert "DBS101" not in on_terminal


def test_table_on_a_terminal_has_every_code_by_family() -> None:
    output = explain(FORCE_COLOR="1", TERM="xterm", COLUMNS="60").output
    assert all(code in output for code in rules())
    assert "DBS3xx: how it ends" in output


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("DBS1O1", "did you mean `DBS101`?"),
        ("raw-session-factorie", "did you mean `raw-session-factory`?"),
        ("E501", "`dbsession explain` lists them all"),
        ("DBS001", "the policy found for a file cannot be used"),
    ],
)
def test_unknown_code_is_wrong_use(asked: str, answer: str) -> None:
    result = explain(asked)
    assert result.exit_code == 2
    assert answer in result.stderr
    assert result.stdout == ""
