"""Repairs of small projects, for the tests of the fixes."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from flake8_dbsession.fixes.registry import fixers
from flake8_dbsession.fixes.repair import Repair, Wishes, repair
from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.rewriting.edits import Kind
from flake8_dbsession.rewriting.text import decode
from tests.cases import CHOSEN, write_project


def repaired(
    folder: Path, files: dict[str, str], name: str, codes: str = "DBS", *, unsafe: bool = False
) -> Repair:
    """Write a project and repair one file of it, which is not written back."""
    folder.mkdir(exist_ok=True)
    write_project(folder, CHOSEN | files)
    path = folder / name
    wishes = Wishes(codes=tuple(codes.split()), unsafe=unsafe)
    linter = Linter(Settings(selected=frozenset(wishes.codes)))
    done = repair(str(path), decode(path.read_bytes()), linter, wishes)
    for left in done.left:
        found = {doubt.kind for doubt in left.doubts} - {Kind.OTHER}
        assert not found or found <= fixers()[left.code].kinds
    return done


def assert_fixed(
    folder: Path, files: dict[str, str], name: str, after: str, *codes: str, unsafe: bool = False
) -> None:
    """Check that a repair gives a text, and fixes just these codes."""
    repair = repaired(folder, files, name, unsafe=unsafe)
    assert repair.text.content == dedent(after)
    assert tuple(fixed.code for fixed in repair.fixed) == codes


def reasons(folder: Path, files: dict[str, str], name: str, codes: str = "DBS") -> list[str]:
    """Give what a repair that changes nothing says of what it leaves."""
    repair = repaired(folder, files, name, codes)
    assert repair.text.content == dedent(files[name])
    return [f"{left.line}: {left.code} {left.reason}" for left in repair.left]
