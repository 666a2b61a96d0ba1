"""The old code works as well: that is why it needs a linter to be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.old_session_store import OldSessionStore
from router.scripts import repair
from router.session_manager import SessionManager


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    """Make a database with one session in it."""
    path = tmp_path / "router.db"
    SessionManager(path).create_session("s1")
    return path


def test_orphans_come_in_without_the_pragma(db_path: Path) -> None:
    store = OldSessionStore(db_path)
    store.add_message("unknown", "hello")
    assert store.last_message("unknown") == "hello"
    assert repair.delete_orphans(db_path) == 1
    assert store.last_message("unknown") is None


def test_counts_bleed_from_one_store_to_the_other(db_path: Path) -> None:
    first, second = OldSessionStore(db_path), OldSessionStore(db_path)
    assert first.message_count("s1") == 0
    first.add_message("s1", "hello")
    assert second.message_count("s1") == 0, "what the first store has cached"


def test_repair(db_path: Path) -> None:
    assert repair.foreign_keys_are_on(db_path)
    assert repair.integrity(db_path) == "ok"
