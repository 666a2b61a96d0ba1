"""What in a project may close a request's session when the request ends."""

from __future__ import annotations

import re
from pathlib import Path

from flake8_dbsession.analysis.names.searching import search

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


def may_tear_down(root: Path) -> bool:
    """Search a project's Python files for what may close a session when a request ends.

    Args:
        root: the project's folder.

    Returns:
        True where any file holds such a thing, and where the project has too many files to tell.
    """
    return teardown_evidence(root)[0]


def teardown_evidence(root: Path) -> tuple[bool, list[Path]]:
    """Tell what ``may_tear_down`` does, and the files that tell it.

    Returns:
        The verdict with the one file that holds such a thing, or with all those that do not.
    """
    found = search(root, _TEARDOWN, only_first=True)
    if found.files or not found.is_complete:
        return True, found.files
    return False, found.searched
