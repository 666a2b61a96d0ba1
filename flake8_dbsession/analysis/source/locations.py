"""Where a project's modules lie: imports led to files, of which none is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.roots import is_marked, project_root

_SKIPPED_FOLDERS = frozenset({"node_modules", "site-packages", "venv", "env", "__pycache__"})
# The packages that nearly every file of a web service imports.
_FRAMEWORKS = frozenset({"fastapi", "flask", "starlette"})

LARGEST_MODULE = 4_000_000
"""The size in bytes of the longest module that is followed: more is data in a module's shape."""


def repository_root(folder: Path) -> Path:
    """Find the folder beyond which nothing is read.

    Args:
        folder: an absolute, resolved folder.
    """
    return Path(project_root(str(folder)))


class Question(NamedTuple):
    """What an import asks.

    Attributes:
        folder: of the importing file, an absolute path.
        dotted: the module as written, without its leading dots; may be empty.
        level: the number of leading dots.
    """

    folder: Path
    dotted: str
    level: int


class Locations:
    """The places of one repository's modules, each looked for once.

    Args:
        root: the repository's folder.
        installed: the packages that, like the standard library, are never looked for in it.
        shared: those that it may have as well, but not inside of a package of its own.

    Attributes:
        root: the repository's folder.
        searched: the folders in which was looked, of which some may not exist.
    """

    def __init__(
        self, root: Path, installed: frozenset[str], shared: frozenset[str] = frozenset()
    ) -> None:
        self.root = root
        self._shared = shared
        self._installed = sys.stdlib_module_names | _FRAMEWORKS | installed
        self.searched: set[Path] = set()
        self._found: dict[Question, Path | None] = {}
        self._roots: dict[tuple[Path, str], list[Path]] = {}
        self._source_folders: dict[Path, list[Path]] = {}
        self._tops: dict[Path, bool] = {}

    def find(self, question: Question) -> Path | None:
        """Find the file that an import leads to.

        Returns:
            The module's file; the folder of a package without ``__init__.py``; None where the
            module lies outside the project, or nowhere.
        """
        if question not in self._found:
            self._found[question] = self._find(question)
        return self._found[question]

    def every(self, question: Question) -> Iterator[Path]:
        """Give all files that an import may lead to, the likeliest first."""
        segments = question.dotted.split(".") if question.dotted else []
        for base in self._bases(question.folder, segments, question.level):
            self._note(base, segments)
            path = _resolve(base.joinpath(*segments))
            if path is not None:
                yield path

    def _find(self, question: Question) -> Path | None:
        return next(self.every(question), None)

    def _note(self, base: Path, segments: list[str]) -> None:
        if base != self.root.parent:  # of which only the root is looked into
            self.searched.add(base)
        for segment in segments:
            base = base / segment
            self.searched.add(base)

    def _bases(self, folder: Path, segments: list[str], level: int) -> list[Path]:
        """Give the folders from which a dotted name may lead on, the likeliest first."""
        if level:
            for _ in range(level - 1):
                folder = folder.parent
            return [folder] if self._is_inside(folder) else []
        if not segments or segments[0] in self._installed:
            return []
        key = (folder, segments[0])
        if key not in self._roots:
            self._roots[key] = list(self._source_roots(*key))
        return self._roots[key]

    def _source_roots(self, folder: Path, top: str) -> Iterator[Path]:
        """Find the source roots that hold a top-level name.

        They lie above the importer, else beside what does; last comes the folder of the root, for
        what the root holds.
        """
        if not self._is_inside(folder):
            return
        ancestors = [folder, *folder.parents]
        ancestors = ancestors[: ancestors.index(self.root) + 1]
        self.searched.update(ancestors)
        above = [root for root in ancestors if self._holds(root, top)]
        outside = [self.root.parent] if self._is_root_itself(top) else []
        if outside and _is_package(self.root):
            above, outside = above + outside, []
        yield from sorted(above, key=_is_package)
        for ancestor in ancestors if not above else []:
            self.searched.update(self._folders_in(ancestor))
            for root in self._folders_in(ancestor):
                if self._holds(root, top):
                    yield root
        yield from outside

    def _is_root_itself(self, top: str) -> bool:
        """Tell whether a name may be that of the root: a project's folder, and a package."""
        return top == self.root.name and top not in self._shared and is_marked(str(self.root))

    def _holds(self, root: Path, top: str) -> bool:
        """Tell whether a folder holds a module by its top-level name."""
        if not self._is_module(root / top):
            return False
        return top not in self._shared or not _is_package(root)

    def _is_module(self, path: Path) -> bool:
        if path not in self._tops:
            self._tops[path] = _resolve(path) is not None
        return self._tops[path]

    def _folders_in(self, folder: Path) -> list[Path]:
        if folder not in self._source_folders:
            try:
                names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
            except OSError:
                names = []
            self._source_folders[folder] = [
                folder / name
                for name in names
                if not name.startswith(".") and name not in _SKIPPED_FOLDERS
            ]
        return self._source_folders[folder]

    def _is_inside(self, path: Path) -> bool:
        return path == self.root or self.root in path.parents


def _resolve(path: Path) -> Path | None:
    try:
        if (path / "__init__.py").is_file():
            return path / "__init__.py"
        if path.with_name(path.name + ".py").is_file():
            return path.with_name(path.name + ".py")
        return path if path.is_dir() else None
    except (OSError, ValueError):
        return None


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()
