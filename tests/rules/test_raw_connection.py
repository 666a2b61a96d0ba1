"""DBS107: drivers' own connects where the policy names a connection provider."""

from __future__ import annotations

from pathlib import Path

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
        "use `with get_connection() as db:`",
        "`aiosqlite.connect('a.db')` bypasses the connection provider; "
        "use `async with get_connection() as conn:`",
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
