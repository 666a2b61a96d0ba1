"""A database, a pool over it, the service, and the module that old code imports."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.database.unified_db_service import UnifiedDatabaseService
from fake_psycopg2 import Pool, Psycopg2, make_database


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    """Make a database, and give its path."""
    path = str(tmp_path / "assistant.db")
    make_database(path)
    return path


@pytest.fixture
def pool(dsn: str) -> Iterator[Pool]:
    """Give a pool over the database."""
    pool = Pool(dsn)
    yield pool
    pool.closeall()


@pytest.fixture
def db(pool: Pool) -> UnifiedDatabaseService:
    """Give the service over the pool."""
    return UnifiedDatabaseService("", pool)


@pytest.fixture
def psycopg2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Psycopg2]:
    """Put a module over SQLite in the place of psycopg2."""
    module = Psycopg2()
    monkeypatch.setitem(sys.modules, "psycopg2", module)
    yield module
    for conn in module.opened:
        conn.close()
