"""DBS602: connections that no path closes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS602", "DBS603"}


def test_connections_of_every_library(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import asyncpg
                import psycopg2
                import sqlite3
                from sqlalchemy import create_engine

                engine = create_engine("sqlite://")

                def opened_is_enough(path):
                    conn = sqlite3.connect(path)  # DBS602
                    print(len(path))

                def used(dsn):
                    conn = psycopg2.connect(dsn)  # DBS602
                    with conn:
                        conn.cursor()

                def of_an_engine():
                    conn = engine.connect()  # DBS602
                    return conn.execute("select 1").scalar()

                def on_the_spot(path):
                    return sqlite3.connect(path).execute("select 1").fetchone()  # DBS602

                async def awaited(dsn):
                    conn = await asyncpg.connect(dsn)  # DBS602
                    return await conn.fetch("select 1")
            """
        },
        CODES,
    )


def test_blocks_that_close_and_blocks_that_do_not(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import aiosqlite
                import psycopg
                import sqlite3
                from contextlib import closing
                from sqlalchemy import create_engine

                engine = create_engine("sqlite://")

                def get_connection(path):
                    return sqlite3.connect(path)

                def of_psycopg(dsn):
                    conn = psycopg.connect(dsn)
                    with conn:
                        conn.execute("select 1")

                def of_an_engine():
                    with engine.connect() as conn:
                        conn.execute("select 1")

                def closing_it(path):
                    with closing(sqlite3.connect(path)) as conn, conn:
                        conn.execute("select 1")

                async def of_aiosqlite(path):
                    async with aiosqlite.connect(path) as conn:
                        await conn.execute("select 1")

                async def awaited_first(dsn):
                    async with await psycopg.AsyncConnection.connect(dsn) as conn:
                        await conn.execute("select 1")

                def a_transaction_only(path):
                    conn = get_connection(path)  # DBS602
                    with conn:
                        conn.execute("select 1")

                def another_rules(path):
                    with sqlite3.connect(path) as conn:
                        conn.execute("select 1")
            """
        },
        CODES,
    )


def test_what_is_handed_on_or_pooled_is_no_leak(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import asyncio
                import asyncpg
                import pytest
                import sqlite3
                from psycopg2.pool import SimpleConnectionPool

                pool = SimpleConnectionPool(1, 2)

                def a_cursor(path):
                    conn = sqlite3.connect(path)
                    cursor = conn.cursor()
                    return cursor

                def both(path):
                    conn = sqlite3.connect(path)
                    return conn, conn.cursor()

                def pooled():
                    conn = pool.getconn()
                    conn.cursor()

                def run(dsn):
                    return asyncio.run(asyncpg.connect(dsn))

                def test_refused(path):
                    with pytest.raises(sqlite3.OperationalError):
                        sqlite3.connect(path)

                class Store:
                    def __init__(self, path):
                        self.conn = sqlite3.connect(path)

                    def replace(self, path):
                        conn = sqlite3.connect(path)
                        self.conn = conn
                        conn.execute("select 1")
            """
        },
        CODES,
    )


