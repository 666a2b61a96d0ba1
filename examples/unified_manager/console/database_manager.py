"""The engine, the factory, and the old accessor."""

from __future__ import annotations

from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker


class DatabaseManager:
    """Keeps the engine and its factory."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        self.session_factory = sessionmaker(self.engine)

    def get_session(self) -> Session:
        """Give a session that the caller has to commit, roll back and close."""
        return self.session_factory()
