"""What git ignores: by the files of a repository, and by the user's own patterns."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress

from flake8_dbsession.globs import Globs, lines_of
from flake8_dbsession.patterns import regex
from flake8_dbsession.reading import read_file

PATTERN_FILE = ".gitignore"

_LARGEST = 4 * 2**20  # bytes of patterns or of git's configuration
_EXCLUDES_FILE = regex(r'^\s*excludesfile\s*=\s*"?(.+?)"?\s*$', re.IGNORECASE | re.MULTILINE)


class Patterns:
    """The patterns of one file, such as a ``.gitignore``.

    Args:
        folder: the absolute folder that the patterns are relative to.
        file: the file that holds them; one that cannot be read holds none.
    """

    def __init__(self, folder: str, file: str) -> None:
        self._prefix = len(os.path.join(folder, ""))
        self._globs = Globs(lines_of(_read(file)))

    def verdict(self, path: str) -> bool | None:
        """Tell whether a path is ignored; None where no pattern speaks of it.

        Args:
            path: its absolute path; that of a folder ends in a separator.
        """
        return self._globs.verdict(path[self._prefix :].replace(os.sep, "/"))


def is_repository(folder: str) -> bool:
    """Tell whether a folder is the root of a repository."""
    return os.path.lexists(os.path.join(folder, ".git"))


def exclude_file(root: str) -> str:
    """Give the file of a repository's patterns that are not shared; it may not exist."""
    return os.path.join(_git_folder(os.path.join(root, ".git")), "info", "exclude")


def user_files() -> Iterator[str]:
    """Give the files that decide what the user ignores everywhere; they may not exist.

    The last of them holds the patterns. git's configuration is read as ruff reads it: that of the
    user, not that of the system or of a repository.
    """
    own = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    for configuration in (os.path.expanduser("~/.gitconfig"), os.path.join(own, "git", "config")):
        yield configuration
        named = _EXCLUDES_FILE.search(_read(configuration))
        if named:
            yield os.path.expanduser(named[1])
            return
    yield os.path.join(own, "git", "ignore")


def _git_folder(mark: str) -> str:
    """Give the folder that a repository shares with its other working trees."""
    if os.path.isdir(mark):
        return mark
    folder = os.path.join(os.path.dirname(mark), _read(mark).partition("gitdir:")[2].strip())
    return os.path.join(folder, _read(os.path.join(folder, "commondir")).strip())


def _read(file: str) -> str:
    with suppress(OSError):
        return read_file(file, most=_LARGEST).decode(errors="surrogateescape")
    return ""
