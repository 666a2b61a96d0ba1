"""Generated programs do after a safe fix what they did before, whatever fails in them.

The programs are the same ones every time; ``python -m tests.fixes.batch`` runs others.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fixes.batch import run
from tests.fixes.generated import HOUSES, Village

_MODULES = ("core", "core.models", "core.database", "core.helpers")
_BARE = {"DBS101", "DBS301", "DBS302", "DBS303"}
_FIXED = {"DBS101", "DBS102", "DBS105", "DBS301", "DBS303"}


@pytest.mark.parametrize(
    ("house", "first"), [("commits", 0), ("reads", 1000), ("keeps", 2200), ("bare", 3500)]
)
def test_safe_fixes_change_nothing(
    house: str, first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in _MODULES:
        monkeypatch.setitem(sys.modules, name, sys)
    with Village(tmp_path, HOUSES[house]) as village:
        tally = run(village, range(first, first + 70))
    assert tally.differences == []
    assert tally.changed > tally.programs / 4
    assert tally.fixed.keys() >= (_BARE if house == "bare" else _FIXED)


def test_safe_fixes_change_nothing_on_a_server(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in _MODULES:
        monkeypatch.setitem(sys.modules, name, sys)
    with Village(tmp_path, HOUSES["commits"], postgres) as village:
        tally = run(village, range(5000, 5020))
    assert tally.differences == []
    assert tally.changed
