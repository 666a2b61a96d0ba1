"""Which files a run checks: those that are named, and those found in the folders that are named."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence, Set
from fnmatch import translate
from typing import TypeAlias

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.files import markdown, notebooks
from flake8_dbsession.checking.files.ignores import (
    PATTERN_FILE,
    Patterns,
    exclude_file,
    is_repository,
    user_files,
)
from flake8_dbsession.roots import is_within

STDIN = "-"

_HERE = frozenset({os.curdir, os.pardir})
_OTHERS = (markdown.SUFFIX, notebooks.SUFFIX)
_SUFFIXES = (".py", ".pyi", *_OTHERS)
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
_INTERPRETERS = frozenset({"Scripts", "bin"})

_Ignores: TypeAlias = list[Patterns] | None
"""What is ignored somewhere, the weakest first; None outside of any repository."""


class FoundFiles:
    """The files to check, and what this list of them rests on.

    Attributes:
        files: their paths, spelled as the path that was named or below the folder that was named.
        folders: the folders that were listed.
        ignores: the files that say what is ignored; they need not exist.
        is_whole: whether each folder could be listed.
    """

    def __init__(self) -> None:
        self.files: list[str] = []
        self.folders: list[str] = []
        self.ignores: list[str] = []
        self.is_whole = True


def discover(paths: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """Find the Python files among those that ``search`` finds."""
    return python_files(search(paths, exclude).files)


def python_files(files: Iterable[str]) -> list[str]:
    """Choose the files that are Python's, and do not only hold some."""
    return [file for file in files if not file.endswith(_OTHERS)]


def search(paths: Sequence[str], exclude: Sequence[str]) -> FoundFiles:
    """Find the files to check, and what the list of them rests on.

    Args:
        paths: files, folders, or ``-`` for standard input. A file is checked whatever its name is.
        exclude: flake8's ``exclude`` patterns, which hold for named files too.

    Raises:
        RunError: a path does not exist, or standard input is closed.
    """
    walker = _Walker(exclude)
    for path in paths:
        walker.visit(path)
    return walker.found


def is_met(file: str, folder: str, exclude: Sequence[str]) -> bool:
    """Tell whether a walk through a folder would come to a file, whatever its name ends with.

    Args:
        file: the file's absolute path.
        folder: the absolute folder; what lies outside of it is met where it is named.
        exclude: as ``search`` takes it.
    """
    return _Walker(exclude).meets(file, folder)


def _is_environment(names: Set[str]) -> bool:
    """Tell whether a folder that holds some names is an environment, with an interpreter in it.

    A repository into which a ``pyvenv.cfg`` was committed by mistake is none.
    """
    return "conda-meta" in names or ("pyvenv.cfg" in names and not names.isdisjoint(_INTERPRETERS))


