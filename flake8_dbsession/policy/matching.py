"""Which paths a policy's patterns mean."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

# A name or glob of one segment, which means any file or folder called so. The presets have no other
# patterns, and need no library for them, whose import takes longer than all their matching.
_NAME = re.compile(r"[\w.*?-]+/?")


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
        relative = self._relative(os.path.abspath(path))
        for index, matches in enumerate(self._matchers):
            if matches(relative):
                return index
        return None

    def _relative(self, path: str) -> str:
        below = _below(path, str(self._root)) or _below(os.path.realpath(path), self._real_root)
        # Below a folder that no pattern can name, only un-anchored patterns match the name.
        return below or f"../{os.path.basename(path)}"

    @cached_property
    def _real_root(self) -> str:
        return os.path.realpath(self._root)

    @cached_property
    def _matchers(self) -> tuple[Callable[[str], object], ...]:
        return tuple(_matcher(patterns) for patterns in self._groups)


def _below(path: str, folder: str) -> str:
    """Give a path as seen from a folder, with slashes; empty where it does not lie in it."""
    prefix = os.path.join(folder, "")
    return path[len(prefix) :].replace(os.sep, "/") if path.startswith(prefix) else ""


def _matcher(patterns: tuple[str, ...]) -> Callable[[str], object]:
    """Make the function that tells whether a relative path matches any of some patterns."""
    if all(_NAME.fullmatch(pattern) and "**" not in pattern for pattern in patterns):
        return re.compile("|".join(map(_name_regex, patterns)) or r"(?!)").search
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns).match_file


def _name_regex(pattern: str) -> str:
    """Give the regular expression of a pattern that is one name: of a folder, or of anything."""
    name = re.escape(pattern.rstrip("/")).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return rf"(?:^|/){name}{'/' if pattern.endswith('/') else '(?:/|$)'}"


def is_pattern(text: str) -> bool:
    """Tell whether a text is a gitignore pattern that can match anything."""
    from pathspec import GitIgnoreSpec

    try:
        patterns = list(GitIgnoreSpec.from_lines([text]).patterns)
    except (ValueError, re.error):
        return False
    return any(pattern.include is not None for pattern in patterns)
