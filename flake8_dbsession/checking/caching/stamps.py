"""Stamps: the times, number and size that show whether a file or folder changed."""

from __future__ import annotations

import os

from flake8_dbsession.digests import digest
from flake8_dbsession.reading import DISK, Sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Two changes this close together may leave the same times, on the coarsest of file systems.
_SETTLING = 2_000_000_000  # nanoseconds

Stamp = str
"""What tells one state of a file, or of a folder's list of entries, from another.

When it was last modified, in nanoseconds: 0, the time of no file, where it changed so short a time
ago that another change may leave the same times; when it last changed in any way, its times
included, which nobody can put back; its number in the file system, for a file that replaces it has
another; and its size in bytes. A text, for a run that finds nothing changed only compares it.
"""

ABSENT = "-"
"""The stamp of no file or folder."""

UNTRUSTED = "0 0 0 0"
"""The stamp of what cannot be asked about, or is not to be taken for known."""


def read(path: str, sources: Sources = DISK) -> tuple[Stamp, bytes]:
    """Read a file and stamp it; what does not lie on disk is not trusted.

    Raises:
        OSError: it cannot be read.
    """
    content, status = sources.read_with_status(path)
    return UNTRUSTED if status is None else _settled(status), content


def stamp(path: str) -> Stamp:
    """Stamp a file or folder."""
    try:
        return _settled(os.stat(path))
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except (OSError, ValueError):
        return UNTRUSTED


def changed(stamps: Iterable[tuple[str, Stamp]]) -> Iterator[str]:
    """Give the paths whose stamps are others now.

    Args:
        stamps: paths, each with its stamp as it was kept.
    """
    ask = os.stat
    for path, kept in stamps:
        try:
            status = ask(path)
        except (OSError, ValueError):
            if kept != ABSENT or os.path.lexists(path):
                yield path
            continue
        times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
        if f"{times} {status.st_ino} {status.st_size}" != kept:
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
    import time

    latest = max(status.st_mtime_ns, status.st_ctime_ns)
    is_settled = latest < time.time_ns() - _SETTLING
    modified = status.st_mtime_ns if is_settled else 0
    return f"{modified} {status.st_ctime_ns} {status.st_ino} {status.st_size}"
