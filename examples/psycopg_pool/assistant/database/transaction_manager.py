"""Operations of several steps that succeed or fail together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from assistant.database.unified_db_service import UnifiedDatabaseService


class TransactionManager:
    """Manages transactions."""

    def __init__(self, db: UnifiedDatabaseService) -> None:
        self.db = db

    @contextmanager
    def atomic_operation(self) -> Iterator[Any]:
        """Give a connection whose work is committed as a whole, or not at all."""
        with self.db.transaction() as conn:
            yield conn

    def create_session_with_history(self, user_id: str, message: str) -> None:
        """Create a session and its first message."""
        with self.atomic_operation() as conn:
            cursor = conn.cursor()
            cursor.execute("INSERT INTO sessions (user_id) VALUES (%s)", (user_id,))
            self._add_message(cursor, user_id, message)

    def add_messages(self, user_id: str, messages: Iterable[str]) -> None:
        """Add many messages."""
        with self.atomic_operation() as conn:
            cursor = conn.cursor()
            for message in messages:
                self._add_message(cursor, user_id, message)

    def _add_message(self, cursor: Any, user_id: str, message: str) -> None:
        if not message:
            raise ValueError("a message has no text")
        cursor.execute("INSERT INTO messages (user_id, text) VALUES (%s, %s)", (user_id, message))
