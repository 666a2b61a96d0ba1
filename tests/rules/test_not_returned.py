"""DBS605: connections taken from a pool and not given back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

PSYCOPG2 = """
    from psycopg2.pool import ThreadedConnectionPool

    pool = ThreadedConnectionPool(1, 2)

"""


def test_not_given_back(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": PSYCOPG2
            + """
    from psycopg_pool import ConnectionPool

    class Store:
        def __init__(self):
            self.pool = ConnectionPool(dsn)

        def never(self):
            conn = self.pool.getconn()  # DBS605
            return conn.execute(query).fetchone()

        def unless_it_fails(self):
            conn = self.pool.getconn()  # DBS605
            conn.execute(query)
            self.pool.putconn(conn)

    def on_one_branch(quick):
        conn = pool.getconn()  # DBS605
        try:
            conn.cursor().execute(query)
            if quick:
                return None
        except Exception:
            pool.putconn(conn)
            raise
        pool.putconn(conn)

    def closed_instead():
        conn = pool.getconn()  # DBS605
        try:
            conn.cursor().execute(query)
        finally:
            conn.close()

    def in_its_block():
        with pool.getconn() as conn:  # DBS605
            conn.cursor().execute(query)

    def dropped():
        pool.getconn().cursor().execute(query)  # DBS605
""",
        },
        {"DBS605"},
    )


def test_given_back_or_handed_on(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": PSYCOPG2
            + """
    from contextlib import contextmanager

    @contextmanager
    def provider():
        conn = pool.getconn()
        try:
            yield conn
            conn.commit()
        finally:
            pool.putconn(conn)

    def in_a_finally():
        conn = None
        try:
            conn = pool.getconn()
            conn.cursor().execute(query)
        finally:
            if conn is not None:
                pool.putconn(conn)

    def closed_as_it_goes_back():
        conn = pool.getconn()
        try:
            conn.cursor().execute(query)
        finally:
            pool.putconn(conn, close=True)

    def give_back(conn):
        pool.putconn(conn)

    def by_a_function():
        conn = pool.getconn()
        try:
            conn.cursor().execute(query)
        finally:
            give_back(conn)

    def handed_on():
        return pool.getconn()

    class Store:
        def __enter__(self):
            self.conn = pool.getconn()
            return self.conn
""",
        },
        {"DBS605"},
    )


def test_asyncpg(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import asyncpg

                class Store:
                    async def start(self):
                        self.pool = await asyncpg.create_pool(dsn)

                    async def by_hand(self):
                        conn = await self.pool.acquire()  # DBS605
                        await conn.execute(query)
                        await self.pool.release(conn)

                    async def in_a_finally(self):
                        conn = await self.pool.acquire()
                        try:
                            await conn.execute(query)
                        finally:
                            await self.pool.release(conn)

                    async def in_its_block(self):
                        async with self.pool.acquire() as conn:
                            await conn.execute(query)

                    async def closed(self):
                        conn = await self.pool.acquire()
                        try:
                            await conn.execute(query)
                        finally:
                            await conn.close()
            """,
        },
        {"DBS605"},
    )


