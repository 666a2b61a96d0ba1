"""DBS603: connections that only some paths close."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS602", "DBS603"}


def test_paths_with_and_without_a_close(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import logging
                import queue
                import sqlite3
                from datetime import datetime, timedelta

                class Database:
                    def __init__(self, path):
                        self.conn = sqlite3.connect(path) if isinstance(path, str) else path

                    def close(self):
                        self.conn.close()

                def raises(path):
                    conn = sqlite3.connect(path)  # DBS603
                    conn.execute("select 1")
                    conn.close()

                def raises_before_it_is_handed_on(path):
                    conn = sqlite3.connect(path)  # DBS603
                    conn.execute("create table a (b)")
                    conn.execute("pragma foreign_keys = on")
                    return conn

                def is_only_set_up(path):
                    conn = sqlite3.connect(path)
                    conn.row_factory = sqlite3.Row
                    conn.execute("PRAGMA foreign_keys = ON")
                    conn.execute("PRAGMA journal_mode = WAL")
                    return conn

                def is_set_up_by_a_cursor(path):
                    conn = sqlite3.connect(path)
                    cursor = conn.cursor()
                    cursor.execute("PRAGMA foreign_keys = ON")
                    return conn

                def awaits_that_the_setting_up_fails(path):
                    try:
                        conn = sqlite3.connect(path)  # DBS603
                        conn.execute("PRAGMA foreign_keys = ON")
                    except sqlite3.DatabaseError:
                        return None
                    return conn

                def swallows(path):
                    try:
                        conn = sqlite3.connect(path)  # DBS603
                        conn.execute("select 1")
                        conn.close()
                    except sqlite3.Error:
                        return None

                def several():
                    conns = [sqlite3.connect(":memory:") for _ in range(3)]  # DBS603
                    for conn in conns:
                        conn.close()

                def guarded(path):
                    conn = sqlite3.connect(path)
                    conn.row_factory = sqlite3.Row
                    cursor = conn.cursor()
                    since = (datetime.now() - timedelta(days=1)).isoformat()
                    logging.info("since %s", since)
                    try:
                        cursor.execute("select 1", (since,))
                    finally:
                        conn.close()

                def by_the_handlers(path):
                    conn = sqlite3.connect(path)
                    try:
                        conn.commit()
                        idle.put_nowait(conn)
                    except queue.Full:
                        conn.close()
                    except sqlite3.Error:
                        conn.close()

                def by_the_handlers_of_some_errors(path):
                    conn = sqlite3.connect(path)  # DBS603
                    try:
                        conn.execute(read(path))
                        conn.close()
                    except sqlite3.Error:
                        conn.close()

                def by_an_object(path):
                    conn = sqlite3.connect(path)
                    database = Database(conn)
                    try:
                        conn.execute("select 1")
                    finally:
                        database.close()
            """
        },
        CODES,
    )


