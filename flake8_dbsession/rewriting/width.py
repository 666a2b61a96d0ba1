"""How long a project lets its lines be, for what a fix writes on one line or on several."""

from __future__ import annotations

import re
from pathlib import Path

from flake8_dbsession.patterns import regex
from flake8_dbsession.reading import read_file

_FILES = ("ruff.toml", ".ruff.toml", "pyproject.toml", "setup.cfg", "tox.ini", ".flake8")
_LENGTH = regex(rb"^\s*(?:line[-_]length|max-line-length)\s*=\s*(\d+)\s*(?:#.*)?$", re.MULTILINE)
_USUAL = 88  # what black and ruff use by themselves
_LARGEST = 2**20  # bytes


def width_of(folder: Path, root: Path) -> int:
    """Give the length that a line may have in a folder.

    Args:
        folder: the folder.
        root: the project's, above which nothing is read.

    Returns:
        What the nearest configuration of a formatter or of flake8 says; else the formatters' own.
    """
    for place in (folder, *folder.parents):
        for name in _FILES:
            found = _LENGTH.search(_content(place / name))
            if found is not None:
                return int(found[1])
        if place == root:
            break
    return _USUAL


def _content(file: Path) -> bytes:
    try:
        return read_file(file, most=_LARGEST, links=False)
    except OSError:
        return b""
