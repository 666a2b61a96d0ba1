"""Markdown files are checked in their Python blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import expected_codes, write_project
from tests.command.test_check import check

BLOCK = """\
from core.database import SessionLocal

db = SessionLocal()  # DBS101 DBS201
"""


def assert_cases(folder: Path, text: str) -> None:
    """Check a Markdown file against the comments in it."""
    write_project(folder, {"core/database.py": "", "guide.md": text})
    found = [line.split() for line in check("guide.md").stdout.splitlines()]
    assert [(int(place.split(":")[1]), code) for place, code, *_ in found] == expected_codes(text)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "opening", ["```python", "```py", "~~~~ Python", "```{.python}", '```python title="app.py"']
)
def test_python_blocks(folder: Path, opening: str) -> None:
    closing = opening[:4].rstrip(" pP{")
    assert_cases(folder, f"# Sessions\n\n{opening}\n{BLOCK}{closing}\n")


def test_columns_are_those_of_the_file(folder: Path) -> None:
    indented = "".join(f"   {line}\n" for line in BLOCK.splitlines())
    text = (
        f"1. So:\n\n   ```python\n{indented}   ```\n\n> ```python\n> db = SessionLocal()\n> ```\n"
    )
    write_project(folder, {"guide.md": text})
    result = check("guide.md", "--show-source", "--select", "DBS101")
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[::3]] == ["guide.md:6:9:", "guide.md:10:8:"]
    assert lines[1:3] == ["   db = SessionLocal()  # DBS101 DBS201", "        ^^^^^^^^^^^^^^"]
    assert lines[4:] == ["> db = SessionLocal()", "       ^^^^^^^^^^^^^^"]


def test_other_blocks_and_text_are_not_checked(folder: Path) -> None:
    bare = BLOCK.replace("# DBS", "# no DBS")
    assert_cases(
        folder, f"{bare}\n```\n{bare}```\n\n```sh\n{bare}```\n<!--\n```python\n{bare}```\n-->\n"
    )


def test_blocks_that_do_not_parse_are_skipped(folder: Path) -> None:
    assert_cases(folder, f"```python\ndef (:\n```\n\n```python\n{BLOCK}```\n")


def test_doctests(folder: Path) -> None:
    assert_cases(
        folder,
        "```pycon\n"
        ">>> from core.database import SessionLocal\n"
        ">>> def save():\n"
        "...     db = SessionLocal()  # DBS101\n"
        "...     db.commit()\n"
        "<Session>\n"
        "```\n",
    )


def test_noqa(folder: Path) -> None:
    quiet = BLOCK.replace("# DBS101", "# noqa: DBS101  #")
    ignored = f"# flake8: noqa\n{BLOCK}".replace("# DBS101", "#")
    assert_cases(
        folder, f"```python\n{quiet}```\n\n```python\n{ignored}```\n".replace("# DBS201", "DBS201")
    )


def test_a_comment_leaves_the_whole_file_out(folder: Path) -> None:
    fence = f"```python\n{BLOCK}```\n"
    write_project(folder, {"guide.md": f"{fence}\n<!-- flake8: noqa -->\n\n{fence}"})
    assert check("guide.md").stdout == ""
    write_project(folder, {"guide.md": f"{fence}\nWrite `<!-- flake8: noqa -->` above it.\n"})
    assert len(check("guide.md").stdout.splitlines()) == 2


def test_a_broken_policy_is_said_once(folder: Path) -> None:
    write_project(folder, {"dbsession.toml": "x = 1\n"})
    write_project(folder, {"guide.md": f"```python\n{BLOCK}```\n\n```python\n{BLOCK}```\n"})
    result = check("guide.md")
    assert (result.exit_code, len(result.stdout.splitlines())) == (2, 1)
