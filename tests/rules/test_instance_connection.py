"""DBS609: connections that an object opens and its class never closes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS609"}


def test_nothing_closes_it(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "bot.py": """
                import asyncpg
                import sqlite3
                from psycopg2.pool import SimpleConnectionPool

                pool = SimpleConnectionPool(1, 4)

                class Bot:
                    async def setup(self):
                        self.db = await asyncpg.connect(URL)  # DBS609

                class Log:
                    def __init__(self, path):
                        self.conn = sqlite3.connect(path)  # DBS609
                        self.cursor = self.conn.cursor()

                    def stop(self):
                        self.cursor.close()

                class Reader:
                    def __init__(self):
                        self.conn = pool.getconn()  # DBS609
            """
        },
        CODES,
    )


def test_closing_a_cursor_or_result_does_not_close_it(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "store.py": """
                import aiosqlite
                import psycopg
                import sqlalchemy as sa
                from contextlib import closing

                engine = sa.create_engine("postgresql://x/y")

                class Plain:
                    def __init__(self, host):
                        self.client = psycopg.connect(host=host)  # DBS609

                    def get(self):
                        cur = self.client.cursor()
                        row = cur.execute("select 2").fetchone()
                        cur.close()
                        return row

                class Finally:
                    def __init__(self, host):
                        self.client = psycopg.connect(host=host)  # DBS609

                    def get(self):
                        cur = self.client.cursor("client_rows")
                        try:
                            return cur.execute("select 2").fetchone()
                        finally:
                            cur.close()

                class Block:
                    def __init__(self, host):
                        self.client = psycopg.connect(host=host)  # DBS609

                    def get(self):
                        with self.client.cursor() as cur, self.client.transaction():
                            return cur.execute("select 2").fetchone()

                    def old(self):
                        with closing(self.client.cursor()) as cur:
                            return cur.execute("select 2").fetchone()

                class Bot:
                    async def setup(self, path):
                        self.db = await aiosqlite.connect(path)  # DBS609

                    async def get(self):
                        async with self.db.execute("select 1") as cur:
                            return await cur.fetchone()

                class Core:
                    def __init__(self):
                        self.conn = engine.connect()  # DBS609

                    def add(self):
                        with self.conn.begin():
                            self.conn.execute(sa.text("insert into t values (1)"))

                class Lazy:
                    _conn = None

                    @property
                    def conn(self):
                        if self._conn is None:
                            self._conn = psycopg.connect("dsn")
                        return self._conn

                    def stop(self):
                        self.conn.close()

                class Getter:
                    def _get(self):
                        self._conn = psycopg.connect("dsn")
                        return self._conn

                    def stop(self):
                        conn = self._get()
                        conn.close()

                class Cursor:
                    def __init__(self, host):
                        self.client = psycopg.connect(host=host)

                    def get(self):
                        cur = self.client.cursor()
                        cur.close()

                    def stop(self):
                        for each in (self.client, self.other):
                            each.close()
            """
        },
        CODES,
    )


def test_something_closes_it(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "bot.py": """
                import asyncpg
                import sqlite3
                from psycopg2.pool import SimpleConnectionPool

                pool = SimpleConnectionPool(1, 4)

                class Bot:
                    async def setup(self):
                        self.db = await asyncpg.connect(URL)

                    async def teardown(self):
                        await self.db.close()

                class Terminated:
                    async def setup(self):
                        self.db = await asyncpg.connect(URL)

                    def stop(self):
                        self.db.terminate()

                class Reader:
                    def __init__(self):
                        self.conn = pool.getconn()

                    def done(self):
                        pool.putconn(self.conn)

                class Memory:
                    def __init__(self):
                        self.conn = sqlite3.connect(":memory:")

                class Given:
                    def __init__(self, conn):
                        self.conn = conn
            """
        },
        CODES,
    )


def test_entered_and_not_closed_on_leaving(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "cm.py": """
                import sqlite3

                class Commits:
                    def __enter__(self):
                        self.conn = sqlite3.connect(PATH)  # DBS609
                        return self.conn

                    def __exit__(self, *error):
                        self.conn.commit()

                    def close(self):
                        self.conn.close()

                class Closes:
                    def __enter__(self):
                        self.conn = sqlite3.connect(PATH)
                        return self.conn

                    def __exit__(self, *error):
                        self.close()

                    def close(self):
                        self.conn.close()

                class Delegates:
                    def __enter__(self):
                        self.conn = sqlite3.connect(PATH)
                        return self.conn.__enter__()

                    def __exit__(self, *error):
                        return self.conn.__exit__(*error)
            """
        },
        CODES,
    )


def test_the_message_says_what_leaves(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "cm.py": """
                import sqlite3

                class Commits:
                    def __enter__(self):
                        self.conn = sqlite3.connect(PATH)
                        return self.conn

                    def __exit__(self, *error):
                        self.conn.commit()
            """
        },
    )
    [message] = [text for *_, code, text in lint(tmp_path, "cm.py") if code == "DBS609"]
    assert "when the block over the object ends" in message
    assert "close it in `__exit__`" in message


STORE = """
    import sqlite3

    class Store:
        def __init__(self, path):
            self.conn = sqlite3.connect(path)  # {code}
