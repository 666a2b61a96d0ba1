"""Copies of the repository, for a build leaves its traces in what it builds."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".*_cache", ".hypothesis", ".venv", "__pycache__", "*.egg-info", "build", "dist", "site"
)


def copy_of_repository(folder: Path) -> Path:
    """Copy the repository into a new folder, but for what is made in it, and give the folder."""
    return shutil.copytree(ROOT, folder, ignore=_LEFT_OUT, symlinks=True)
