"""The manager from before the provider; retired, and kept until its last users have moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from shop.core.database import get_db_session


class DatabaseManager:
    """Hands out sessions under the old name."""

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session as the provider does."""
        with get_db_session() as db:
            yield db
