"""Which paths a policy's patterns mean."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


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
        # Another process compiles for itself: not every back end of pathspec can be sent.
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
        relative = self._relative(Path(os.path.abspath(path)))
        for index, spec in enumerate(self._specs):
            if spec.match_file(relative):
                return index
        return None

    def _relative(self, path: Path) -> str:
        if path.is_relative_to(self._root):
            return path.relative_to(self._root).as_posix()
        real, real_root = Path(os.path.realpath(path)), Path(os.path.realpath(self._root))
        if real.is_relative_to(real_root):
            return real.relative_to(real_root).as_posix()
        # Below a folder that no pattern can name, only un-anchored patterns match the name.
        return f"../{path.name}"

    @cached_property
    def _specs(self) -> tuple[GitIgnoreSpec, ...]:
        from pathspec import GitIgnoreSpec

        return tuple(GitIgnoreSpec.from_lines(patterns) for patterns in self._groups)


def is_pattern(text: str) -> bool:
    """Tell whether a text is a gitignore pattern that can match anything."""
    import re

    from pathspec import GitIgnoreSpec

    try:
        patterns = list(GitIgnoreSpec.from_lines([text]).patterns)
    except (ValueError, re.error):
        return False
    return any(pattern.include is not None for pattern in patterns)
