"""What tells one version of the code that checks, and of Python, from another."""

from __future__ import annotations

import os
import sys

import flake8_dbsession
from flake8_dbsession import __version__
from flake8_dbsession.checking.caching.pairs import together
from flake8_dbsession.digests import digest_of_texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTALLED = ("site-packages", "dist-packages")
_PACKAGE = os.path.dirname(os.path.abspath(flake8_dbsession.__file__))


def installation() -> bytes:
    """Give what is the same for as long as nothing is installed, or changed where one works on it.

    It says less than ``state_of_code``, and is found faster.
    """
    moments = (f"{folder} {_moment(folder)}" for folder in filter(_is_of_packages, sys.path))
    return together([*moments, *([] if _is_installed() else _own_files())])


def state_of_code() -> str:
    """Give a hash of the versions of Python, of this package and of what it checks with.

    An installed package is known by its version and the sizes of its files, for which each
    installation has new times; one that is worked on, by their times.
    """
    return digest_of_texts((sys.version, __version__, *_others(), *_own_files()))


def _others() -> Iterator[str]:
    """Give the versions of what this package checks with."""
    names = [name for folder in filter(_is_of_packages, sys.path) for name in _names_in(folder)]
    for package in ("flake8", "markdown_it_py"):
        found = sorted(name for name in names if name.startswith(f"{package}-"))
        yield from found or [_version(package)]


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _version(package: str) -> str:
    from importlib.metadata import version  # which takes long to import

    return version(package)


def _own_files() -> Iterator[str]:
    is_installed = _is_installed()
    folders = [_PACKAGE]
    for folder in folders:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith((".py", ".toml")):
                    try:
                        status = entry.stat()
                    except OSError:  # an editor's mark, or a file that just went
                        continue
                    moment = 0 if is_installed else status.st_mtime_ns
                    yield f"{entry.name} {status.st_size} {moment}"
                elif entry.name != "__pycache__" and entry.is_dir():
                    folders.append(entry.path)


def _is_installed() -> bool:
    return os.path.basename(os.path.dirname(_PACKAGE)) in _INSTALLED


def _is_of_packages(folder: str) -> bool:
    return os.path.basename(folder) in _INSTALLED


def _moment(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0
