"""Stamps: the times, number and size that show whether a file or folder changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from flake8_dbsession.digests import digest
from flake8_dbsession.reading import DISK, Sources

# Two changes this close together may leave the same times, on the coarsest of file systems.
_SETTLING = 2_000_000_000  # nanoseconds


class Stamp(NamedTuple):
    """What tells one state of a file, or of a folder's list of entries, from another.

    Attributes:
        modified: when it was last modified, in nanoseconds; 0, the time of no file, where it
            changed so short a time ago that another change may leave the same times.
        changed: when it last changed in any way, its times included; nobody can put this back.
        inode: its number in the file system; a file that replaces it has another.
        size: its size in bytes.
    """

    modified: int
    changed: int
    inode: int
    size: int


UNTRUSTED = Stamp(0, 0, 0, 0)
"""The stamp of what cannot be asked about, or is not to be taken for known."""


def read(path: str, sources: Sources = DISK) -> tuple[Stamp, bytes]:
    """Read a file and stamp it; what does not lie on disk is not trusted.

    Raises:
        OSError: it cannot be read.
    """
    content, status = sources.read_with_status(path)
    return UNTRUSTED if status is None else _settled(status), content


def stamp(path: str) -> Stamp | None:
    """Stamp a file or folder; None where there is none."""
    try:
        return _settled(os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        return UNTRUSTED


def changed(stamps: Mapping[str, Sequence[int] | None]) -> Iterator[str]:
    """Give the paths whose stamps are others now.

    Args:
        stamps: the stamp of each path, as it was kept.
    """
    ask = os.stat
    for path, kept in stamps.items():
        try:
            status = ask(path)
        except (OSError, ValueError):
            if kept is not None or os.path.lexists(path):
                yield path
            continue
        if (
            kept is None
            or status.st_mtime_ns != kept[0]
            or status.st_ctime_ns != kept[1]
            or status.st_ino != kept[2]
            or status.st_size != kept[3]
        ):
            yield path


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


def _settled(status: os.stat_result) -> Stamp:
    latest = max(status.st_mtime_ns, status.st_ctime_ns)
    is_settled = latest < time.time_ns() - _SETTLING
    modified = status.st_mtime_ns if is_settled else 0
    return Stamp(modified, status.st_ctime_ns, status.st_ino, status.st_size)