def test_the_message_names_the_line_that_leaves(tmp_path: Path) -> None:
    text = """
        import sqlite3
        def count(path):
            conn = sqlite3.connect(path)
            conn.execute("select 1")
            conn.close()
    """
    write_project(tmp_path, {"service.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS603"]
    assert message == (
        "`sqlite3.connect(path)` is not closed when line 5 raises, and keeps the connection open; "
        "use `with closing(sqlite3.connect(path)) as conn:`"
    )


def test_what_only_builds_a_statement_or_narrows_a_type_does_not_raise(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import sqlalchemy
                import sqlite3
                from sqlalchemy import create_engine, select, text as sql
                from elsewhere import text

                engine = create_engine(URL)

                def built(table, data):
                    conn = engine.connect()
                    first = sqlalchemy.text("SELECT 1 FROM " + table)
                    second, third = sql("SELECT 2"), select(Agent)
                    columns = ""
                    for column, _ in data.items():
                        columns += column
                    try:
                        conn.execute(first)
                    finally:
                        conn.close()

                def built_by_another(table):
                    conn = engine.connect()  # DBS603
                    first = text("SELECT 1")
                    try:
                        conn.execute(first)
                    finally:
                        conn.close()

                def narrowed(path):
                    conn = sqlite3.connect(path)
                    assert isinstance(conn, sqlite3.Connection)
                    conn.close()

                def asserted(path):
                    conn = sqlite3.connect(path)  # DBS603
                    assert path.is_file()
                    conn.close()
            """
        },
        CODES,
    )


def test_what_a_script_does_once_may_end_it(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "script.py": """
                import sqlite3

                def prepare(path):
                    conn = sqlite3.connect(path)
                    conn.execute("create table items (id integer)")
                    conn.close()

                def caught(path):
                    conn = sqlite3.connect(path)  # DBS603
                    conn.execute("create table items (id integer)")
                    conn.close()

                def left_early(path):
                    conn = sqlite3.connect(path)  # DBS603
                    if conn.execute("select 1").fetchone():
                        return
                    conn.close()

                def main():
                    prepare("items.db")
                    left_early("items.db")
                    try:
                        caught("items.db")
                    except sqlite3.Error:
                        print("no items")
                    serve()

                if __name__ == "__main__":
                    main()
            """
        },
        CODES,
    )


def test_what_a_script_calls_at_its_top_level_may_end_it(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "script.py": """
                import sqlite3

                def prepare(path):
                    conn = sqlite3.connect(path)
                    conn.execute("create table items (id integer)")
                    conn.close()

                def in_turns(path):
                    conn = sqlite3.connect(path)  # DBS603
                    conn.execute("create table items (id integer)")
                    conn.close()

                def by_another(path):
                    conn = sqlite3.connect(path)  # DBS603
                    conn.execute("create table items (id integer)")
                    conn.close()

                def never_called():
                    by_another("items.db")

                prepare("items.db")
                for path in ("a.db", "b.db"):
                    in_turns(path)
            """,
            "imported.py": """
                import sqlite3

                def prepare(path):
                    conn = sqlite3.connect(path)  # DBS603
                    conn.execute("create table items (id integer)")
                    conn.close()

                prepare("items.db")
                ITEMS = []
            """,
        },
        CODES,
    )


def test_a_day_that_is_worked_out_may_not_be_there(tmp_path: Path) -> None:
    text = """
        import sqlite3
        from datetime import datetime

        def cleanup(path, days):
            conn = sqlite3.connect(path)
            first = datetime.utcnow().replace(hour=0)
            last = datetime.utcnow().replace(day=first.day - days)
            conn.execute("delete from days where day < ?", (last,))
            conn.close()
    """
    write_project(tmp_path, {"service.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS603"]
    assert "when line 8 raises" in message


def test_the_line_named_is_that_of_a_call_rather_than_of_an_index(tmp_path: Path) -> None:
    text = """
        import sqlite3

        def tables(path):
            db = sqlite3.connect(path)
            names = {
                row[0]
                for row in db.execute("select name from sqlite_master")
            }
            db.close()
            return names
    """
    write_project(tmp_path, {"service.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS603"]
    assert "when line 8 raises" in message


def test_a_pop_with_a_default_does_not_raise(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "lock.py": """
                import sqlite3

                def locked(path, depths, key):
                    db = sqlite3.connect(path)
                    try:
                        db.execute("begin immediate")
                    finally:
                        depths.pop(key, None)
                        db.close()

                def popped(path, depths, key):
                    db = sqlite3.connect(path)  # DBS603
                    try:
                        db.execute("begin immediate")
                    finally:
                        depths.pop(key)
                        db.close()
            """
        },
        CODES,
    )


def test_helpers_that_do_not_raise(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import logging
                import re
                import sqlite3
                from datetime import datetime, timedelta

                logger = logging.getLogger(__name__)

                def started(period):
                    days = {"7d": timedelta(days=7)}.get(period)
                    return datetime.now() - days if days else None

                def merged():
                    found = {}
                    try:
                        found.update(load())
                    except Exception as error:
                        logger.warning("%s", error)
                    return found

                def note(error):
                    global status
                    status = re.sub(r"[0-9]+", "N", str(error))

                def noted(path, period):
                    conn = sqlite3.connect(path)
                    since, others = started(period), merged()
                    try:
                        conn.execute("select 1")
                    except sqlite3.Error as error:
                        note(error)
                    finally:
                        conn.close()

                def loaded(path):
                    conn = sqlite3.connect(path)  # DBS603
                    others = load()
                    conn.close()
            """
        },
        CODES,
    )


