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
    ],
)
def test_the_root_is_the_nearest_mark(tmp_path: Path, files: tuple[str, ...], root: str) -> None:
    make(tmp_path, *files, "a/b/c/x.py")
    assert project_root(str(tmp_path / "a/b/c")) == str(tmp_path / root)


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
