"""DBS303 and DBS603: the errors that a handler for the library's own class catches."""

from __future__ import annotations

from pathlib import Path

from tests.cases import HOUSE, assert_cases, lint, write_project

CODES = {"DBS303", "DBS603"}


def test_what_a_cursor_raises_is_the_error_of_its_connection(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import sqlite3
                from contextlib import closing

                import psycopg
                import psycopg2
                from psycopg2.extras import execute_values

                def executes(path, query):
                    conn = sqlite3.connect(path)
                    cursor = conn.cursor()
                    try:
                        cursor.execute(query)
                        rows = cursor.fetchall()
                        cursor.executemany(query, rows)
                    except sqlite3.Error as error:
                        print(error)
                    conn.close()

                def executes_outside(path, query):
                    conn = sqlite3.connect(path)  # DBS603
                    cursor = conn.cursor()
                    try:
                        cursor.execute(query)
                    except sqlite3.Error as error:
                        print(error)
                    rows = cursor.fetchall()
                    conn.close()
                    return rows

                def fetches_a_row_that_may_be_missing(path, query):
                    conn = sqlite3.connect(path)  # DBS603
                    cursor = conn.cursor()
                    try:
                        cursor.execute(query)
                        print(cursor.fetchone()[0])
                    except sqlite3.Error as error:
                        print(error)
                    conn.close()

                def asks_a_row_that_may_be_missing(path, query):
                    conn = sqlite3.connect(path)  # DBS603
                    cursor = conn.cursor()
                    try:
                        print(cursor.execute(query).fetchone().index(1))
                    except sqlite3.Error as error:
                        print(error)
                    conn.close()

                def without_a_name(path, query):
                    conn = sqlite3.connect(path)
                    try:
                        conn.cursor().execute(query)
                        conn.execute(query).fetchall()
                        for row in conn.execute(query):
                            print(row)
                    except sqlite3.Error as error:
                        print(error)
                    conn.close()

                def by_what_execute_gives(path, query):
                    conn = sqlite3.connect(path)
                    rows = again = None
                    try:
                        rows = conn.execute(query)
                        again = rows.execute(query)
                        print(rows.fetchall(), again.fetchall())
                    except sqlite3.Error as error:
                        print(error)
                    conn.close()

                def in_a_block(dsn, query):
                    conn = psycopg2.connect(dsn)
                    try:
                        with conn.cursor() as cur:
                            cur.execute(query)
                            execute_values(cur, query, [])
                        with closing(conn.cursor()) as cur:
                            cur.execute(query)
                    except psycopg2.Error as error:
                        print(error)
                    conn.close()

                def of_psycopg(dsn, query):
                    conn = psycopg.connect(dsn)
                    try:
                        cur = conn.execute(query)
                        print(cur.fetchall())
                    except psycopg.Error as error:
                        print(error)
                    conn.close()

                def of_one_kind_of_errors(path, query):
                    conn = sqlite3.connect(path)  # DBS603
                    cursor = conn.cursor()
                    try:
                        cursor.execute(query)
                    except sqlite3.OperationalError as error:
                        print(error)
                    conn.close()

                def of_all_that_come_from_the_database(path, query):
                    conn = sqlite3.connect(path)
                    cursor = conn.cursor()
                    try:
                        cursor.execute(query)
                        conn.commit()
                    except sqlite3.DatabaseError as error:
                        print(error)
                    conn.close()

                def by_another_of_that_name(path, query, cursors):
                    conn = sqlite3.connect(path)  # DBS603
                    cursor = conn.cursor()
                    if query.mapped:
                        cursor = cursors.take()
                    try:
                        cursor.execute(query)
                    except sqlite3.Error as error:
                        print(error)
                    conn.close()
            """,
        },
        CODES,
    )


def test_a_cursor_that_a_function_gives(tmp_path: Path) -> None:
    setup = """
        import sqlite3
        from contextlib import contextmanager

        def create_conn():
            conn = None
            try:
                conn = sqlite3.connect("kings.db")
            except sqlite3.Error as error:
                print(error)
            cursor = conn.cursor()
            return conn, cursor

        def with_a_name():
            conn = sqlite3.connect("kings.db")
            return conn, "kings"

        def pair():
            cursor = sqlite3.connect("pairs.db").cursor()
            return cursor.execute("select first, second from pairs")

        def cursor_of(conn):
            return conn.cursor()

        @contextmanager
        def cursor_in(conn):
            cursor = conn.cursor()
            try:
                yield cursor
            finally:
                cursor.close()

        class Mapper:
            def cursor(self):
                return self.rows
    """
    service = """
        import sqlite3

        from setup import Mapper, create_conn, cursor_in, cursor_of, pair, with_a_name

        def both(query):
            conn, cursor = create_conn()
            try:
                cursor.execute(query)
            except sqlite3.Error as error:
                print(error)
            conn.close()

        def another(query):
            conn, name = with_a_name()  # DBS603
            try:
                name.execute(query)
            except sqlite3.Error as error:
                print(error)
            conn.close()

        def out_of_rows(path, query):
            first, second = pair()
            conn = sqlite3.connect(path)  # DBS603
            try:
                first.execute(query)
            except sqlite3.Error as error:
                print(error)
            conn.close()

        def made(path, query):
            conn = sqlite3.connect(path)
            cursor = cursor_of(conn)
            try:
                cursor.execute(query)
            except sqlite3.Error as error:
                print(error)
            conn.close()

        def entered(source, path, query):
            with cursor_in(source) as cursor:
                conn = sqlite3.connect(path)
                try:
                    cursor.execute(query)
                except sqlite3.Error as error:
                    print(error)
                conn.close()

        def mapped(path, query):
            conn = sqlite3.connect(path)  # DBS603
            cursor = Mapper().cursor()
            try:
                cursor.execute(query)
            except sqlite3.Error as error:
                print(error)
            conn.close()

        class Store:
            def load(self, path, query):
                conn = sqlite3.connect(path)
                self.cursor = conn.cursor()
                try:
                    self.cursor.execute(query)
                except sqlite3.Error as error:
                    print(error)
                conn.close()
    """
    assert_cases(tmp_path, {"setup.py": setup, "service.py": service}, CODES)


def test_another_line_that_escapes_is_named(tmp_path: Path) -> None:
    text = """
        import sqlite3
        async def damage(path, query, ctx):
            conn = sqlite3.connect(path)
            cursor = conn.cursor()
            try:
                cursor.execute(query)
            except sqlite3.Error as error:
                await ctx.send(error)
            result = cursor.fetchone()
            conn.close()
            return result
    """
    write_project(tmp_path, {"service.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS603"]
    assert "when line 9 raises" in message


def test_other_connections_of_the_function(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import sqlite3

                def copied(source: sqlite3.Connection, path, query):
                    target = sqlite3.connect(path)
                    try:
                        source.execute(query)
                        other = sqlite3.connect("other.db")
                        other.close()
                    except sqlite3.Error as error:
                        print(error)
                    target.close()

                def read(source, path, query):
                    target = sqlite3.connect(path)  # DBS603
                    try:
                        source.read(query)
                    except sqlite3.Error as error:
                        print(error)
                    target.close()
            """
        },
        CODES,
    )


