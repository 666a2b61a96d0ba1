"""Which files a run checks: those that are named, and those found in the folders that are named."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from flake8.utils import matches_filename
from pathspec import GitIgnoreSpec

from flake8_dbsession.checking import markdown
from flake8_dbsession.checking.errors import RunError

STDIN = "-"

_LOG = logging.getLogger(__name__)
_SUFFIXES = (".py", ".pyi", markdown.SUFFIX)
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


@dataclass(slots=True)
class Found:
    """The files to check, and what this list of them rests on.

    Attributes:
        files: their paths, spelled as the path that was named or below the folder that was named.
        folders: the folders that were listed.
        ignores: the files of patterns that were read.
    """

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    ignores: list[str] = field(default_factory=list)


def discover(paths: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """Find the Python files among those that ``search`` finds."""
    return [file for file in search(paths, exclude).files if not file.endswith(markdown.SUFFIX)]


def search(paths: Sequence[str], exclude: Sequence[str]) -> Found:
    """Find the files to check, and what the list of them rests on.

    Args:
        paths: files, folders, or ``-`` for standard input. A file is checked whatever its name is.
        exclude: flake8's ``exclude`` patterns, which hold for named files too.

    Raises:
        RunError: a path does not exist.
    """
    walker = _Walker(exclude)
    for path in paths:
        walker.visit(path)
    return walker.found


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


class _Walker:
    """Looks through paths, one after another."""

    def __init__(self, exclude: Sequence[str]) -> None:
        self.found = Found()
        self._exclude = exclude

    def visit(self, path: str) -> None:
        """Take a path that was named."""
        if path == STDIN:
            self.found.files.append(path)
        elif not os.path.lexists(path):
            raise RunError(f"{path}: there is no such file or folder; check the spelling")
        elif self._is_excluded(path):
            pass
        elif os.path.isdir(path):
            self._walk(path, self._ignores_above(path))
        else:
            self.found.files.append(path)

    def _walk(self, folder: str, ignores: list[_Ignore]) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            return
        self.found.folders.append(folder)
        if any(entry.name in _ENVIRONMENT_MARKS for entry in entries):
            return
        ignores = ignores + self._ignores_in(folder)
        for entry in entries:
            # Links are left out: what they lead to in the repository is found at its own place.
            if entry.is_dir(follow_symlinks=False):
                hidden = entry.name.startswith(".") or entry.name in _SKIPPED_FOLDERS
                if not hidden and not self._is_left_out(entry.path, os.sep, ignores):
                    self._walk(entry.path, ignores)
            elif (
                entry.name.endswith(_SUFFIXES)
                and entry.is_file(follow_symlinks=False)
                and not self._is_left_out(entry.path, "", ignores)
            ):
                self.found.files.append(entry.path)

    def _is_left_out(self, path: str, end: str, ignores: list[_Ignore]) -> bool:
        absolute = os.path.abspath(path) + end
        verdicts = (ignore.verdict(absolute) for ignore in reversed(ignores))
        ignored = next((verdict for verdict in verdicts if verdict is not None), False)
        return ignored or self._is_excluded(path)

    def _is_excluded(self, path: str) -> bool:
        message = '"%(path)s" has %(whether)sbeen excluded'
        return matches_filename(path, self._exclude, message, _LOG)

    def _ignores_above(self, folder: str) -> list[_Ignore]:
        """Give what is ignored by the folders above one, from its repository's root downward."""
        above: list[_Ignore] = []
        current = os.path.abspath(folder)
        while not os.path.lexists(os.path.join(current, ".git")):
            parent = os.path.dirname(current)
            if parent == current:
                return []  # no repository, and so no folder above that has a say
            above = self._ignores_in(parent) + above
            current = parent
        return self._ignores(current, os.path.join(current, ".git", "info", "exclude")) + above

    def _ignores_in(self, folder: str) -> list[_Ignore]:
        return self._ignores(folder, os.path.join(folder, ".gitignore"))

    def _ignores(self, folder: str, file: str) -> list[_Ignore]:
        if not os.path.isfile(file):
            return []
        self.found.ignores.append(file)
        return [_Ignore(os.path.abspath(folder), file)]
