"""Which files are found in folders."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest
from flake8.utils import matches_filename, normalize_paths
from hypothesis import given
from hypothesis import strategies as st

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.files.discovery import _Walker, discover
from tests.cases import write_project


def found(folder: Path, *paths: str, exclude: tuple[str, ...] = ()) -> list[str]:
    """Give the files found from inside a folder."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        return discover(paths or (".",), exclude)
    finally:
        os.chdir(before)


def test_python_files_in_order(tmp_path: Path) -> None:
    write_project(tmp_path, {"b.py": "", "a/c.pyi": "", "a/notes.txt": "", "a/b.py": ""})
    assert found(tmp_path) == ["./a/b.py", "./a/c.pyi", "./b.py"]
    assert found(tmp_path, "a", "b.py") == ["a/b.py", "a/c.pyi", "b.py"]


@pytest.mark.parametrize(
    "installed",
    [
        ".tox/a.py",
        "lib/site-packages/a.py",
        "node_modules/a.py",
        "build/a.py",
        "dist/a.py",
        "__pycache__/a.py",
    ],
)
def test_folders_that_are_not_the_projects_own(tmp_path: Path, installed: str) -> None:
    write_project(tmp_path, {installed: "", f"{os.path.dirname(installed)}/x/b.py": "", "a.py": ""})
    assert found(tmp_path) == ["./a.py"]


def test_an_environment_has_an_interpreter(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "pyvenv.cfg": "",  # committed by mistake
            "a.py": "",
            "env/pyvenv.cfg": "",
            "env/bin/python": "",
            "env/lib/b.py": "",
            "conda/conda-meta/history": "",
            "conda/lib/c.py": "",
        },
    )
    assert found(tmp_path) == ["./a.py"]


def test_gitignore_of_every_level_holds(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            ".gitignore": "*_gen.py\n/top.py\nout/\n",
            "app/.gitignore": "!kept_gen.py\nlocal.py\n",
            "app/top.py": "",
            "app/kept_gen.py": "",
            "app/other_gen.py": "",
            "app/local.py": "",
            "app/out/a.py": "",
            "lib/local.py": "",
            "top.py": "",
        },
    )
    assert found(tmp_path) == ["./app/kept_gen.py", "./app/top.py", "./lib/local.py"]
    assert found(tmp_path / "app") == ["./kept_gen.py", "./top.py"]


def test_exclude_file_of_the_repository_holds(tmp_path: Path) -> None:
    write_project(tmp_path, {".git/info/exclude": "mine/\n", "mine/a.py": "", "b.py": ""})
    assert found(tmp_path) == ["./b.py"]


def test_exclude_file_holds_in_another_working_tree(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "main/.git/info/exclude": "mine/\n",
            "main/.git/worktrees/tree/commondir": "../..\n",
            "tree/.git": f"gitdir: {tmp_path}/main/.git/worktrees/tree\n",
            "tree/mine/a.py": "",
            "tree/b.py": "",
        },
    )
    assert found(tmp_path / "tree") == ["./b.py"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path / "home"


@pytest.mark.parametrize(
    "configuration",
    [
        {".config/git/ignore": "mine.py\n"},
        {".gitconfig": "[core]\n\texcludesFile = ~/own\n", "own": "mine.py\n"},
        {".config/git/config": '[core]\nexcludesfile = "~/own"\n', "own": "mine.py\n"},
        {
            ".gitconfig": "[core]\nexcludesFile = ~/own\n",
            "own": "mine.py\n",
            ".config/git/ignore": "b.py\n",
        },
    ],
)
def test_what_the_user_ignores_everywhere_holds_in_repositories(
    tmp_path: Path, home: Path, configuration: dict[str, str]
) -> None:
    write_project(tmp_path, {"app/mine.py": "", "app/b.py": "", "app/lib/mine.py": ""})
    home.mkdir()
    assert found(tmp_path / "app") == ["./b.py", "./lib/mine.py", "./mine.py"]
    write_project(home, configuration)
    assert found(tmp_path / "app") == ["./b.py"]
    write_project(tmp_path, {"app/.gitignore": "!mine.py\n"})
    assert found(tmp_path / "app") == ["./b.py", "./lib/mine.py", "./mine.py"]


def test_nothing_is_ignored_outside_of_repositories(tmp_path: Path) -> None:
    write_project(tmp_path, {".gitignore": "a.py\n", "a.py": "", "lib/a.py": ""})
    assert found(tmp_path) == []
    (tmp_path / ".git").rmdir()
    assert found(tmp_path) == ["./a.py", "./lib/a.py"]
    assert found(tmp_path / "lib") == ["./a.py"]


def test_a_repository_in_another_has_patterns_of_its_own(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            ".gitignore": "a.py\n",
            "lib/.git": "",
            "lib/.gitignore": "b.py\n",
            "a.py": "",
            "b.py": "",
            "lib/a.py": "",
            "lib/b.py": "",
        },
    )
    assert found(tmp_path) == ["./b.py", "./lib/a.py"]