def test_what_is_no_connection_pool(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import threading

                lock = threading.Lock()

                def work(resources):
                    lock.acquire()
                    worker = resources.acquire()
                    worker.run()
            """,
        },
        {"DBS605"},
    )


@pytest.mark.parametrize(
    ("work", "message"),
    [
        ("conn.reset()", "`pool.getconn()` is never given back"),
        ("conn.close()", "`pool.getconn()` is closed but never given back"),
        (
            "conn.reset(); pool.putconn(conn)",
            "`pool.getconn()` is not given back when line 8 raises",
        ),
    ],
)
def test_message_tells_what_happens(tmp_path: Path, work: str, message: str) -> None:
    text = f"{PSYCOPG2}    def f():\n        conn = pool.getconn()\n        {work}\n"
    write_project(tmp_path, {"service.py": text})
    assert [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS605"] == [
        f"{message}, so that the pool runs dry; call `putconn` in a `finally`"
    ]


def test_a_pool_that_nothing_tells_of(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "store.py": """
                from psycopg2.pool import SimpleConnectionPool

                class Store:
                    def __init__(self, pool):
                        self.pool = pool

                    def never(self):
                        conn = self.pool.getconn()  # DBS605
                        return conn.cursor().execute("select 1")

                    def good(self):
                        conn = self.pool.getconn()
                        try:
                            return conn.cursor().execute("select 1")
                        finally:
                            self.pool.putconn(conn)

                class Own:
                    def getconn(self):
                        return 5

                def number(own: Own):
                    return own.getconn() + 1
            """
        },
        {"DBS605"},
    )


def test_a_pool_whose_connections_are_closed(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "store.py": """
                import oracledb
                from mysql.connector.pooling import MySQLConnectionPool

                pool = MySQLConnectionPool(pool_size=4, host="localhost")
                oracle = oracledb.create_pool(user="x")

                def never():
                    conn = pool.get_connection()  # DBS605
                    cursor = conn.cursor()
                    cursor.execute("select 1")
                    return cursor.fetchall()

                def closed():
                    conn = pool.get_connection()
                    try:
                        return conn.cursor().execute("select 1")
                    finally:
                        conn.close()

                def by_block():
                    with oracle.acquire() as conn:
                        return conn.cursor().execute("select 1 from dual").fetchone()
            """
        },
        {"DBS602", "DBS603", "DBS605"},
    )


def test_a_block_at_module_level(tmp_path: Path) -> None:
    module = """
        from psycopg2.pool import SimpleConnectionPool

        pool = SimpleConnectionPool(1, 4, DSN)
        with pool.getconn() as boot:{mark}
            boot.cursor().execute("CREATE TABLE IF NOT EXISTS item (id int)")
        {end}
    """
    assert_cases(
        tmp_path,
        {
            "boot.py": module.format(mark="  # DBS605", end="limit = 5"),
            "script.py": module.format(mark="", end="print('done')"),
        },
        {"DBS605"},
    )


def test_what_a_function_of_the_project_takes_from_a_pool(tmp_path: Path) -> None:
    files = {
        "core/db.py": """
            from psycopg2.pool import SimpleConnectionPool

            pool = SimpleConnectionPool(1, 5, "dbname=x")

            def get_conn():
                return pool.getconn()

            def put_conn(conn):
                pool.putconn(conn)
        """,
        "service.py": """
            from core.db import get_conn, put_conn

            def early(is_done):
                conn = get_conn()  # DBS605
                if is_done:
                    return None
                put_conn(conn)

            def closes():
                conn = get_conn()  # DBS605
                try:
                    conn.cursor().execute("select 1")
                finally:
                    conn.close()

            def never():
                conn = get_conn()  # DBS605
                return conn.cursor().fetchone()

            def fine():
                conn = get_conn()
                try:
                    return conn.cursor().fetchone()
                finally:
                    put_conn(conn)

            class Store:
                def __init__(self):
                    self.conn = get_conn()  # DBS609
        """,
    }
    assert_cases(tmp_path, files, {"DBS602", "DBS603", "DBS605", "DBS609"})


def test_a_pool_that_is_named_by_a_call_each_time(tmp_path: Path) -> None:
    text = """
        from psycopg2.pool import SimpleConnectionPool

        _pool = None

        def init_pool():
            global _pool
            if _pool is None:
                _pool = SimpleConnectionPool(1, 5, "dbname=x")
            return _pool

        def fine():
            conn = init_pool().getconn()
            try:
                return conn.cursor().fetchone()
            finally:
                init_pool().putconn(conn)

        def late():
            conn = init_pool().getconn()  # DBS605
            rows = conn.cursor().fetchall()
            init_pool().putconn(conn)
            return rows
    """
    assert_cases(tmp_path, {"service.py": text}, {"DBS605"})


def test_an_end_that_cannot_be_followed_is_no_way_to_leave_it_out(tmp_path: Path) -> None:
    """What gives back, or is handed the connection last of all, may do so before it fails."""
    text = """
        from psycopg2.pool import ThreadedConnectionPool

        from elsewhere import init_pool, keep, put_conn

        pool = ThreadedConnectionPool(1, 2)

        def by_a_call():
            conn = init_pool().getconn()
            try:
                return conn.cursor()
            finally:
                init_pool().putconn(conn)

        def by_a_name():
            p = init_pool()
            conn = p.getconn()
            try:
                return conn.cursor()
            finally:
                p.putconn(conn)

        def by_a_function():
            conn = init_pool().getconn()
            try:
                return conn.cursor()
            finally:
                put_conn(conn)

        def before_the_end():
            conn = init_pool().getconn()  # DBS605
            keep(conn.cursor())
            init_pool().putconn(conn)

        def only_looks(conn):
            return conn.closed

        def looked_at_last():
            conn = pool.getconn()  # DBS605
            try:
                conn.cursor().execute("x")
            finally:
                only_looks(conn)
    """
    assert_cases(tmp_path, {"work.py": text}, {"DBS605"})


def test_the_way_out_is_a_provider_of_an_object_that_the_module_itself_makes(
    tmp_path: Path,
) -> None:
    text = """
        from contextlib import contextmanager

        from psycopg2.pool import ThreadedConnectionPool

        class Manager:
            def __init__(self):
                self.pool = ThreadedConnectionPool(1, 2)

            @contextmanager
            def lent(self):
                conn = self.take()
                try:
                    yield conn
                    conn.commit()
                finally:
                    self.pool.putconn(conn)

            def take(self):
                return self.pool.getconn()

            def size(self):
                conn = self.take()
                return conn.cursor().execute("SELECT 1")

        manager = Manager()

        def size():
            conn = manager.take()
            return conn.cursor().execute("SELECT 1")
    """
    write_project(tmp_path, {"pool.py": text})
    inside, outside = [m for *_, code, m in lint(tmp_path, "pool.py") if code == "DBS605"]
    assert inside.endswith("; call `putconn` in a `finally`")
    assert outside.endswith("; use `with manager.lent() as conn:`")


def test_what_is_kept_in_the_end_is_given_back_only_on_the_other_way(tmp_path: Path) -> None:
    text = """
        import asyncpg

        class Store:
            async def listen(self, pool: asyncpg.Pool):
                conn = await pool.acquire()
                try:
                    await conn.add_listener("c", print)
                except Exception:
                    await pool.release(conn)
                    raise
                self.conn = conn
    """
    write_project(tmp_path, {"store.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "store.py") if code == "DBS605"]
    assert "when line 8 is cancelled, which no `except Exception` catches, so" in message
    assert message.endswith("; call `release` on that path too")


def test_a_close_gives_back_where_the_pool_is_told_so(tmp_path: Path) -> None:
    text = """
    from psycopg_pool import ConnectionPool

    pool = ConnectionPool(dsn{option})

    def count():
        conn = pool.getconn()
        try:
            return conn.execute("x").fetchone()
        finally:
            conn.close()
    """
    for option, number in ((", close_returns=True", 0), (", close_returns=False", 1), ("", 1)):
        write_project(tmp_path, {"service.py": text.format(option=option)})
        assert [code for *_, code, _ in lint(tmp_path, "service.py")] == ["DBS605"] * number