@pytest.mark.parametrize(
    ("opening", "way_out"),
    [
        ("sqlite3.connect(path)", "use `with closing(sqlite3.connect(path)) as conn:`"),
        ("psycopg.connect(path)", "use `with psycopg.connect(path) as conn:`"),
        ("engine.raw_connection()", "use `with closing(engine.raw_connection()) as conn:`"),
        ("await asyncpg.connect(path)", "close it in a `finally`"),
        ("await aiosqlite.connect(path)", "use `async with aiosqlite.connect(path) as conn:`"),
    ],
)
def test_the_way_out_is_one_that_the_library_has(
    tmp_path: Path, opening: str, way_out: str
) -> None:
    text = f"""
        import aiosqlite, asyncpg, psycopg, sqlite3
        from sqlalchemy import create_engine

        engine = create_engine("sqlite://")

        async def work(path):
            conn = {opening}
            conn.cursor()
    """
    write_project(tmp_path, {"service.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS602"]
    assert message.endswith(f", and stays open until it is garbage-collected; {way_out}")


def test_the_way_out_is_the_policys_provider(tmp_path: Path) -> None:
    text = """
        import sqlite3

        def work(path):
            conn = sqlite3.connect(path)

        class Store:
            def _get_connection(self):
                return self.connections()

            def work(self, path):
                conn = sqlite3.connect(path)
    """
    policy = 'connections = "self._get_connection"\n'
    write_project(tmp_path, {"service.py": text, "dbsession.toml": policy})
    found = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS602"]
    outside, inside = found
    assert outside.endswith("use `with closing(sqlite3.connect(path)) as conn:`")
    assert inside.endswith(
        "use `with self._get_connection() as conn:` where `path` is its database"
    )


def test_a_coroutine_that_is_handed_on_is_awaited_elsewhere(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "sink.py": """
                import asyncio
                import asyncpg

                class Sink:
                    def _run(self, coroutine):
                        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(5)

                    def _connect(self):
                        async def _open():
                            return await asyncpg.connect(self.url)
                        if self._conn is None:
                            self._conn = self._run(_open())
                        return self._conn
            """
        },
        {"DBS602", "DBS603"},
    )


OPTIONAL = """
    import sqlite3

    def _conn(path):
        if not path:
            return None
        return sqlite3.connect(path)

    def view(path):
        conn = _conn(path)
        if not conn:
            return 503
        return conn.execute("select 1").fetchone()
"""


def test_what_may_give_none_is_not_put_into_a_block(tmp_path: Path) -> None:
    write_project(tmp_path, {"service.py": OPTIONAL})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS602"]
    assert message == (
        "`_conn(path)` is never closed, and stays open until it is garbage-collected; "
        "close it in a `finally`"
    )


def test_a_helper_that_says_that_it_gives_back_is_believed(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "pool.py": """
                import psycopg2

                class Wrapper:
                    def __init__(self, raw):
                        object.__setattr__(self, "_raw", raw)

                    def close(self):
                        return_connection(self)

                def unwrapped(conn):
                    return conn._raw if isinstance(conn, Wrapper) else conn

                def return_connection(conn):
                    raw = unwrapped(conn)
                    POOL.putconn(raw)

                def return_rows(conn):
                    return conn.execute("select 1").fetchall()

                def take():
                    return psycopg2.connect(URL)

                def handler():
                    conn = None
                    try:
                        conn = take()
                        conn.execute("select 1")
                    finally:
                        if conn:
                            return_connection(conn)

                def rows():
                    conn = take()  # DBS602
                    return_rows(conn)

                def wrapped():
                    conn = psycopg2.connect(URL)
                    if conn.closed:
                        conn.close()
                        return None
                    return Wrapper(conn)
            """
        },
        {"DBS602", "DBS603"},
    )


def test_the_drivers(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "many.py": """
                import aiosqlite
                import duckdb
                import mysql.connector
                import oracledb
                import psycopg
                import pymssql
                import snowflake.connector
                from psycopg import AsyncConnection, Connection

                def never():
                    conn = mysql.connector.connect(host="localhost")  # DBS602
                    return conn.cursor().execute("select 1")

                def oracle(dsn):
                    conn = oracledb.connect(dsn=dsn)  # DBS602
                    return conn.cursor().execute("select 1 from dual").fetchone()

                def table():
                    conn = duckdb.connect("x.db")  # DBS602
                    return conn.execute("select 1").fetchall()

                def server():
                    conn = pymssql.connect("localhost")  # DBS602
                    return conn.cursor().execute("select 1")

                def flake():
                    with snowflake.connector.connect(user="x") as conn:
                        return conn.cursor().execute("select 1").fetchone()

                async def by_class():
                    conn = await psycopg.AsyncConnection.connect("dbname=x")  # DBS602
                    await conn.execute("select 1")

                async def by_imported_class():
                    conn = await AsyncConnection.connect("dbname=x")  # DBS602
                    await conn.execute("select 1")

                def by_plain_class():
                    conn = Connection.connect("dbname=x")  # DBS602
                    conn.execute("select 1")
            """
        },
        {"DBS602", "DBS603"},
    )


