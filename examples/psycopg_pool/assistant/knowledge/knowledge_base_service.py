"""The knowledge base, on the service."""

from __future__ import annotations

from contextlib import closing

from assistant.database.unified_db_service import UnifiedDatabaseService


class KnowledgeBaseService:
    """Reads and writes facts."""

    def __init__(self, db: UnifiedDatabaseService) -> None:
        self.db = db

    def learn(self, fact: str) -> None:
        """Write down a fact."""
        with self.db.transaction() as conn, closing(conn.cursor()) as cursor:
            cursor.execute("INSERT INTO facts (text) VALUES (%s)", (fact,))

    def facts(self) -> list[str]:
        """Give all facts."""
        return [row[0] for row in self.db.execute_query("SELECT text FROM facts ORDER BY text")]

    def count(self) -> int:
        """Count the facts."""
        with self.db.get_connection() as conn, closing(conn.cursor()) as cursor:
            cursor.execute("SELECT COUNT(*) FROM facts")
            return cursor.fetchone()[0]
