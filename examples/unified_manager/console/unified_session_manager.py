"""The one way to a session, for all parts of the console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from console.database_manager import DatabaseManager


class UnifiedSessionManager:
    """Gives sessions that end by themselves."""

    def __init__(self, db_manager: DatabaseManager) -> None:
        self.session_factory = db_manager.session_factory

    @contextmanager
    def get_db_session(self) -> Iterator[Session]:
        """Give a session that commits at the end of the block, or rolls back, and is closed."""
        session = self.session_factory()
        try:
            yield session
            session.commit()
        except Exception:
            session.rollback()
            raise
        finally:
            session.close()
