"""The first manager; retired. It opens a connection for each call."""

from __future__ import annotations

from contextlib import closing
from typing import Any


class DatabaseManager:
    """Opens connections past the pool."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def connect(self) -> Any:
        """Open a connection that the caller has to close."""
        import psycopg2

        return psycopg2.connect(self.dsn)  # DBS107

    def count_facts(self) -> int:
        """Count the facts."""
        with closing(self.connect()) as conn, closing(conn.cursor()) as cursor:
            cursor.execute("SELECT COUNT(*) FROM facts")
            return cursor.fetchone()[0]
