"""Sessions that outlive the call they were opened for."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Thread

from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.core.database import SessionLocal, get_db_session
from shop.models import Product

db = SessionLocal()  # DBS101 DBS201

_reporting: Session | None = None


def count_globally() -> int:
    """All threads, and all requests, share one session and its stale objects."""
    return db.query(Product).count()


class ProductReport:
    """One session for all instances."""

    session = SessionLocal()  # DBS101 DBS202

    def count(self) -> int:
        """Count with the session of the class."""
        return self.session.query(Product).count()


def count_by_default(db: Session = SessionLocal()) -> int:  # DBS101 DBS203
    """The default is evaluated once, when the function is defined."""
    return db.query(Product).count()


class ProductRepository:
    """Opens a session that no method closes."""

    def __init__(self, db: Session | None = None) -> None:
        self.db = db or SessionLocal()  # DBS101 DBS204

    def count(self) -> int:
        """Count with the session of the instance."""
        return self.db.query(Product).count()


class ClosingRepository:
    """Closes what it opened; only the factory is the wrong one to ask."""

    def __init__(self) -> None:
        self.db = SessionLocal()  # DBS101

    def count(self) -> int:
        """Count with the session of the instance."""
        return self.db.query(Product).count()

    def close(self) -> None:
        """Close the session."""
        self.db.close()


def reporting_session() -> Session:
    """The first caller's session is everyone's."""
    global _reporting
    if _reporting is None:
        _reporting = SessionLocal()  # DBS101 DBS205
    return _reporting


@lru_cache
def cached_session() -> Session:
    """The cache keeps the session as long as the process lives."""
    return SessionLocal()  # DBS101 DBS205


def _count(db: Session, counts: list[int]) -> None:
    counts.append(db.query(Product).count())


def count_in_a_thread() -> list[int]:
    """Two threads use one session."""
    counts: list[int] = []
    with get_db_session() as db:
        worker = Thread(target=_count, args=(db, counts))  # DBS206
        worker.start()
        worker.join()
    return counts


def count_in_a_pool() -> list[int]:
    """So does an executor's thread."""
    counts: list[int] = []
    with get_db_session() as db, ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(_count, db, counts)  # DBS206
    return counts


async def _name(db: Session, product_id: str) -> str | None:
    await asyncio.sleep(0)
    return db.scalar(select(Product.name).filter_by(id=product_id))  # DBS408


async def names_at_once(first: str, second: str) -> list[str | None]:
    """Two coroutines use one session at once."""
    with get_db_session() as db:
        return await asyncio.gather(_name(db, first), _name(db, second))  # DBS206
