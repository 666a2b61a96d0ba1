"""The folder of caches, and how they are written."""

from __future__ import annotations

import os
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress

from flake8_dbsession import __version__

FOLDER = ".dbsession_cache"
_INSTALLED = ("site-packages", "dist-packages")
_CACHEDIR_TAG = """\
Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache made by dbsession; it may be deleted at any time.
# See https://bford.info/cachedir/
"""


def make_folder(folder: str) -> None:
    """Make a cache's folder, which version control and backups pass over.

    Raises:
        OSError: it cannot be made, or is a link to somewhere else.
    """
    _refuse_link(folder)
    os.makedirs(folder, exist_ok=True)  # another process may be making it
    for name, content in (("CACHEDIR.TAG", _CACHEDIR_TAG), (".gitignore", "*\n")):
        path = os.path.join(folder, name)
        if not os.path.lexists(path):
            with open(path, "w", encoding="ascii") as file:
                file.write(content)


def write(path: str, content: bytes) -> None:
    """Write a file in one step, with a checksum, so that no run ever takes a part for the whole.

    Raises:
        OSError: it cannot be written, or its folder is a link to somewhere else.
    """
    _refuse_link(os.path.dirname(path))
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(b"%d\n" % zlib.crc32(content) + content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def read(path: str) -> bytes:
    """Give what was written.

    Raises:
        OSError: it cannot be read, or is a link, or lies in a folder that is one.
        ValueError: it is something else.
    """
    _refuse_link(os.path.dirname(path))
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise OSError(f"{path} is no file")
    with open(path, "rb") as file:
        checksum, content = file.readline(), file.read()
    if int(checksum) != zlib.crc32(content):
        raise ValueError(f"{path} is damaged")
    return content


def state_of_code() -> Iterator[str]:
    """Give what tells one version of the code that checks, and of Python, from another.

    An installed package is known by its version and the sizes of its files, for which each
    installation has new times; one that is worked on, by their times.
    """
    from importlib.metadata import version

    yield sys.version
    for name in ("flake8", "pathspec"):
        yield f"{name} {version(name)}"
    package = os.path.dirname(os.path.dirname(__file__))
    is_installed = os.path.basename(os.path.dirname(package)) in _INSTALLED
    yield f"{package} {__version__}"
    for folder, _, names in os.walk(package):
        for name in names:
            if name.endswith((".py", ".toml")):
                with suppress(OSError):  # an editor's mark, or a file that just went
                    status = os.stat(os.path.join(folder, name))
                    yield f"{name} {status.st_size} {0 if is_installed else status.st_mtime_ns}"


def _refuse_link(folder: str) -> None:
    if os.path.islink(folder):
        raise OSError(f"{folder} is a link")
