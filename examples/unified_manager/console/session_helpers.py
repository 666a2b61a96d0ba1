"""Helpers from before the unified manager; retired."""

from __future__ import annotations

from console.managers import unified_session_manager
from console.models import User


def count_users() -> int:
    """Count the users."""
    with unified_session_manager.get_db_session() as session:
        return session.query(User).count()
