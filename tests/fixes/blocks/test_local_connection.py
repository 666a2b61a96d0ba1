"""DBS602, DBS603 and DBS604: a connection by hand becomes a block that closes it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from tests.fixes.repairs import reasons, repaired

CODES = "DBS602 DBS603 DBS604"
TOP = "import sqlite3\n"
IMPORTED = "import sqlite3\nfrom contextlib import closing\n"

FORMS = {
    "try_finally": (
        """
        # reads
        conn = sqlite3.connect(path)  # by hand
        try:
            return conn.execute(sql).fetchall()
        finally:
            conn.close()
        """,
        """
        # reads
        with closing(sqlite3.connect(path)) as conn:  # by hand
            return conn.execute(sql).fetchall()
        """,
    ),
    "in_its_own_block": (
        """
        conn = sqlite3.connect(path)
        with conn:
            found = conn.execute(sql).fetchall()
        conn.close()
        return found
        """,
        """
        with closing(sqlite3.connect(path)) as conn, conn:
            found = conn.execute(sql).fetchall()
        return found
        """,
    ),
    "in_its_own_block_with_a_reason": (
        """
        conn = sqlite3.connect(path)
        # all or nothing
        with conn:
            found = conn.execute(sql).fetchall()
        conn.close()
        return found
        """,
        """
        with closing(sqlite3.connect(path)) as conn:
            # all or nothing
            with conn:
                found = conn.execute(sql).fetchall()
        return found
        """,
    ),
    "handled": (
        """
        conn = sqlite3.connect(path)
        cursor = conn.cursor()
        try:
            cursor.execute(sql)
            conn.commit()
        except sqlite3.Error:
            print(cursor.rowcount)
            conn.rollback()
        finally:
            if conn:
                conn.close()
        """,
        """
        with closing(sqlite3.connect(path)) as conn:
            cursor = conn.cursor()
            try:
                cursor.execute(sql)
                conn.commit()
            except sqlite3.Error:
                print(cursor.rowcount)
                conn.rollback()
        """,
    ),
    "closed_together": (
        """
        conn = sqlite3.connect(path)
        other = sqlite3.connect(path)
        found = conn.execute(sql).fetchall()
        found += other.execute("SELECT n FROM t").fetchall()
        # Close the connections
        conn.close()
        other.close()
        return found
        """,
        """
        with closing(sqlite3.connect(path)) as conn:
            with closing(sqlite3.connect(path)) as other:
                found = conn.execute(sql).fetchall()
                found += other.execute("SELECT n FROM t").fetchall()
        return found
        """,
    ),
    "another_one_after": (
        """
        conn = sqlite3.connect(path)
        found = conn.execute(sql).fetchall()
        conn.close()
        conn = sqlite3.connect(path)
        conn.execute("INSERT INTO t VALUES (2)")
        conn.commit()
        conn.close()
        return found
        """,
        """
        with closing(sqlite3.connect(path)) as conn:
            found = conn.execute(sql).fetchall()
        with closing(sqlite3.connect(path)) as conn:
            conn.execute("INSERT INTO t VALUES (2)")
            conn.commit()
        return found
        """,
    ),
    "straight": (
        """
        conn = sqlite3.connect(
            path,
            timeout=1,
        )
        conn.execute(sql)
        conn.commit()
        conn.close()  # noqa: DBS604
        return True
        """,
        """
        with closing(sqlite3.connect(
            path,
            timeout=1,
        )) as conn:
            conn.execute(sql)
            conn.commit()
        return True
        """,
    ),
    "closed_on_each_way": (
        """
        conn = sqlite3.connect(path)
        if not conn.execute(sql).fetchone():
            conn.close()
            return 0
        conn.execute(sql)
        conn.close()
        """,
        """
        with closing(sqlite3.connect(path)) as conn:
            if not conn.execute(sql).fetchone():
                return 0
            conn.execute(sql)
        """,
    ),
    "twice": (
        """
        conn = None
        conn = sqlite3.connect(path)

        found = conn.execute(sql).fetchall()
        conn.close()
        conn = sqlite3.connect(path)
        # again
        found += conn.execute(sql).fetchall()
        conn.close()
        return found
        """,
        """
        conn = None
        with closing(sqlite3.connect(path)) as conn:
            found = conn.execute(sql).fetchall()
        with closing(sqlite3.connect(path)) as conn:
            # again
            found += conn.execute(sql).fetchall()
        return found
        """,
    ),
    "never_closed": (
        """
        conn = sqlite3.connect(path)
        cursor = conn.cursor()
        cursor.execute(sql)
        rows = cursor.fetchall()
        return rows
        """,
        """
        with closing(sqlite3.connect(path)) as conn:
            cursor = conn.cursor()
            cursor.execute(sql)
            rows = cursor.fetchall()
        return rows
        """,
    ),
}

FAILING = """
conn = None
try:
    conn = sqlite3.connect(path)
    cursor = conn.cursor()
    cursor.execute(sql)
    conn.commit()
    conn.close()
