"""A project as it is now, held against what a kept result rests on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flake8_dbsession.analysis.names.locations import LARGEST_MODULE, Locations, Question
from flake8_dbsession.digests import digest


class Present:
    """A project as it is now, each part looked at once.

    Args:
        root: the project's folder.
    """

    def __init__(self, root: Path) -> None:
        self._locations = Locations(root)
        self._answers: dict[tuple[str, str, int], str | None] = {}
        self._digests: dict[str, str] = {}

    def is_as_of(self, kept: dict[str, Any]) -> bool:
        """Tell whether the modules that a result rests on are where and what they were."""
        return all(
            self._answer(folder, dotted, level) == path
            for folder, dotted, level, path in kept["answers"]
        ) and all(self._digest(path) == content for path, content in kept["digests"].items())

    def _answer(self, folder: str, dotted: str, level: int) -> str | None:
        question = folder, dotted, level
        if question not in self._answers:
            path = self._locations.find(Question(Path(folder), dotted, level))
            self._answers[question] = str(path) if path else None
        return self._answers[question]

    def _digest(self, path: str) -> str:
        if path not in self._digests:
            self._digests[path] = _digest_of(path)
        return self._digests[path]


def _digest_of(path: str) -> str:
    """Give the digest of a file, as a project gives it; an empty one for what cannot be read."""
    try:
        with open(path, "rb") as file:
            return digest(file.read(LARGEST_MODULE + 1))
    except OSError:
        return ""
