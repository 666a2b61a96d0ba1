"""DBS311: what is saved of a block that failed in the middle, by the page's own examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from tests.truth.example import BETTER, EXAMPLE, run


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture
def factory(tmp_path: Path) -> Any:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    Base.metadata.create_all(engine)
    return sessionmaker(engine)


def provider(section: str, factory: Any) -> Any:
    names = run("DBS311", section)
    names["SessionLocal"] = factory
    return names["get_session"]


def add(get_session: Any, number: int, *, fails: bool = False) -> None:
    with get_session() as session:
        session.add(Account(id=number))
        session.flush()
        if fails:
            raise ValueError("half")


def saved_of_half(section: str, factory: Any) -> int:
    get_session = provider(section, factory)
    with pytest.raises(ValueError, match="half"):
        add(get_session, 1, fails=True)
    add(get_session, 2)
    with factory() as session:
        count: int = session.scalar(select(func.count()).select_from(Account))
        return count


@pytest.mark.parametrize(("section", "rows"), [(EXAMPLE, 2), (BETTER, 1)])
def test_half_of_a_block(section: str, rows: int, factory: Any) -> None:
    assert saved_of_half(section, factory) == rows


def test_another_error_is_seen(factory: Any) -> None:
    get_session = provider(EXAMPLE, factory)
    add(get_session, 1)
    with pytest.raises(PendingRollbackError):
        add(get_session, 1)