def test_the_way_out_fits_the_driver(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "many.py": """
                import aiosqlite
                import asyncpg
                import duckdb
                import psycopg

                def table():
                    conn = duckdb.connect("x.db")
                    conn.execute("select 1")

                async def waits():
                    conn = await psycopg.AsyncConnection.connect("dbname=x")
                    await conn.execute("select 1")

                async def file():
                    conn = await aiosqlite.connect("x.db")
                    await conn.execute("select 1")

                async def blockless():
                    conn = await asyncpg.connect("x")
                    await conn.execute("select 1")
            """
        },
    )
    ways = [text.split("; ")[1] for *_, code, text in lint(tmp_path, "many.py") if code == "DBS602"]
    assert ways == [
        "use `with duckdb.connect('x.db') as conn:`",
        "use `async with await psycopg.AsyncConnection.connect(...) as conn:`",
        "use `async with aiosqlite.connect('x.db') as conn:`",
        "close it in a `finally`",
    ]


def test_what_a_test_need_not_close(tmp_path: Path) -> None:
    opener = """
        import asyncpg

        async def get_listen_connection(dsn):
            try:
                return await asyncpg.connect(dsn)
            except Exception:
                return None

        def in_memory():
            import sqlite3

            return sqlite3.connect(":memory:")

        def by_itself():
            import duckdb

            return duckdb.connect()
    """
    assert_cases(
        tmp_path,
        {
            "app/__init__.py": "",
            "app/listen.py": opener,
            "tests/test_listen.py": """
                import sqlite3
                from unittest import TestCase, mock
                from unittest.mock import patch
                import psycopg
                import pytest
                from sqlalchemy import create_engine
                import app.listen
                import duckdb
                from app.listen import by_itself, get_listen_connection, in_memory

                def test_in_memory_by_itself():
                    duckdb.connect().execute("select 1")
                    conn = duckdb.connect()
                    conn.execute("select 1")
                    other = by_itself()
                    other.execute("select 1")

                def test_of_a_file():
                    conn = duckdb.connect("a.db")  # DBS602
                    conn.execute("select 1")

                async def test_of_a_real_database():
                    conn = await get_listen_connection("postgresql://db/x")  # DBS602
                    await conn.execute("select 1")

                async def test_of_none():
                    conn = await get_listen_connection("nowhere")
                    assert conn is None

                async def test_in_a_block():
                    with mock.patch("asyncpg.connect") as connect:
                        conn = await get_listen_connection("postgresql://db/x")
                        connect.assert_called_once()

                async def test_with_monkeypatch(monkeypatch):
                    monkeypatch.setattr("app.listen.asyncpg", mock.Mock())
                    conn = await get_listen_connection("postgresql://db/x")
                    assert conn

                async def test_with_mocker(mocker):
                    mocker.patch.object(app.listen, "asyncpg")
                    conn = await get_listen_connection("postgresql://db/x")
                    assert conn

                async def test_something_else(mocker):
                    mocker.patch("app.listen.log")
                    conn = await get_listen_connection("postgresql://db/x")  # DBS602
                    assert await conn.fetch("select 1")

                @patch("psycopg.connect")
                def test_decorated(connect):
                    conn = psycopg.connect("")
                    assert conn is connect.return_value

                @pytest.fixture
                def engine_double(monkeypatch):
                    monkeypatch.setattr("sqlalchemy.create_engine", mock.Mock())

                def test_by_a_fixture(engine_double):
                    conn = create_engine("postgresql://db/x").connect()
                    assert conn

                class TestPatched(TestCase):
                    def setUp(self):
                        patch("psycopg.connect").start()

                    def test_it(self):
                        conn = psycopg.connect("")
                        self.assertTrue(conn)

                def test_in_memory():
                    conn = sqlite3.connect(":memory:")
                    conn.execute("select 1")
                    other = in_memory()
                    other.execute("select 1")
                    third = create_engine("sqlite://").connect()
                    third.execute("select 1")

                def test_in_a_file(tmp_path):
                    conn = sqlite3.connect(tmp_path / "a.db")  # DBS602
                    conn.execute("select 1")

                def test_in_an_engines_memory():
                    engine = create_engine("sqlite:///:memory:")
                    conn = engine.connect()
                    conn.execute("select 1")

                def test_down():
                    try:
                        psycopg.connect("nowhere")
                        assert False
                    except psycopg.OperationalError:
                        pass

                def test_down_in_words():
                    try:
                        psycopg.connect("nowhere")
                    except psycopg.OperationalError:
                        pass
                    else:
                        pytest.fail("connected")
            """,
        },
        CODES,
    )


