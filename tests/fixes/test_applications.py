"""The example applications after their fixes: what has a safe fix is gone, and they still work."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flake8_dbsession.fixes.repair import Repair, Wishes, repair
from flake8_dbsession.fixes.text import decode
from flake8_dbsession.linter import Linter, Settings
from tests.test_examples import APPLICATIONS, EXAMPLES


@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_application_passes_its_tests_before_and_after(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    assert _tests_of(folder) == 0
    fixed = 0
    for path in folder.rglob("*.py"):
        repaired = _repaired(path)
        fixed += len(repaired.fixed)
        path.write_bytes(repaired.text.encode())
    assert fixed
    assert not any(_repaired(path).fixed for path in folder.rglob("*.py"))
    assert _tests_of(folder) == 0


def _repaired(path: Path) -> Repair:
    return repair(str(path), decode(path.read_bytes()), Linter(Settings()), Wishes())


def _tests_of(folder: Path) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode
