"""What the assistant uses of psycopg2, over SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

SCHEMA = """
    CREATE TABLE facts (text TEXT);
    CREATE TABLE sessions (user_id TEXT);
    CREATE TABLE messages (id INTEGER PRIMARY KEY, user_id TEXT, text TEXT);
"""


class Cursor(sqlite3.Cursor):
    """Takes the placeholders of psycopg2."""

    def execute(self, query: str, params: tuple[Any, ...] = ()) -> Cursor:
        """Run a query."""
        return super().execute(query.replace("%s", "?"), params)


class Connection(sqlite3.Connection):
    """Gives cursors that take the placeholders of psycopg2."""

    def cursor(self) -> Cursor:
        """Give a cursor."""
        return super().cursor(Cursor)


class Psycopg2:
    """The module: it opens connections, and remembers them."""

    def __init__(self) -> None:
        self.opened: list[Connection] = []

    def connect(self, dsn: str) -> Connection:
        """Open a connection to a file."""
        conn = sqlite3.connect(dsn, factory=Connection)
        self.opened.append(conn)
        return conn


class Pool:
    """A pool of SQLite connections that counts those that are out."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.idle: list[Connection] = []
        self.out: set[Connection] = set()

    def getconn(self) -> Connection:
        """Take a connection."""
        if self.idle:
            conn = self.idle.pop()
        else:
            conn = sqlite3.connect(self.path, factory=Connection)
        self.out.add(conn)
        return conn

    def putconn(self, conn: Connection) -> None:
        """Put a connection back; as in psycopg2, what it did not commit is rolled back."""
        conn.rollback()
        self.out.remove(conn)
        self.idle.append(conn)

    def closeall(self) -> None:
        """Close all connections."""
        for conn in [*self.idle, *self.out]:
            conn.close()


def make_database(path: str) -> None:
    """Make the tables."""
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(SCHEMA)
