"""The chatbot, not moved to the service yet."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from assistant.database.unified_db_service import UnifiedDatabaseService
from assistant.knowledge.database_service import DatabaseManagerService  # DBS106
from assistant.session.redis_session_manager import RedisSessionManager  # DBS106


class Chatbot:
    """Answers with what the database holds."""

    def __init__(self, dsn: str, db: UnifiedDatabaseService) -> None:
        self.dsn = dsn
        self.db = db
        self.manager = DatabaseManagerService(dsn)
        self.session_manager = RedisSessionManager()

    def count_facts(self) -> int:
        """Count the facts with the old facade."""
        return self.manager.count_facts()

    def count_messages(self) -> int:
        """Count messages; the block ends the transaction, and the connection stays open."""
        import psycopg2

        with psycopg2.connect(self.dsn) as conn:  # DBS107 DBS601
            cursor = conn.cursor()
            cursor.execute("SELECT COUNT(*) FROM messages")
            return cursor.fetchone()[0]

    def count_sessions(self) -> int:
        """Count sessions on a connection that nothing closes."""
        import psycopg2

        conn = psycopg2.connect(self.dsn)  # DBS107 DBS602
        cursor = conn.cursor()
        cursor.execute("SELECT COUNT(*) FROM sessions")
        return cursor.fetchone()[0]

    def forget(self, user_id: str) -> None:
        """Remove a user's messages; an error leaves the connection open."""
        import psycopg2

        conn = psycopg2.connect(self.dsn)  # DBS107 DBS603
        conn.cursor().execute("DELETE FROM messages WHERE user_id = %s", (user_id,))
        conn.commit()
        conn.close()

    def last_message(self) -> str:
        """Read a message on a connection that goes back to the pool only if all goes well."""
        conn = self.db.pool.getconn()  # DBS605
        with closing(conn.cursor()) as cursor:
            cursor.execute("SELECT text FROM messages ORDER BY id DESC")
            text: Any = cursor.fetchone()[0]
        self.db.pool.putconn(conn)
        return text
