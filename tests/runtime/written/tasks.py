"""Asynchronous sessions and connections, tasks, threads and generators."""

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import aiosqlite
from database import PATH, AsyncSessionLocal, SessionLocal, async_engine, get_async_session
from sqlalchemy import text

QUERY = text("select 1")


async def never_closed():
    db = AsyncSessionLocal()  # leaks
    await db.execute(QUERY)


async def block():
    async with AsyncSessionLocal() as db:
        await db.execute(QUERY)


async def provider():
    async with get_async_session() as db:
        await db.execute(QUERY)


async def cancelled_in_its_block():
    async def work():
        async with AsyncSessionLocal() as db:
            await db.execute(QUERY)
            await asyncio.sleep(60)

    await _cancelled(work())


async def cancelled_without_a_block():
    async def work():
        db = AsyncSessionLocal()  # leaks
        await db.execute(QUERY)
        await asyncio.sleep(60)
        await db.close()

    await _cancelled(work())


async def a_session_each():
    async def work():
        async with AsyncSessionLocal() as db:
            await db.execute(QUERY)

    await asyncio.gather(*(work() for _ in range(3)))


async def connection_of_the_engine():
    connection = await async_engine.connect()  # leaks
    await connection.execute(QUERY)


async def connection_in_a_block():
    async with async_engine.connect() as connection:
        await connection.execute(QUERY)


async def aiosqlite_never_closed():
    connection = await aiosqlite.connect(PATH)  # leaks
    await connection.execute("select 1")


async def aiosqlite_in_a_block():
    async with aiosqlite.connect(PATH) as connection:
        await connection.execute("select 1")


async def generator_left_early():
    async def rows():
        async with AsyncSessionLocal() as db:
            for _ in range(2):
                yield await db.execute(QUERY)

    async with contextlib.aclosing(rows()) as all_rows:
        async for _ in all_rows:
            break


def in_a_thread():
    def work():
        db = SessionLocal()  # leaks
        db.execute(QUERY)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def in_a_thread_closed():
    def work(_number):
        with SessionLocal() as db:
            return db.execute(QUERY).scalar()

    with ThreadPoolExecutor(2) as executor:
        list(executor.map(work, range(4)))


def closed_in_another_thread():
    db = SessionLocal()  # linter only: nothing raised in this run
    db.execute(QUERY)
    thread = threading.Thread(target=db.close)
    thread.start()
    thread.join()


def generator_never_finished():
    def rows():
        db = SessionLocal()  # leaks
        yield db.execute(QUERY)
        db.close()

    next(rows())


def generator_closed():
    def rows():
        with SessionLocal() as db:
            yield db.execute(QUERY)

    all_rows = rows()
    next(all_rows)
    all_rows.close()


async def _cancelled(work):
    task = asyncio.create_task(work)
    await asyncio.sleep(0.2)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
