"""The store from before the manager."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


class OldSessionStore:
    """Opens a connection for each call."""

    cached_counts: dict[str, int] = {}  # DBS208

    def __init__(self, db_path: Path) -> None:
        self.db_path = db_path

    def add_message(self, session_id: str, content: str) -> None:
        """Add a message; the block commits, and does not close."""
        with sqlite3.connect(self.db_path) as conn:  # DBS107 DBS601 DBS606
            conn.execute(
                "INSERT INTO messages (session_id, content) VALUES (?, ?)", (session_id, content)
            )

    def message_count(self, session_id: str) -> int:
        """Count messages, once for all stores."""
        if session_id not in self.cached_counts:
            self.cached_counts[session_id] = self._count(session_id)
        return self.cached_counts[session_id]

    def _count(self, session_id: str) -> int:
        query = "SELECT COUNT(*) FROM messages WHERE session_id = ?"
        with closing(sqlite3.connect(self.db_path)) as conn:  # DBS107 DBS606
            return conn.execute(query, (session_id,)).fetchone()[0]

    def last_message(self, session_id: str) -> str | None:
        """Read a message on a connection that nothing closes."""
        query = "SELECT content FROM messages WHERE session_id = ? ORDER BY message_id DESC"
        conn = sqlite3.connect(self.db_path)  # DBS107 DBS602 DBS606
        row = conn.execute(query, (session_id,)).fetchone()
        return row[0] if row else None
