"""How a set of files is best named by gitignore patterns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from flake8_dbsession.globs import Globs
from flake8_dbsession.patterns import regex

_MOST = 0.8  # of a folder's modules have to belong for the folder to stand for them
_SPECIAL = regex(r"([\\*?\[\]]|^[!#]| $)")


def patterns_of(
    members: Sequence[str], others: Sequence[str], usual: Iterable[str]
) -> tuple[tuple[str, ...], list[str]]:
    """Name files by patterns.

    Args:
        members: the files to name, relative to the policy's folder.
        others: the other files there are.
        usual: patterns that commonly name such files.

    Returns:
        The usual patterns that name some of them, then the folders that hold little else; and the
        files that none of these names.
    """
    patterns = [pattern for pattern in usual if _matched([pattern], members)]
    rest = _unmatched(patterns, members)
    for folder in _folders(rest):
        inside = [path for path in members if path.startswith(f"{folder}/")]
        outside = [path for path in others if _is_module_in(path, folder)]
        if _matched(patterns, inside) != set(inside) and len(inside) >= _MOST * (
            len(inside) + len(outside)
        ):
            patterns.append(f"{pattern_of(folder)}/")
    return tuple(patterns), _unmatched(patterns, rest)


def pattern_of(path: str) -> str:
    """Give the pattern that names one path and nothing else."""
    return "/" + _SPECIAL.sub(r"\\\1", path)


def _folders(paths: Sequence[str]) -> list[str]:
    """Give the folders that hold files, from the top down."""
    folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return sorted(folders - {"."})


def _is_module_in(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/") and not path.endswith("/__init__.py")


def _unmatched(patterns: Sequence[str], paths: Sequence[str]) -> list[str]:
    found = _matched(patterns, paths)
    return [path for path in paths if path not in found]


def _matched(patterns: Sequence[str], paths: Sequence[str]) -> set[str]:
    return set(filter(Globs(patterns).matches, paths))
