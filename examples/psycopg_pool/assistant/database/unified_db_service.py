"""The owner: the one service that takes connections from the pool and puts them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Protocol


class Pool(Protocol):
    """What the service needs of a pool; psycopg2's ThreadedConnectionPool has it."""

    def getconn(self) -> Any:
        """Take a connection."""

    def putconn(self, conn: Any) -> None:
        """Put a connection back; what it did not commit is rolled back."""


def open_pool(database_url: str) -> Pool:
    """Open a pool of psycopg2 connections."""
    # Imported here, so that the service can be imported where there is no psycopg2.
    from psycopg2.pool import ThreadedConnectionPool

    return ThreadedConnectionPool(minconn=2, maxconn=20, dsn=database_url)


class UnifiedDatabaseService:
    """Single database service with connection pooling."""

    def __init__(self, database_url: str, pool: Pool | None = None) -> None:
        self.pool = pool or open_pool(database_url)

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        """Give a connection, and put it back whatever happens."""
        conn = self.pool.getconn()
        try:
            yield conn
        finally:
            self.pool.putconn(conn)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Give a connection that commits at the end of the block, or rolls back."""
        with self.get_connection() as conn:
            try:
                yield conn
                conn.commit()
            except Exception:
                conn.rollback()
                raise

    def execute_query(self, query: str, params: tuple[Any, ...] = ()) -> list[Any]:
        """Run a query and give its rows."""
        with self.get_connection() as conn, closing(conn.cursor()) as cursor:
            cursor.execute(query, params)
            return cursor.fetchall()