def test_a_function_is_there_where_it_is_called(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import sqlite3

                try:
                    from database import give_back
                except ImportError:
                    give_back = None

                def ensured(path):
                    conn = None
                    try:
                        conn = sqlite3.connect(path)
                        conn.execute("select 1")
                    finally:
                        if conn is not None and give_back:
                            give_back(conn)
            """,
            "database.py": """
                def give_back(conn):
                    conn.close()
            """,
        },
        CODES,
    )


def test_numbers_of_the_clock_cannot_raise(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "gap.py": """
                import sqlite3
                import time

                def since(path):
                    conn = sqlite3.connect(path)
                    now = int(time.time() * 1000)
                    try:
                        return conn.execute("SELECT ?", (now,)).fetchall()
                    finally:
                        conn.close()

                def rounded(path):
                    conn = sqlite3.connect(path)
                    now = max(0, round(time.monotonic() / 60) - 5)
                    try:
                        return conn.execute("SELECT ?", (now,)).fetchall()
                    finally:
                        conn.close()

                def parsed(path, text):
                    conn = sqlite3.connect(path)  # DBS603
                    now = int(text)
                    try:
                        return conn.execute("SELECT ?", (now,)).fetchall()
                    finally:
                        conn.close()
            """
        },
        {"DBS603"},
    )


def test_calls_that_do_not_raise_in_practice(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import logging
                import sqlite3
                import time
                from collections import deque
                from time import monotonic
                import aiosqlite
                import asyncpg
                import psycopg
                import requests
                from sqlalchemy import create_engine

                log = logging.getLogger(__name__)
                engine = create_engine("postgresql://db/x")

                def counted_in_time(path):
                    conn = sqlite3.connect(path)
                    now = int(time.time() * 1000)
                    since = round(monotonic() - 60, 2) / 2
                    try:
                        return conn.execute("select ?", (now, since))
                    finally:
                        conn.close()

                def counted_from_a_text(path, number):
                    conn = sqlite3.connect(path)  # DBS603
                    now = int(number)
                    try:
                        return conn.execute("select ?", (now,))
                    finally:
                        conn.close()

                async def logged(dsn, url):
                    conn = await asyncpg.connect(dsn)
                    log.info(f"connected to {url.query.get('host', 'localhost')}")
                    return conn

                def asked_elsewhere(dsn):
                    conn = psycopg.connect(dsn)  # DBS603
                    requests.get("https://example.org", "q")
                    return conn

                class Driver:
                    def reset(self, dsn):
                        conn = psycopg.connect(dsn)
                        conn.notices = deque([], self.limit)
                        self.conn = conn

                    def reset_from(self, dsn, notices):
                        conn = psycopg.connect(dsn)  # DBS603
                        conn.notices = deque(notices)
                        self.conn = conn

                def begun(work):
                    connection = engine.connect()
                    transaction = connection.begin()
                    try:
                        work(connection)
                        transaction.commit()
                    finally:
                        connection.close()

                def begun_again(work):
                    connection = engine.connect()  # DBS603
                    connection.execute("select 1")
                    transaction = connection.begin()
                    try:
                        work(connection)
                    finally:
                        connection.close()

                async def entered_by_hand(path):
                    connection = aiosqlite.connect(path)
                    await connection.__aenter__()
                    return connection

                async def used_after_it_was_entered(path):
                    connection = aiosqlite.connect(path)  # DBS603
                    await connection.__aenter__()
                    await connection.execute("select 1")
                    return connection

                async def left_by_hand(path):
                    connection = aiosqlite.connect(path)
                    await connection.__aenter__()
                    try:
                        await connection.execute("select 1")
                    finally:
                        await connection.__aexit__(None, None, None)
            """
        },
        CODES,
    )


def test_alembic_runs_its_environment_once(tmp_path: Path) -> None:
    environment = """
        from alembic import context
        from sqlalchemy import engine_from_config

        def run_migrations_online():
            connection = engine_from_config(context.config).connect(){}
            context.configure(connection=connection)
            try:
                context.run_migrations()
            finally:
                connection.close()
    """
    files = {
        "migrations/env.py": environment.format(""),
        "app/sync.py": environment.format("  # DBS603"),
    }
    assert_cases(tmp_path, files, CODES)


