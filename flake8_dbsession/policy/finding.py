"""Which file's policy holds for a linted file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from flake8_dbsession.policy.errors import PolicyError, PolicyPlace
from flake8_dbsession.policy.files import (
    OWN_FILE,
    PROJECT_FILE,
    content_of,
    misnamed,
    parse,
    shown,
    tool_table,
)

_PASSED_OVER = frozenset({"node_modules", "site-packages", "__pycache__"})


def find(path: Path) -> Path | None:
    """Find the policy that holds for a file.

    Args:
        path: the linted file, absolute or relative to the working directory.

    Returns:
        The nearest ``dbsession.toml``, or ``pyproject.toml`` with ``[tool.dbsession]``, at or above
        the file and inside its repository; None when there is none. A file that cannot be read or
        parsed is returned as well, for ``load`` to say what is wrong with it.

    Raises:
        PolicyError: two files of one folder hold a policy, or a ``dbsession.toml`` is a link that
            leads out of the repository.
    """
    return _find_from(os.path.dirname(os.path.abspath(path)))


def of_run(named: str | None, *words: bytes) -> Path | None:
    """Find the policy of a run where it may say something, without loading it.

    Args:
        named: the policy's file; None for the one found from the working directory upward.
        words: what stands in a policy that says it by itself; one that extends another may say it.

    Raises:
        PolicyError: as ``find`` raises it, or the file cannot be read.
    """
    file = Path(named) if named else find(Path("code.py"))
    if file is None or not any(word in content_of(file) for word in (*words, b"extend")):
        return None
    return file


def policies_below(folder: Path) -> list[Path]:
    """Find the policies in the folders below one, hidden ones and virtual environments left out.

    Args:
        folder: an absolute folder.

    Raises:
        PolicyError: two files of one folder hold a policy.
    """
    found: list[Path] = []
    for current, names, _ in os.walk(folder):
        names[:] = sorted(
            name
            for name in names
            if name[0] != "."
            and name not in _PASSED_OVER
            and not os.path.exists(os.path.join(current, name, "pyvenv.cfg"))
        )
        policy = _policy_in(Path(current))
        if policy is not None:
            found.append(policy)
    return found


def repository_root(path: Path) -> Path:
    """Return the folder up to which a policy is looked for.

    Args:
        path: a file, absolute or relative to the working directory.

    Returns:
        The nearest folder above the file that holds ``.git``; without one, the user's home where
        the file lies below it, else the root of the file system.
    """
    return _repository_root(os.path.dirname(os.path.abspath(path)))


def forget_found() -> None:
    """Have policies be looked for anew, for a file may have changed."""
    for function in (_find_from, _repository_root, _policy_in):
        function.cache_clear()


@cache
def _find_from(folder: str) -> Path | None:
    for each in _folders_up(folder):
        found = _policy_in(each)
        if found is not None:
            return found
    return None


@cache
def _repository_root(folder: str) -> Path:
    return list(_folders_up(folder))[-1]


def _folders_up(folder: str) -> Iterator[Path]:
    """Yield a folder and those above it, up to the repository's root."""
    home = os.path.expanduser("~")
    for each in (Path(folder), *Path(folder).parents):
        yield each
        if str(each) == home or os.path.lexists(each / ".git"):
            return


@cache
def _policy_in(folder: Path) -> Path | None:
    own, project = folder / OWN_FILE, folder / PROJECT_FILE
    has_own = os.path.lexists(own)
    has_project = not _leads_out(project) and _mentions_policy(project)
    if has_own and has_project:
        table = f"{shown(project)} holds a policy too, in [tool.dbsession]"
        raise PolicyPlace(shown(own), file=own).error(f"{table}; keep one of the two")
    if has_own and _leads_out(own):
        raise PolicyPlace(shown(own), file=own).error("is a link that leads out of the repository")
    if has_own:
        return own
    return project if has_project else None


def _leads_out(file: Path) -> bool:
    """Tell whether a file is a link to somewhere outside its repository, which is never read."""
    if not os.path.islink(file):
        return False
    root = os.path.realpath(repository_root(file))
    return not Path(os.path.realpath(file)).is_relative_to(root)


def _mentions_policy(project: Path) -> bool:
    """Tell whether a ``pyproject.toml`` holds a policy, or may hold one that cannot be read."""
    if not os.path.isfile(project):
        return False
    try:
        content = content_of(project)
    except PolicyError:
        return True
    # Most projects' files never name this tool, and need not be parsed to be passed over.
    if b"dbsession" not in content:
        return False
    try:
        data = parse(project, content)
        return tool_table(data) is not None or misnamed(data) is not None
    except PolicyError:
        return True
