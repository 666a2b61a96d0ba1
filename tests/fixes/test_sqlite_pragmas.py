"""DBS606: the required pragmas are executed where an owner opens the connection."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from tests.fixes.repairs import reasons, repaired

POLICY = """
    owners = ["manager.py"]

    [sqlite]
    pragmas = { foreign_keys = "ON", synchronous = "NORMAL" }
"""
MANAGER = """
    import sqlite3
    from contextlib import closing, contextmanager

    @contextmanager
    def get_connection(path):
        conn = sqlite3.connect(path)
        conn.execute("PRAGMA foreign_keys = ON")
        try:
            yield conn
        finally:
            conn.close()

    def count(path):
        with closing(sqlite3.connect(path)) as conn, conn:
            return conn.execute("SELECT 1").fetchone()

    def count_in_one(path):
        with closing(sqlite3.connect(path)) as conn:
            # all
            return conn.execute("SELECT 1").fetchone()
"""
FIXED = """
    import sqlite3
    from contextlib import closing, contextmanager

    @contextmanager
    def get_connection(path):
        conn = sqlite3.connect(path)
        conn.execute("PRAGMA synchronous = NORMAL")
        conn.execute("PRAGMA foreign_keys = ON")
        try:
            yield conn
        finally:
            conn.close()

    def count(path):
        with closing(sqlite3.connect(path)) as conn, conn:
            return conn.execute("SELECT 1").fetchone()

    def count_in_one(path):
        with closing(sqlite3.connect(path)) as conn:
            # all
            conn.execute("PRAGMA foreign_keys = ON")
            conn.execute("PRAGMA synchronous = NORMAL")
            return conn.execute("SELECT 1").fetchone()
"""


def test_what_is_missing_is_executed_first_in_owners(tmp_path: Path) -> None:
    files = {"dbsession.toml": POLICY, "manager.py": MANAGER}
    repair = repaired(tmp_path, files, "manager.py", "DBS606", unsafe=True)
    assert repair.text.content == dedent(FIXED)
    (left,) = repair.left
    assert left.reason == "the opening is a part of another statement"


def test_it_is_unsafe_in_owners_and_left_elsewhere(tmp_path: Path) -> None:
    files = {"dbsession.toml": POLICY, "manager.py": MANAGER, "other.py": MANAGER}
    found = reasons(tmp_path, files, "manager.py", "DBS606")
    doubt = "SQLite does other things under `synchronous = NORMAL`"
    assert found[0].endswith(doubt)
    (*_, last) = reasons(tmp_path, files, "other.py", "DBS606")
    assert last.endswith("only the modules that own the connections set pragmas")
