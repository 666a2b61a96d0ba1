"""DBS610: connections given to work that runs at the same time."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS610", "DBS206"}


def test_several_coroutines_share_a_connection(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "pg.py": """
                import asyncio
                import aiomysql
                import asyncpg
                from sqlalchemy.ext.asyncio import create_async_engine

                engine = create_async_engine(URL)

                async def both(pool: asyncpg.Pool):
                    async with pool.acquire() as conn:
                        return await asyncio.gather(  # DBS610
                            conn.fetchval("select 1"),
                            conn.fetchval("select 2"),
                        )

                async def worker(conn, url):
                    return await conn.fetchval("select $1", url)

                async def all_of(urls):
                    conn = await asyncpg.connect(URL)
                    try:
                        return await asyncio.gather(*(worker(conn, u) for u in urls))  # DBS610
                    finally:
                        await conn.close()

                async def grouped(conn: asyncpg.Connection):
                    async with asyncio.TaskGroup() as group:
                        group.create_task(worker(conn, "a"))  # DBS610
                        group.create_task(worker(conn, "b"))

                async def by_engine():
                    async with engine.connect() as conn:
                        await asyncio.gather(worker(conn, "a"), worker(conn, "b"))  # DBS610

                async def mysql():
                    async with aiomysql.connect() as conn:
                        await asyncio.gather(worker(conn, "a"), worker(conn, "b"))  # DBS610
            """
        },
        CODES,
    )


def test_threads_share_a_connection(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "work.py": """
                import sqlite3
                import threading
                import pymysql
                from concurrent.futures import ThreadPoolExecutor

                def start(path):
                    conn = sqlite3.connect(path)
                    threading.Thread(target=work, args=(conn,)).start()  # DBS610

                def all_of(names):
                    with pymysql.connect() as conn:
                        with ThreadPoolExecutor() as executor:
                            executor.map(lambda name: conn.cursor().execute(name), names)  # DBS610

                def told(path):
                    conn = sqlite3.connect(path, check_same_thread=False)
                    threading.Thread(target=work, args=(conn,)).start()
            """
        },
        CODES,
    )


def test_drivers_that_take_turns(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "work.py": """
                import asyncio
                import threading
                import aiosqlite
                import psycopg
                import psycopg2

                async def one(conn: psycopg.AsyncConnection):
                    await asyncio.gather(conn.execute("select 1"), conn.execute("select 2"))

                async def two(path):
                    async with aiosqlite.connect(path) as conn:
                        await asyncio.gather(conn.execute("select 1"), conn.execute("select 2"))

                def three(conn: psycopg2.extensions.connection):
                    threading.Thread(target=work, args=(conn,)).start()
            """
        },
        CODES,
    )


def test_each_takes_its_own(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "pg.py": """
                import asyncio
                import asyncpg

                async def one(pool: asyncpg.Pool, q):
                    async with pool.acquire() as conn:
                        return await conn.fetchval(q)

                async def both(pool: asyncpg.Pool):
                    return await asyncio.gather(
                        one(pool, "a"), one(pool, "b"), pool.fetchval("c"), pool.execute("d")
                    )

                async def turns(conn: asyncpg.Connection):
                    await conn.fetchval("a")
                    return await asyncio.gather(conn.fetchval("b"), asyncio.sleep(1))
            """
        },
        CODES,
    )


def test_a_thread_that_has_a_connection_to_itself(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "runner.py": """
                import sqlite3
                import threading
                import MySQLdb
                from concurrent.futures import ThreadPoolExecutor

                class Runner:
                    def _connection(self):
                        return MySQLdb.connect("h")

                    def _run(self, query, connection, done):
                        try:
                            connection.cursor().execute(query)
                        finally:
                            done.set()
                            connection.close()

                    def run(self, query):
                        done = threading.Event()
                        connection = self._connection()
                        t = threading.Thread(target=self._run, args=(query, connection, done))
                        t.start()
                        while not done.wait(1):
                            pass

                    def used_here_too(self, query):
                        done = threading.Event()
                        connection = self._connection()
                        t = threading.Thread(  # DBS610
                            target=self._run, args=(query, connection, done)
                        )
                        t.start()
                        connection.ping()

                    def given_to_two(self, query, done):
                        connection = self._connection()
                        a = threading.Thread(  # DBS610
                            target=self._run, args=(query, connection, done)
                        )
                        b = threading.Thread(  # DBS610
                            target=self._run, args=(query, connection, done)
                        )
                        a.start()
                        b.start()

                    def given_in_a_loop(self, queries, done):
                        connection = self._connection()
                        for query in queries:
                            threading.Thread(  # DBS610
                                target=self._run, args=(query, connection, done)
                            ).start()

                    def opened_in_a_loop(self, queries, done):
                        with ThreadPoolExecutor() as pool:
                            for query in queries:
                                connection = self._connection()
                                pool.submit(self._run, query, connection, done)

                def sqlite_serves_its_own_thread(path, work):
                    connection = sqlite3.connect(path)
                    threading.Thread(target=work, args=(connection,)).start()  # DBS610
            """
        },
        CODES,
    )


def test_a_connection_that_one_worker_of_its_object_has_to_itself(tmp_path: Path) -> None:
    text = """
        import asyncio
        import threading

        import asyncpg
        import psycopg2

        class Feed:
            def __init__(self):
                self.conn = None
                self.tasks = set()

            async def initialize(self):
                self.conn = await asyncpg.connect("postgres://db")

            async def start(self):
                self.tasks.add(asyncio.create_task(self._work()))

            async def stop(self):
                await asyncio.gather(*self.tasks, return_exceptions=True)
                if self.conn:
                    await self.conn.close()

            async def _work(self):
                while True:
                    await self._once()

            async def _once(self):
                await self.conn.execute("select 1")

        class Served(Feed):
            async def start(self):
                self.task = asyncio.create_task(self._work())  # DBS610

        class Asked:
            async def start(self):
                self.conn = await asyncpg.connect("postgres://db")
                self.task = asyncio.create_task(self._work())  # DBS610

            async def count(self):
                return await self.conn.fetchval("select 1")

            async def _work(self):
                await self.conn.execute("select 1")

        class Twice:
            async def start(self):
                self.conn = await asyncpg.connect("postgres://db")
                self.tasks = [asyncio.create_task(self._work()), None]  # DBS610
                self.other = asyncio.create_task(self._work())  # DBS610

            async def _work(self):
                await self.conn.execute("select 1")

        class Threaded:
            def start(self):
                self.conn = psycopg2.connect("dbname=x")
                threading.Thread(target=self._work).start()

            def _work(self):
                self.conn.cursor().execute("select 1")
    """
    assert_cases(tmp_path, {"app.py": text}, {"DBS610"})


def test_a_connection_that_the_task_of_an_object_has_to_itself_elsewhere(tmp_path: Path) -> None:
    text = '''
        import asyncio

        import asyncpg

        async def listen(url, on_connected, on_disconnected):
            while True:
                conn = await asyncpg.connect(url)
                on_connected(conn)
                await conn.execute("LISTEN games")
                await asyncio.sleep(60)
                on_disconnected()

        class Bridge:
            """%s"""

            def __init__(self, url):
                self._url = url
                self._conn: asyncpg.Connection | None = None

            async def start(self):
                await listen(self._url, on_connected=self._set, on_disconnected=self._clear)

            def _set(self, conn):
                self._conn = conn

            def _clear(self):
                self._conn = None

            async def stop(self):
                if self._conn is not None:
                    await self._conn.close()
                    self._conn = None

        class Asked(Bridge):
            async def count(self):
                return await self._conn.fetchval("select 1")

        class Counted:
            def __init__(self, url):
                self._conn: asyncpg.Connection | None = None

            async def start(self):
                self._conn = await asyncpg.connect("postgres://db")
                await self._conn.execute("LISTEN games")

            async def count(self):
                return await self._conn.fetchval("select 1")

        class Open:
            def __init__(self, url):
                self.conn: asyncpg.Connection | None = None

            async def start(self):
                self.conn = await asyncpg.connect("postgres://db")
                await self.conn.execute("LISTEN games")
    '''
    app = """
        import asyncio

        from bridges import Asked, Bridge, Counted, Open

        def get_bridge() -> Bridge:
            return Bridge("postgres://db")

        async def lifespan(app):
            bridge = get_bridge()
            task = asyncio.create_task(bridge.start())
            yield
            task.cancel()
            await task
            await bridge.stop()

        async def works_beside():
            bridge = get_bridge()
            task = asyncio.create_task(bridge.start())  # DBS610
            await bridge._conn.execute("select 1")

        async def starts_twice():
            bridge = get_bridge()
            task = asyncio.create_task(bridge.start())  # DBS610
            await bridge.start()

        async def in_turns():
            bridge = get_bridge()
            for _ in range(3):
                task = asyncio.create_task(bridge.start())  # DBS610

        async def of_others():
            asked, counted, opened = Asked("a"), Counted("b"), Open("c")
            one = asyncio.create_task(asked.start())  # DBS610
            two = asyncio.create_task(counted.start())  # DBS610
            three = asyncio.create_task(opened.start())  # DBS610
            await asyncio.sleep(1)
    """
    for name, words in {"short": "Listens.", "long": "Listens. " * 500}.items():
        files = {"bridges.py": text % words, "app.py": app}
        assert_cases(tmp_path / name, files, {"DBS610"})


def test_a_task_that_has_an_object_s_connection_to_itself_until_it_is_awaited(
    tmp_path: Path,
) -> None:
    files = {
        "check.py": """
            import asyncio
            import sqlite3

            class Database:
                def __init__(self, path):
                    self.conn = sqlite3.connect(path)

                def names(self):
                    return self.conn.execute("SELECT name FROM a").fetchall()

                async def later(self):
                    return self.names()

                async def beside(self):
                    task = asyncio.create_task(self.later())
                    return await task

            def alone(database: Database):
                async def reads():
                    return database.names()

                async def waits():
                    await asyncio.sleep(1)

                async def run():
                    task = asyncio.create_task(reads())
                    other = asyncio.create_task(waits())
                    await other
                    return await task

                return asyncio.run(run())

            def used(database: Database):
                async def reads():
                    return database.names()

                async def run():
                    task = asyncio.create_task(reads())  # DBS610
                    database.names()
                    return await task

                return asyncio.run(run())

            def both(database: Database):
                async def reads():
                    return database.names()

                async def reads_too():
                    return database.names()

                async def run():
                    task = asyncio.create_task(reads())  # DBS610
                    other = asyncio.create_task(reads_too())
                    await other
                    return await task

                return asyncio.run(run())

            def never_awaited(database: Database):
                async def reads():
                    return database.names()

                async def run():
                    task = asyncio.create_task(reads())  # DBS610
                    await asyncio.sleep(1)

                return asyncio.run(run())
            """,
    }
    assert_cases(tmp_path, files, {"DBS610"})


def test_the_way_out_for_duckdb_is_a_cursor(tmp_path: Path) -> None:
    text = """
        from concurrent.futures import ThreadPoolExecutor

        import duckdb

        def reads(queries):
            conn = duckdb.connect(":memory:")
            with ThreadPoolExecutor() as executor:
                return [executor.submit(lambda: conn.execute(q)) for q in queries]
    """
    write_project(tmp_path, {"reads.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "reads.py") if code == "DBS610"]
    assert message.endswith("; give each a `conn.cursor()` of its own")
