"""A monitor of the database, with sessions that live as long as the process."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from console.managers import db_manager, unified_session_manager
from console.models import User

monitor_session = db_manager.get_session()  # DBS104 DBS201

_sampling_session: Session | None = None


class SessionMonitor:
    """Watches the database through a session that no method closes."""

    def __init__(self) -> None:
        self.session = db_manager.get_session()  # DBS104 DBS204

    def is_alive(self) -> bool:
        """Tell whether the database answers."""
        return self.session.scalar(text("SELECT 1")) == 1


class SessionManager:
    """Remembers who is signed in: one dictionary for all managers, so that contexts bleed."""

    contexts: dict[str, str] = {}  # DBS208

    def sign_in(self, token: str, name: str) -> None:
        """Remember a user."""
        self.contexts[token] = name


def sampling_session() -> Session:
    """Give the session of the first caller to all others."""
    global _sampling_session
    if _sampling_session is None:
        _sampling_session = db_manager.get_session()  # DBS104 DBS205
    return _sampling_session


def count_with_the_monitor() -> int:
    """Count with the module's session."""
    return monitor_session.query(User).count()


def count_users() -> int:
    """Count within the standard."""
    with unified_session_manager.get_db_session() as session:
        return session.query(User).count()
