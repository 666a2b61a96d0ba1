"""Patterns mean what they mean to git, and none takes long."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flake8_dbsession.globs import Globs, is_pattern
from flake8_dbsession.policy.matching import PathGroups

PIECES = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "*",
        "?",
        "**",
        "a*b",
        "*a*",
        "***",
        "a**",
        ".a",
        "x.py",
        "*.py",
        "a\\",
        "#",
        "!",
        "\\*",
        "\\a",
        "[ab]",
        "[!a]",
        "[^b-c]",
        "[]a]",
        "[a",
        "[a-]",
        "[[]",
    ]
)
PATTERNS = st.builds(
    lambda negation, pieces, end: negation + "".join(pieces) + end,
    st.sampled_from(["", "", "", "!", "/", "\\!"]),
    st.lists(st.one_of(PIECES, st.just("/")), min_size=1, max_size=7),
    st.sampled_from(["", "", "/", " ", "\\ ", "\r"]),
).filter(lambda pattern: not re.search(r"\[[^\]]*/|//", pattern))  # to git a class may hold a slash
NAMES = st.text("ab*c.[] -!\\", min_size=1, max_size=4).filter(lambda n: set(n) != {"."})
PATHS = st.lists(st.one_of(NAMES, st.sampled_from(["a", "b", "x.py"])), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def ignored_by_git(repository: Path, patterns: list[str], paths: list[str]) -> set[str]:
    (repository / ".gitignore").write_bytes("".join(f"{each}\n" for each in patterns).encode())
    command = ["git", "-c", "core.excludesFile=", "check-ignore", "--no-index", "--stdin", "-z"]
    names = "".join(f"{path}\0" for path in paths).encode()
    done = subprocess.run(command, cwd=repository, input=names, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return set(done.stdout.decode().split("\0")) - {""}


@settings(max_examples=100)
@given(
    st.lists(PATTERNS, min_size=1, max_size=4),
    st.lists(PATHS.map("/".join), min_size=1, max_size=12),
)
def test_they_match_what_git_ignores(
    repository: Path, patterns: list[str], paths: list[str]
) -> None:
    globs = Globs(patterns)
    assert {p for p in paths if globs.verdict(p)} == ignored_by_git(repository, patterns, paths)


def test_the_last_that_matches_decides_but_not_below_a_folder() -> None:
    globs = Globs(["*.py", "!keep.py", "build/", "# a comment", ""])
    assert globs.verdict("a/x.py") is True
    assert globs.verdict("a/keep.py") is False
    assert globs.verdict("a/x.txt") is None
    assert globs.verdict("build/keep.py") is True
    assert globs.verdict("build") is None
    assert globs.verdict("build/") is True


def test_of_a_list_the_last_that_matches_decides() -> None:
    globs = Globs(["api/", "!api/health.py", "!api/v1/", "api/v1/users.py"])
    assert globs.matches("api/users.py")
    assert not globs.matches("api/health.py")
    assert not globs.matches("api/v1/posts.py")
    assert globs.matches("api/v1/users.py")
    assert not globs.matches("users.py")


@pytest.mark.parametrize("text", ["[z-a]", "", "/", "a//b", "[a", "a\\", "# x", " "])
def test_what_can_match_nothing_is_no_pattern(text: str) -> None:
    assert not is_pattern(text)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 25, "a" * 250 + "b"),
        ("*a" * 2000, "a" * 250 + "b"),
        ("?*" * 100 + "b", "a" * 250),
        ("**/a/" * 25 + "b", "a/" * 2000 + "c"),
        ("**/*a*a*/" * 25 + "b", "aaaaaaaa/" * 400 + "c"),
        ("/".join(["*a*a*a*"] * 40), "/".join(["aaaaaaaaab"] * 40) + "/c"),
        ("[a-z]*" * 60 + "0", "abc" * 80),
    ],
    ids=lambda text: text[:12],
)
def test_no_pattern_takes_long(pattern: str, path: str) -> None:
    start = time.process_time()
    Globs([pattern] * 3).verdict(path)
    PathGroups(Path("/project"), ((pattern,),)).first_match(f"/project/{path}")
    assert time.process_time() - start < 10
