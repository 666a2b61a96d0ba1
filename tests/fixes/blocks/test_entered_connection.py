"""A connection's block enters what the message advises, with a doubt where that may do more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.repairs import assert_fixed, reasons

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


def test_what_a_provider_would_commit_is_a_doubt(tmp_path: Path) -> None:
    (reason,) = reasons(tmp_path, files(WRITE, "conn.commit()"), "app.py", "DBS602")
    assert reason == "4: DBS602 `connection` would commit what the code leaves uncommitted"
