"""A file's bytes replaced by others: at once, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress


class ChangedError(Exception):
    """Somebody else changed the file meanwhile."""


def replace_file(path: str, old: bytes, new: bytes) -> None:
    """Put new bytes in the place of a file's old ones.

    The file keeps its mode and, where the system allows it, its owner. Whenever this is
    interrupted, the file holds either the old bytes or the new ones.

    Args:
        path: the file; for a link, what it leads to is replaced.
        old: the bytes that it is expected to hold.
        new: the bytes that it is to hold.

    Raises:
        ChangedError: it holds other bytes by now, and is left alone.
        OSError: it cannot be written.
    """
    path = os.path.realpath(path)
    if not os.access(path, os.W_OK):
        raise PermissionError(13, "it is write-protected", path)
    handle, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=_folder(path))
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(new)
            stream.flush()
            os.fsync(stream.fileno())
        _copy_rights(path, temporary)
        with open(path, "rb") as current:
            if current.read() != old:
                raise ChangedError("it was changed meanwhile, and is left alone")
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _folder(path: str) -> str:
    return os.path.dirname(path) or os.curdir


def _copy_rights(path: str, temporary: str) -> None:
    shutil.copymode(path, temporary)
    if hasattr(os, "chown"):
        status = os.stat(path)
        with suppress(OSError):  # only root can give files away
            os.chown(temporary, status.st_uid, status.st_gid)
