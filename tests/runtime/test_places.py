"""Whose code a line is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import flake8_dbsession

LEAKING = """
import sqlite3
from flake8_dbsession.runtime import watch

with watch() as watching:
    connection = sqlite3.connect("app.db")
    print([str(tally.place.line) for tally in watching.report().tallies])
    connection.close()
"""


def test_the_watch_sees_the_programs_lines_where_it_was_installed(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "flake8_dbsession").symlink_to(Path(flake8_dbsession.__file__).parent)
    (tmp_path / "program.py").write_text(LEAKING)
    run = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "['6']\n"
