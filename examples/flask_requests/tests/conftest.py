"""The clinic's tables, a client, and a count of the connections that are out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.orm import close_all_sessions

from clinic.create_app import create_app
from clinic.infrastructure.database import engine
from clinic.models import Base


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    """Make the tables, and drop them."""
    Base.metadata.create_all(engine)
    yield
    close_all_sessions()  # the old code leaves some open
    Base.metadata.drop_all(engine)


@pytest.fixture
def client() -> FlaskClient:
    """Give a client of the application."""
    return create_app().test_client()


@pytest.fixture
def connections_out() -> Iterator[set[object]]:
    """Give the connections that are out of the pool; NullPool does not count them itself."""
    out: set[object] = set()

    def leave(connection: object, *_: object) -> None:
        out.add(connection)

    def come_back(connection: object, *_: object) -> None:
        out.discard(connection)

    event.listen(engine, "checkout", leave)
    event.listen(engine, "checkin", come_back)
    yield out
    event.remove(engine, "checkout", leave)
    event.remove(engine, "checkin", come_back)
