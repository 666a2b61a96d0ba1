"""By what a file or folder is known to be as it was."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from flake8_dbsession.digests import digest

# Two changes this close together may leave the same time, on the coarsest of file systems.
_SETTLING = 2_000_000_000  # nanoseconds
_UNSETTLED = 0  # the time of no file


class Stamp(NamedTuple):
    """What tells one content of a file from another.

    Attributes:
        modified: when it was last modified, in nanoseconds; 0 where that was so short a time ago
            that another change may leave the same time.
        size: its size in bytes.
        digest: a hash of its content.
    """

    modified: int
    size: int
    digest: str


def read(path: str) -> tuple[Stamp, bytes] | tuple[None, None]:
    """Read a file and stamp it; None twice where it cannot be read."""
    try:
        status = os.stat(path)
        with open(path, "rb") as file:
            content = file.read()
    except (OSError, ValueError):
        return None, None
    return Stamp(_settled(status), status.st_size, digest(content)), content


def stamp(path: str) -> Stamp | None:
    """Stamp a file; None where it cannot be read."""
    return read(path)[0]


def modified(path: str) -> int:
    """Give when a file, or a folder's list of entries, was last modified.

    Returns:
        The time in nanoseconds; 0 as in a ``Stamp``, and where there is no such file or folder.
    """
    try:
        return _settled(os.stat(path))
    except (OSError, ValueError):
        return _UNSETTLED


def is_as_of(path: str, time: int, size: int | None = None) -> bool:
    """Tell whether a file or folder has this time, as ``modified`` gives it, and this size."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return False
    return status.st_mtime_ns == time and size in (None, status.st_size)


def _settled(status: os.stat_result) -> int:
    is_settled = status.st_mtime_ns < time.time_ns() - _SETTLING
    return status.st_mtime_ns if is_settled else _UNSETTLED
