"""A connection's block enters what the message advises, with a doubt where that may do more."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_dbsession.policy.loading import forget_policies
from tests.fixes.repairs import assert_fixed, repaired

PROVIDER = """
import sqlite3
from contextlib import contextmanager

@contextmanager
def connection():
    conn = sqlite3.connect("shop.db")
    try:
        yield conn
        {commit}
    finally:
        conn.close()
"""
POLICY = 'connections = "core.db:connection"\n'
READ = """import sqlite3

def count():
    conn = sqlite3.connect("shop.db")
    return conn.execute("SELECT 1").fetchone()
"""
READ_AFTER = """from core.db import connection

def count():
    with connection() as conn:
        return conn.execute("SELECT 1").fetchone()
"""
WRITE = READ.replace('"SELECT 1").fetchone()', '"DELETE FROM log")').replace("return ", "")
BLOCK = """import sqlite3

def clear():
    with sqlite3.connect("shop.db") as conn:
        conn.execute("DELETE FROM log")
"""
BLOCK_AFTER = """from core.db import connection

def clear():
    with connection() as conn:
        conn.execute("DELETE FROM log")
"""


def files(use: str, commit: str) -> dict[str, str]:
    database = PROVIDER.format(commit=commit)
    core = {"core/__init__.py": "", "core/db.py": database, "dbsession.toml": POLICY}
    return {**core, "app.py": use}


@pytest.mark.parametrize(
    ("use", "commit", "after", "code"),
    [
        (READ, "conn.commit()", READ_AFTER, "DBS602"),
        (READ, "pass", READ_AFTER, "DBS602"),
        (BLOCK, "conn.commit()", BLOCK_AFTER, "DBS601"),
    ],
)
def test_the_provider_is_written(
    use: str, commit: str, after: str, code: str, tmp_path: Path
) -> None:
    assert_fixed(tmp_path, files(use, commit), "app.py", after, code)


WRITE_CLOSED = """import sqlite3
from contextlib import closing

def count():
    with closing(sqlite3.connect("shop.db")) as conn:
        conn.execute("DELETE FROM log")
"""
WRITE_AFTER = """from core.db import connection

def count():
    with connection() as conn:
        conn.execute("DELETE FROM log")
"""


def test_what_a_provider_would_commit_is_a_doubt(tmp_path: Path) -> None:
    """The leak is cured all the same, by what does as the code did; and it is said."""
    written = files(WRITE, "conn.commit()")
    (fixed,) = repaired(tmp_path, written, "app.py", "DBS602").fixed
    reason = "`connection` would commit what the code leaves uncommitted"
    assert fixed.notes == (f"by its own block, for {reason}",)
    assert_fixed(tmp_path, written, "app.py", WRITE_CLOSED, "DBS602")
    assert_fixed(tmp_path, written, "app.py", WRITE_AFTER, "DBS602", unsafe=True)
    accepting = written | {"dbsession.toml": f'{POLICY}accept = ["commit"]\n'}
    forget_policies()
    assert_fixed(tmp_path, accepting, "app.py", WRITE_AFTER, "DBS602")


def test_what_the_code_commits_itself_is_no_doubt(tmp_path: Path) -> None:
    committed = 'execute("DELETE FROM log")\n    conn.commit()\n'
    for statements in (
        f"    conn.{committed}",
        f"    cursor = conn.cursor()\n    cursor.{committed}",
        '    cursor = conn.cursor()\n    print(cursor.execute("SELECT 1").fetchall())\n',
    ):
        use = READ.partition("    return")[0] + statements
        within = statements.replace("    ", "        ")
        after = READ_AFTER.partition("        return")[0] + within
        assert_fixed(tmp_path, files(use, "conn.commit()"), "app.py", after, "DBS602")


@pytest.mark.parametrize(
    ("opening", "doubt"),
    [
        ('sqlite3.connect("shop.db", timeout=9)', "is not seen to set `timeout`"),
        ("sqlite3.connect(path)", "may open another database"),
    ],
)
def test_a_provider_that_may_lose_something_leaves_the_leak_to_the_own_block(
    opening: str, doubt: str, tmp_path: Path
) -> None:
    use = READ.replace('sqlite3.connect("shop.db")', opening).replace("count()", "count(path)")
    closed = f"closing({opening})"
    after = use.replace("import sqlite3\n", "import sqlite3\nfrom contextlib import closing\n")
    after = after.replace(f"conn = {opening}", f"with {closed} as conn:")
    after = after.replace("    return", "        return")
    assert_fixed(tmp_path, files(use, "pass"), "app.py", after, "DBS602")
    (fixed,) = repaired(tmp_path, files(use, "pass"), "app.py", "DBS602").fixed
    assert doubt in fixed.notes[0]
    unsafe = repaired(tmp_path, files(use, "pass"), "app.py", "DBS602", unsafe=True)
    assert "with connection() as conn:" in unsafe.text.content


def test_a_block_over_it_is_closed_where_the_provider_may_lose_something(tmp_path: Path) -> None:
    use = BLOCK.replace("clear()", "clear(path)").replace('"shop.db"', "path")
    after = use.replace("import sqlite3\n", "import sqlite3\nfrom contextlib import closing\n")
    after = after.replace(
        "sqlite3.connect(path) as conn", "closing(sqlite3.connect(path)) as conn, conn"
    )
    assert_fixed(tmp_path, files(use, "conn.commit()"), "app.py", after, "DBS601")


POOL = """
from contextlib import contextmanager
from psycopg_pool import ConnectionPool

DSN = "dbname=shop"
pool = ConnectionPool(DSN)

@contextmanager
def connection():
    {body}
"""


@pytest.mark.parametrize(
    "body",
    [
        "with pool.connection() as conn:\n        yield conn",
        "conn = pool.getconn()\n    try:\n        yield conn\n        conn.commit()\n"
        "    finally:\n        pool.putconn(conn)",
    ],
)
def test_a_pool_may_have_no_connection_left(body: str, tmp_path: Path) -> None:
    use = """import psycopg
from core.db import DSN

def count():
    conn = psycopg.connect(DSN)
    return conn.execute("SELECT 1").fetchone()
"""
    files = {"core/__init__.py": "", "core/db.py": POOL.format(body=body), "app.py": use}
    (fixed,) = repaired(tmp_path, files, "app.py", "DBS602").fixed
    reason = "`connection` takes a connection of a pool, which may have none left"
    assert fixed.notes == (f"by its own block, for {reason}",)


def test_a_block_that_may_commit_by_the_account_is_not_entered(tmp_path: Path) -> None:
    use = """import snowflake.connector

def move(rows):
    conn = snowflake.connector.connect(account="shop")
    conn.cursor().executemany("INSERT INTO t VALUES (?)", rows)
    conn.close()
"""
    done = repaired(tmp_path, {"app.py": use}, "app.py", "DBS603")
    assert '    with closing(snowflake.connector.connect(account="shop")) as conn:\n' in (
        done.text.content
    )
