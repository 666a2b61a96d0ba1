"""The shop's tables with one product in them, anew for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import close_all_sessions

from shop.core.database import engine, get_db_session
from shop.models import Base, Product


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    """Make the tables, and drop them."""
    Base.metadata.create_all(engine)
    with get_db_session() as db:
        db.add(Product(id="p1", name="Lamp", stock=3))
    yield
    close_all_sessions()  # the old code leaves some open
    Base.metadata.drop_all(engine)
