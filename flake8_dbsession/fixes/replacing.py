"""A file's bytes replaced by others: at once, or not at all."""

from __future__ import annotations

from flake8_dbsession.writing import ChangedError, write_file

__all__ = ["ChangedError", "replace_file"]


def replace_file(path: str, old: bytes, new: bytes) -> None:
    """Put new bytes in the place of a file's old ones.

    Args:
        path: the file.
        old: the bytes that it is expected to hold.
        new: the bytes that it is to hold.

    Raises:
        ChangedError: it holds other bytes by now, and is left alone.
        OSError: it cannot be written, among other reasons because it is a link.
    """
    write_file(path, new, expected=old)
