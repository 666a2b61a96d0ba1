"""The folder of caches, and how they are written."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import suppress

FOLDER = ".dbsession_cache"
_CACHEDIR_TAG = """\
Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache made by dbsession; it may be deleted at any time.
# See https://bford.info/cachedir/
"""


def make_folder(folder: str) -> None:
    """Make a cache's folder, which version control and backups pass over, where there is none.

    Raises:
        OSError: it cannot be made.
    """
    if os.path.isdir(folder):
        return
    os.makedirs(folder, exist_ok=True)  # another process may be making it
    for name, content in (("CACHEDIR.TAG", _CACHEDIR_TAG), (".gitignore", "*\n")):
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(content)


def write(path: str, content: bytes) -> None:
    """Write a file in one step, with a checksum, so that no run ever takes a part for the whole.

    Raises:
        OSError: it cannot be written.
    """
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
        OSError: it cannot be read.
        ValueError: it is something else.
    """
    with open(path, "rb") as file:
        checksum, content = file.readline(), file.read()
    if int(checksum) != zlib.crc32(content):
        raise ValueError(f"{path} is damaged")
    return content


def state_of_code() -> Iterator[str]:
    """Give what tells one version of the code that checks from another."""
    from importlib.util import find_spec

    package = os.path.dirname(os.path.dirname(__file__))
    for folder, _, names in os.walk(package):
        for name in names:
            if name.endswith((".py", ".toml")):
                path = os.path.join(folder, name)
                yield f"{path} {os.stat(path).st_mtime_ns}"
    flake8 = find_spec("flake8")
    if flake8 is not None and flake8.origin is not None:
        yield f"{flake8.origin} {os.stat(flake8.origin).st_mtime_ns}"
