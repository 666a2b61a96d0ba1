"""The session manager: each instance has its own sessions."""

from __future__ import annotations

import copy
import threading
import uuid

from assistant.session.models import SessionData


class EnhancedSessionManager:
    """Keeps sessions in memory, without state that instances share."""

    def __init__(self) -> None:
        self._sessions: dict[str, SessionData] = {}
        self._lock = threading.RLock()

    def create_session(self) -> str:
        """Begin a session, and give its number."""
        session = SessionData(str(uuid.uuid4()))
        with self._lock:
            self._sessions[session.session_id] = session
        return session.session_id

    def update_session(self, session_id: str, values: dict[str, str]) -> None:
        """Change a session's context."""
        with self._lock:
            self._sessions[session_id].context.update(values)

    def get_session(self, session_id: str) -> SessionData:
        """Give a copy of a session."""
        with self._lock:
            return copy.deepcopy(self._sessions[session_id])
