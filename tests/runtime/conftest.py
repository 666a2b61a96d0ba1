"""A folder for small programs."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Give the path of a SQLite database that is a file."""
    return str(tmp_path / "database.db")
