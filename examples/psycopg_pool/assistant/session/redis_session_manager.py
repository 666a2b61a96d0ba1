"""Session managers from before; their contexts bleed."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any


class RedisSessionManager:
    """Caches sessions in a dictionary that all managers share."""

    _local_sessions: dict[str, dict[str, Any]] = {}  # DBS208

    def update_session(self, session_id: str, values: dict[str, Any]) -> None:
        """Change a session."""
        self._local_sessions.setdefault(session_id, {}).update(values)

    def get_session(self, session_id: str) -> dict[str, Any]:
        """Give a copy of a session."""
        return copy.deepcopy(self._local_sessions.get(session_id, {}))


class MemorySessionStore:
    """Keeps the messages of all stores in one place."""

    messages = defaultdict(list)  # DBS208

    def add_message(self, session_id: str, message: str) -> None:
        """Add a message to a session."""
        self.messages[session_id].append(message)
