"""The owner: the one module that opens connections."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from router.schema import SCHEMA


class SessionManager:
    """Keeps sessions and their messages in a file."""

    def __init__(self, db_path: Path) -> None:
        self.db_path = db_path
        with self._get_connection() as conn:
            conn.executescript(SCHEMA)

    @contextmanager
    def _get_connection(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that commits at the end of the block, or rolls back, and is closed."""
        conn = sqlite3.connect(str(self.db_path))
        try:
            conn.row_factory = sqlite3.Row
            # SQLite checks foreign keys only on connections that ask for it.
            conn.execute("PRAGMA foreign_keys = ON")
            conn.execute("PRAGMA journal_mode = WAL")
            conn.execute("PRAGMA synchronous = NORMAL")
            yield conn
            conn.commit()
        except Exception:
            conn.rollback()
            raise
        finally:
            conn.close()

    def create_session(self, session_id: str) -> None:
        """Begin a session."""
        with self._get_connection() as conn:
            conn.execute("INSERT INTO sessions (session_id) VALUES (?)", (session_id,))

    def add_message(self, session_id: str, content: str) -> None:
        """Add a message to a session; an unknown session is an IntegrityError."""
        with self._get_connection() as conn:
            conn.execute(
                "INSERT INTO messages (session_id, content) VALUES (?, ?)", (session_id, content)
            )

    def message_count(self, session_id: str) -> int:
        """Give the number of a session's messages, as the triggers count them."""
        with self._get_connection() as conn:
            query = "SELECT message_count FROM sessions WHERE session_id = ?"
            return conn.execute(query, (session_id,)).fetchone()["message_count"]
