"""The search of a project's text for what may close a request's session."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_dbsession.analysis.library.frameworks import TEARDOWN
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.source import searching


def may_tear_down(root: Path) -> bool:
    return Project(root).may_hold(root / "app.py", TEARDOWN)


def test_removing_from_a_list_is_no_teardown(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("items.remove(item)\n")
    assert not may_tear_down(tmp_path)
    (tmp_path / "app.py").write_text("app.add_hook(Session.remove)\n")
    assert may_tear_down(tmp_path)


def test_undecodable_files_and_links_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_bytes(b"\xff\x00\xfe")
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    assert not may_tear_down(tmp_path)


def test_a_project_too_large_to_search_may_hold_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / f"{name}.py").touch()
    monkeypatch.setattr(searching, "_MOST_FILES", 2)
    assert not may_tear_down(tmp_path)
    (tmp_path / "c.py").touch()
    assert may_tear_down(tmp_path)


def test_a_project_is_searched_once(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert not project.may_hold(tmp_path / "app.py", TEARDOWN)
    (tmp_path / "app.py").write_text("@app.teardown_request\n")
    assert not project.may_hold(tmp_path / "app.py", TEARDOWN)