def test_configuring_a_fresh_connection_is_no_way_out(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "opening.py": """
                import apsw
                import psycopg
                import pyodbc
                import sqlite3

                def with_functions(path):
                    conn = sqlite3.connect(path)
                    conn.create_aggregate("concat", 1, list)
                    conn.create_function("upper2", 1, str.upper)
                    conn.create_collation("x", lambda a, b: 0)
                    conn.execute("PRAGMA foreign_keys = ON")
                    return conn

                def by_a_cursor(path):
                    ans = apsw.Connection(path)
                    ans.cursor().execute("pragma busy_timeout=2000")
                    return ans

                def factory(dsn):
                    def connect():
                        conn = pyodbc.connect(dsn)
                        conn.add_output_converter(-155, str)
                        return conn
                    return connect

                class Manager:
                    def connect(self, dsn):
                        conn = psycopg.Connection.connect(dsn)
                        conn.add_notice_handler(print)
                        conn.add_notify_handler(print)
                        self.conn = conn

                    def close(self):
                        self.conn.close()

                def set_up(conn: sqlite3.Connection):
                    conn.set_trace_callback(print)
                    conn.create_function("upper2", 1, str.upper)

                def by_a_helper(path):
                    conn = sqlite3.connect(path)
                    set_up(conn)
                    return conn

                def with_an_extension(path):
                    conn = sqlite3.connect(path)  # DBS603
                    conn.enable_load_extension(True)
                    conn.load_extension("fts5")
                    return conn

                def of_another_driver(dsn):
                    conn = psycopg.connect(dsn)  # DBS603
                    conn.create_function("upper2", 1, str.upper)
                    return conn
            """
        },
        {"DBS603"},
    )
    messages = [m for *_, c, m in lint(tmp_path, "opening.py") if c == "DBS603"]
    assert "when line 49 raises" in messages[0]


def test_a_getter_that_only_makes_its_pool_does_not_raise(tmp_path: Path) -> None:
    pool = """
        import asyncio
        import aiosqlite

        class Database:
            def __init__(self, path):
                self.path = path
                self._pool = None

            def _get_pool(self):
                if self._pool is None:
                    self._pool = {made}
                return self._pool

            async def work(self, use):
                conn = await aiosqlite.connect(self.path)  # {code}
                try:
                    await conn.execute(use)
                finally:
                    try:
                        self._get_pool().put_nowait(conn)
                    except asyncio.QueueFull:
                        await conn.close()
    """
    for made, code in (("asyncio.Queue(32)", "silent"), ("make_pool()", "DBS603")):
        files = {"database.py": pool.format(made=made, code=code)}
        assert_cases(tmp_path, files, {"DBS603"})


def test_a_module_that_is_imported_where_another_is_missing(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "cookies.py": """
                def cookies(filename):
                    try:
                        from pysqlite2 import dbapi2 as sqlite
                    except ImportError:
                        from sqlite3 import dbapi2 as sqlite
                    con = sqlite.connect(filename)  # DBS603
                    cur = con.cursor()
                    cur.execute("SELECT host FROM moz_cookies")
                    rows = cur.fetchall()
                    con.close()
                    return rows
            """,
            "other.py": """
                try:
                    import pysqlite3 as sqlite3
                except ImportError:
                    import sqlite3

                def hosts(filename):
                    con = sqlite3.connect(filename)  # DBS603
                    rows = con.execute("SELECT host FROM moz_cookies").fetchall()
                    con.close()
                    return rows
            """,
        },
        {"DBS603"},
    )


def test_what_warns_notes_or_asks_does_not_raise(tmp_path: Path) -> None:
    files = {
        "settings.py": """
            class Settings(dict):
                def needed(self, key):
                    return self[key]

            class Layered(Settings):
                pass

            class Remote(dict):
                def get(self, key):
                    return fetch(key)

            settings, layered, remote = Settings(), Layered(), Remote()
            """,
        "store.py": """
            import asyncio
            import os
            import sqlite3
            import time
            import warnings
            from time import asctime
            from warnings import warn

            import psycopg

            from settings import layered, remote, settings

            SIZES = {"small": 1}

            class Other:
                def warn(self, text):
                    self.channel.publish(text)

            def warns():
                conn = sqlite3.connect("a.db")
                warnings.warn("slow", stacklevel=2)
                warn("slow")
                return conn

            def asks():
                conn = sqlite3.connect("a.db")
                print(asctime(), time.ctime(), engine.pool.checkedout())
                settings.get("debug")
                layered.get("debug")
                SIZES.get("small")
                if os.environ.get("DEBUG") or os.getenv("VERBOSE"):
                    print("opened")
                return conn

            def asks_elsewhere():
                conn = sqlite3.connect("a.db")  # DBS603
                remote.get("debug")
                return conn

            def another_warns(other: Other):
                conn = sqlite3.connect("a.db")  # DBS603
                other.warn("x")
                return conn

            async def listen(conn):
                await conn.execute("LISTEN agents")

            async def starts_a_task():
                conn = await psycopg.AsyncConnection.connect("")
                asyncio.get_running_loop().create_task(listen(conn))

            async def makes_a_coroutine(url):
                conn = await psycopg.AsyncConnection.connect(url)
                waiting = listen(conn)
                asyncio.create_task(waiting)

            async def awaits(url):
                conn = await psycopg.AsyncConnection.connect(url)  # DBS603
                await listen(conn)
                await conn.close()
            """,
    }
    assert_cases(tmp_path, files, {"DBS602", "DBS603"})


