"""The watch over a real server: a pool really exhausted, a connection dropped, a task cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from flake8_dbsession.runtime import Event, Watch, watch, wording

SLOW = text("select pg_sleep(0.2)")
QUERY = text("select 1")
DRIVERS = ("psycopg2", "psycopg")


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def watching(events: list[Event]) -> Iterator[Watch]:
    with watch(on_event=events.append, idle=0.1) as started:
        yield started
        gc.collect()  # what a test leaves open on purpose does not end in the next one


def url(postgres: str, driver: str) -> str:
    pytest.importorskip(driver)
    return postgres.replace("postgresql:", f"postgresql+{driver}:")


def lines(watching: Watch) -> list[tuple[str, int]]:
    return [(leak.code, leak.places[0].line) for leak in watching.report().leaks]


def here() -> int:
    """Give the line that calls this."""
    import sys

    return sys._getframe(1).f_lineno


@pytest.mark.parametrize("driver", DRIVERS)
def test_who_holds_an_exhausted_pool(
    postgres: str, watching: Watch, events: list[Event], driver: str
) -> None:
    engine = create_engine(url(postgres, driver), pool_size=1, max_overflow=1, pool_timeout=0.05)
    db, line = Session(engine), here()
    db.execute(QUERY)
    with engine.connect(), pytest.raises(PoolTimeout) as raised:
        engine.connect()
    said = [event.text for event in events if event.name == "timeout"]
    assert len(said) == 1
    assert "who holds the 2 connections of QueuePool of postgresql+" in said[0]
    assert f"1 by Session opened at tests/runtime/test_postgres.py:{line} in" in said[0]
    assert said == getattr(raised.value, "__notes__", said)  # from Python 3.11
    pool = watching.report().pools[0]
    assert (pool.size, pool.peak, pool.timeouts) == (2, 2, 1)
    db.close()
    engine.dispose()
    assert lines(watching) == []


def test_a_dropped_connection_is_no_leak(postgres: str, watching: Watch) -> None:
    engine = create_engine(url(postgres, "psycopg"))
    victim, killer = engine.connect(), engine.connect()
    pid = victim.scalar(text("select pg_backend_pid()"))
    killer.execute(text("select pg_terminate_backend(:pid, 1000)"), {"pid": pid})
    with pytest.raises(DBAPIError):
        victim.execute(QUERY)
    assert [holder.places[0].line for holder in watching.open_now()] == [
        killer_line(watching, killer)
    ]
    killer.close()
    victim.close()
    engine.dispose()
    assert lines(watching) == []


def killer_line(watching: Watch, killer: Any) -> int:
    lease = watching.ledger.find(id(killer.connection.dbapi_connection))
    assert lease is not None
    assert lease.place is not None
    return lease.place.line


def test_a_cancelled_task(postgres: str, watching: Watch) -> None:
    engine = create_async_engine(url(postgres, "asyncpg"))
    expected = []

    async def in_a_block() -> None:
        async with AsyncSession(engine) as db:
            await db.execute(text("select pg_sleep(10)"))

    async def without_one() -> None:
        db = AsyncSession(engine)
        expected.append(("DBS302", here() - 1))
        await db.execute(QUERY)
        await asyncio.sleep(10)
        await db.close()

    async def main() -> None:
        for work in (in_a_block, without_one):
            task = asyncio.create_task(work())
            await asyncio.sleep(0.3)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        found = lines(watching)
        assert found == expected
        leak = watching.report().leaks[0]
        assert (leak.what, leak.statements) == ("AsyncSession", 1)
        assert leak.task.startswith("Task-")

    asyncio.run(main())
    with pytest.warns(match="garbage collector"):
        gc.collect()


@pytest.mark.parametrize("driver", DRIVERS)
def test_connections_opened_by_hand(postgres: str, watching: Watch, driver: str) -> None:
    module = pytest.importorskip(driver)
    first, line = module.connect(postgres), here()
    first.cursor().execute("select 1")
    assert watching.open_now()[0].in_transaction
    with contextlib.closing(module.connect(postgres)) as connection:
        connection.cursor().execute("select 1")
    assert lines(watching) == [("DBS602", line)]
    first.close()
    assert lines(watching) == []


def test_a_block_closes_with_psycopg_and_leaves_open_with_psycopg2(
    postgres: str, watching: Watch
) -> None:
    pytest.importorskip("psycopg2")
    pytest.importorskip("psycopg")
    import psycopg
    import psycopg2

    with psycopg.connect(postgres):
        pass
    with psycopg2.connect(postgres) as connection:
        line = here() - 1
    assert lines(watching) == [("DBS601", line)]
    connection.close()


def test_asyncpg_by_hand(postgres: str, watching: Watch) -> None:
    asyncpg = pytest.importorskip("asyncpg")

    async def main() -> None:
        connection = await asyncpg.connect(postgres)
        line = here() - 1
        await connection.execute("begin")
        assert watching.open_now()[0].in_transaction
        assert lines(watching) == [("DBS602", line)]
        await connection.close()
        assert lines(watching) == []

    asyncio.run(main())


def test_pool_of_psycopg2(postgres: str, watching: Watch, events: list[Event]) -> None:
    pools = pytest.importorskip("psycopg2.pool")
    pool = pools.ThreadedConnectionPool(1, 1, postgres)
    connection, line = pool.getconn(), here()
    with pytest.raises(pools.PoolError):
        pool.getconn()
    assert f"pool's connection opened at tests/runtime/test_postgres.py:{line} " in events[-1].text
    assert lines(watching) == [("DBS605", line)]
    pool.putconn(connection)
    assert lines(watching) == []
    pool.closeall()


def test_pool_of_psycopg(postgres: str, watching: Watch, events: list[Event]) -> None:
    pools = pytest.importorskip("psycopg_pool")
    with pools.ConnectionPool(postgres, min_size=1, max_size=1, timeout=0.2) as pool:
        connection, line = pool.getconn(timeout=5), here()
        with pytest.raises(pools.PoolTimeout):
            pool.getconn()
        assert f"tests/runtime/test_postgres.py:{line} " in events[-1].text
        assert lines(watching) == [("DBS605", line)]
        pool.putconn(connection)
        with pool.connection():
            assert len(watching.open_now()) == 1
    assert lines(watching) == []


@pytest.mark.filterwarnings("ignore")  # of what is lost on purpose
@pytest.mark.parametrize("name", ["ConnectionPool", "NullConnectionPool"])
def test_what_a_pool_of_psycopg_loses_it_loses_for_good(
    postgres: str, watching: Watch, events: list[Event], name: str
) -> None:
    pools = pytest.importorskip("psycopg_pool")
    with getattr(pools, name)(postgres, min_size=0, max_size=1, timeout=0.2) as pool:
        pool.getconn(timeout=5)
        line = here() - 1
        gc.collect()
        with pytest.raises(pools.PoolTimeout):
            pool.getconn()
        said = events[-1].text
        assert f"who holds the 1 connection of psycopg_pool {name}" in said
        assert f"1 by psycopg_pool pool's connection opened at {__file__[-30:]}:{line} " in said
        assert "then lost to the pool, for the garbage collector took it" in said
        assert watching.who_holds().splitlines()[1:] == said.splitlines()[1:]
        (leak,) = watching.report().leaks
        assert (leak.code, leak.ended) == ("DBS605", "lost")
        assert "the connection stays out of the pool until the pool ends, which does not" in (
            wording.leak([leak])
        )
        (use,) = watching.report().pools
        assert (use.lost, use.waits, use.timeouts) == (1, 1, 1)


@pytest.mark.filterwarnings("ignore")
def test_what_a_pool_of_psycopg_loses_in_a_task(
    postgres: str, watching: Watch, events: list[Event]
) -> None:
    pools = pytest.importorskip("psycopg_pool")

    async def main() -> None:
        pool = pools.AsyncConnectionPool(postgres, min_size=0, max_size=1, timeout=0.2, open=False)
        async with pool:
            await pool.getconn(timeout=5)
            gc.collect()
            with pytest.raises(pools.PoolTimeout):
                await pool.getconn()
        assert "who holds the 1 connection of psycopg_pool AsyncConnectionPool" in events[-1].text

    asyncio.run(main())


def test_a_pool_of_psycopg_without_a_limit_is_never_waited_for(
    postgres: str, watching: Watch
) -> None:
    pools = pytest.importorskip("psycopg_pool")
    with pools.NullConnectionPool(postgres) as pool, pool.connection():
        pass
    (use,) = watching.report().pools
    assert (use.size, use.waits) == (-1, 0)


@pytest.mark.parametrize("name", ["psycopg2", "asyncpg"])
def test_the_other_pools_keep_what_is_lost_and_it_stays_out(
    postgres: str, watching: Watch, name: str
) -> None:
    pytest.importorskip(name)
    lose: Any = {"psycopg2": _lose_of_psycopg2, "asyncpg": _lose_of_asyncpg}[name]
    lose(postgres, watching)


def _lose_of_psycopg2(postgres: str, watching: Watch) -> None:
    from psycopg2.pool import PoolError, ThreadedConnectionPool

    pool = ThreadedConnectionPool(1, 1, postgres)
    pool.getconn()
    gc.collect()
    with pytest.raises(PoolError):
        pool.getconn()
    assert [leak.ended for leak in watching.report().leaks] == ["open"]
    pool.closeall()


def _lose_of_asyncpg(postgres: str, watching: Watch) -> None:
    import asyncpg

    async def main() -> None:
        pool = await asyncpg.create_pool(postgres, min_size=1, max_size=1)
        await pool.acquire()
        gc.collect()
        with pytest.raises(asyncio.TimeoutError):
            await pool.acquire(timeout=0.05)
        assert [leak.ended for leak in watching.report().leaks] == ["open"]
        pool.terminate()

    asyncio.run(main())


def test_pool_of_asyncpg(postgres: str, watching: Watch, events: list[Event]) -> None:
    asyncpg = pytest.importorskip("asyncpg")

    async def main() -> None:
        async with asyncpg.create_pool(postgres, min_size=1, max_size=1) as pool:
            connection = await pool.acquire()
            line = here() - 1
            with pytest.raises(asyncio.TimeoutError):
                await pool.acquire(timeout=0.05)
            assert f"tests/runtime/test_postgres.py:{line} " in events[-1].text
            assert lines(watching) == [("DBS605", line)]
            await pool.release(connection)
            async with pool.acquire():
                assert len(watching.open_now()) == 1
        assert lines(watching) == []

    asyncio.run(main())


def test_pools_of_asyncpg_one_after_another(postgres: str, watching: Watch) -> None:
    asyncpg = pytest.importorskip("asyncpg")

    async def use(size: int) -> None:
        async with asyncpg.create_pool(postgres, max_size=size, min_size=0) as pool, pool.acquire():
            pass

    async def main() -> None:
        for size in range(1, 12):
            await use(size)
            gc.collect()

    asyncio.run(main())
    assert sorted(pool.size for pool in watching.report().pools) == list(range(1, 12))


def test_a_session_used_by_two_threads_at_once(postgres: str, watching: Watch) -> None:
    engine = create_engine(url(postgres, "psycopg2"))
    with Session(engine) as db:
        line = here() - 1
        db.execute(QUERY)
        threads = [threading.Thread(target=db.execute, args=(SLOW,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    engine.dispose()
    (note,) = watching.report().notes
    assert (note.code, note.places[0].line) == ("DBS206", line)
    assert note.text == "a session was used by two threads at once"


def test_a_session_handed_from_thread_to_thread_is_fine(postgres: str, watching: Watch) -> None:
    engine = create_engine(url(postgres, "psycopg2"))
    with Session(engine) as db:
        for _ in range(3):
            thread = threading.Thread(target=db.execute, args=(QUERY,))
            thread.start()
            thread.join()
    engine.dispose()
    assert watching.report().notes == ()


def test_a_transaction_open_over_other_work(postgres: str, watching: Watch) -> None:
    engine = create_engine(url(postgres, "psycopg"))
    with Session(engine) as db:
        db.execute(QUERY)
        time.sleep(0.15)
        db.execute(QUERY)
        line = here() - 1
        db.execute(SLOW)  # the server's work is no other work
    engine.dispose()
    (note,) = watching.report().notes
    assert note.at is not None
    assert (note.code, note.at.line) == ("DBS409", line)
    assert "a transaction stayed open over 0." in note.text
