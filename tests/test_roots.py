"""Where a project ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_dbsession.roots import project_root
from tests.cases import lint

FACTORY = "from sqlalchemy.orm import sessionmaker\n\ndb_maker = sessionmaker()\n"
USER = "from shop.core import db_maker\n\n\ndef save():\n    db = db_maker()\n    db.commit()\n"


def make(folder: Path, *files: str) -> None:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("files", "root"),
    [
        (("a/.git", "a/b/pyproject.toml", "a/b/c/x.py"), "a"),
        (("a/.hg", "a/b/c/setup.cfg"), "a"),
        (("a/setup.py", "a/b/requirements.txt", "a/b/c/x.py"), "a/b"),
        (("a/dbsession.toml", "a/b/c/__init__.py"), "a"),
        (("a/b/__init__.py", "a/b/c/__init__.py"), "a"),
        (("a/b/c/x.py",), "a/b/c"),
        (("a/setup.py", "a/b/requirements.txt", "a/b/__init__.py", "a/b/c/__init__.py"), "a"),
        (("a/b/requirements.txt", "a/b/__init__.py", "a/b/c/__init__.py"), "a/b"),
        # A tool's settings mark a project where nothing else does, or one that a package lies in.
        (("a/pytest.ini",), "a"),
        (("a/ruff.toml", "a/b/c/__init__.py"), "a"),
        (("a/.pre-commit-config.yaml", "a/.ruff.toml", "a/b/setup.py"), "a/b"),
        (("a/setup.py", "a/b/pytest.ini"), "a"),
        (("a/pytest.ini", "a/b/requirements.txt", "a/b/__init__.py", "a/b/c/__init__.py"), "a"),
    ],
)
def test_the_root_is_the_nearest_mark(tmp_path: Path, files: tuple[str, ...], root: str) -> None:
    make(tmp_path, *files, "a/b/c/x.py")
    assert project_root(str(tmp_path / "a/b/c")) == str(tmp_path / root)


def test_a_folder_that_no_import_can_name_is_no_package(tmp_path: Path) -> None:
    make(tmp_path, "a/my-app/__init__.py", "a/my-app/core/__init__.py")
    assert project_root(str(tmp_path / "a/my-app/core")) == str(tmp_path / "a/my-app")


def test_what_is_found_does_not_depend_on_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "shop/__init__.py", "shop/api/__init__.py")
    (tmp_path / "shop/core.py").write_text(FACTORY)
    (tmp_path / "shop/api/users.py").write_text(USER)
    found = []
    for folder in (tmp_path, tmp_path / "shop", tmp_path / "shop/api", tmp_path.parent):
        monkeypatch.chdir(folder)
        found.append(lint(tmp_path, "shop/api/users.py"))
    assert found[0]
    assert all(each == found[0] for each in found)


@pytest.mark.parametrize(
    "files",
    [
        ("backend/setup.py",),
        ("backend/setup.py", "backend/__init__.py"),
        ("backend/setup.py", "backend/tests/backend/__init__.py"),
        ("backend/setup.py", "backend/__init__.py", "backend/tests/backend/db.py"),
    ],
)
def test_the_root_s_own_name_leads_into_it(tmp_path: Path, files: tuple[str, ...]) -> None:
    make(tmp_path, *files, "backend/api/__init__.py")
    (tmp_path / "backend/core.py").write_text(FACTORY)
    user = USER.replace("shop.core", "backend.core")
    for name in ("backend/api/users.py", "backend/users.py"):
        (tmp_path / name).write_text(user)
        assert lint(tmp_path, name)


def test_the_root_s_own_name_leads_to_a_package_in_it_first(tmp_path: Path) -> None:
    make(tmp_path, "shop/setup.py", "shop/src/shop/__init__.py")
    (tmp_path / "shop/src/shop/core.py").write_text(FACTORY)
    (tmp_path / "shop/core.py").write_text("SessionLocal = None\n")
    (tmp_path / "shop/users.py").write_text(USER)
    assert lint(tmp_path, "shop/users.py")


def test_nothing_outside_of_the_root_is_read_by_its_name(tmp_path: Path) -> None:
    make(tmp_path, "backend/setup.py")
    (tmp_path / "core.py").write_text(FACTORY)
    (tmp_path / "backend/users.py").write_text(USER.replace("shop.core", "core"))
    assert not lint(tmp_path, "backend/users.py")
