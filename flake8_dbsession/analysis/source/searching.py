"""A search through the text of a project's own Python files, where no import leads."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex
from flake8_dbsession.reading import Sources

_SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "env", "node_modules", "site-packages", "test", "tests", "venv"}
)
_MOST_FILES = 10_000
_TEST_WORDS = frozenset({"conftest", "test", "testing", "tests"})
_CLASS = regex(rb"\n[ \t]*class[ \t]+\w+[ \t]*\(([^)]*)\)")
_LARGEST_FILE = 2_000_000  # bytes; what is longer is data in the shape of a module


class SearchResult(NamedTuple):
    """What a search came upon.

    Attributes:
        files: the files that hold what was looked for.
        searched: those that do not.
        is_complete: whether the project had few enough files to look through.
    """

    files: list[Path]
    searched: list[str]
    is_complete: bool


def python_files(root: Path) -> list[str]:
    """List a project's Python files, those of its tests, hidden and installed folders left out."""
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders if name not in _SKIPPED_FOLDERS and not name.startswith(".")
        )
        found += (os.path.join(folder, name) for name in sorted(names) if name.endswith(".py"))
        if len(found) > _MOST_FILES:
            break
    return found


def is_test(path: Path, root: Path) -> bool:
    """Tell whether a file is a test's, or helps tests, by its name or that of a folder.

    Args:
        path: the file, an absolute path.
        root: the project's folder, above which no name counts.
    """
    parts = path.relative_to(root).with_suffix("").parts
    if any(not _TEST_WORDS.isdisjoint(folder.split("_")) for folder in parts[:-1]):
        return True
    words = parts[-1].split("_")
    return not _TEST_WORDS.isdisjoint((words[0], words[-1]))


def search(
    files: Sequence[str],
    pattern: re.Pattern[bytes],
    sources: Sources,
    *,
    only_first: bool = False,
) -> SearchResult:
    """Look for a pattern in a project's files.

    Args:
        files: the project's files.
        pattern: what to look for.
        sources: where the files are read.
        only_first: whether the first file that holds it is enough.

    Returns:
        What was found.
    """
    found: list[Path] = []
    searched: list[str] = []
    for path in files[:_MOST_FILES]:
        if pattern.search(_content(path, sources)) is not None:
            found.append(Path(path))
            if only_first:
                return SearchResult(found, [], is_complete=True)
        else:
            searched.append(path)
    return SearchResult(found, searched, is_complete=len(files) <= _MOST_FILES)


def deriving(files: Sequence[str], sources: Sources) -> dict[str, list[Path]]:
    """Find where classes are derived from others.

    Args:
        files: the project's files.
        sources: where the files are read.

    Returns:
        The files for each word that stands among the bases of a class.
    """
    found: dict[str, list[Path]] = {}
    for path in files[:_MOST_FILES]:
        bases = b" ".join(_CLASS.findall(b"\n" + _content(path, sources)))
        for word in set(re.findall(rb"\w+", bases)):
            found.setdefault(word.decode(errors="replace"), []).append(Path(path))
    return found


def _content(path: str, sources: Sources) -> bytes:
    """Give a file's bytes; none of what cannot be read, or is too long to be written code."""
    try:
        return sources.read(path, most=_LARGEST_FILE, links=False)
    except OSError:
        return b""