def test_what_sqlalchemy_gives_raises_its_own_error(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            **HOUSE,
            "service.py": """
                from sqlalchemy import create_engine, select, text
                from sqlalchemy.exc import SQLAlchemyError
                from core.database import SessionLocal

                engine = create_engine("postgresql://db/x")

                def by_a_connection(query):
                    conn = engine.connect()
                    try:
                        result = conn.execute(text("select 1"))
                        print(result.fetchall())
                        conn.commit()
                    except SQLAlchemyError as error:
                        print(error)
                    conn.close()

                def by_a_driver_s(query):
                    conn = engine.raw_connection()  # DBS603
                    try:
                        conn.cursor().execute(query)
                    except SQLAlchemyError as error:
                        print(error)
                    conn.close()

                def by_a_session():
                    db = SessionLocal()
                    try:
                        query = db.query(Agent).filter(Agent.id == 1)
                        print(query.all())
                        result = db.execute(select(Agent))
                        print(result.scalars().all())
                    except SQLAlchemyError as error:
                        print(error)
                    db.close()

                def by_an_object():
                    db = SessionLocal()  # DBS303
                    try:
                        agent = db.query(Agent).first()
                        agent.rename()
                    except SQLAlchemyError as error:
                        print(error)
                    db.close()
            """,
        },
        CODES,
    )


def test_the_error_of_a_coroutine_is_caught_but_not_its_cancellation(tmp_path: Path) -> None:
    text = """
        import aiosqlite
        async def load(path, query):
            db = await aiosqlite.connect(path)
            try:
                cursor = await db.execute(query)
                rows = await cursor.fetchall()
            except aiosqlite.Error:
                rows = []
            await db.close()
            return rows
        async def load_a_file(path, query, file):
            db = await aiosqlite.connect(path)
            try:
                rows = await file.read(query)
            except aiosqlite.Error:
                rows = []
            await db.close()
            return rows
    """
    write_project(tmp_path, {"service.py": text})
    first, second = (m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS603")
    assert "when line 6 is cancelled" in first
    assert "when line 15 raises" in second


def test_the_handler_s_classes_by_another_name(tmp_path: Path) -> None:
    errors = """
        import sqlite3
        from sqlite3 import Error as SqliteError

        KNOWN = (OSError, sqlite3.Error)
        OTHERS = (OSError, ValueError)
        MORE = KNOWN + (KeyError,)
        Broken = sqlite3.Error
    """
    service = """
        import errors
        import sqlite3
        from errors import KNOWN, MORE, OTHERS, Broken, SqliteError

        def {name}(path, query):
            conn = sqlite3.connect(path)  # {code}
            try:
                conn.execute(query)
            except {caught} as error:
                print(error)
            conn.close()
    """
    cases = {
        "KNOWN": "silent",
        "MORE": "silent",
        "Broken": "silent",
        "SqliteError": "silent",
        "errors.KNOWN": "silent",
        "(ValueError, Broken)": "silent",
        "OTHERS": "DBS603",
        "UNKNOWN": "DBS603",
    }
    for number, (caught, code) in enumerate(cases.items()):
        text = service.format(name=f"case{number}", caught=caught, code=code)
        files = {"errors.py": errors, "service.py": text}
        assert_cases(tmp_path / str(number), files, CODES)


def test_a_helper_catches_the_errors_of_its_cursor(tmp_path: Path) -> None:
    text = """
        import sqlite3

        def finish(conn: sqlite3.Connection, query):
            cursor = conn.cursor()
            try:
                cursor.execute(query)
            except sqlite3.Error as error:
                print(error)
            conn.close()

        def leave(conn: sqlite3.Connection, query):
            cursor = conn.cursor()
            try:
                cursor.execute(query())
            except sqlite3.Error as error:
                print(error)
            conn.close()

        def finished(path, query):
            conn = sqlite3.connect(path)
            finish(conn, query)

        def left(path, query):
            conn = sqlite3.connect(path)  # DBS603
            leave(conn, query)
    """
    assert_cases(tmp_path, {"service.py": text}, CODES)
