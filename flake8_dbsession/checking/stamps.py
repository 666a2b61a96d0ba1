"""By what a file or folder is known to be as it was."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from flake8_dbsession.digests import digest
from flake8_dbsession.reading import read_with_status

# Two changes this close together may leave the same times, on the coarsest of file systems.
_SETTLING = 2_000_000_000  # nanoseconds


class Stamp(NamedTuple):
    """What tells one state of a file, or of a folder's list of entries, from another.

    Attributes:
        modified: when it was last modified, in nanoseconds; 0, the time of no file, where it
            changed so short a time ago that another change may leave the same times.
        changed: when it last changed in any way, its times included; nobody can put this back.
        inode: the number by which the file system knows it, which a replaced file has another of.
        size: its size in bytes.
    """

    modified: int
    changed: int
    inode: int
    size: int


NONE = Stamp(0, 0, 0, 0)
"""The stamp of what does not exist, cannot be asked about, or is not to be trusted."""


def read(path: str) -> tuple[Stamp, bytes]:
    """Read a file and stamp it.

    Raises:
        OSError: it cannot be read.
    """
    content, status = read_with_status(path)
    return _settled(status), content


def stamp(path: str) -> Stamp:
    """Stamp a file or folder."""
    try:
        return _settled(os.stat(path))
    except (OSError, ValueError):
        return NONE


def is_as_of(path: str, kept: Stamp) -> bool:
    """Tell whether a file or folder, which must exist, has the stamp that was kept of it."""
    try:
        return _of(os.stat(path)) == kept
    except (OSError, ValueError):
        return False


def is_changed_since(path: str, moment: int) -> bool:
    """Tell whether a file or folder changed after a moment, in nanoseconds, or is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return True
    return max(status.st_mtime_ns, status.st_ctime_ns) >= moment


def look(path: str) -> tuple[Stamp, str] | None:
    """Give a file's stamp and the hash of its content; None where it cannot be read."""
    try:
        stamped, content = read(path)
    except (OSError, ValueError):
        return None
    return stamped, digest(content)


def _of(status: os.stat_result) -> Stamp:
    return Stamp(status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)


def _settled(status: os.stat_result) -> Stamp:
    latest = max(status.st_mtime_ns, status.st_ctime_ns)
    is_settled = latest < time.time_ns() - _SETTLING
    return _of(status) if is_settled else _of(status)._replace(modified=0)