"""


@pytest.mark.parametrize(
    ("user", "code"),
    [
        ("store = Store('a')\nstore.run()\n", "silent"),
        ("def run():\n    store = Store('a')\n    store.run()\nrun()\n", "DBS609"),
        ("kept = {}\ndef get(p):\n    kept[p] = store = Store(p)\n    return store\n", "silent"),
        ("def get(p):\n    kept = {}\n    kept[p] = Store(p)\n    return kept\n", "DBS609"),
        ("store = Store('a')\n\ndef run():\n    Store('b')\nrun()\n", "DBS609"),
        ("store = Store('a')\n", "DBS609"),
    ],
)
def test_objects_that_live_as_long_as_the_process(tmp_path: Path, user: str, code: str) -> None:
    files = {"store.py": STORE.format(code=code), "app.py": f"from store import Store\n{user}"}
    assert_cases(tmp_path, files, {"DBS609"})


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["self.conn = sqlite3.connect(path)", "open_[path] = self.conn"], "silent"),
        (["self.conn = open_[path] = sqlite3.connect(path)"], "silent"),
        (["self.conn = sqlite3.connect(path)", "open_.setdefault(path, self.conn)"], "silent"),
        (["global last", "self.conn = sqlite3.connect(path)", "last = self.conn"], "silent"),
        (["self.conn = sqlite3.connect(path)", "Store.shared[path] = self.conn"], "silent"),
        (["self.conn = sqlite3.connect(path)", "self.shared[path] = self.conn"], "silent"),
        (["self.conn = sqlite3.connect(path)", "type(self).shared[path] = self.conn"], "silent"),
        (["self.conn = sqlite3.connect(path)", "open_[path] = path"], "DBS609"),
        (["self.conn = sqlite3.connect(path)", "self.own[path] = self.conn"], "DBS609"),
        (["self.conn = sqlite3.connect(path)", "kept = {}", "kept[path] = self.conn"], "DBS609"),
    ],
)
def test_what_is_put_where_other_objects_take_it_from(
    tmp_path: Path, lines: list[str], code: str
) -> None:
    opening = next(line for line in lines if "connect" in line)
    body = [f"{line}  # {code}" if line is opening else line for line in lines]
    head = "import sqlite3\nopen_ = {}\nlast = None\nclass Store:\n    shared = {}\n"
    init = "    def __init__(self, path):\n        self.own = {}\n"
    text = head + init + "".join(f"        {line}\n" for line in body)
    assert_cases(tmp_path, {"store.py": text}, CODES)


def test_what_is_awaited_into_another_attribute_is_closed_by_that(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "conn.py": """
            import asyncpg

            class Closes:
                def __init__(self, url):
                    self.connecting = asyncpg.connect(url)

                async def __aenter__(self):
                    self.conn = await self.connecting
                    return self

                async def __aexit__(self, *error):
                    await self.conn.close()

            class Leaves:
                def __init__(self, url):
                    self.connecting = asyncpg.connect(url)  # DBS609

                async def start(self):
                    self.conn = await self.connecting
            """
        },
        CODES,
    )
