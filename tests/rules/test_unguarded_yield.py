"""DBS404: closes that stand after a ``yield``."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS404"}
HEADER = """
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager, suppress
import pytest
from fastapi import Depends
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import scoped_session, sessionmaker

SessionLocal = sessionmaker()
AsyncSessionLocal = async_sessionmaker()
ScopedSession = scoped_session(SessionLocal)
"""


def check(folder: Path, code: str) -> None:
    assert_cases(folder, {"deps.py": HEADER + dedent(code)}, CODES)


@pytest.mark.parametrize(
    "body",
    [
        """
        yield db  # DBS404
        db.close()
        """,
        """
        try:
            yield db  # DBS404
            db.commit()
        except Exception:
            db.rollback()
            raise
        db.close()
        """,
        """
        try:
            yield db  # DBS404
        except Exception:
            db.rollback()
            raise
        else:
            db.close()
        """,
        """
        try:
            yield db  # DBS404
        finally:
            print("done")
        db.close()
        """,
        """
        with suppress(ValueError):
            yield db  # DBS404
        db.close()
        """,
        """
        try:
            db.execute(1)
        finally:
            print("begun")
        yield Repository(db)  # DBS404
        db.close()
        """,
    ],
)
@pytest.mark.parametrize("decorator", ["", "@contextmanager\n"])
def test_unguarded(tmp_path: Path, body: str, decorator: str) -> None:
    injected = "def handler(db=Depends(get_db)): ...\n" if not decorator else ""
    function = f"{decorator}def get_db():\n    db = SessionLocal()\n"
    check(tmp_path, function + indent(dedent(body), "    ") + injected)


@pytest.mark.parametrize(
    "body",
    [
        """
        try:
            yield db
        finally:
            db.close()
        """,
        """
        try:
            try:
                yield db
            except ValueError:
                db.rollback()
                raise
        finally:
            close_session(db)
        """,
        """
        with closing(db):
            yield db
            db.close()
        """,
        """
        try:
            yield db
        except Exception:
            db.close()
            raise
        db.close()
        """,
        """
        try:
            yield db
        except:
            db.rollback()
        db.close()
        """,
        """
        yield db
        """,
        """
        db.close()
        yield db
        """,
    ],
)
def test_guarded_or_never_closed(tmp_path: Path, body: str) -> None:
    check(tmp_path, "def get_db():\n    db = SessionLocal()\n" + indent(dedent(body), "    "))


def test_async_registry_and_connection(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        async def get_async_db():
            db = AsyncSessionLocal()
            yield db  # DBS404
            await db.close()

        async def get_blocked_db():
            async with AsyncSessionLocal() as db:
                yield db
                await db.close()

        def get_scoped_db():
            db = ScopedSession()
            yield db  # DBS404
            ScopedSession.remove()

        @contextmanager
        def get_connection():
            conn = sqlite3.connect("app.db")
            yield conn  # DBS404
            conn.close()
        """,
    )


def test_fixtures_and_what_nobody_drives_are_left_alone(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        @pytest.fixture
        def db():
            session = SessionLocal()
            yield session
            session.close()

        def rows():
            db = SessionLocal()
            for row in db.query(1):
                yield row
            db.close()

        @contextmanager
        def opened(path):
            file = open(path)
            SessionLocal().close()
            yield file
            file.close()

        @asynccontextmanager
        async def lifespan(app):
            app.state.db = db = AsyncSessionLocal()
            yield
            await db.close()
        """,
    )


def test_message_names_the_yield_and_the_close(tmp_path: Path) -> None:
    text = HEADER + "def get_db():\n    db = SessionLocal()\n    yield db\n    db.close()\n"
    write_project(tmp_path, {"deps.py": text})
    assert [message for *_, code, message in lint(tmp_path, "deps.py") if code == "DBS404"] == [
        "`yield db` raises what the caller's code raises, and then `db.close()` does not run; "
        "put that into a `finally`"
    ]


def test_a_registry_that_is_yielded(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        @contextmanager
        def closed():
            session = scoped_session(SessionLocal)
            yield session  # DBS404
            session.commit()
            session.close()

        @contextmanager
        def guarded():
            session = scoped_session(SessionLocal)
            try:
                yield session
            finally:
                session.remove()
        """,
    )


def test_a_close_of_what_has_the_name_since(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
def get_db(request=None):
    if request is not None:
        db = request.state.db
        try:
            yield db
        except Exception:
            db.rollback()
            raise
        return
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()

def get_other(request=None):
    if request is not None:
        db = request.state.db
        yield db
    else:
        db = SessionLocal()
        yield db  # DBS404
        db.close()
""",
    )


def test_an_object_that_is_made_with_what_is_closed(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
from contextlib import contextmanager

class Service:
    def __init__(self, db):
        self.db = db

@contextmanager
def service():
    db = SessionLocal()
    made = Service(db)
    yield made  # DBS404
    db.close()

@contextmanager
def guarded():
    db = SessionLocal()
    made = Service(db)
    try:
        yield made
    finally:
        db.close()

@contextmanager
def of_another():
    db = SessionLocal()
    made = Service(1)
    number = db.query(1)
    yield made
    db.close()
""",
    )