def test_a_task_of_airflow_ends_with_its_process(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "dags/load.py": """
                import psycopg2
                from airflow.decorators import task
                from airflow.operators.python import PythonOperator
                from celery import shared_task

                @task
                def load(dsn):
                    conn = psycopg2.connect(dsn)
                    conn.cursor().execute("select 1")

                @task.virtualenv(requirements=["psycopg2"])
                def load_elsewhere(dsn):
                    conn = psycopg2.connect(dsn)
                    conn.cursor().execute("select 1")

                def called(dsn):
                    conn = psycopg2.connect(dsn)
                    conn.cursor().execute("select 1")

                def helper(dsn):
                    conn = psycopg2.connect(dsn)  # DBS602
                    conn.cursor().execute("select 1")

                @shared_task
                def of_celery(dsn):
                    conn = psycopg2.connect(dsn)  # DBS602
                    conn.cursor().execute("select 1")

                PythonOperator(task_id="called", python_callable=called)
            """
        },
        CODES,
    )


def test_a_closer_that_a_package_exports_again_below_a_source_root(tmp_path: Path) -> None:
    files = {
        "web/setup.py": "",
        "web/pga/__init__.py": "",
        "web/pga/roles/__init__.py": "",
        "web/pga/roles/utils.py": """
            def delete_role(connection, name):
                try:
                    connection.cursor().execute("DROP ROLE x")
                finally:
                    connection.close()
        """,
        "web/regression/__init__.py": "import pga.roles.utils as roles_utils\n",
        "web/regression/requirements.txt": "",
        "web/regression/helpers.py": """
            import psycopg
            import regression

            def get_db_connection(dsn):
                connection = psycopg.connect(dsn)
                return connection

            def delete_roles(dsn, roles):
                for role in roles:
                    connection = get_db_connection(dsn)
                    regression.roles_utils.delete_role(connection, role)
        """,
    }
    assert_cases(tmp_path, files, {"DBS602", "DBS603"})
    (tmp_path / ".git").rmdir()
    assert not [v for v in lint(tmp_path, "web/regression/helpers.py") if v[2][:4] == "DBS6"]


def test_a_connection_that_leaves_behind_its_cursor(tmp_path: Path) -> None:
    files = {
        "runner.py": """
            import pyodbc

            class Databricks:
                def _get_cursor(self):
                    connection = pyodbc.connect("dsn", autocommit=True)  # DBS602
                    return connection.cursor()

                def run_query(self, query):
                    cursor = self._get_cursor()
                    cursor.execute(query)
                    cursor.close()

            def named():
                connection = pyodbc.connect("dsn")  # DBS602
                cursor = connection.cursor()
                return cursor

            def uses_named():
                named().execute("select 1")

            def asked_for():
                connection = pyodbc.connect("dsn")
                return connection.cursor()

            def closes_it():
                cursor = asked_for()
                cursor.connection.close()

            def nobody_calls_it():
                connection = pyodbc.connect("dsn")
                return connection.cursor()
        """
    }
    assert_cases(tmp_path, files, CODES)
    messages = [m for *_, code, m in lint(tmp_path, "runner.py") if code in CODES]
    assert all(m.endswith("so that the caller can close it") for m in messages)


