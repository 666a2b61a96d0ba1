"""Patterns of one segment are matched without a library, and mean what they mean to it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from flake8_dbsession.policy.matching import PathGroups

PATTERNS = (
    "*",
    "*/",
    "tests/",
    "conftest.py",
    "test_*.py",
    "*_test.py",
    "a?c",
    "x-y",
    "b.*",
    "*b*",
)
SEGMENTS = ("tests", "conftest.py", "test_a.py", "a_test.py", "abc", "x-y", "b.py", "b", "tests.py")


@given(
    st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3),
    st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=4),
)
def test_names_match_as_in_gitignore(patterns: list[str], segments: list[str]) -> None:
    root = Path("/project")
    found = PathGroups(root, (tuple(patterns),)).first_match(root.joinpath(*segments))
    assert (found == 0) is GitIgnoreSpec.from_lines(patterns).match_file("/".join(segments))
