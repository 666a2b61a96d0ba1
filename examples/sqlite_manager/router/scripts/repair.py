"""Repairs a database by hand, past the manager."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def foreign_keys_are_on(db_path: Path) -> bool:
    """Turn foreign keys on, for as long as the connection lives, which is not for long."""
    conn = sqlite3.connect(str(db_path))  # DBS107 DBS603 DBS606
    conn.execute("PRAGMA foreign_keys = ON")
    status = conn.execute("PRAGMA foreign_keys").fetchone()[0]
    conn.close()
    return status == 1


def delete_orphans(db_path: Path) -> int:
    """Delete messages without a session, and tell how many."""
    conn = sqlite3.connect(db_path)  # DBS107 DBS606
    try:
        conn.execute("PRAGMA foreign_keys = ON")
        cursor = conn.execute(
            "DELETE FROM messages WHERE session_id NOT IN (SELECT session_id FROM sessions)"
        )
        conn.commit()
        return cursor.rowcount
    finally:
        conn.close()


def integrity(db_path: Path) -> str:
    """Check the file, with all the pragmas and no finally."""
    conn = sqlite3.connect(db_path)  # DBS107 DBS603
    conn.execute("PRAGMA foreign_keys = ON")
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("PRAGMA synchronous = NORMAL")
    result = conn.execute("PRAGMA integrity_check").fetchone()[0]
    conn.close()
    return result
