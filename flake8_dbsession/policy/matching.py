"""Which paths a policy's patterns mean."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from flake8_dbsession.globs import Globs


class PathGroups:
    """Groups of gitignore patterns, of which a path belongs to the first that matches it.

    The patterns are compiled when the first path is looked up, and each answer is remembered.

    Args:
        root: the folder that the patterns are relative to.
        groups: the patterns of each group, in order of precedence.
    """

    def __init__(self, root: Path, groups: tuple[tuple[str, ...], ...]) -> None:
        self._root = root
        self._groups = groups
        self._answers: dict[str, int | None] = {}

    def __reduce__(self) -> tuple[type[PathGroups], tuple[Path, tuple[tuple[str, ...], ...]]]:
        # Another process compiles for itself, and looks up its own paths.
        return PathGroups, (self._root, self._groups)

    def first_match(self, path: str | os.PathLike[str]) -> int | None:
        """Return the index of the first group that a file belongs to, or None.

        Args:
            path: the file, absolute or relative to the working directory. It need not exist.
        """
        key = os.fspath(path)
        if key not in self._answers:
            self._answers[key] = self._look_up(key)
        return self._answers[key]

    def _look_up(self, path: str) -> int | None:
        relative = self._relative(os.path.abspath(path))
        return next((i for i, globs in enumerate(self._globs) if globs.matches(relative)), None)

    def _relative(self, path: str) -> str:
        below = _below(path, str(self._root)) or _below(os.path.realpath(path), self._real_root)
        # Below a folder that no pattern can name, only un-anchored patterns match the name.
        return below or f"../{os.path.basename(path)}"

    @cached_property
    def _real_root(self) -> str:
        return os.path.realpath(self._root)

    @cached_property
    def _globs(self) -> tuple[Globs, ...]:
        return tuple(map(Globs, self._groups))


def _below(path: str, folder: str) -> str:
    """Give a path as seen from a folder, with slashes; empty where it does not lie in it."""
    prefix = os.path.join(folder, "")
    return path[len(prefix) :].replace(os.sep, "/") if path.startswith(prefix) else ""
