"""Where the records of earlier runs lie: one a project and environment, in the user's cache.

A run that finds nothing changed imports this, and is to need next to nothing.
"""

from __future__ import annotations

import os
import sys

from flake8_dbsession.digests import digest_of_texts
from flake8_dbsession.reading import read_file
from flake8_dbsession.roots import is_within, upward

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

VARIABLE = "DBSESSION_CACHE_DIR"
"""The environment variable that names the folder."""

UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What is raised where a record is missing, damaged or of another form."""

_NAME = "flake8-dbsession"
_SUFFIX = ".json"
_GAP = b"\0\0"
_LARGEST = 512 * 2**20  # bytes
_KEPT_FOR = 30 * 24 * 3600  # seconds
_OF_USER = 0o700, 0o600  # a folder and a file that nobody else reads


def records_folder(named: str | None = None) -> str:
    """Give the folder of the records.

    Args:
        named: the one that the user names; without one the environment's, else the user's cache.
    """
    given = named or os.environ.get(VARIABLE)
    if given:
        return os.path.abspath(given)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if sys.platform == "linux" and os.path.isabs(home):
        return os.path.join(home, _NAME)  # as platformdirs has it, which takes long to import
    from platformdirs import user_cache_dir

    return user_cache_dir(_NAME, appauthor=False)


def record_of(root: str, named: str | None = None) -> str | None:
    """Give the file of a project's record; None where it may have none.

    A folder inside the project holds its record only where the user names it.

    Args:
        root: the project's folder.
        named: the folder that the user names.
    """
    folder = records_folder(named)
    is_named = bool(named or os.environ.get(VARIABLE))
    if not is_named and is_within(os.path.realpath(folder), os.path.realpath(root)):
        return None
    name = digest_of_texts((root, sys.prefix, sys.version))
    return os.path.join(folder, f"{name}{_SUFFIX}")


def read_record(path: str) -> list[bytes]:
    """Read a record.

    Returns:
        Its parts, as they were written.

    Raises:
        ValueError: it is damaged.
        OSError: there is none, it is a link or no file, or git tracks it: then it came with the
            repository, and whoever wrote that could have it say anything.
    """
    content = read_file(path, most=_LARGEST, links=False)
    if _is_tracked(path):
        raise OSError(f"{path} is tracked by git")
    return content.split(_GAP)


def write_record(path: str, parts: Iterable[bytes]) -> None:
    """Write a record, and remove those that were not written for long.

    Args:
        path: its file.
        parts: what it says, in which no two null characters stand together or at an end.

    Raises:
        OSError: it cannot be written.
    """
    import time

    from flake8_dbsession.writing import remove_leftovers, write_file

    folder = os.path.dirname(path)
    for_folder, for_file = _OF_USER
    os.makedirs(folder, for_folder, exist_ok=True)
    write_file(path, _GAP.join(parts), mode=for_file, lasting=False)
    remove_leftovers(folder)
    _remove(folder, time.time() - _KEPT_FOR)


def clean(folder: str) -> int:
    """Remove all records from a folder.

    Returns:
        How many there were.

    Raises:
        OSError: they cannot be listed or removed.
    """
    from flake8_dbsession.writing import remove_leftovers

    remove_leftovers(folder)
    return _remove(folder, None) if os.path.isdir(folder) else 0


def _remove(folder: str, before: float | None) -> int:
    """Remove the records last written before a time, of which none is a link; all without one."""
    import re
    from contextlib import suppress

    is_record = re.compile(r"[0-9a-f]{32}\.json").fullmatch
    with os.scandir(folder) as entries:
        records = [
            entry
            for entry in entries
            if is_record(entry.name)
            and entry.is_file(follow_symlinks=False)
            and (before is None or entry.stat().st_mtime < before)
        ]
    for entry in records:
        with suppress(FileNotFoundError):  # another run removes it too
            os.unlink(entry.path)
    return len(records)


def _is_tracked(path: str) -> bool:
    """Tell whether git tracks a file; where it cannot be asked, that it does."""
    real = os.path.realpath(path)
    folder, name = os.path.split(real)
    if not any(os.path.lexists(os.path.join(above, ".git")) for above in upward(folder)):
        return False
    import subprocess

    # A repository's own configuration can name a program that watches its files.
    command = ("git", "-c", "core.fsmonitor=false", "ls-files", "--", f":(literal){name}")
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True)
    except OSError:
        return True
    return done.returncode != 0 or bool(done.stdout)
