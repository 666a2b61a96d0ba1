"""DBS309: the rows of a write that nothing commits are lost; committed, they stay."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from tests.truth.example import BETTER, EXAMPLE, run


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = str(tmp_path / "x.db")
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(
            "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);"
            "INSERT INTO items VALUES (1, 'old');"
            "CREATE TABLE log (line TEXT);"
        )
    return path


def rows(path: str, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as conn:
        return [row[0] for row in conn.execute(query)]


@pytest.mark.parametrize(("section", "is_kept"), [(EXAMPLE, False), (BETTER, True)])
def test_the_page_s_functions(
    section: str, is_kept: bool, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(f"sqlite:///{database}")
    make = sessionmaker(engine)
    house = ModuleType("core.database")
    house.SessionLocal, house.get_db_session = make, make  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "core", ModuleType("core"))
    monkeypatch.setitem(sys.modules, "core.database", house)
    names = run("DBS309", section)
    names["rename"](engine, 1, "new")
    names["add"](Item(id=2, name="second"))
    names["log"](database, "a line")
    engine.dispose()
    assert rows(database, "SELECT name FROM items WHERE id = 1") == ["new" if is_kept else "old"]
    assert rows(database, "SELECT name FROM items WHERE id = 2") == (["second"] * is_kept)
    assert rows(database, "SELECT line FROM log") == ["a line"] * is_kept


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_block_that_only_closes(is_kept: bool, database: str) -> None:
    async def add() -> None:
        async with aiosqlite.connect(database) as conn:
            await conn.execute("INSERT INTO log VALUES ('x')")
            if is_kept:
                await conn.commit()

    asyncio.run(add())
    assert rows(database, "SELECT line FROM log") == ["x"] * is_kept


def test_the_rows_are_there_until_then(database: str) -> None:
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as conn:
        conn.exec_driver_sql("INSERT INTO log VALUES ('x')")  # noqa: DBS309
        assert conn.exec_driver_sql("SELECT count(*) FROM log").scalar() == 1
    engine.dispose()
    assert rows(database, "SELECT line FROM log") == []