def test_a_handler_that_opens_another_is_reached(tmp_path: Path) -> None:
    """Whoever opens a connection in a handler awaits that the ``try`` fails."""
    assert_cases(
        tmp_path,
        {
            "store.py": """
                import sqlite3

                class Store:
                    def __init__(self, path):
                        self.path = path
                        self.conn = self._open()

                    def _open(self):
                        return sqlite3.connect(self.path)

                    def close(self):
                        self.conn.close()

                    def run(self, sql):
                        conn = self.conn
                        try:
                            cursor = self.conn.cursor()
                        except sqlite3.ProgrammingError:
                            conn = self._open()  # DBS602
                            cursor = conn.cursor()
                        cursor.execute(sql)
                        cursor.close()
                        conn.commit()

                    def read(self, sql):
                        try:
                            cursor = self.conn.cursor()
                        except sqlite3.ProgrammingError:
                            cursor = self._open().cursor()  # DBS602
                        return cursor.execute(sql).fetchall()

                    def reopen(self):
                        try:
                            self.conn.cursor()
                        except sqlite3.ProgrammingError:
                            self.conn = self._open()

                    def closed(self, sql):
                        own = None
                        try:
                            cursor = self.conn.cursor()
                        except sqlite3.ProgrammingError:
                            own = self._open()
                            cursor = own.cursor()
                        try:
                            cursor.execute(sql)
                        finally:
                            if own is not None:
                                own.close()
            """
        },
        CODES,
    )


def test_a_handler_that_opens_nothing_is_left_as_it_was(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import logging
                import sqlite3

                def run(path, sql):
                    conn = sqlite3.connect(path)
                    try:
                        cursor = conn.cursor()
                    except sqlite3.Error:
                        logging.exception("no cursor")
                        raise
                    try:
                        cursor.execute(sql)
                    finally:
                        conn.close()
            """
        },
        CODES,
    )


def test_an_engine_that_its_use_proves(tmp_path: Path) -> None:
    """Nothing says what type they are, but SQLAlchemy alone takes them so."""
    assert_cases(
        tmp_path,
        {
            "schema.py": """
                import sqlalchemy as sa
                from sqlalchemy import MetaData, inspect
                from elsewhere import facade

                def get_engine():
                    return facade().writer.get_engine()

                def purge(context):
                    engine = get_engine()
                    conn = engine.connect()  # DBS602
                    metadata = sa.MetaData()
                    metadata.reflect(bind=engine)
                    for table in metadata.sorted_tables:
                        with conn.begin():
                            conn.execute(table.delete())

                def drop_all(db):
                    conn = db.engine.connect()  # DBS602
                    for name in inspect(db.engine).get_table_names():
                        conn.execute(name)

                def inspected(db):
                    conn = db.connect()  # DBS602
                    return sa.inspect(db).get_table_names(conn)

                def archive(engine):
                    conn = engine.connect()  # DBS602
                    table = sa.Table("a", sa.MetaData(), autoload_with=conn)
                    return conn.execute(table.select()).fetchall()

                def pragma(engine):
                    engine.connect().exec_driver_sql("PRAGMA foreign_keys = ON")  # DBS602

                def listen(context):
                    for attempt in range(3):
                        try:
                            conn = context.engine.connect()  # DBS603
                            conn.detach()
                            conn = conn.connection.dbapi_connection
                            with conn.cursor() as cursor:
                                cursor.execute("LISTEN x")
                            break
                        except Exception:
                            if attempt == 2:
                                raise
                    context.conn = conn

                def closed(db):
                    with db.engine.connect() as conn:
                        inspect(db.engine)
                        return conn.execute("select 1").scalar()
            """
        },
        CODES,
    )


def test_what_has_a_connect_method_and_is_no_engine(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "clients.py": """
                import inspect
                from sqlalchemy import create_engine

                def plain(client):
                    conn = client.connect()
                    conn.send("x")

                def looked_at(client):
                    conn = client.connect()
                    return inspect.signature(client), conn.ping()

                def of_another(client, engine, metadata):
                    metadata.create_all(engine)
                    conn = client.connect()
                    conn.send("x")

                async def in_a_coroutine(engine):
                    conn = await engine.connect()
                    await conn.exec_driver_sql("select 1")
            """
        },
        CODES,
    )


def test_the_one_connection_of_a_static_pool_is_never_closed(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                from sqlalchemy import create_engine, text
                from sqlalchemy.pool import QueuePool, StaticPool

                def attached(path):
                    engine = create_engine("sqlite://", poolclass=StaticPool)
                    conn = engine.connect()
                    return conn.execute(text("select id from columns")).fetchall()

                def pooled(path):
                    engine = create_engine("sqlite:///x.db", poolclass=QueuePool)
                    conn = engine.connect()  # DBS602
                    return conn.execute(text("select id from columns")).fetchall()
            """
        },
        CODES,
    )