except sqlite3.Error:
    {}
    return 1
"""
LEFT = {
    "handler_that_rolls_back": FAILING.format("conn.rollback()"),
    "handler_that_may_roll_back": FAILING.format("if conn:\n        conn.rollback()"),
    "handler_that_closes_a_cursor": FAILING.format("cursor.close()"),
    "handler_that_asks": FAILING.format("print(conn.total_changes)"),
    "handler_that_writes": FAILING.format("conn.execute('INSERT INTO t VALUES (1)')"),
    "handler_that_hands_on": FAILING.format("if conn is not None:\n        tell(conn)"),
    "handed_on": "conn = sqlite3.connect(path)\nsql.conn = conn\nconn.close()",
    "lazy": (
        "conn = sqlite3.connect(path)\nfor each in sql:\n    found = conn.execute(each)\n"
        "return (row for row in found)"
    ),
    "closed_early": (
        "conn = sqlite3.connect(path)\nif conn.execute(sql):\n    conn.close()\n    print(sql)\n"
        "else:\n    conn.close()"
    ),
    "finally_that_leaves": (
        "conn = sqlite3.connect(path)\ntry:\n    conn.execute(sql)\nfinally:\n    conn.close()\n"
        "    return 1"
    ),
    "bound_anew": (
        "conn = sqlite3.connect(path)\nfor conn in [conn]:\n    conn.execute(sql)\nconn.close()"
    ),
    "shared_in_memory": (
        'keep = sqlite3.connect("file:m?mode=memory&cache=shared", uri=True)\n'
        "keep.execute(sql)\nother()"
    ),
    "only_closed": "conn = sqlite3.connect(path)\nconn.close()",
}


def function(body: str, top: str = TOP) -> str:
    return f"{top}\n\ndef work(path, sql):\n{indent(dedent(body).strip(chr(10)), '    ')}\n"


@pytest.mark.parametrize(("before", "after"), FORMS.values(), ids=FORMS)
def test_forms(before: str, after: str, tmp_path: Path) -> None:
    repair = repaired(tmp_path, {"work.py": function(before)}, "work.py", CODES)
    assert repair.left == ()
    assert repair.text.content == function(after, IMPORTED)


@pytest.mark.parametrize("body", LEFT.values(), ids=LEFT)
def test_what_is_not_plain_is_left(body: str, tmp_path: Path) -> None:
    assert reasons(tmp_path, {"work.py": function(body)}, "work.py", CODES)


def test_a_connection_of_an_engine_has_its_own_block(tmp_path: Path) -> None:
    top = "from sqlalchemy import create_engine, text\n\nengine = create_engine('sqlite://')\n"
    body = "conn = engine.connect()\nprint(conn.execute(text(sql)).all())"
    after = "with engine.connect() as conn:\n    print(conn.execute(text(sql)).all())"
    repair = repaired(tmp_path, {"work.py": function(body, top)}, "work.py", CODES)
    assert repair.text.content == function(after, top)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sql", ["INSERT INTO t VALUES (1)", "SELECT n FROM t", "SELECT 1 FROM x"])
def test_the_block_does_the_same(form: str, sql: str, tmp_path: Path) -> None:
    before = function(FORMS[form][0])
    after = repaired(tmp_path, {"work.py": before}, "work.py", CODES).text.content
    assert after != before
    assert outcome(before, sql, tmp_path / "old.db") == outcome(after, sql, tmp_path / "new.db")


def outcome(code: str, sql: str, path: Path) -> tuple[object, object]:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (n)")
        connection.execute("INSERT INTO t VALUES (7)")
        connection.commit()
        names: dict[str, Any] = {}
        exec(code, names)
        try:
            result = names["work"](str(path), sql)
        except sqlite3.Error as error:
            result = repr(error)
        return result, connection.execute("SELECT n FROM t").fetchall()


def test_what_may_give_none_is_left(tmp_path: Path) -> None:
    work = """
        import sqlite3

        def _conn(path):
            if not path:
                return None
            return sqlite3.connect(path)

        def view(path):
            conn = _conn(path)
            if not conn:
                return 503
            conn.execute("select 1")
            conn.close()
    """
    assert reasons(tmp_path, {"work.py": work}, "work.py", CODES) == [
        "10: DBS603 `_conn(path)` may give None",
        "14: DBS604 `_conn(path)` may give None",
    ]
