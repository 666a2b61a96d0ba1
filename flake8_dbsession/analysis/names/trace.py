"""What a project's answers rest on, so that what was found with them can be kept while it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

ANY_NAME = "*"
"""Stands among the names of a file whose answers rest on which files there are at all."""


class Trace:
    """The questions that files put to a project, and what was read to answer them.

    Attributes:
        names: for each file the modules' simple names that it asked for, found or not.
        files: for each file the files that were read to answer it.
        folders: the folders in which was looked, some of which may not exist.
    """

    def __init__(self) -> None:
        self.names: defaultdict[Path, set[str]] = defaultdict(set)
        self.files: defaultdict[Path, set[Path]] = defaultdict(set)
        self.folders: set[Path] = set()

    def answered(self, asker: Path, names: Iterable[str], read: Iterable[Path]) -> None:
        """Record a question and the files that its answer is taken from."""
        self.names[asker].update(names)
        self.files[asker].update(read)

    def searched(self, base: Path, segments: Iterable[str] = ()) -> None:
        """Record that a dotted name was looked for from a folder on."""
        self.folders.add(base)
        for segment in segments:
            base = base / segment
            self.folders.add(base)
