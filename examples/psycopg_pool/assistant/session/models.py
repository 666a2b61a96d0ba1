"""What a session of a user holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone


def _in_a_week() -> datetime:
    return datetime.now(timezone.utc) + timedelta(days=7)


@dataclass
class SessionData:
    """The one format of a session."""

    session_id: str
    language: str = "en"
    created_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    expires_at: datetime = field(default_factory=_in_a_week)
    context: dict[str, str] = field(default_factory=dict)

    def is_expired(self) -> bool:
        """Tell whether the session is over."""
        return datetime.now(timezone.utc) > self.expires_at
