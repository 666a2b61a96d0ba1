"""Which files a run checks: those that are named, and those found in the folders that are named."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence

from flake8.utils import matches_filename
from pathspec import GitIgnoreSpec

from flake8_dbsession.checking.errors import RunError

STDIN = "-"

_LOG = logging.getLogger(__name__)
_SUFFIXES = (".py", ".pyi")
_SKIPPED_FOLDERS = frozenset(
    {
        "__pycache__",
        "__pypackages__",
        "_build",
        "buck-out",
        "build",
        "dist",
        "node_modules",
        "site-packages",
        "venv",
    }
)
_ENVIRONMENT_MARKS = frozenset({"pyvenv.cfg", "conda-meta"})


def discover(paths: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """Find the files to check.

    Args:
        paths: files, folders, or ``-`` for standard input. A file is checked whatever its name is.
        exclude: flake8's ``exclude`` patterns, which hold for named files too.

    Returns:
        The files, spelled as the path that was named or below the folder that was named.

    Raises:
        RunError: a path does not exist.
    """
    return [file for path in paths for file in _files_of(path, exclude)]


def _files_of(path: str, exclude: Sequence[str]) -> Iterator[str]:
    if path == STDIN:
        yield path
    elif not os.path.lexists(path):
        raise RunError(f"{path}: there is no such file or folder; check the spelling")
    elif not _is_excluded(path, exclude):
        if os.path.isdir(path):
            yield from _walk(path, _ignores_above(path), exclude)
        else:
            yield path


def _is_excluded(path: str, exclude: Sequence[str]) -> bool:
    return matches_filename(path, exclude, '"%(path)s" has %(whether)sbeen excluded', _LOG)


class _Ignore:
    """The patterns of one file, such as a ``.gitignore``.

    Args:
        folder: the absolute folder that the patterns are relative to.
        file: the file that holds them.
    """

    def __init__(self, folder: str, file: str) -> None:
        self._prefix = len(os.path.join(folder, ""))
        with open(file, encoding="utf-8", errors="surrogateescape") as lines:
            self._spec = GitIgnoreSpec.from_lines(lines)

    def verdict(self, path: str) -> bool | None:
        """Tell whether an absolute path is ignored; None where no pattern speaks of it."""
        return self._spec.check_file(path[self._prefix :]).include


def _walk(folder: str, ignores: list[_Ignore], exclude: Sequence[str]) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    if any(entry.name in _ENVIRONMENT_MARKS for entry in entries):
        return
    ignores = ignores + _ignores_in(folder)
    for entry in entries:
        # Links are left out: what they lead to inside the repository is found at its own place.
        if entry.is_dir(follow_symlinks=False):
            hidden = entry.name.startswith(".") or entry.name in _SKIPPED_FOLDERS
            if not hidden and not _is_left_out(entry.path, os.sep, ignores, exclude):
                yield from _walk(entry.path, ignores, exclude)
        elif (
            entry.name.endswith(_SUFFIXES)
            and entry.is_file(follow_symlinks=False)
            and not _is_left_out(entry.path, "", ignores, exclude)
        ):
            yield entry.path


def _is_left_out(path: str, end: str, ignores: list[_Ignore], exclude: Sequence[str]) -> bool:
    absolute = os.path.abspath(path) + end
    for ignore in reversed(ignores):
        verdict = ignore.verdict(absolute)
        if verdict is not None:
            return verdict or _is_excluded(path, exclude)
    return _is_excluded(path, exclude)


def _ignores_above(folder: str) -> list[_Ignore]:
    """Give what is ignored by the folders above one, from its repository's root downward."""
    above: list[_Ignore] = []
    current = os.path.abspath(folder)
    while not os.path.lexists(os.path.join(current, ".git")):
        parent = os.path.dirname(current)
        if parent == current:
            return []  # no repository, and so nothing above that a .gitignore could speak of
        above = _ignores_in(parent) + above
        current = parent
    exclude = os.path.join(current, ".git", "info", "exclude")
    return ([_Ignore(current, exclude)] if os.path.isfile(exclude) else []) + above


def _ignores_in(folder: str) -> list[_Ignore]:
    file = os.path.join(folder, ".gitignore")
    return [_Ignore(os.path.abspath(folder), file)] if os.path.isfile(file) else []
