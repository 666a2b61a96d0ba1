"""DBS611: what a connection takes after a statement's error that nobody rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

ROW = "INSERT INTO swallowed VALUES (1)"
WRONG = "SELECT * FROM no_such_table"


@pytest.fixture(params=["psycopg2", "psycopg"])
def driver(request: pytest.FixtureRequest) -> Any:
    return pytest.importorskip(request.param)


@pytest.fixture
def conn(driver: Any, postgres: str) -> Iterator[Any]:
    with closing(driver.connect(postgres)) as conn:
        cursor = conn.cursor()
        cursor.execute("DROP TABLE IF EXISTS swallowed")
        cursor.execute("CREATE TABLE swallowed (id int)")
        conn.commit()
        yield conn


def swallow(cursor: Any, driver: Any) -> None:
    with pytest.raises(driver.Error):
        cursor.execute(WRONG)


def saved(driver: Any, postgres: str) -> int:
    with closing(driver.connect(postgres)) as other:
        cursor = other.cursor()
        cursor.execute("SELECT count(*) FROM swallowed")
        count: int = cursor.fetchone()[0]
        return count


def test_the_next_statement_is_refused(conn: Any, driver: Any) -> None:
    swallow(conn.cursor(), driver)
    with pytest.raises(driver.Error, match="current transaction is aborted"):
        conn.cursor().execute("SELECT 1")
    conn.rollback()
    conn.cursor().execute("SELECT 1")


def test_a_commit_saves_nothing_and_says_nothing(conn: Any, driver: Any, postgres: str) -> None:
    cursor = conn.cursor()
    cursor.execute(ROW)
    swallow(cursor, driver)
    conn.commit()
    assert saved(driver, postgres) == 0
    cursor.execute(ROW)  # the commit has ended the transaction
    conn.commit()
    assert saved(driver, postgres) == 1


def test_the_end_of_a_block_saves_nothing_either(conn: Any, driver: Any, postgres: str) -> None:
    with conn:
        cursor = conn.cursor()
        cursor.execute(ROW)
        swallow(cursor, driver)
    assert saved(driver, postgres) == 0


def test_a_savepoint_keeps_what_was_before(conn: Any, driver: Any, postgres: str) -> None:
    cursor = conn.cursor()
    cursor.execute(ROW)
    cursor.execute("SAVEPOINT before")
    swallow(cursor, driver)
    cursor.execute("ROLLBACK TO SAVEPOINT before")
    conn.commit()
    assert saved(driver, postgres) == 1


def test_a_rollback_undoes_a_setting(conn: Any) -> None:
    cursor = conn.cursor()
    cursor.execute("SET statement_timeout = '3s'")
    conn.rollback()
    cursor.execute("SHOW statement_timeout")
    assert cursor.fetchone()[0] != "3s"


def test_autocommit_has_no_transaction_to_abort(conn: Any, driver: Any, postgres: str) -> None:
    conn.rollback()
    conn.autocommit = True
    cursor = conn.cursor()
    cursor.execute(ROW)
    swallow(cursor, driver)
    cursor.execute(ROW)
    assert saved(driver, postgres) == 2


def test_a_block_of_psycopg_is_a_savepoint(postgres: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(postgres) as conn:
        conn.execute("CREATE TEMP TABLE kept (id int)")
        with pytest.raises(psycopg.Error), conn.transaction():
            conn.execute(WRONG)
        conn.execute("SELECT * FROM kept")


def test_a_connection_of_sqlalchemy(postgres: str) -> None:
    pytest.importorskip("psycopg2")
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import DBAPIError, InternalError

    engine = create_engine(postgres.replace("postgresql://", "postgresql+psycopg2://", 1))
    with engine.begin() as conn:
        conn.execute(text("DROP TABLE IF EXISTS swallowed"))
        conn.execute(text("CREATE TABLE swallowed (id int)"))
    with engine.connect() as conn:
        conn.execute(text(ROW))
        with pytest.raises(DBAPIError):
            conn.execute(text(WRONG))
        with pytest.raises(InternalError, match="current transaction is aborted"):
            conn.execute(text("SELECT 1"))
        conn.commit()
        conn.execute(text(ROW))
        with pytest.raises(DBAPIError), conn.begin_nested():
            conn.execute(text(WRONG))
        conn.commit()
        assert conn.execute(text("SELECT count(*) FROM swallowed")).scalar() == 1
    with engine.begin() as conn:
        conn.execute(text(ROW))
        with pytest.raises(DBAPIError):
            conn.execute(text(WRONG))
    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM swallowed")).scalar() == 1
    engine.dispose()


class Store:
    """An object that keeps a connection, and a cursor of it."""

    def __init__(self, conn: Any, driver: Any) -> None:
        self.conn = conn
        self.driver = driver
        self.cur = conn.cursor()

    def run(self, statement: str, *, undo: bool) -> bool:
        try:
            self.cur.execute(statement)
            self.conn.commit()
        except self.driver.Error:
            if undo:
                self.conn.rollback()
            return False
        return True


def test_an_object_works_no_more(conn: Any, driver: Any, postgres: str) -> None:
    store = Store(conn, driver)
    assert store.run(ROW, undo=False)
    assert not store.run(WRONG, undo=False)
    assert not store.run(ROW, undo=False)
    assert not store.run(ROW, undo=True)
    assert store.run(ROW, undo=True)
    assert saved(driver, postgres) == 2
