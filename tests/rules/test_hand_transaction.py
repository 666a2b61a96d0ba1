"""DBS307: transactions ended by hand in blocks that end them by themselves."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = frozenset({"DBS307"})
DATABASE = """
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(create_engine("sqlite://"))
AsyncSessionLocal = async_sessionmaker(class_=AsyncSession)

@contextmanager
def get_db_session():
    db = SessionLocal()
    try:
        yield db
        db.commit()
    except Exception:
        db.rollback()
        raise
    finally:
        db.close()

@asynccontextmanager
async def get_async_session():
    async with AsyncSessionLocal() as db:
        yield db
        await db.commit()

@contextmanager
def begin_session():
    with SessionLocal.begin() as db:
        yield db

@contextmanager
def wrapped_session():
    with get_db_session() as db:
        yield db

def returned_session():
    return get_db_session()

class SessionUnit:
    def __enter__(self):
        self.db = SessionLocal()
        return self.db

    def __exit__(self, kind, error, trace):
        if kind:
            self.db.rollback()
        else:
            self.db.commit()
        self.db.close()

@contextmanager
def closing_session():
    with SessionLocal() as db:
        yield db

@contextmanager
def session_on_demand(commit=False):
    with SessionLocal() as db:
        yield db
        if commit:
            db.commit()
"""


def assert_blocks(tmp_path: Path, code: str) -> None:
    files = {"app/database.py": DATABASE, "app/work.py": "from app.database import *\n" + code}
    assert_cases(tmp_path, files, set(CODES), selected=CODES)


@pytest.mark.parametrize(
    "block",
    [
        "with get_db_session() as db:",
        "with begin_session() as db:",
        "with wrapped_session() as db:",
        "with returned_session() as db:",
        "with SessionUnit() as db:",
        "with SessionLocal.begin() as db:",
        "with open(path) as file, get_db_session() as db:",
    ],
)
def test_blocks_that_commit(tmp_path: Path, block: str) -> None:
    assert_blocks(tmp_path, f"{block}\n    db.add(1)\n    db.commit()  # DBS307")


@pytest.mark.parametrize(
    "block",
    [
        "with SessionLocal() as db:",
        "with closing_session() as db:",
        "with session_on_demand() as db:",
        "with unknown() as db:",
        "with get_db_session() as other:",
    ],
)
def test_blocks_that_do_not(tmp_path: Path, block: str) -> None:
    assert_blocks(tmp_path, f"{block}\n    db.add(1)\n    db.commit()")


@pytest.mark.parametrize(
    "body",
    [
        "db.add(row)\ndb.commit()  # DBS307",
        "db.add(row)\ndb.commit()  # DBS307\nreturn row",
        "db.add(row)\ndb.commit()  # DBS307\nreturn",
        "if row:\n    db.add(row)\n    db.commit()  # DBS307\nelse:\n    print(row)",
        "db.add(row)\ndb.commit()\nreturn row.id",
        "db.add(row)\ndb.commit()\ndb.refresh(row)",
        "db.add(row)\ndb.commit()\nsend(row)",
        "for each in row:\n    db.add(each)\n    db.commit()",
        "db.add(row)\ndb.flush()",
    ],
)
def test_commits(tmp_path: Path, body: str) -> None:
    head = "def work(row):\n    with get_db_session() as db:\n"
    assert_blocks(tmp_path, head + indent(body, " " * 8))


@pytest.mark.parametrize(
    ("commit", "handler"),
    [
        ("db.commit()  # DBS307", "log(error)\ndb.rollback()  # DBS307\nraise"),
        ("db.commit()  # DBS307", "db.rollback()  # DBS307\nraise error"),
        ("db.commit()", "db.rollback()  # DBS307\nraise ValueError(row) from error"),
        ("db.commit()", "db.rollback()\nreturn None"),
        ("db.commit()", "if row:\n    db.rollback()\n    raise"),
    ],
)
def test_handlers(tmp_path: Path, commit: str, handler: str) -> None:
    body = f"try:\n    db.add(row)\n    {commit}\nexcept Exception as error:\n"
    body += indent(handler, "    ")
    head = "def work(row):\n    with get_db_session() as db:\n"
    assert_blocks(tmp_path, head + indent(body, " " * 8))


def test_a_handler_around_that_may_swallow(tmp_path: Path) -> None:
    assert_blocks(
        tmp_path,
        """
def work(rows):
    with get_db_session() as db:
        try:
            try:
                db.add(rows)
            except ValueError:
                db.rollback()
                raise
        except Exception:
            print(rows)
""",
    )


def test_asynchronous_blocks(tmp_path: Path) -> None:
    assert_blocks(
        tmp_path,
        """
async def work(row):
    async with get_async_session() as db:
        db.add(row)
        await db.commit()  # DBS307
""",
    )


def test_messages(tmp_path: Path) -> None:
    code = """
def work(row):
    with get_db_session() as db:
        try:
            db.add(row)
        except Exception:
            db.rollback()
            raise
        db.commit()
"""
    write_project(tmp_path, {"app/database.py": DATABASE})
    write_project(tmp_path, {"app/work.py": "from app.database import *\n" + code})
    found = [text for *_, text in lint(tmp_path, "app/work.py", selected=CODES)]
    assert [text for text in found if "repeats" in text] == [
        "`db.rollback()` repeats what the block of `get_db_session()` does when it fails anyway; "
        "leave it out",
        "`db.commit()` repeats what the block of `get_db_session()` does at its end anyway; "
        "leave it out",
    ]
