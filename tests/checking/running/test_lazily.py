"""A module that is put off is there when it is asked for anything."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """\
import sys
from flake8_dbsession.checking.running.lazily import put_off
put_off("importlib.metadata")
import importlib.metadata
assert "email" not in sys.modules
{}
assert "email" in sys.modules
assert sys.modules["importlib.metadata"] is importlib.metadata
assert importlib.metadata.__file__
put_off("importlib.metadata")
assert importlib.metadata.__file__
"""


@pytest.mark.parametrize(
    "use",
    [
        "from importlib.metadata import version; version('flake8')",
        "from importlib import metadata; metadata.version('flake8')",
        "importlib.metadata.version('flake8')",
        "import importlib.metadata._adapters",
    ],
)
def test_it_is_imported_when_it_is_used(use: str) -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM.format(use)], check=True)
