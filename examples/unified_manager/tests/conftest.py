"""The console's tables with two users in them, and a client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import close_all_sessions

from console.managers import db_manager, unified_session_manager
from console.models import Base, User
from console.web_app import app


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    """Make the tables, and drop them."""
    Base.metadata.create_all(db_manager.engine)
    with unified_session_manager.get_db_session() as session:
        session.add_all([User(name="Ann"), User(name="Bob", active=False)])
    yield
    close_all_sessions()  # the old code leaves some open
    Base.metadata.drop_all(db_manager.engine)


@pytest.fixture
def client() -> FlaskClient:
    """Give a client of the application."""
    return app.test_client()
