"""Sessions that are over."""

from __future__ import annotations

from router.session_manager import SessionManager


class SessionTimeoutManager(SessionManager):
    """Ends sessions that nobody has used for a while."""

    def expire(self, minutes: int) -> int:
        """Remove idle sessions with their messages, and tell how many."""
        with self._get_connection() as conn:
            cursor = conn.execute(
                "DELETE FROM sessions WHERE last_activity <= datetime('now', ?)",
                (f"-{minutes} minutes",),
            )
            return cursor.rowcount


class SessionSearch(SessionManager):
    """Finds messages."""

    def search(self, word: str, limit: int = 100) -> list[str]:
        """Give the messages with a word in them, the newest first."""
        query = "SELECT content FROM messages WHERE content LIKE ? ORDER BY message_id DESC LIMIT ?"
        with self._get_connection() as conn:
            return [row["content"] for row in conn.execute(query, (f"%{word}%", limit))]
