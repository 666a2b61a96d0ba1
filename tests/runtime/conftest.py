"""A folder for small programs, and a heap that is small for the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Give the path of a SQLite database that is a file."""
    return str(tmp_path / "database.db")


@pytest.fixture(scope="module", autouse=True)
def _quick_collections() -> Iterator[None]:
    """Leave what other tests keep out of the many collections that these ask for."""
    gc.freeze()
    yield
    gc.unfreeze()
