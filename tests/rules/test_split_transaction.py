"""DBS607: commits between two writes on one connection."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from tests.cases import assert_cases, lint, write_project

IMPORTS = """
import sqlite3
import psycopg2
from sqlalchemy import create_engine, text

engine = create_engine("sqlite://")
"""
CODES = frozenset({"DBS607"})


def assert_body(tmp_path: Path, body: str) -> None:
    head = "\ndef change(conn: sqlite3.Connection, other: sqlite3.Connection, rows, ok, q):\n"
    assert_functions(tmp_path, head + indent(body, "    "))


def assert_functions(tmp_path: Path, code: str) -> None:
    assert_cases(tmp_path, {"store.py": IMPORTS + code}, set(CODES), selected=CODES)


@pytest.mark.parametrize(
    "write",
    [
        "conn.execute('insert into t values (1)')",
        "conn.execute('-- first\\n UPDATE t SET a = 1')",
        "conn.execute('REPLACE INTO t VALUES (1)')",
        "conn.execute('CREATE TABLE u (a)')",
        "conn.execute('WITH old AS (SELECT 1) DELETE FROM t')",
        "conn.execute(f'DELETE FROM {q}')",
        "conn.executemany(q, rows)",
        "conn.executescript('SELECT 1; DROP TABLE t')",
        "conn.cursor().execute('DELETE FROM t')",
        "cur = conn.cursor(); cur.execute('DELETE FROM t')",
        "cur = conn.cursor()\nfor row in rows:\n    cur.execute('DELETE FROM t')",
        "if ok:\n    conn.execute('DELETE FROM t')",
    ],
)
def test_writes(tmp_path: Path, write: str) -> None:
    assert_body(tmp_path, f"{write}\nconn.commit()  # DBS607\n{write}\nconn.commit()")


@pytest.mark.parametrize(
    "read",
    [
        "conn.execute('SELECT * FROM deleted')",
        "conn.execute('PRAGMA foreign_keys = ON')",
        "conn.execute(q)",
        "other.execute('DELETE FROM t')",
        "rows.execute('DELETE FROM t')",
        "conn.create('DELETE FROM t')",
    ],
)
def test_what_is_no_write_on_the_connection(tmp_path: Path, read: str) -> None:
    assert_body(tmp_path, f"{read}\nconn.commit()\nconn.execute('DELETE FROM t')\nconn.commit()")


def test_ways_between_the_writes(tmp_path: Path) -> None:
    assert_functions(
        tmp_path,
        """
def on_one_branch(conn: sqlite3.Connection, ok):
    conn.execute("DELETE FROM t")
    if ok:
        conn.commit()  # DBS607
    conn.execute("DELETE FROM u")
    conn.commit()

def on_other_branches(conn: sqlite3.Connection, ok):
    if ok:
        conn.execute("DELETE FROM t")
        conn.commit()
    else:
        conn.execute("DELETE FROM u")
        conn.commit()

def one_or_the_other(conn: sqlite3.Connection, ok):
    if ok:
        conn.execute("DELETE FROM t")
        conn.commit()
        return
    conn.execute("DELETE FROM u")
    conn.commit()

def rolled_back(conn: sqlite3.Connection):
    conn.execute("DELETE FROM t")
    conn.rollback()
    conn.commit()
    conn.execute("DELETE FROM u")

def said_by_a_handler(conn: sqlite3.Connection):
    try:
        conn.execute("DELETE FROM t")
        conn.commit()
    except sqlite3.Error:
        conn.rollback()
        conn.execute("INSERT INTO errors VALUES (1)")
        conn.commit()

def in_the_end(conn: sqlite3.Connection):
    try:
        conn.execute("DELETE FROM t")
        conn.commit()  # DBS607
    finally:
        conn.execute("DELETE FROM locks")
        conn.commit()
""",
    )


def test_writes_that_have_nothing_to_do_with_each_other(tmp_path: Path) -> None:
    assert_functions(
        tmp_path,
        """
def another_connection(path):
    conn = sqlite3.connect(path)
    conn.execute("DELETE FROM t")
    conn.commit()
    conn.close()
    conn = sqlite3.connect(path)
    conn.execute("DELETE FROM u")
    conn.commit()
    conn.close()

def another_block():
    with engine.connect() as conn:
        conn.execute(text("DELETE FROM t"))
        conn.commit()
    with engine.connect() as conn:
        conn.execute(text("DELETE FROM u"))
        conn.commit()

def before_and_after(conn: sqlite3.Connection):
    conn.execute("CREATE TABLE t (a)")
    conn.commit()
    yield conn
    conn.execute("DROP TABLE t")
    conn.commit()
""",
    )


def test_turns_and_batches_of_loops(tmp_path: Path) -> None:
    assert_functions(
        tmp_path,
        """
def each_turn(conn: sqlite3.Connection, rows):
    for row in rows:
        conn.execute("INSERT INTO t VALUES (?)", row)
        conn.execute("INSERT INTO u VALUES (?)", row)
        conn.commit()

def in_batches(conn: sqlite3.Connection, rows):
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == 100:
            conn.executemany("INSERT INTO t VALUES (?)", batch)
            conn.commit()
    conn.executemany("INSERT INTO t VALUES (?)", batch)
    conn.commit()

def within_a_turn(conn: sqlite3.Connection, rows):
    while rows:
        conn.execute("INSERT INTO t VALUES (?)", rows.pop())
        conn.commit()  # DBS607
        conn.execute("UPDATE u SET n = n + 1")
        conn.commit()
""",
    )


def test_connections_of_all_kinds(tmp_path: Path) -> None:
    assert_functions(
        tmp_path,
        """
class Store:
    def __init__(self, dsn):
        self.conn = psycopg2.connect(dsn)
        self.cur = self.conn.cursor()

    def save(self):
        self.cur.execute("INSERT INTO t VALUES (1)")
        self.conn.commit()  # DBS607
        with self.conn.cursor() as cur:
            cur.execute("INSERT INTO u VALUES (1)")
        self.conn.commit()

def of_an_engine():
    with engine.connect() as conn:
        conn.execute(text("DELETE FROM t"))
        conn.commit()  # DBS607
        conn.execute(text("DELETE FROM u"))
        conn.commit()

def bound_to_itself(cur):
    cur = cur.cursor()
    cur.execute("DELETE FROM t")
    cur.commit()

def of_its_own(path):
    conn = sqlite3.connect(path)
    conn.execute("DELETE FROM t")
    conn.commit()  # DBS607
    conn.execute("DELETE FROM u")
    conn.commit()
    conn.close()
""",
    )


def test_message_names_the_nearest_writes(tmp_path: Path) -> None:
    write = "    conn.execute('DELETE FROM t')\n"
    code = f"def f(conn: sqlite3.Connection):\n{write}{write}    conn.commit()\n{write}{write}"
    write_project(tmp_path, {"store.py": "import sqlite3\n" + code})
    found = [text for *_, text in lint(tmp_path, "store.py", selected=CODES)]
    assert found == [
        "`conn.commit()` comes between the writes of lines 4 and 6, so that an error keeps only "
        "the first; commit once, at the end"
    ]
