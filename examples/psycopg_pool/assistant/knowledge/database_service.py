"""The second manager, a facade over the first; retired as well."""

from __future__ import annotations

from assistant.knowledge.database import DatabaseManager  # DBS106


class DatabaseManagerService:
    """Passes everything on."""

    def __init__(self, dsn: str) -> None:
        self.manager = DatabaseManager(dsn)

    def count_facts(self) -> int:
        """Count the facts."""
        return self.manager.count_facts()
