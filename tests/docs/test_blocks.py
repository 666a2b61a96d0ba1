"""What the pages show is what happens: commands and their output, options, policies."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

import click
import pytest

from flake8_dbsession.command.group import main
from flake8_dbsession.policy.loading import load
from flake8_dbsession.rules.pages import known_codes
from tests.docs.pages import PAGES, Reader, blocks, commands

SHOWN = [page for page in PAGES if any(block.language == "console" for block in blocks(page))]
POLICIES = [
    (page, block.text)
    for page in PAGES
    for block in blocks(page)
    if block.language == "toml" and "[tool.dbsession" in block.text
]


def pattern(output: str) -> str:
    """Give the expression for an output: ``...`` is any lines, and a time any time."""
    lines = [re.escape(line.rstrip()) for line in output.splitlines()]
    any_time = (re.sub(r"\d+\\\.\d+(?=\\ s\b|s\b)", r"\\d+\\.\\d+", line) for line in lines)
    return "".join("(?:.*\n)*" if line == r"\.\.\." else f"{line}\n" for line in any_time)


@pytest.mark.skipif(shutil.which("bash") is None, reason="the pages speak to a shell")
@pytest.mark.parametrize("page", SHOWN)
def test_commands_write_what_the_page_shows(page: str, tmp_path: Path) -> None:
    if page == "docs/runtime.md" and sys.version_info < (3, 11):
        pytest.skip("a function tells its class from Python 3.11 on")
    reader = Reader(tmp_path / "clone")
    for block in blocks(page):
        if block.title:
            reader.write(block)
        if block.language == "console":
            for line, output in commands(block):
                written = re.sub(r" +$", "", reader.run(line), flags=re.MULTILINE)
                assert re.fullmatch(pattern(output), written), f"$ {line}\n{written}"


@pytest.mark.parametrize("page", PAGES)
def test_there_is_what_the_page_calls(page: str) -> None:
    for block in blocks(page):
        if block.language in ("bash", "console"):
            for line in re.findall(r"^(?:\$ )?(dbsession .*)", block.text, re.MULTILINE):
                look_up(shlex.split(line.partition(" -- ")[0], comments=True))


def look_up(words: list[str]) -> None:
    """Look for a subcommand and the options that a line gives it."""
    command = main.get_command(click.Context(main), words[1]) if words[1][0] != "-" else main
    assert command is not None, words
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    for word in words[2:]:
        assert not word.startswith("--") or word.partition("=")[0] in {*known, "--help"}, words


@pytest.mark.parametrize(("page", "policy"), POLICIES)
def test_policies_can_be_used(page: str, policy: str, tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(policy, encoding="utf-8")
    assert load(file, known=known_codes())
