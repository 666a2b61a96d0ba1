"""The work for a file grows with its size, and not with the square of it."""

from __future__ import annotations

import ast
import sys
from types import FrameType

import pytest

from benchmarks.scaling import SHAPES, source
from flake8_dbsession.analysis.lifetimes import solver
from flake8_dbsession.linter import Linter, Settings

_SMALL, _MIDDLE, _LARGE = 12, 24, 48


def calls(text: str) -> int:
    """Count the calls that linting a text takes: work that no machine's speed changes."""
    tree, linter, counted = ast.parse(text), Linter(Settings()), 0

    def count(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal counted
        counted += 1

    sys.setprofile(count)
    try:
        linter.check("generated.py", text, tree)
    finally:
        sys.setprofile(None)
    return counted


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """Import the rules, which the first file makes the linter do, before anything is counted."""
    calls(source("functions with a session", 1))


@pytest.mark.parametrize("shape", SHAPES)
def test_work_grows_with_the_size(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "_MAX_EVENTS", 0)  # what is followed has a bound of its own
    calls(source(shape, _SMALL))  # which compiles the regular expressions that are used
    small, middle, large = (calls(source(shape, size)) for size in (_SMALL, _MIDDLE, _LARGE))
    assert large - middle < 2.4 * (middle - small) + 100


def test_following_many_sessions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "_MAX_EVENTS", 2_000)
    shape = "sessions in one function"
    calls(source(shape, 1))
    small, middle, large = (calls(source(shape, size)) for size in (100, 200, 400))
    assert large - middle < 2.4 * (middle - small)


def test_helpers_in_a_row_are_followed_one_by_one() -> None:
    shape = "one session, helpers in a row"
    calls(source(shape, 1))
    small, middle, large = (calls(source(shape, size)) for size in (4, 8, 16))
    assert large - middle < 2.4 * (middle - small) + 100
