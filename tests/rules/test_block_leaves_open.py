"""DBS601: blocks that end a transaction and leave the connection open."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project


def test_blocks_that_leave_open(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import sqlite3 as sql
                from contextlib import closing, nullcontext
                from psycopg2 import connect

                def add(path, row):
                    with sql.connect(path) as conn:  # DBS601
                        conn.execute(query, row)

                def read(dsn):
                    with connect(dsn) as conn, conn.cursor() as cursor:  # DBS601
                        cursor.execute(query)
                        return cursor.fetchall()

                def closed_where_it_is_opened(path, conn):
                    with closing(sql.connect(path)) if path else nullcontext(conn) as conn:
                        conn.execute(query)
                    manager = closing(sql.connect(path)) if path else nullcontext(conn)
                    with manager as conn:
                        conn.execute(query)
                    with closing(sql.connect(path) if path else sql.connect(":memory:")) as conn:
                        conn.execute(query)

                def open_where_it_is_opened(path, conn):
                    with sql.connect(path) if conn is None else conn as conn:  # DBS601
                        conn.execute(query)

                def without_a_name(path):
                    with sql.connect(path):  # DBS601
                        pass

                def closed_unless_it_fails(path):
                    with sql.connect(path) as conn:  # DBS601
                        conn.execute(query)
                    conn.close()

                class Store:
                    def _open(self):
                        conn = sql.connect(self.path)
                        conn.row_factory = sql.Row
                        return conn

                    def add(self, row):
                        with self._open() as conn:  # DBS601
                            conn.execute(query, row)
            """,
        },
        {"DBS601"},
    )


def test_connections_that_are_closed_or_handed_on(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import sqlite3
                from contextlib import ExitStack, closing, contextmanager

                class ClosingConnection(sqlite3.Connection):
                    def __exit__(self, *error):
                        super().__exit__(*error)
                        self.close()

                def closing_block(path):
                    with closing(sqlite3.connect(path)) as conn, conn:
                        conn.execute(query)

                def closing_on_a_stack(path):
                    with ExitStack() as stack:
                        conn = stack.enter_context(closing(sqlite3.connect(path)))
                        conn.execute(query)

                def closed_in_a_finally(path):
                    with sqlite3.connect(path) as conn:
                        try:
                            conn.execute(query)
                        finally:
                            conn.close()

                def handed_on(path):
                    with sqlite3.connect(path) as conn:
                        return conn

                def of_its_own_class(path):
                    with sqlite3.connect(path, factory=ClosingConnection) as conn:
                        conn.execute(query)

                @contextmanager
                def provider(path):
                    conn = sqlite3.connect(path)
                    try:
                        yield conn
                    finally:
                        conn.close()

                def in_the_provider(path):
                    with provider(path) as conn:
                        conn.execute(query)

                def open_closing(path):
                    return sqlite3.connect(path, factory=ClosingConnection)

                def by_a_function_of_its_own_class(path):
                    with open_closing(path) as conn:
                        conn.execute(query)
            """,
        },
        {"DBS601"},
    )


def test_libraries_whose_blocks_close(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import aiosqlite, psycopg, pymysql, MySQLdb
                from sqlalchemy import create_engine

                engine = create_engine("sqlite://")

                async def work():
                    with psycopg.connect(dsn) as conn:
                        conn.execute(query)
                    with pymysql.connect(host=host) as conn:
                        conn.query(query)
                    with MySQLdb.connect(host=host) as conn:
                        conn.query(query)
                    with engine.connect() as conn:
                        conn.execute(query)
                    async with aiosqlite.connect(path) as conn:
                        await conn.execute(query)
            """,
        },
        {"DBS601"},
    )


def test_silent_where_the_process_ends(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "script.py": """
                import sqlite3

                def work():
                    with sqlite3.connect(path) as conn:
                        conn.execute(query)

                if __name__ == "__main__":
                    work()
            """,
        },
        {"DBS601"},
    )


