"""The cleanup service, not moved yet."""

from __future__ import annotations

from sqlalchemy.orm import Query, Session

from console.database_manager import DatabaseManager
from console.models import User
from console.unified_session_manager import UnifiedSessionManager


class CleanupService:
    """Removes users that are no longer active."""

    def __init__(
        self, db_manager: DatabaseManager, unified_session_manager: UnifiedSessionManager
    ) -> None:
        self.db_manager = db_manager
        self.unified_session_manager = unified_session_manager

    def remove_inactive(self) -> int:
        """Remove them in the old accessor's own block."""
        with self.db_manager.get_session() as session:  # DBS104
            removed = session.query(User).filter_by(active=False).delete()
            session.commit()
            return removed

    def inactive(self) -> Query[User]:
        """Give a query whose session is closed by the time it runs."""
        with self.unified_session_manager.get_db_session() as session:
            return session.query(User).filter_by(active=False)  # DBS209

    def session(self) -> Session:
        """Give a session that is closed already."""
        with self.unified_session_manager.get_db_session() as session:
            return session  # DBS207
