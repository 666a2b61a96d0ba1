"""DBS107: drivers' own connects where the policy names a connection provider."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

POLICY = 'connections = "core.db:get_connection"\n'
SERVICE = """
    import aiosqlite
    import psycopg2
    import sqlite3 as sql
    from psycopg2.pool import SimpleConnectionPool
    from sqlalchemy import create_engine

    engine = create_engine("sqlite://")
    pool = SimpleConnectionPool(1, 2)

    async def work(requests):
        conn = sql.connect("a.db")  # DBS107
        with psycopg2.connect("dbname=a") as conn:  # DBS107
            pass
        async with aiosqlite.connect("a.db") as conn:  # DBS107
            pass
        with engine.connect() as conn:
            pass
        conn = pool.getconn()
        requests.connect("a.db")
"""


def test_drivers_connects_by_any_name(tmp_path: Path) -> None:
    assert_cases(tmp_path, {"dbsession.toml": POLICY, "service.py": SERVICE}, {"DBS107"})


def test_silent_without_a_provider_in_the_policy(tmp_path: Path) -> None:
    text = SERVICE.replace("# DBS107", "")
    assert_cases(tmp_path, {"dbsession.toml": "", "service.py": text}, {"DBS107"})


def test_silent_in_the_provider_alone(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "dbsession.toml": POLICY,
            "core/db.py": """
                import sqlite3
                from contextlib import contextmanager

                @contextmanager
                def get_connection():
                    conn = sqlite3.connect("a.db")
                    try:
                        yield conn
                    finally:
                        conn.close()

                def migrate():
                    sqlite3.connect("a.db").close()  # DBS107
            """,
        },
        {"DBS107"},
    )


def test_message_shows_the_provider(tmp_path: Path) -> None:
    text = (
        "import aiosqlite, sqlite3\ndb = sqlite3.connect('a.db')\n"
        "async def f():\n    await aiosqlite.connect('a.db')\n"
    )
    write_project(tmp_path, {"dbsession.toml": POLICY, "service.py": text})
    messages = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS107"]
    assert messages == [
        "`sqlite3.connect('a.db')` bypasses the connection provider; "
        "use `with get_connection() as db:` where `'a.db'` is its database",
        "`aiosqlite.connect('a.db')` bypasses the connection provider; "
        "use `async with get_connection() as conn:` where `'a.db'` is its database",
    ]


TWO_WAYS = """
    import sqlite3
    from contextlib import contextmanager

    @contextmanager
    def reading():
        conn = sqlite3.connect("a.db")
        try:
            yield conn
        finally:
            conn.close()

    @contextmanager
    def writing():
        conn = sqlite3.connect("a.db")
        try:
            yield conn
            conn.commit()
        finally:
            conn.close()
"""


def test_the_way_that_fits_is_advised(tmp_path: Path) -> None:
    service = """
        import sqlite3

        def names():
            conn = sqlite3.connect("a.db")
            return conn.execute("select name from users").fetchall()

        def save(name):
            conn = sqlite3.connect("a.db")
            conn.execute("insert into users values (?)", (name,))
            conn.commit()
    """
    policy = 'connections = ["core.db:reading", "core.db:writing"]\n'
    write_project(
        tmp_path, {"dbsession.toml": policy, "core/db.py": TWO_WAYS, "service.py": service}
    )
    found = lint(tmp_path, "service.py", selected=frozenset({"DBS107"}))
    advised = [message.partition("use ")[2] for _, _, code, message in found if code == "DBS107"]
    assert advised == ["`with reading() as conn:`", "`with writing() as conn:`"]


def test_another_database_passes_nothing_by(tmp_path: Path) -> None:
    """By what is written out alone: what a parameter brings may be the provider's own."""
    house = """
        import sqlite3
        from contextlib import contextmanager

        @contextmanager
        def get_connection():
            conn = sqlite3.connect("main.db")
            try:
                yield conn
                conn.commit()
            finally:
                conn.close()
    """
    text = """
        import sqlite3
        from contextlib import closing

        ARCHIVE = "archive.db"

        def main():
            with closing(sqlite3.connect("main.db")) as conn:  # DBS107
                conn.execute("x")

        def archive():
            with closing(sqlite3.connect(ARCHIVE)) as conn:
                conn.execute("x")

        def any_of_them(path):
            with closing(sqlite3.connect(path)) as conn:  # DBS107
                conn.execute("x")

        def left_open():
            conn = sqlite3.connect(ARCHIVE)  # DBS602
            conn.execute("SELECT 1")
    """
    policy = 'connections = "house:get_connection"\n'
    files = {"dbsession.toml": policy, "house.py": house, "work.py": text}
    assert_cases(tmp_path, files, {"DBS107", "DBS602"})
    (message,) = (m for *_, code, m in lint(tmp_path, "work.py") if code == "DBS602")
    assert message.endswith("use `with closing(sqlite3.connect(ARCHIVE)) as conn:`")


MANAGER = """
import os
import sqlite3
from contextlib import contextmanager

PATH = os.environ["DATABASE"]

class Manager:
    def __init__(self, path=None):
        self.path = path or PATH

    @contextmanager
    def connection(self):
        conn = sqlite3.connect(self.path, timeout=30)
        conn.row_factory = sqlite3.Row
        try:
            yield conn
        finally:
            conn.close()

manager = Manager()

@contextmanager
def opened():
    conn = sqlite3.connect(PATH)
    try:
        yield conn
    finally:
        conn.close()
"""


@pytest.mark.parametrize(
    ("provider", "call", "advised"),
    [
        ("manager.connection", "sqlite3.connect(manager.path)", "`with {} as conn:`"),
        ("manager.connection", "sqlite3.connect(manager.path, timeout=30)", "`with {} as conn:`"),
        (
            "manager.connection",
            "sqlite3.connect(manager.path, timeout=5, isolation_level=None)",
            "`with {} as conn:`, which is not seen to set `timeout` and `isolation_level`",
        ),
        (
            "manager.connection",
            "sqlite3.connect(path)",
            "`with {} as conn:` where `path` is its database",
        ),
        (
            "manager.connection",
            "sqlite3.connect(Manager(path).path, autocommit=True)",
            "`with {} as conn:` where `Manager(path).path` is its database; it is not seen to set "
            "`autocommit`",
        ),
        ("opened", "sqlite3.connect(PATH)", "`with {} as conn:`"),
        ("opened", "sqlite3.connect(database=PATH)", "`with {} as conn:`"),
        (
            "opened",
            "sqlite3.connect(PATH, 30)",
            "`with {} as conn:`, which is not seen to set `30`",
        ),
    ],
)
def test_what_following_the_advice_would_lose_is_said(
    provider: str, call: str, advised: str, tmp_path: Path
) -> None:
    text = f"""
        import sqlite3
        from core.manager import PATH, Manager, manager

        def work(path):
            conn = {call}
            try:
                return conn.execute("x").fetchone()
            finally:
                conn.close()
    """
    policy = f'connections = "core.manager:{provider}"'
    files = {"core/__init__.py": "", "core/manager.py": MANAGER, "dbsession.toml": policy}
    write_project(tmp_path, files | {"work.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "work.py") if code == "DBS107"]
    assert message.endswith(f"use {advised.format(provider + '()')}")
