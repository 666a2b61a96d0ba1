"""The user service: the unified manager, or the old accessor where there is no Flask."""

from __future__ import annotations

from console.database_manager import DatabaseManager
from console.models import User
from console.unified_session_manager import UnifiedSessionManager


class UserService:
    """Finds and changes users."""

    def __init__(
        self,
        db_manager: DatabaseManager,
        unified_session_manager: UnifiedSessionManager | None = None,
    ) -> None:
        self.db_manager = db_manager
        self.unified_session_manager = unified_session_manager

    def names(self) -> list[str]:
        """Give all names, with the fallback that the standard allows."""
        if self.unified_session_manager:
            with self.unified_session_manager.get_db_session() as session:
                return [user.name for user in session.query(User).order_by(User.name)]
        else:
            session = self.db_manager.get_session()
            try:
                return [user.name for user in session.query(User).order_by(User.name)]
            finally:
                session.close()

    def deactivate(self, name: str) -> int:
        """Deactivate a user, where there always is a unified manager."""
        with self.unified_session_manager.get_db_session() as session:
            return session.query(User).filter_by(name=name).update({"active": False})

    def count(self) -> int:
        """Count users, with a fallback that forgets to close."""
        if self.unified_session_manager:
            with self.unified_session_manager.get_db_session() as session:
                return session.query(User).count()
        else:
            session = self.db_manager.get_session()  # DBS302
            return session.query(User).count()

    def activate(self, name: str) -> None:
        """Activate a user by hand."""
        session = self.db_manager.get_session()  # DBS104
        try:
            session.query(User).filter_by(name=name).update({"active": True})
            session.commit()
        except Exception:
            session.rollback()
            raise
        finally:
            session.close()  # DBS301
