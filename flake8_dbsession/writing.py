"""The one way in which files of a project are written: whole or not at all, through no link."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

from flake8_dbsession.patterns import regex
from flake8_dbsession.reading import read_file
from flake8_dbsession.roots import is_within, marked_folders

# The name holds the process's number, so that a later run can remove what a killed one left.
_TEMPORARY = regex(r"\.dbsession-(\d+)-[0-9a-f]{16}\.tmp")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_STREAM = os.O_WRONLY | getattr(os, "O_NOCTTY", 0)


class ChangedError(Exception):
    """Somebody else changed the file meanwhile."""


def write_file(
    path: str | os.PathLike[str],
    content: bytes,
    *,
    expected: bytes | None = None,
    mode: int = 0o666,
    lasting: bool = True,
) -> None:
    """Put a content in a file's place.

    A file that is there keeps its mode and, where the system allows it, its owner. Whenever this is
    interrupted, the file is as it was or holds the content.

    Args:
        path: the file; it need not exist.
        content: what it is to hold.
        expected: what it must hold until then; None where that does not matter.
        mode: that of a new file, of which the process's mask is taken off.
        lasting: whether it has to outlast a crash of the system.

    Raises:
        ChangedError: it does not hold what is expected, and is left alone.
        OSError: it cannot be written: among other reasons because it is a link or no regular file,
            is write-protected, or because a link in the repository leads its folder out of that.
    """
    path = os.path.abspath(path)
    folder = os.path.dirname(path)
    _refuse_way_out(folder)
    before = _status(path)
    remove_leftovers(folder)
    temporary = os.path.join(folder, f".dbsession-{os.getpid()}-{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, _NEW, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            if lasting:
                file.flush()
                os.fsync(descriptor)
        if before is not None:
            _take_rights(temporary, before)
        if expected is not None and read_file(path, links=False) != expected:
            raise ChangedError("it was changed meanwhile, and is left alone")
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def write_out(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a report: to a file as ``write_file`` does, to a pipe or a device as it is.

    Raises:
        OSError: it cannot be written.
    """
    if not _is_stream(path):
        write_file(path, content)
        return
    with open(os.open(path, _STREAM), "wb") as stream:
        stream.write(content)


def remove_leftovers(folder: str) -> None:
    """Remove from a folder what runs left there that were killed while they wrote."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            mark = _TEMPORARY.fullmatch(entry.name)
            if mark and entry.is_file(follow_symlinks=False) and not _is_running(int(mark[1])):
                os.unlink(entry.path)


def _refuse_way_out(folder: str) -> None:
    """Raise where a link leads a folder out of a project that it seems to lie in."""
    real = os.path.realpath(folder)
    for marked in marked_folders(folder):
        if not is_within(real, os.path.realpath(marked)):
            raise OSError(errno.ELOOP, "a link in its path leads out of the project", folder)


def _status(path: str) -> os.stat_result | None:
    """Give what the system says of a file that may be replaced; None where there is none."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, "is a link, and links are not written through", path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "is not a regular file", path)
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "it is write-protected", path)
    return status


def _is_stream(path: str | os.PathLike[str]) -> bool:
    """Tell whether what is written to a path overwrites nothing: a terminal, a pipe."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _take_rights(path: str, status: os.stat_result) -> None:
    os.chmod(path, stat.S_IMODE(status.st_mode))
    if hasattr(os, "chown"):
        with suppress(OSError):  # only root can give files away
            os.chown(path, status.st_uid, status.st_gid)


def _is_running(process: int) -> bool:
    """Tell whether a process is there; of one on a system that cannot be asked, that it is."""
    if os.name != "posix":  # where asking would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
