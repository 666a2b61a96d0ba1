"""DBS311: commits of context managers and dependencies that no error keeps from running."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS311"}
HEAD = """
import sqlite3
import psycopg2
from contextlib import asynccontextmanager, contextmanager
from fastapi import Depends, HTTPException
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import scoped_session, sessionmaker

SessionLocal = sessionmaker(create_engine("sqlite://"))
AsyncLocal = async_sessionmaker(None)
registry = scoped_session(SessionLocal)
"""


def check(tmp_path: Path, text: str) -> None:
    assert_cases(tmp_path, {"app.py": HEAD + dedent(text)}, CODES)


def provider(after: str, head: str = "@contextmanager") -> str:
    return f"""
{head}
def get_session():
    session = SessionLocal()
    try:
        yield session
{indent(after, " " * 4)}
"""


@pytest.mark.parametrize(
    "after",
    [
        "finally:\n    session.commit()  # DBS311\n    session.close()",
        "finally:\n    try:\n        session.commit()  # DBS311\n"
        "    finally:\n        session.close()",
        "finally:\n    if session:\n        session.commit()  # DBS311\n    session.close()",
        "except Exception:\n    print('no')\n    raise\n"
        "finally:\n    session.commit()  # DBS311\n    session.close()",
        "except Exception:\n    print('no')\nsession.commit()  # DBS311\nsession.close()",
        "except ValueError:\n    session.rollback()\n    raise\n"
        "finally:\n    session.commit()  # DBS311\n    session.close()",
    ],
)
def test_what_commits_whatever_happens(tmp_path: Path, after: str) -> None:
    check(tmp_path, provider(after))


@pytest.mark.parametrize(
    "after",
    [
        "    session.commit()\nfinally:\n    session.close()",
        "except Exception:\n    session.rollback()\n    raise\n"
        "finally:\n    session.commit()\n    session.close()",
        "except HTTPException:\n    session.commit()\n    raise\n"
        "except Exception:\n    session.rollback()\n    raise\nfinally:\n    session.close()",
        "except Exception:\n    raise\nelse:\n    session.commit()\nfinally:\n    session.close()",
        "finally:\n    if session.is_active:\n        session.commit()\n    session.close()",
        "finally:\n    session.close()\n    session.commit()",
    ],
)
def test_what_an_error_keeps_from_it(tmp_path: Path, after: str) -> None:
    check(tmp_path, provider(after))


def test_which_generators(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        def get_db():
            db = SessionLocal()
            try:
                yield db
            finally:
                db.commit()  # DBS311
                db.close()

        @asynccontextmanager
        async def get_async():
            session = AsyncLocal()
            try:
                yield session
            finally:
                await session.commit()  # DBS311
                await session.close()

        @contextmanager
        def get_cursor():
            conn = sqlite3.connect("x")
            try:
                yield conn.cursor()
            finally:
                conn.commit()  # DBS311
                conn.close()

        @contextmanager
        def of_registry():
            try:
                yield registry
            finally:
                registry.commit()  # DBS311
                registry.remove()

        @contextmanager
        def in_block():
            with SessionLocal() as session:
                try:
                    yield session
                finally:
                    session.commit()  # DBS311

        @contextmanager
        def lock():
            conn = sqlite3.connect("x")
            try:
                yield True
            finally:
                conn.execute("DELETE FROM locks")
                conn.commit()
                conn.close()

        @contextmanager
        def unit():
            session = SessionLocal()
            work = Unit(session)
            try:
                yield work
            finally:
                session.commit()  # DBS311
                session.close()

        class Unit:
            def __init__(self, session):
                self.session = session

        def rows():
            conn = sqlite3.connect("x")
            try:
                yield from conn.execute("SELECT 1")
            finally:
                conn.commit()
                conn.close()

        def work(conn: sqlite3.Connection):
            try:
                conn.execute("INSERT INTO a VALUES (1)")
            finally:
                conn.commit()
        """,
    )


@pytest.mark.parametrize(
    "body",
    [
        "self.conn.commit()  # DBS311\nself.conn.close()",
        "if self.conn:\n    self.conn.commit()  # DBS311\n    self.conn.close()",
        "if self.conn is not None:\n    self.conn.commit()  # DBS311",
        "self.end()  # DBS311",
        "try:\n    self.conn.commit()  # DBS311\nfinally:\n    self.conn.close()",
        "if error is None:\n    self.conn.commit()\nelse:\n    self.conn.rollback()",
        "if error:\n    self.conn.rollback()\nself.conn.commit()",
        "if not error:\n    self.conn.commit()\nself.conn.close()",
        "self.conn.rollback()\nself.conn.commit()",
        "self.maybe()",
        "self.conn.close()",
    ],
)
@pytest.mark.parametrize("driver", ["sqlite3", "psycopg2"])
def test_what_leaves_a_block(tmp_path: Path, driver: str, body: str) -> None:
    check(
        tmp_path,
        f"""
class Database:
    def __init__(self):
        self.conn = {driver}.connect("x")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, where):
{indent(body, " " * 8)}

    def end(self):
        self.conn.commit()
        self.conn.close()

    def maybe(self):
        if self.conn.total_changes:
            self.conn.commit()
""",
    )


def test_an_asynchronous_unit_of_work(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        class Unit:
            async def __aenter__(self):
                self.session = AsyncLocal()
                return self

            async def __aexit__(self, *given):
                await self.session.commit()  # DBS311
                await self.session.close()
        """,
    )


def test_what_nothing_closes(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        class Entered:
            def __enter__(self):
                self.db = SessionLocal()
                return self.db

            def __exit__(self, *given):
                self.db.commit()

        class Kept:
            def __init__(self):
                self.db = SessionLocal()

            def __exit__(self, *given):
                self.db.commit()  # DBS311

            def close(self):
                self.db.close()
        """,
    )


def test_tests_and_fixtures(tmp_path: Path) -> None:
    text = (
        HEAD
        + "import pytest\n"
        + provider("finally:\n    session.commit()\n    session.close()", head="@pytest.fixture")
    )
    write_project(tmp_path, {"plain.py": text, "tests/test_a.py": text.replace("fixture", "skip")})
    for name in ("plain.py", "tests/test_a.py"):
        assert CODES.isdisjoint(code for _, _, code, _ in lint(tmp_path, name))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            provider("finally:\n    session.commit()\n    session.close()"),
            "`session.commit()` runs also where the code that `get_session()` is for has failed, "
            "and saves the half that was done; commit right after the `yield`, which an error "
            "skips",
        ),
        (
            "class A:\n    def __init__(self):\n        self.db = SessionLocal()\n"
            "    def __exit__(self, *given):\n        self.db.commit()\n",
            "`self.db.commit()` runs also where the block has failed, and saves the half that was "
            "done; commit only where `__exit__` is given no error",
        ),
    ],
)
def test_messages(tmp_path: Path, text: str, message: str) -> None:
    write_project(tmp_path, {"app.py": HEAD + text})
    assert [v[3] for v in lint(tmp_path, "app.py") if v[2] in CODES] == [message]
