"""The manager and what is built on it do what the standard promises."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from router.session_manager import SessionManager
from router.session_timeout_manager import SessionSearch, SessionTimeoutManager


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    """Give the path of a new database."""
    return tmp_path / "router.db"


def test_connection_has_the_pragmas_and_is_closed(db_path: Path) -> None:
    with SessionManager(db_path)._get_connection() as conn:
        assert conn.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert conn.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert conn.execute("PRAGMA synchronous").fetchone()[0] == 1
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        conn.execute("SELECT 1")


def test_block_rolls_back_on_an_error_and_closes(db_path: Path) -> None:
    manager = SessionManager(db_path)
    with pytest.raises(RuntimeError), manager._get_connection() as conn:
        conn.execute("INSERT INTO sessions (session_id) VALUES ('s1')")
        raise RuntimeError("simulated")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        conn.execute("SELECT 1")
    manager.create_session("s1")
    assert manager.message_count("s1") == 0


def test_messages_are_counted_and_never_orphaned(db_path: Path) -> None:
    manager = SessionManager(db_path)
    manager.create_session("s1")
    manager.add_message("s1", "hello")
    assert manager.message_count("s1") == 1
    with pytest.raises(sqlite3.IntegrityError):
        manager.add_message("unknown", "hello")


def test_timeouts_and_search(db_path: Path) -> None:
    manager = SessionTimeoutManager(db_path)
    manager.create_session("s1")
    manager.add_message("s1", "hello")
    search = SessionSearch(db_path)
    assert search.search("ell") == ["hello"]
    assert manager.expire(minutes=5) == 0
    assert manager.expire(minutes=0) == 1
    assert search.search("ell") == []