class _Walker:
    """Looks through paths, one after another."""

    def __init__(self, exclude: Sequence[str]) -> None:
        self.found = FoundFiles()
        patterns = (translate(os.path.normcase(pattern)) for pattern in exclude)
        self._excluded = re.compile("|".join(patterns) or r"(?!)")

    def visit(self, path: str) -> None:
        """Take a path that was named."""
        if path == STDIN:
            if sys.stdin is None:  # as Python has it where a program is started without one
                raise RunError("standard input is closed")
            self.found.files.append(path)
        elif _is_missing(path):
            raise RunError(f"{path}: there is no such file or folder; check the spelling")
        elif self._is_excluded(path, os.path.abspath(path)):
            pass
        elif os.path.isdir(path):
            self._walk(path)
        else:
            self.found.files.append(path)

    def meets(self, file: str, folder: str) -> bool:
        """Tell whether a walk through a folder would come to a file."""
        if not is_within(file, folder):
            return not self._is_excluded(file, os.path.abspath(file))
        *folders, _ = os.path.relpath(file, folder).split(os.sep)
        ignores, current = self._ignores_above(folder), folder
        for part in folders:
            names = _names_in(current)
            ignores = self._ignores_in(current, names, ignores)
            current = os.path.join(current, part)
            if _is_environment(names) or self._is_passed_over(part, current, ignores):
                return False
        names = _names_in(current)
        ignores = self._ignores_in(current, names, ignores)
        return not _is_environment(names) and not self._is_left_out(file, "", ignores)

    def _walk(self, folder: str) -> None:
        waiting = self._listed(folder, self._ignores_above(folder))
        while waiting:  # folders may be nested deeper than Python's calls
            entry, ignores = waiting.pop()
            # Links are left out: what they lead to in the repository is found at its own place.
            if entry.is_dir(follow_symlinks=False):
                if not self._is_passed_over(entry.name, entry.path, ignores):
                    waiting += self._listed(entry.path, ignores)
            elif (
                entry.name.endswith(_SUFFIXES)
                and entry.is_file(follow_symlinks=False)
                and not self._is_left_out(entry.path, "", ignores)
            ):
                self.found.files.append(entry.path)

    def _listed(self, folder: str, above: _Ignores) -> list[tuple[os.DirEntry[str], _Ignores]]:
        """Give what a folder holds, the last first, each with the patterns that hold there."""
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name, reverse=True)
        except FileNotFoundError:  # it went while others were looked through
            return []
        except OSError:
            self.found.files.append(folder)  # it is reported as a file is that cannot be read
            self.found.is_whole = False
            return []
        self.found.folders.append(folder)
        names = {entry.name for entry in entries}
        if _is_environment(names):
            return []
        ignores = self._ignores_in(folder, names, above)
        return [(entry, ignores) for entry in entries]

    def _is_passed_over(self, name: str, folder: str, ignores: _Ignores) -> bool:
        hidden = name.startswith(".") or name in _SKIPPED_FOLDERS
        return hidden or self._is_left_out(folder, os.sep, ignores)

    def _is_left_out(self, path: str, end: str, ignores: _Ignores) -> bool:
        absolute = os.path.abspath(path)
        verdicts = (patterns.verdict(absolute + end) for patterns in reversed(ignores or []))
        ignored = next((verdict for verdict in verdicts if verdict is not None), False)
        return ignored or self._is_excluded(path, absolute)

    def _is_excluded(self, path: str, absolute: str) -> bool:
        """Tell what flake8 does: whether a pattern is that of a name, or of the absolute path."""
        name, excludes = os.path.basename(path), self._excluded.match
        if name not in _HERE and excludes(os.path.normcase(name)):
            return True
        return excludes(os.path.normcase(absolute)) is not None

    def _ignores_above(self, folder: str) -> _Ignores:
        """Give what is ignored by the folders above one, from its repository's root downward."""
        above: list[Patterns] = []
        current = os.path.abspath(folder)
        while not is_repository(current):
            parent = os.path.dirname(current)
            if parent == current:
                return None
            above.insert(0, self._patterns(parent, os.path.join(parent, PATTERN_FILE)))
            current = parent
        return self._ignores_of(current) + above

    def _ignores_in(self, folder: str, names: Set[str], above: _Ignores) -> _Ignores:
        """Give what is ignored in a folder, by it and by those above it."""
        if ".git" in names:
            above = self._ignores_of(os.path.abspath(folder))
        if above is None or PATTERN_FILE not in names:
            return above
        return [*above, self._patterns(folder, os.path.join(folder, PATTERN_FILE))]

    def _ignores_of(self, root: str) -> list[Patterns]:
        """Give what is ignored in a repository beside what its folders say."""
        *configurations, own = user_files()
        self.found.ignores += configurations
        return [self._patterns(root, own), self._patterns(root, exclude_file(root))]

    def _patterns(self, folder: str, file: str) -> Patterns:
        self.found.ignores.append(file)
        return Patterns(os.path.abspath(folder), file)


def _names_in(folder: str) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


def _is_missing(path: str) -> bool:
    """Tell whether nothing is at a path, which is not to say that it may be looked at."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
