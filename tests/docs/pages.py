"""The pages that people read, the blocks on them, and a place to do what they say."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if path.parent.name != "rules"
)
_BLOCK = re.compile(
    r'^( *)```(?P<language>\w+)(?: +title="(?P<title>[^"]+)")?\n(?P<text>.*?)^\1```$',
    re.MULTILINE | re.DOTALL,
)
_GIT = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")


class Block(NamedTuple):
    """A fenced block of a page.

    Attributes:
        language: what stands after the fence, such as ``console``.
        title: the file that the block shows; empty for none.
        text: what it holds.
    """

    language: str
    title: str
    text: str


class Command(NamedTuple):
    """A command of a ``console`` block, and the output below it.

    Attributes:
        line: the command.
        output: what the page shows of its output; a line ``...`` stands for any lines.
    """

    line: str
    output: str


def blocks(page: str) -> Iterator[Block]:
    """Give the blocks of a page that say what they hold."""
    for found in _BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")):
        text = re.sub(f"^{found[1]}", "", found["text"], flags=re.MULTILINE)
        yield Block(found["language"], found["title"] or "", text)


def commands(block: Block) -> Iterator[Command]:
    """Give the commands of a block with their outputs."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield Command(line, output)


class Reader:
    """Does what a page says, in a copy of the repository's examples that is his own.

    Args:
        folder: an empty folder for the copy.
    """

    def __init__(self, folder: Path) -> None:
        shutil.copytree(
            ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__")
        )
        self._home = self._folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "DBSESSION_CACHE_DIR": str(folder.parent / "cache"),
            "COLUMNS": "100",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **dict.fromkeys(_GIT, "reader@example.org"),
        }

    def write(self, block: Block) -> None:
        """Write the file that a block shows."""
        path = self._folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def run(self, line: str) -> str:
        """Run a command where the one before it ended, and give what it wrote."""
        here = self._home.with_name("here")
        done = subprocess.run(
            ["bash", "-c", f"{line}\npwd > {shlex.quote(str(here))}"],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self._folder = Path(here.read_text(encoding="utf-8").rstrip("\n"))
        return done.stdout
