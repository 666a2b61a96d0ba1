"""What a fix writes in the place of an opening is what the message of the same place advises."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from difflib import ndiff
from pathlib import Path

import pytest

from flake8_dbsession.checking.files.discovery import discover
from flake8_dbsession.fixes.doubts.patched import PatchedNames
from flake8_dbsession.fixes.registry import fixers
from flake8_dbsession.fixes.repair import Wishes, repair_each
from flake8_dbsession.linter import Linter, PreparedFile, Settings
from flake8_dbsession.policy.loading import forget_policies
from flake8_dbsession.rewriting.text import decode
from tests.cases import write_project
from tests.house.houses import HOUSES
from tests.house.test_examples import APPLICATIONS, copied

ADVISED = re.compile(r"`(?:async )?with ([^`]+?)(?: as [^`]+)?:`|`\w+ = Depends\(([^`]+)\)`")

_NOTHING_TO_FIX = ("a manager that is given up", "a preset of another house", "a registry")


def repaired(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Fix each finding that advises a block or a parameter, alone.

    Yields:
        Where it is and what its message says, the expression advised, and the lines that the fix
        writes.
    """
    linter = Linter(Settings())
    for file in discover([str(folder)], []):
        text = decode(Path(file).read_bytes())
        prepared = linter.prepare(file, text.content, ast.parse(text.content))
        if not isinstance(prepared, PreparedFile):
            continue
        found = [each for each, _ in prepared.violations() if each.code in fixers()]
        places = [(each.code, each.line, each.column + 1) for each in found]
        made = repair_each(file, text, linter, Wishes(unsafe=True), places, PatchedNames())
        for violation, done in zip(found, made, strict=True):
            advice = ADVISED.search(violation.message.partition("; ")[2])
            if advice is None or not done.fixed:
                continue
            old, new = text.content.splitlines(), done.text.content.splitlines()
            written = [line[2:] for line in ndiff(old, new) if line.startswith("+ ")]
            if not written:  # nothing used it, and it is taken away
                continue
            where = f"{file}:{violation.line} {violation.code} {violation.message}"
            yield where, advice[1] or advice[2], written


def assert_agrees(folder: Path) -> int:
    """Tell how many fixes were compared, all of which write what is advised."""
    compared = list(repaired(folder))
    wrong = [each for each in compared if not any(each[1] in line for line in each[2])]
    assert wrong == []
    return len(compared)


@pytest.mark.parametrize("name", sorted(HOUSES))
def test_in_small_houses(name: str, tmp_path: Path) -> None:
    write_project(tmp_path, HOUSES[name])
    forget_policies()
    compared = assert_agrees(tmp_path)
    assert bool(compared) is (name not in _NOTHING_TO_FIX)


@pytest.mark.parametrize("with_policy", [True, False], ids=["policy", "no policy"])
@pytest.mark.parametrize("name", APPLICATIONS)
def test_in_examples(name: str, with_policy: bool, tmp_path: Path) -> None:
    copied(name, tmp_path, with_policy=with_policy)
    forget_policies()
    assert_agrees(tmp_path)
