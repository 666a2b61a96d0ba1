"""Which files are found in folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flake8_dbsession.checking.discovery import discover
from flake8_dbsession.checking.errors import RunError
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
        "env/pyvenv.cfg",
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


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nowhere: there is no such file or folder"):
        discover([str(tmp_path / "nowhere")], ())