@pytest.mark.parametrize("wrong", ["!", "\\", "a\\", "a/[z-a]"])
def test_a_wrong_pattern_is_passed_over(tmp_path: Path, wrong: str) -> None:
    write_project(tmp_path, {".gitignore": f"{wrong}\na.py\n", "a.py": "", "b.py": ""})
    assert found(tmp_path) == ["./b.py"]


def test_folders_nested_deeper_than_calls_may_be(tmp_path: Path) -> None:
    folders = [tmp_path / os.path.join(*["a"] * depth) for depth in range(1, 1200)]
    for folder in folders:
        folder.mkdir()
    (folders[-1] / "b.py").touch()
    assert found(tmp_path) == [os.path.join(".", folders[-1].relative_to(tmp_path), "b.py")]
    (folders[-1] / "b.py").unlink()
    for folder in reversed(folders):  # which pytest does by recursion
        folder.rmdir()


def test_flake8_exclude_holds_for_named_files_too(tmp_path: Path) -> None:
    write_project(tmp_path, {"a.py": "", "old/b.py": "", "c.py": ""})
    exclude = ("c.py", str(tmp_path / "old"))
    assert found(tmp_path, exclude=exclude) == ["./a.py"]
    assert found(tmp_path, "a.py", "c.py", exclude=exclude) == ["a.py"]


def test_named_files_and_folders_are_taken_whatever_git_ignores(tmp_path: Path) -> None:
    write_project(tmp_path, {".gitignore": "gen*\n", "gen/a.py": "", "gen.txt": ""})
    assert found(tmp_path, "gen.txt", "gen/a.py") == ["gen.txt", "gen/a.py"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    write_project(tmp_path, {"app/a.py": "", "lib/b.py": ""})
    (tmp_path / "app" / "lib").symlink_to(tmp_path / "lib")
    (tmp_path / "app" / "b.py").symlink_to(tmp_path / "lib" / "b.py")
    assert found(tmp_path) == ["./app/a.py", "./lib/b.py"]


def test_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(RunError, match="standard input is closed"):
        discover(["-"], ())


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nowhere: there is no such file or folder"):
        discover([str(tmp_path / "nowhere")], ())


def test_a_folder_that_cannot_be_listed_is_given_like_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, {"a.py": "", "gone/b.py": "", "locked/c.py": "", "z.py": ""})
    scan = os.scandir

    def scandir(folder: str) -> object:
        if folder.endswith("gone"):
            raise FileNotFoundError(2, "No such file or directory", folder)
        if folder.endswith("locked"):
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert found(tmp_path) == ["./a.py", "./locked", "./z.py"]


def test_a_file_that_cannot_be_looked_at_is_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lstat(path: str) -> object:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "lstat", lstat)
    assert found(tmp_path, "locked/a.py") == ["locked/a.py"]


NAMES = st.sampled_from(["a.py", "build", "b/c.py", ".", "..", "./a", "ab", "tmp", "tests"])
EXCLUDES = st.sampled_from(
    ["*", "ab*", "*.py", "[a-c]*", "/tmp/*", "*/tests/*", "?", "a[!b]c", "."]
)


@given(st.lists(NAMES, min_size=1, max_size=3), st.lists(st.one_of(NAMES, EXCLUDES), max_size=4))
def test_what_is_excluded_is_what_flake8_excludes(names: list[str], patterns: list[str]) -> None:
    path, exclude = "/".join(names), normalize_paths(patterns)
    expected = matches_filename(path, exclude, "%(path)s %(whether)s", logging.getLogger(__name__))
    assert _Walker(exclude)._is_excluded(path, os.path.abspath(path)) is expected