def test_the_message_says_what_only_a_cancellation_leaves(tmp_path: Path) -> None:
    text = """import aiosqlite

class Store:
    async def open(self):
        db = await aiosqlite.connect("a.db")
        try:
            await db.execute("PRAGMA user_version")
        except Exception:
            await db.close()
            raise
        self.db = db
"""
    write_project(tmp_path, {"store.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "store.py") if code == "DBS603"]
    assert "when line 7 is cancelled, which no `except Exception` catches, and keeps" in message


def test_an_object_that_is_made_is_not_none(tmp_path: Path) -> None:
    text = """import psycopg2

class Factory:
    def build(self):
        return psycopg2.connect("")

def write(rows, conn=None):
    made = False
    factory = None
    if conn is None:
        factory = Factory()
        conn = factory.build()
        made = True
    number = send(conn, rows)
    if made and factory is not None:
        conn.close()
    return number
"""
    write_project(tmp_path, {"store.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "store.py") if code == "DBS603"]
    assert "is not closed when line 14 raises," in message


def test_a_helper_that_only_sets_a_fresh_connection_up(tmp_path: Path) -> None:
    text = """
        import sqlite3

        def pragmas(conn):
            cursor = conn.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.close()

        def tables(conn):
            conn.execute("PRAGMA journal_mode=WAL")
            conn.execute("CREATE TABLE a (b)")

        def given(path):
            conn = sqlite3.connect(path)
            pragmas(conn)
            return conn

        def given_tables(path):
            conn = sqlite3.connect(path)  # DBS603
            tables(conn)
            return conn

        def used_before(path):
            conn = sqlite3.connect(path)  # DBS603
            conn.execute("CREATE TABLE a (b)")
            pragmas(conn)
            return conn
    """
    assert_cases(tmp_path, {"store.py": text}, {"DBS603"})


def test_a_helper_that_commits_after_its_pragmas(tmp_path: Path) -> None:
    files = {
        "maintenance.py": """
            def apply_pragmas(conn):
                cur = conn.cursor()
                cur.execute("PRAGMA journal_mode=WAL;")
                cur.execute("PRAGMA synchronous=NORMAL;")
                cur.close()
                conn.commit()

            def apply_all(conn, path):
                print(path)
                apply_pragmas(conn)

            def apply_with_tables(conn, path):
                apply_pragmas(conn)
                conn.execute("CREATE TABLE a (b)")
                conn.commit()

            def commit(conn):
                conn.commit()
        """,
        "store.py": """
            import sqlite3
            from maintenance import apply_all, apply_pragmas, apply_with_tables, commit

            class Store:
                def connect(self, path):
                    conn = sqlite3.connect(path)
                    apply_pragmas(conn)
                    return conn

                def by_two(self, path):
                    conn = sqlite3.connect(path)
                    apply_all(path=path, conn=conn)
                    return conn

                def by_a_method(self, path):
                    self.conn = None
                    conn = sqlite3.connect(path)
                    self.set_up(conn)
                    self.conn = conn

                def set_up(self, conn):
                    for pragma in ("PRAGMA foreign_keys = ON", "PRAGMA busy_timeout = 5000"):
                        conn.execute(pragma)
                    conn.executescript("PRAGMA cache_size = 10; PRAGMA temp_store = 2;")

                def asked(self, path):
                    conn = sqlite3.connect(path)
                    mode = conn.execute("PRAGMA journal_mode = WAL").fetchone()
                    conn.commit()
                    return conn, mode

                def committed_afterwards(self, path):
                    conn = sqlite3.connect(path)
                    conn.executescript(f"PRAGMA cache_size = {int(path)}; PRAGMA temp_store = 2")
                    self.set_up(conn)
                    conn.commit()
                    return conn

                def with_tables(self, path):
                    conn = sqlite3.connect(path)  # DBS603
                    apply_with_tables(conn, path)
                    return conn

                def with_a_script(self, path):
                    conn = sqlite3.connect(path)  # DBS603
                    conn.executescript("PRAGMA cache_size = 10; CREATE TABLE a (b);")
                    return conn

                def with_a_script_of_more(self, path):
                    conn = sqlite3.connect(path)  # DBS603
                    conn.executescript(f"PRAGMA cache_size = {int(path)}; CREATE TABLE a (b);")
                    return conn

                def with_work_before_the_commit(self, path):
                    conn = sqlite3.connect(path)  # DBS603
                    conn.execute("PRAGMA busy_timeout = 5000")
                    conn.execute("CREATE TABLE a (b)")
                    conn.commit()
                    return conn

                def without_pragmas(self, path):
                    conn = sqlite3.connect(path)  # DBS603
                    commit(conn)
                    return conn

                def with_others(self, path, statements):
                    conn = sqlite3.connect(path)  # DBS603
                    for statement in statements:
                        conn.execute(statement)
                    return conn
        """,
    }
    assert_cases(tmp_path, files, {"DBS603"})


def test_what_comes_with_python_is_imported_without_an_error(tmp_path: Path) -> None:
    text = """
        import sqlite3

        def opened(path):
            conn = sqlite3.connect(path)
            import os.path
            from json import dumps
            return conn

        def opened_beside_another(path):
            conn = sqlite3.connect(path)  # DBS603
            import numpy
            return conn
    """
    assert_cases(tmp_path, {"service.py": text}, {"DBS603"})


def test_a_pragma_with_a_number_is_a_literal_one(tmp_path: Path) -> None:
    text = """
        import sqlite3

        def opened(path, wait):
            conn = sqlite3.connect(path)
            conn.execute(f"PRAGMA busy_timeout={max(0, int(wait))}")
            return conn

        def opened_by_a_text(path, mode):
            conn = sqlite3.connect(path)  # DBS603
            conn.execute(f"PRAGMA journal_mode={mode}")
            return conn
    """
    assert_cases(tmp_path, {"service.py": text}, {"DBS603"})


def test_what_python_s_own_functions_only_work_out_does_not_raise(tmp_path: Path) -> None:
    files = {
        "paths.py": """
            import os

            def exists(path):
                return os.stat(path)

            def archive_of(folder):
                return os.path.join(folder, "archive")
        """,
        "service.py": """
            import os.path as osp
            import sqlite3
            import time
            import traceback
            import uuid
            from datetime import datetime as clock
            from os import path
            from os.path import join as joined
            from pathlib import Path

            import os
            from paths import archive_of, exists

            def of_a_path(folder):
                conn = sqlite3.connect("a.db")
                archive = os.path.join(folder, "archive")
                if os.path.exists(archive) and osp.isfile(joined(archive, "a")):
                    print(path.basename(archive), Path(folder).name, archive_of(folder))
                conn.close()

            def of_a_moment():
                conn = sqlite3.connect("a.db")
                print(str(uuid.uuid4()), time.process_time(), clock.now().isoformat())
                time.sleep(0.1)
                traceback.print_exc()
                conn.close()

            def asks_how_large(folder):
                conn = sqlite3.connect("a.db")  # DBS603
                os.path.getsize(folder)
                conn.close()

            def waits(seconds):
                conn = sqlite3.connect("a.db")  # DBS603
                time.sleep(seconds)
                conn.close()

            def of_the_project(folder):
                conn = sqlite3.connect("a.db")  # DBS603
                if exists(folder):
                    print(folder)
                conn.close()

            def of_a_parameter(path, uuid):
                conn = sqlite3.connect("a.db")  # DBS603
                path.join("a", "b")
                conn.close()

            def of_each(paths):
                conn = sqlite3.connect("a.db")  # DBS603
                print([path.join("a", "b") for path in paths])
                conn.close()

            def of_a_local_name(folder, mine):
                conn = sqlite3.connect("a.db")  # DBS603
                joined = mine.join
                joined(folder, "a")
                conn.close()

            def of_a_variable(maker):
                uuid = maker()
                conn = sqlite3.connect("a.db")  # DBS603
                print(uuid.uuid4())
                conn.close()
        """,
        "either.py": """
            import sqlite3

            try:
                from elsewhere import path
            except ImportError:
                path = None

            def joined(folder):
                conn = sqlite3.connect("a.db")  # DBS603
                path.join(folder, "a")
                conn.close()
        """,
    }
    assert_cases(tmp_path, files, {"DBS603"})


def test_the_message_keeps_the_options_that_are_set_on_the_spot(tmp_path: Path) -> None:
    text = """
        from sqlalchemy import create_engine
        from sqlalchemy.ext.asyncio import create_async_engine

        engine = create_engine(URL)
        async_engine = create_async_engine(URL)

        def plain():
            conn = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            conn.execute(1)
            conn.close()

        async def waiting():
            c = await (await async_engine.connect()).execution_options(isolation_level="AUTOCOMMIT")
            await c.execute(1)
            await c.close()

        def without_options():
            conn = engine.connect()
            conn.execute(1)
            conn.close()
    """
    write_project(tmp_path, {"service.py": text})
    found = [m for *_, code, m in lint(tmp_path, "service.py") if code in CODES]
    assert [message.rpartition("; ")[2] for message in found] == [
        "use `with engine.connect().execution_options(isolation_level='AUTOCOMMIT') as conn:`",
        "use `async with async_engine.connect() as c:`, and `await c.execution_options("
        "isolation_level='AUTOCOMMIT')` inside it",
        "use `with engine.connect() as conn:`",
    ]


def test_the_message_names_what_raises_with_the_connection_open(tmp_path: Path) -> None:
    text = """
        import sqlite3
        from fastapi import HTTPException

        def tier(item):
            try:
                conn = sqlite3.connect("a.db")
                found = conn.execute("SELECT tier FROM items").fetchone()
                tier = found[0]
                conn.close()
                if tier == "L3":
                    raise HTTPException(400)
                return tier
            except HTTPException:
                raise
            except Exception as error:
                raise HTTPException(500) from error
    """
    write_project(tmp_path, {"service.py": text})
    (message,) = (m for *_, code, m in lint(tmp_path, "service.py") if code in CODES)
    assert "when line 17 raises" in message


def test_what_libraries_print_with_does_not_raise(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "output.py": """
                from rich.console import Console

                console = Console(stderr=True)
            """,
            "app.py": """
                import sqlite3

                import click
                import typer
                from pprint import pprint
                from rich import print as show
                from rich.console import Console
                from termcolor import colored, cprint
                from tqdm import tqdm

                from output import console

                own = Console()

                class Command:
                    def __init__(self):
                        self.console = Console()
                        self.sender = Sender()

                    def told(self):
                        conn = sqlite3.connect("app.db")
                        self.console.print("open")
                        conn.close()

                    def sent(self):
                        conn = sqlite3.connect("app.db")  # DBS603
                        self.sender.print("open")
                        conn.close()

                def clicked():
                    conn = sqlite3.connect("app.db")
                    click.echo(click.style("open", fg="green"))
                    click.secho("open", err=True)
                    typer.echo("open")
                    typer.secho("open")
                    conn.close()

                def asked():
                    conn = sqlite3.connect("app.db")  # DBS603
                    click.confirm("open?")
                    conn.close()

                def shown(items):
                    bar = tqdm(total=3)
                    conn = sqlite3.connect("app.db")
                    show("[green]open")
                    own.print(colored("open", "green"))
                    console.rule("open")
                    cprint("open")
                    pprint(items)
                    tqdm.write("open")
                    bar.update(1)
                    conn.close()

                def read():
                    conn = sqlite3.connect("app.db")  # DBS603
                    own.input("open?")
                    conn.close()
            """,
        },
        CODES,
    )


def test_a_text_that_is_split_and_joined_does_not_raise(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import re
                import sqlite3

                def search(q, separator):
                    conn = sqlite3.connect("app.db")
                    query = " ".join(f'"{w}"' for w in q.split() if w)
                    parts = query.partition(":")
                    words = query.rsplit(",", 1)
                    conn.close()
                    return parts, words

                def split(q, separator):
                    conn = sqlite3.connect("app.db")  # DBS603
                    words = q.split(separator)
                    conn.close()
                    return words

                def by_pattern(q):
                    conn = sqlite3.connect("app.db")  # DBS603
                    words = re.split(q, "a b")
                    conn.close()
                    return words
            """
        },
        CODES,
    )
