"""DBS608, DBS609 and DBS610: what becomes of a connection that is kept or shared."""

from __future__ import annotations

import asyncio
import functools
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.truth.example import BETTER, EXAMPLE, run


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = str(tmp_path / "sensors.db")
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript("CREATE TABLE readings (at); INSERT INTO readings VALUES (1);")
        conn.executescript("CREATE TABLE log (text)")
    return path


def in_a_thread(work: Callable[[], Any]) -> Any:
    """Run something in a thread, as a server does; give what it returns or raises."""
    answers: list[Any] = []

    def target() -> None:
        try:
            answers.append(work())
        except Exception as error:
            answers.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    return answers[0]


def test_a_module_s_connection_fails_in_another_thread(database: str) -> None:
    names = run("DBS608", EXAMPLE, database=repr(database))
    assert isinstance(in_a_thread(names["last"]), sqlite3.ProgrammingError)
    names["conn"].close()
    names = run("DBS608", BETTER, database=repr(database))
    assert in_a_thread(names["last"]) == (1,)


def test_a_module_s_connection_is_not_opened_again(database: str) -> None:
    names = run("DBS608", EXAMPLE, database=repr(database))
    names["conn"].close()  # as the server does it
    with pytest.raises(sqlite3.ProgrammingError):
        names["last"]()


def test_an_object_s_connection_stays_open(database: str) -> None:
    log = run("DBS609", EXAMPLE)["Log"](database)
    log.add("x")
    assert log.conn.execute("SELECT count(*) FROM log").fetchone() == (1,)
    log.conn.close()
    with run("DBS609", BETTER)["Log"](database) as log:
        log.add("y")
    with pytest.raises(sqlite3.ProgrammingError):
        log.conn.execute("SELECT 1")


def test_a_connection_handed_to_a_thread_fails(database: str) -> None:
    with closing(sqlite3.connect(database)) as conn:
        found = in_a_thread(lambda: conn.execute("SELECT 1"))
    assert isinstance(found, sqlite3.ProgrammingError)


def test_coroutines_on_one_connection_fail(tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")

    async def both_on_one() -> None:
        async with engine.connect() as conn:

            async def begun() -> None:
                async with conn.begin():
                    await conn.execute(text("SELECT 1"))

            await asyncio.gather(begun(), begun())  # noqa: DBS610

    async def each_on_its_own() -> None:
        async def begun() -> None:
            async with engine.begin() as conn:
                await conn.execute(text("SELECT 1"))

        await asyncio.gather(begun(), begun())

    async def run_both() -> None:
        with pytest.raises(InvalidRequestError):
            await both_on_one()
        await each_on_its_own()
        await engine.dispose()

    asyncio.run(run_both())


def test_threads_commit_for_each_other_on_a_cached_connection(database: str) -> None:
    @functools.lru_cache
    def cached() -> sqlite3.Connection:
        return sqlite3.connect(database, check_same_thread=False)

    cached().execute("INSERT INTO log VALUES ('half done')")
    in_a_thread(lambda: cached().commit())  # another request, which has nothing to save
    cached().rollback()
    assert cached().execute("SELECT count(*) FROM log").fetchone() == (1,)
    cached().close()