def test_what_a_script_calls_is_let_off_only_where_the_process_ends_with_it(tmp_path: Path) -> None:
    app = """
        import sqlite3
        import time

        def tables():
            conn = sqlite3.connect("x.db")  # DBS602
            return conn.execute("select 1").fetchall()

        def counts():
            conn = sqlite3.connect("x.db")
            return conn.execute("select 1").fetchall()

        def polled():
            conn = sqlite3.connect("x.db")  # DBS602
            return conn.execute("select 1").fetchall()

        def work():
            conn = sqlite3.connect("x.db")
            while True:
                try:
                    conn.execute("insert into t values (1)")
                    conn.commit()
                except sqlite3.Error:
                    conn = sqlite3.connect("x.db")  # DBS602
                time.sleep(1)

        def wait():
            while True:
                try:
                    sqlite3.connect("x.db")
                    break
                except sqlite3.Error:
                    time.sleep(1)

        if __name__ == "__main__":
            wait()
            tables()
            counts()
            work()
            while True:
                polled()
    """
    files = {
        "app.py": app,
        "stages.py": """
            from app import counts, tables

            def stage():
                return tables()

            if __name__ == "__main__":
                counts()
        """,
    }
    assert_cases(tmp_path, files, {"DBS602"})


def test_methods_of_libraries_that_keep_no_connection(tmp_path: Path) -> None:
    text = """
        import sqlite3

        def save_all(frames):
            conn = sqlite3.connect("x.db")  # DBS602
            for frame in frames:
                frame.to_sql("t", conn)

        def back_up(source: sqlite3.Connection, path):
            copy = sqlite3.connect(path)  # DBS602
            source.backup(copy)

        def give(keeper, path):
            conn = sqlite3.connect(path)
            keeper.keep(conn)
    """
    assert_cases(tmp_path, {"app.py": text}, {"DBS602"})


def test_cells_of_a_notebook_are_its_top_level(tmp_path: Path) -> None:
    text = """
        import {library}
        import sqlite3

        app = {library}.App()

        @app.cell
        def _(path):
            conn = sqlite3.connect(path){mark}
            conn.execute("SELECT 1")
            return (path,)

        @app.cell(hide_code=True)
        def _(path):
            _conn = sqlite3.connect(path){mark}
            _conn.execute("SELECT 1")
    """
    marimo = text.format(library="marimo", mark="")
    other = text.format(library="other", mark="  # DBS602")
    assert_cases(tmp_path, {"notebook.py": marimo, "other.py": other}, {"DBS602", "DBS603"})


def test_a_session_does_not_close_the_connection_that_it_is_bound_to(tmp_path: Path) -> None:
    files = {
        "names.py": """
            from sqlalchemy import create_engine
            from sqlalchemy.orm import Session

            engine = create_engine("postgresql://localhost/app")

            class Closing(Session):
                def close(self):
                    super().close()
                    self.bind.close()

            def names():
                conn = engine.connect()  # DBS602
                with Session(conn) as session:
                    return session.execute(QUERY).all()

            def ends():
                conn = engine.connect()  # DBS603
                with Session(bind=conn) as session:
                    session.execute(QUERY)
                conn.close()

            def by_a_class_that_closes():
                conn = engine.connect()
                with Closing(conn) as session:
                    return session.execute(QUERY).all()

            class Names:
                def __init__(self):
                    self.conn = engine.connect()  # DBS609

                def all(self):
                    with Session(self.conn) as session:
                        return session.execute(QUERY).all()
            """
    }
    assert_cases(tmp_path, files, {"DBS602", "DBS603", "DBS609"})


