"""The owner: the engine, the session of each request, and the session of a command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, g
from sqlalchemy import URL, create_engine
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import NullPool, StaticPool

from clinic.config import build_database_uri


def engine_options(url: URL) -> dict[str, Any]:
    """Choose the pool by the kind of database."""
    if not url.drivername.startswith("sqlite"):
        return {"pool_size": 10, "pool_recycle": 3600, "pool_pre_ping": True}
    if url.database in (None, "", ":memory:"):
        # One connection is one database: a second would see an empty one.
        return {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    # A file stays free for others as long as nobody works on it.
    return {"poolclass": NullPool}


database_uri = build_database_uri(os.environ)
engine = create_engine(database_uri, **engine_options(database_uri))
SessionLocal = sessionmaker(engine)


def get_request_db_session() -> Session:
    """Give the session of the current request; it is closed when the request ends."""
    if "db_session" not in g:
        g.db_session = SessionLocal()
    return g.db_session


def close_request_db_session(error: BaseException | None = None) -> None:
    """Close the session of a request that ends; what it did not commit is rolled back."""
    session = g.pop("db_session", None)
    if session is not None:
        session.close()


def init_app(app: Flask) -> None:
    """Have each request's session closed."""
    app.teardown_appcontext(close_request_db_session)


@contextmanager
def session_scope() -> Iterator[Session]:
    """Give a session outside of requests: it commits, or rolls back, and is closed."""
    session = SessionLocal()
    try:
        yield session
        session.commit()
    except Exception:
        session.rollback()
        raise
    finally:
        session.close()
