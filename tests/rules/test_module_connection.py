"""DBS608: connections held by module-level names."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases

CODES = {"DBS608"}


def test_a_module_of_an_application(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "store.py": """
                import duckdb
                import psycopg2
                import sqlite3
                from sqlalchemy import create_engine

                conn = sqlite3.connect("x.db")  # DBS608
                if DSN:
                    other = psycopg2.connect(DSN)  # DBS608
                engine_conn = create_engine(URL).connect()  # DBS608
                table = duckdb.connect("x.duckdb")  # DBS608

                def add(text):
                    conn.execute("INSERT INTO log VALUES (?)", (text,))
            """,
            "bare.py": """
                import sqlite3

                conn = sqlite3.connect("x.db")  # DBS608
                conn.row_factory = sqlite3.Row
            """,
        },
        CODES,
    )


def test_a_web_application_with_a_main_guard(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "web.py": """
                import sqlite3
                from flask import Flask

                app = Flask(__name__)
                conn = sqlite3.connect("sensors.db")  # DBS608
                curs = conn.cursor()

                @app.route("/")
                def last():
                    return curs.execute("SELECT * FROM readings").fetchone()

                if __name__ == "__main__":
                    app.run()
            """,
            "helped.py": """
                import sqlite3
                from flask import Flask

                app = Flask(__name__)
                conn = sqlite3.connect("sensors.db")  # DBS608

                def last_reading():
                    return conn.execute("SELECT * FROM readings").fetchone()

                @app.route("/")
                def last():
                    return str(last_reading())

                app.run()
            """,
            "bot.py": """
                import sqlite3

                conn = sqlite3.connect("bot.db", check_same_thread=False)  # DBS608

                def handle(message):
                    conn.execute("INSERT INTO seen VALUES (?)", (message,))

                bot.polling()
            """,
        },
        CODES,
    )


def test_a_script(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "guarded.py": """
                import sqlite3

                def count(conn):
                    return conn.execute("SELECT count(*) FROM a").fetchone()

                if __name__ == "__main__":
                    conn = sqlite3.connect("x.db")
                    print(count(conn))
            """,
            "plain.py": """
                import sqlite3

                conn = sqlite3.connect("x.db")

                def count():
                    return conn.execute("SELECT count(*) FROM a").fetchone()

                while True:
                    print(count())
            """,
            "closed.py": """
                import sqlite3

                conn = sqlite3.connect("x.db")
                try:
                    print(conn.execute("SELECT 1").fetchone())
                finally:
                    conn.close()
            """,
        },
        CODES,
    )


def test_what_lives_in_one_connection(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "memory.py": """
                import duckdb
                import sqlite3

                conn = sqlite3.connect(":memory:")
                shared = sqlite3.connect("file:x?mode=memory&cache=shared", uri=True)
                table = duckdb.connect()
            """
        },
        CODES,
    )


def test_pools_and_sessions_are_others(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "db.py": """
                from psycopg2.pool import ThreadedConnectionPool
                from sqlalchemy import create_engine
                from sqlalchemy.orm import Session

                pool = ThreadedConnectionPool(1, 4, DSN)
                engine = create_engine(URL)
                db = Session(engine)
            """
        },
        CODES,
    )


def test_silent_where_the_database_may_live_in_memory(tmp_path: Path) -> None:
    text = """
        import os
        import sqlite3

        DEFAULT = os.environ.get("DB", ":memory:")
        first = sqlite3.connect(os.getenv("DB") or ":memory:")
        second = sqlite3.connect(DEFAULT)
        third = sqlite3.connect(os.environ.get("DB", "app.db"))  # DBS608

        def get():
            return first.execute("select 1"), second.execute("select 1"), third.execute("select 1")
    """
    assert_cases(tmp_path, {"store.py": text}, {"DBS608"})


def test_one_that_a_function_keeps_for_the_process(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "kept.py": """
                import functools
                import sqlite3

                _conns = {}
                _conn = None

                def kept(path):
                    conn = _conns.get(path)
                    if conn is None:
                        conn = sqlite3.connect(path, check_same_thread=False)  # DBS608
                        _conns[path] = conn
                    return conn

                def named(path):
                    global _conn
                    if _conn is None:
                        _conn = sqlite3.connect(path, check_same_thread=False)  # DBS608
                    return _conn

                @functools.lru_cache
                def cached(path):
                    return sqlite3.connect(path, check_same_thread=False)  # DBS608

                def own(path):
                    conns = {}
                    conns[path] = sqlite3.connect(path, check_same_thread=False)
                    return conns

                @functools.lru_cache
                def in_memory():
                    return sqlite3.connect(":memory:", check_same_thread=False)

                def of_one_thread(path):
                    global _conn
                    _conn = sqlite3.connect(path)
            """,
            "app.py": """
                import psycopg2
                from flask import Flask

                app = Flask(__name__)
                conn = None

                def get_conn():
                    global conn
                    if conn is None:
                        conn = psycopg2.connect("dbname=x")  # DBS608
                    return conn

                @app.get("/users")
                def users():
                    return get_conn().cursor().fetchall()
            """,
            "locked.py": """
                import sqlite3
                from threading import Lock

                _lock = Lock()
                _conn = None

                def named(path):
                    global _conn
                    with _lock:
                        _conn = _conn or sqlite3.connect(path, check_same_thread=False)
                        return _conn
            """,
        },
        CODES,
    )