def test_silent_in_the_last_step_of_a_script(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "seed.py": """
                import argparse
                import json
                import sqlite3
                import sys
                import time
                from collections import Counter

                import requests

                def connect():
                    return sqlite3.connect("a.db")

                def dry_run():
                    return Counter()

                def apply(rows):
                    with connect() as conn:
                        conn.executemany("INSERT INTO a VALUES (?)", rows)
                    return Counter(rows)

                def applied(args):
                    return dry_run() if args.dry else apply(args.rows)

                def early(rows):
                    with connect() as conn:  # DBS601
                        conn.executemany("INSERT INTO a VALUES (?)", rows)

                def in_turns(row):
                    with connect() as conn:  # DBS601
                        conn.execute("INSERT INTO a VALUES (?)", row)

                def within_turns(rows):
                    for row in rows:
                        with connect() as conn:  # DBS601
                            conn.execute("INSERT INTO a VALUES (?)", row)

                def given(rows):
                    with connect() as conn:  # DBS601
                        return conn.executemany("INSERT INTO a VALUES (?)", rows)

                def sent(rows):
                    with connect() as conn:  # DBS601
                        conn.executemany("INSERT INTO a VALUES (?)", rows)

                def slept(rows):
                    with connect() as conn:  # DBS601
                        conn.executemany("INSERT INTO a VALUES (?)", rows)

                def imported(rows):
                    with connect() as conn:  # DBS601
                        conn.executemany("INSERT INTO a VALUES (?)", rows)

                def handed_on(rows):
                    with connect() as conn:  # DBS601
                        conn.executemany("INSERT INTO a VALUES (?)", rows)

                def from_aside(rows):
                    with connect() as conn:  # DBS601
                        conn.executemany("INSERT INTO a VALUES (?)", rows)

                def aside(rows):
                    from_aside(rows)

                def before_an_import(rows):
                    with connect() as conn:  # DBS601
                        conn.executemany("INSERT INTO a VALUES (?)", rows)

                def before_a_summary(rows):
                    with connect() as conn:
                        conn.executemany("INSERT INTO a VALUES (?)", rows)

                def test_rows(rows):
                    with connect() as conn:  # DBS601
                        conn.executemany("INSERT INTO a VALUES (?)", rows)

                def look():
                    import scraping
                    print("it is there")

                def summed(rows):
                    import json
                    return json.dumps(sorted(rows))

                def report(count):
                    time.sleep(60)

                def main():
                    args = argparse.ArgumentParser().parse_args()
                    early(args.rows)
                    for row in args.rows:
                        in_turns(row)
                    if args.given:
                        report(given(args.rows))
                    elif args.turns:
                        within_turns(args.rows)
                    elif args.sent:
                        sent(args.rows)
                        requests.post("https://localhost", timeout=1)
                    elif args.imported:
                        imported(args.rows)
                    elif args.slept:
                        slept(args.rows)
                        time.sleep(60)
                    elif args.tests:
                        test_rows(args.rows)
                    elif args.looks:
                        before_an_import(args.rows)
                        look()
                    elif args.sums:
                        before_a_summary(args.rows)
                        print(summed(args.rows))
                    elif args.later:
                        report(handed_on)
                    else:
                        try:
                            counts = applied(args)
                        except sqlite3.Error as error:
                            print(error)
                            sys.exit(1)
                        summary = {"counts": dict(sorted(counts.items()))}
                        print(json.dumps(summary, indent=2), ", ".join(counts))

                if __name__ == "__main__":
                    main()
            """,
            "service.py": """
                import seed

                def work():
                    seed.imported([])
            """,
        },
        {"DBS601"},
    )


def test_message_shows_the_way_out(tmp_path: Path) -> None:
    text = (
        "import sqlite3\ndef f():\n    with sqlite3.connect('a.db') as db:\n        db.execute(q)\n"
    )
    write_project(tmp_path, {"service.py": text})
    opening = "`with sqlite3.connect('a.db')` ends the transaction and leaves the connection open; "
    assert [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS601"] == [
        opening + "use `with closing(sqlite3.connect('a.db')) as db, db:`, which commits as well"
    ]
    house = tmp_path / "house"
    house.mkdir()
    policy = 'connections = "core.db:get_connection"\n'
    write_project(house, {"dbsession.toml": policy, "service.py": text})
    assert [m for *_, code, m in lint(house, "service.py") if code == "DBS601"] == [
        opening + "use `with get_connection() as db:` where `'a.db'` is its database"
    ]


def test_closing_on_a_condition(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "x.py": """
                import sqlite3
                from contextlib import closing, nullcontext

                def a(path=None):
                    with (closing(sqlite3.connect(path)) if path else nullcontext()) as conn:
                        return conn.execute("select 1").fetchone()

                def named(path=None):
                    manager = closing(sqlite3.connect(path)) if path else nullcontext()
                    with manager as conn:
                        return conn.execute("select 1").fetchone()

                def either(path, other):
                    with closing(sqlite3.connect(path) if path else sqlite3.connect(other)) as conn:
                        return conn.execute("select 1").fetchone()

                def bare(path=None, conn=None):
                    with (sqlite3.connect(path) if conn is None else conn) as c:  # DBS601
                        c.execute("insert into a values (1)")
            """
        },
        {"DBS601", "DBS602", "DBS603"},
    )


def test_other_drivers_whose_block_leaves_open(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "x.py": """
                import apsw
                import duckdb
                import pyodbc

                def odbc(dsn):
                    with pyodbc.connect(dsn) as conn:  # DBS601
                        conn.execute("insert into a values (1)")

                def wrapper(path):
                    with apsw.Connection(path) as conn:  # DBS601
                        conn.execute("insert into a values (1)")

                def duck(path):
                    with duckdb.connect(path) as conn:
                        conn.execute("insert into a values (1)")
            """
        },
        {"DBS601", "DBS602", "DBS603"},
    )
