"""DBS209: a result of Core is read after its block as long as its connection is kept open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import CursorResult, Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool, QueuePool

ONE = text("SELECT 1")


def result_of(engine: Engine) -> CursorResult[Any]:
    with engine.connect() as conn:
        return conn.execute(ONE)


def rows_of(engine: Engine) -> list[Any]:
    with engine.connect() as conn:
        return list(conn.execute(ONE))


def test_rows_of_a_closed_connection(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}", poolclass=NullPool)
    with pytest.raises(ProgrammingError):
        result_of(engine).fetchall()
    assert rows_of(engine) == [(1,)]


def test_rows_of_one_connection_beyond_the_pool_s_size(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    engine = create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=1)
    assert result_of(engine).fetchall() == [(1,)]
    with engine.connect() as conn:
        assert rows_of(engine) == [(1,)]  # whose connection the pool keeps
        result = conn.execute(ONE)
    with pytest.raises(ProgrammingError):
        result.fetchall()
    engine.dispose()