def test_an_object_keeps_what_its_bases_store(tmp_path: Path) -> None:
    files = {
        "base.py": """
            import abc

            class Bulk(abc.ABC):
                def __init__(self, name, reading, writing=None):
                    self.reading = reading
                    self.writing = writing or reading

                def run(self):
                    for query in self.queries():
                        self.reading.execute(query)

                @abc.abstractmethod
                def queries(self): ...

            class Closing(Bulk):
                def run(self):
                    try:
                        super().run()
                    finally:
                        self.reading.close()
            """,
        "build.py": """
            import sys

            import psycopg2

            from base import Bulk, Closing

            class Table(Bulk):
                def __init__(self, conn, other=None):
                    super().__init__("table", conn, other)

                def queries(self):
                    return ["SELECT 1"]

            class Closed(Closing):
                def __init__(self, conn):
                    super().__init__("closed", conn)

                def queries(self):
                    return ["SELECT 1"]

            def log(*words):
                print(*words)
                sys.stdout.flush()

            def build(is_wanted):
                conn = None
                if is_wanted:
                    conn = psycopg2.connect("")  # DBS602
                log("start")
                table = Table(conn)
                table.run()

            def closes():
                conn = psycopg2.connect("")
                Closed(conn).run()

            def hands_on():
                conn = psycopg2.connect("")
                return Table(conn)

            def nested():
                with psycopg2.connect("a") as one:  # DBS601
                    with psycopg2.connect("b") as two:  # DBS601
                        Table(one, two).run()
            """,
    }
    assert_cases(tmp_path, files, {"DBS601", "DBS602", "DBS603"})


def test_a_cursor_that_is_kept_or_returned_needs_its_connection(tmp_path: Path) -> None:
    text = """
        import sqlite3

        class Lite:
            def __init__(self, path):
                self.cursor = sqlite3.connect(path).cursor()  # DBS602

        class Named:
            def __init__(self, path):
                conn = sqlite3.connect(path)  # DBS602
                cursor = conn.cursor()
                self.cursor = cursor

        class Executed:
            def __init__(self, path):
                conn = sqlite3.connect(path)  # DBS602
                self.rows = conn.execute("SELECT 1")

        def given(path):
            conn = sqlite3.connect(path)  # DBS602
            return conn.execute("SELECT 1")

        def asks(path):
            return given(path).fetchall()

        def reads(path):
            conn = sqlite3.connect(path)  # DBS602
            return conn.execute("SELECT 1").fetchall()
    """
    assert_cases(tmp_path, {"lite.py": text}, CODES)
    messages = [m for *_, code, m in lint(tmp_path, "lite.py") if code in CODES]
    *kept, returned, read = messages
    assert all(m.endswith("and close it in a `close()` of the class") for m in kept)
    assert returned.endswith(
        "; return the connection, not its cursor, so that the caller can close it"
    )
    assert read.endswith("; use `with closing(sqlite3.connect(path)) as conn:`")


def test_what_an_imported_module_opens_and_drops(tmp_path: Path) -> None:
    files = {
        "probe.py": """
            from sqlalchemy import create_engine

            try:
                engine = create_engine("postgresql://localhost/app")
                engine.connect()  # DBS602
            except ValueError:
                raise

            def names():
                return []
            """,
        "script.py": """
            from probe import engine

            engine.connect()
            print("there")
            """,
    }
    assert_cases(tmp_path, files, CODES)


