"""Whether anything in a project may close a request's session when the request ends."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

# What closes or removes a session at a request's end: Flask's hooks and signals, a registry's own
# ``remove``, a close of what ``g`` keeps, and extensions, which bring their hooks in ``init_app``.
_TEARDOWN = re.compile(
    rb"teardown_(?:appcontext|request|websocket)"
    rb"|tearing_down"
    rb"|after_(?:this_)?request"
    rb"|flask_sqlalchemy"
    rb"|init_app"
    rb"|\.remove(?:\(\)|\s*\))"
    rb"|\bg\.pop\("
    rb"|\bg\.\w+\.close\b"
)
_SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "env", "node_modules", "site-packages", "test", "tests", "venv"}
)
_MOST_FILES = 10_000
_LARGEST_FILE = 2_000_000  # bytes; what is longer is data in the shape of a module


def may_tear_down(root: Path) -> bool:
    """Search a project's Python files for what may close a session when a request ends.

    Args:
        root: the project's folder. Its tests and its hidden and installed folders are left out.

    Returns:
        True where any file holds such a thing, and where the project has too many files to tell.
    """
    return teardown_evidence(root)[0]


def teardown_evidence(root: Path) -> tuple[bool, list[Path]]:
    """Tell what ``may_tear_down`` does, and the files that tell it.

    Returns:
        The verdict with the one file that holds such a thing, or with all those that do not.
    """
    searched: list[Path] = []
    for path in _python_files(root):
        if len(searched) >= _MOST_FILES:
            return True, []
        if _holds_teardown(path):
            return True, [Path(path)]
        searched.append(Path(path))
    return False, searched


def _holds_teardown(path: str) -> bool:
    try:
        if os.path.islink(path) or not os.path.isfile(path):
            return False
        if os.path.getsize(path) > _LARGEST_FILE:
            return False
        with open(path, "rb") as file:
            return _TEARDOWN.search(file.read()) is not None
    except OSError:
        return False


def _python_files(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders if name not in _SKIPPED_FOLDERS and not name.startswith(".")
        )
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(".py"))
