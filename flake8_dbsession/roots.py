"""How far a project reaches."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_REPOSITORY_MARKS = (".git", ".hg")
_PROJECT_MARKS = (
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "tox.ini",
    ".flake8",
    "dbsession.toml",
    "requirements.txt",
)
# They stand in a project's folder as a rule, but in one inside of it as well.
_SLIGHT_MARKS = (".pre-commit-config.yaml", ".ruff.toml", "pytest.ini", "ruff.toml")
_roots: dict[str, str] = {}
_repositories: dict[str, str | None] = {}


def project_root(folder: str) -> str:
    """Find the folder of the project that a folder lies in, beyond which nothing is read.

    Args:
        folder: an absolute path.

    Returns:
        The nearest folder at or above it that holds a repository; else the nearest that holds a
        project's file, or the one that its package lies in, where that holds one as well, a tool's
        settings included; else the nearest that holds a tool's settings; else the nearest that is
        no package, in which the topmost package lies.
    """
    if folder not in _roots:
        _roots[folder] = _found_root(folder)
    return _roots[folder]


def _found_root(folder: str) -> str:
    above = list(upward(folder))
    found = next(
        (
            candidate
            for is_root in (_holds_repository, _holds_project, _holds_settings, _is_no_package)
            for candidate in above
            if is_root(candidate)
        ),
        folder,
    )
    if _holds_repository(found):
        return found
    outside = next(filter(_is_no_package, upward(found)), found)
    return outside if is_marked(outside) else found


def repository_of(folder: str) -> str | None:
    """Give the nearest folder at or above one that holds a repository; None where there is none.

    Args:
        folder: an absolute path.
    """
    if folder not in _repositories:
        _repositories[folder] = next(filter(_holds_repository, upward(folder)), None)
    return _repositories[folder]


def forget_roots() -> None:
    """Have projects' folders be looked for anew, for a mark of one may have come or gone."""
    _roots.clear()
    _repositories.clear()


def upward(folder: str) -> Iterator[str]:
    """Give a folder and those above it, the nearest first."""
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def marked_folders(folder: str) -> Iterator[str]:
    """Give the folders at and above one that hold a repository or a project's file."""
    for candidate in upward(folder):
        if _holds_repository(candidate) or _holds_project(candidate):
            yield candidate


def is_within(path: str, folder: str) -> bool:
    """Tell whether an absolute path is a folder's or lies below it."""
    return path == folder or path.startswith(os.path.join(folder, ""))


def is_marked(folder: str) -> bool:
    """Tell whether a folder holds what a project's folder does: a repository, a project's file."""
    return any(holds(folder) for holds in (_holds_repository, _holds_project, _holds_settings))


def _holds_repository(folder: str) -> bool:
    return any(os.path.lexists(os.path.join(folder, mark)) for mark in _REPOSITORY_MARKS)


def _holds_project(folder: str) -> bool:
    return any(os.path.isfile(os.path.join(folder, mark)) for mark in _PROJECT_MARKS)


def _holds_settings(folder: str) -> bool:
    return any(os.path.isfile(os.path.join(folder, mark)) for mark in _SLIGHT_MARKS)


def _is_no_package(folder: str) -> bool:
    """Tell whether a folder cannot be imported as a package, be it for its name."""
    is_named = os.path.basename(folder).isidentifier()
    return not is_named or not os.path.isfile(os.path.join(folder, "__init__.py"))
