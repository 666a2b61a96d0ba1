"""Runs of pytest under the plugin, over small projects."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent

APP = """
    import sqlite3
    from contextlib import contextmanager
    from sqlalchemy import create_engine, text
    from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
    from sqlalchemy.orm import sessionmaker

    QUERY = text("select 1")
    engine = create_engine("sqlite:///app.db")
    SessionLocal = sessionmaker(engine)
    AsyncSessionLocal = async_sessionmaker(create_async_engine("sqlite+aiosqlite:///app.db"))

    def leaky():
        db = SessionLocal()
        return db.execute(QUERY).scalar()

    def fine():
        with SessionLocal() as db:
            return db.execute(QUERY).scalar()
"""
"""The application of the projects, as source."""


def write(folder: Path, **modules: str) -> None:
    """Write the modules of a project, the application among them."""
    for name, source in {"app": APP, **modules}.items():
        (folder / f"{name}.py").write_text(dedent(source))
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")


def run_pytest(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, with the plugin."""
    installed = any(each.name == "dbsession" for each in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "flake8_dbsession.runtime.pytest_plugin"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def failed(output: str) -> set[str]:
    """Give the names of the tests that ended in an error, or failed."""
    heads = ("ERROR ", "FAILED ")
    lines = [line for line in output.splitlines() if line.startswith(heads)]
    return {line.split()[1].rpartition("::")[2] for line in lines}
