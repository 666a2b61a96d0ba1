"""Files read of which nobody knows what they are: no pipe is waited for, no device is emptied."""

from __future__ import annotations

import errno
import os
import stat

LARGEST = 64 * 2**20
"""The size in bytes of the largest file that is read: settings and code are far smaller."""

# Where the system has no such flags, it has no such files either.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def read_file(path: str | os.PathLike[str], *, most: int = LARGEST, links: bool = True) -> bytes:
    """Read a file.

    Args:
        path: the file.
        most: the size in bytes of the largest that is read.
        links: whether the file that a link leads to is read.

    Raises:
        OSError: it cannot be opened, is no regular file, or is larger.
    """
    return read_with_status(path, most=most, links=links)[0]


def read_with_status(
    path: str | os.PathLike[str], *, most: int = LARGEST, links: bool = True
) -> tuple[bytes, os.stat_result]:
    """Read a file as ``read_file`` does, and give what the system said of it before."""
    descriptor = os.open(path, _FLAGS if links else _FLAGS | _NO_LINK)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", os.fspath(path))
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"is larger than {most} bytes", os.fspath(path))
        content = os.read(descriptor, status.st_size + 1)
        if len(content) != status.st_size:  # it grew, or the system does not know its size
            with open(descriptor, "rb", closefd=False) as file:
                content += file.read(most - len(content))
        return content, status
    finally:
        os.close(descriptor)


class Sources:
    """Where code is read: on disk, or in what an editor shows before it is saved."""

    def read(
        self, path: str | os.PathLike[str], *, most: int = LARGEST, links: bool = True
    ) -> bytes:
        """Read a file of code as ``read_file`` does."""
        return self.read_with_status(path, most=most, links=links)[0]

    def read_with_status(
        self, path: str | os.PathLike[str], *, most: int = LARGEST, links: bool = True
    ) -> tuple[bytes, os.stat_result | None]:
        """Read a file of code, and give what the system said of it; None where it was not asked."""
        return read_with_status(path, most=most, links=links)


DISK = Sources()
"""The code as it lies on disk."""