def test_a_module_in_a_package_is_not_the_driver_of_its_name(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/chat/__init__.py": "",
        "pkg/chat/snowflake.py": "class Chat: pass",
        "pkg/loaders/__init__.py": "",
        "pkg/loaders/mysql.py": "class Loader: pass",
        "pkg/loaders/load.py": """
            import mysql.connector

            def load():
                conn = mysql.connector.connect()  # DBS602
                return conn.cursor().fetchall()

            def load_there():
                import snowflake.connector

                conn = snowflake.connector.connect()  # DBS602
                return conn.cursor().fetchall()
            """,
    }
    assert_cases(tmp_path / "inside", files, CODES)
    files = {
        "drivers/mysql/__init__.py": "",
        "drivers/mysql/connector.py": "def connect(): ...",
        "drivers/use.py": """
            import mysql.connector

            def load():
                conn = mysql.connector.connect()
                return conn.cursor().fetchall()
            """,
    }
    assert_cases(tmp_path / "own", files, CODES)


def test_a_connection_that_is_made_for_a_call_which_keeps_none(tmp_path: Path) -> None:
    text = """
        import pandas as pd
        from elsewhere import Base, Thing, other
        from sqlalchemy import MetaData, create_engine

        engine = create_engine("postgresql://localhost/app")
        metadata = MetaData()

        def drop():
            metadata.drop_all(bind=engine.connect())  # DBS602
            Base.metadata.create_all(engine.connect())  # DBS602
            return pd.read_sql("SELECT 1", engine.connect())  # DBS602

        def elsewhere():
            Thing(engine.connect())
            other(engine.connect())
            metadata.drop_all(engine)
    """
    assert_cases(tmp_path, {"drop.py": text}, CODES)


def test_what_only_an_engine_of_sqlalchemy_has(tmp_path: Path) -> None:
    text = """
        from brainz import db
        from sqlalchemy import text

        def names():
            conn = db.engine.raw_connection()  # DBS602
            return conn.cursor().fetchall()

        def bound(session):
            conn = session.get_bind().connect()  # DBS602
            conn.execute(text("SELECT 1"))

        def bound_too(session):
            conn = session.bind.engine.connect()  # DBS602
            conn.execute(text("SELECT 1"))

        def closed(session):
            with session.bind.connect() as conn:
                conn.execute(text("SELECT 1"))
    """
    assert_cases(tmp_path, {"names.py": text}, CODES)


def test_a_double_that_a_decorator_gives_a_test(tmp_path: Path) -> None:
    text = """
        from unittest.mock import patch

        @patch("app.db.engine")
        def test_fetch(mocked):
            mocked.raw_connection().cursor().fetchone.side_effect = [1]

        def test_real(engine):
            engine.raw_connection().cursor().fetchone()  # DBS602
    """
    assert_cases(tmp_path, {"tests/test_fetch.py": text}, CODES)


@pytest.mark.parametrize("name", ["conn_str", "connection_string", "dsn", "conn"])
def test_what_a_driver_is_given_is_an_address_whatever_its_name(tmp_path: Path, name: str) -> None:
    text = f"""
        import psycopg2

        def count({name}):
            connection = psycopg2.connect({name})  # DBS602
            connection.cursor().execute("SELECT 1")
    """
    assert_cases(tmp_path, {"service.py": text}, {"DBS602"})


def test_the_hooks_of_airflow(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "plugins/checks.py": """
                from contextlib import closing

                from airflow.providers.microsoft.mssql.hooks.mssql import MsSqlHook
                from airflow.providers.postgres.hooks.postgres import PostgresHook

                class Checker:
                    def __init__(self, name):
                        self.hook = PostgresHook(postgres_conn_id=name)

                    def left(self):
                        conn = self.hook.get_conn()  # DBS602
                        with conn.cursor() as cursor:
                            cursor.execute("SELECT 1")
                            return cursor.fetchone()

                    def held(self):
                        with closing(self.hook.get_conn()) as conn, conn:
                            conn.cursor().execute("SELECT 1")

                    def first(self):
                        return self.hook.get_first("SELECT 1")

                def on_errors(name):
                    conn = MsSqlHook(mssql_conn_id=name).get_conn()  # DBS603
                    conn.cursor().execute("DELETE FROM t")
                    conn.commit()
                    conn.close()

                def in_a_block(name):
                    with PostgresHook(name).get_conn() as conn:  # DBS601
                        conn.cursor().execute("SELECT 1")
            """
        },
        {"DBS601", "DBS602", "DBS603"},
    )
