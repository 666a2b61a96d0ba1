"""The managers of this process."""

from __future__ import annotations

import os

from console.database_manager import DatabaseManager
from console.unified_session_manager import UnifiedSessionManager

db_manager = DatabaseManager(os.environ.get("CONSOLE_DATABASE_URL", "sqlite:///console.db"))
unified_session_manager = UnifiedSessionManager(db_manager)
