"""The owner: the one module that opens sessions by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session, sessionmaker

DATABASE_URL = os.environ.get("SHOP_DATABASE_URL", "sqlite:///shop.db")


def build_engine(url: str) -> Engine:
    """Make an engine, with a pool of the right size where the database is a server."""
    options: dict[str, Any] = {}
    if not url.startswith("sqlite"):
        # Pool options are arguments of create_engine. In the URL's query they would go to the
        # driver, which refuses or ignores them.
        options = {
            "pool_size": 20,
            "max_overflow": 10,
            "pool_timeout": 30,
            "pool_recycle": 3600,
            "pool_pre_ping": True,
        }
    return create_engine(url, **options)


engine = build_engine(DATABASE_URL)
SessionLocal = sessionmaker(engine)


@contextmanager
def get_db_session() -> Iterator[Session]:
    """Give a session that commits at the end of the block, or rolls back, and is closed."""
    db = SessionLocal()
    try:
        yield db
        db.commit()
    except Exception:
        db.rollback()
        raise
    finally:
        db.close()


def get_db() -> Iterator[Session]:
    """Give a route its session; FastAPI closes it after the response."""
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()
