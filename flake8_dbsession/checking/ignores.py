"""What git ignores: by the files of a repository, and by the user's own patterns."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress

from pathspec import GitIgnoreSpec

PATTERN_FILE = ".gitignore"

_EXCLUDES_FILE = re.compile(r'^\s*excludesfile\s*=\s*"?(.+?)"?\s*$', re.IGNORECASE | re.MULTILINE)


class Patterns:
    """The patterns of one file, such as a ``.gitignore``.

    Args:
        folder: the absolute folder that the patterns are relative to.
        file: the file that holds them; one that cannot be read holds none.
    """

    def __init__(self, folder: str, file: str) -> None:
        self._prefix = len(os.path.join(folder, ""))
        lines = _read(file).splitlines()
        self._spec = _spec(lines) or GitIgnoreSpec.from_lines(filter(_is_usable, lines))

    def verdict(self, path: str) -> bool | None:
        """Tell whether an absolute path is ignored; None where no pattern speaks of it."""
        return self._spec.check_file(path[self._prefix :]).include


def _spec(lines: list[str]) -> GitIgnoreSpec | None:
    with suppress(ValueError, re.error):
        return GitIgnoreSpec.from_lines(lines)
    return None


def _is_usable(line: str) -> bool:
    """Tell whether a line is a pattern; git passes the others over."""
    return _spec([line]) is not None


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
    if not os.path.isfile(file):  # which may be a pipe
        return ""
    with suppress(OSError), open(file, encoding="utf-8", errors="surrogateescape") as stream:
        return stream.read()
    return ""
