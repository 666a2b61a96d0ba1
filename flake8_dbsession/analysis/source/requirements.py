"""Which versions of a distribution a project allows, by what it says that it requires.

Read are the files in which Python projects say so: requirements files, ``pyproject.toml``,
``setup.cfg``, ``setup.py``, ``Pipfile``, conda's ``environment.yml``, and lock files, which say
what is installed. Their syntax is not told apart: a distribution's name, a comparison and a version
stand beside each other in all of them.

Sources: PEP 440, PEP 508 and PEP 621, and the documentation of Poetry for ``^`` and ``~``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.patterns import regex

Version: TypeAlias = tuple[int, ...]

FILES = (
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "requirements.txt",
    "requirements.in",
    "requirements/base.txt",
    "requirements/common.txt",
    "requirements/main.txt",
    "requirements/prod.txt",
    "requirements/production.txt",
    "requirements/requirements.txt",
    "Pipfile",
    "environment.yml",
    "environment.yaml",
)
"""The files that say what a project requires, from its folder."""

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")
"""The files that say what is installed for it."""

_LARGEST_FILE = 4_000_000  # bytes
_COMMENT = regex(r"(?m)(?:^|\s)#.*$")
_ONE_BOUND = r"(===|==|~=|>=|<=|!=|\^|~|>|<|=)\s*v?(\d+(?:\.\d+)*)(\.\*)?"
_BOUND = regex(_ONE_BOUND)
_BOUNDS = regex(rf"\s*\(?\s*(?:{_ONE_BOUND})(?:\s*,\s*(?:{_ONE_BOUND}))*")
# What stands between a name and its bounds: extras, a quote, TOML's ``=`` and a table.
_BETWEEN = (
    r"""\s*(?:\[[^\]\n]*\])?["']?"""
    r"""(?:\s*=\s*(?:\{[^}\n]*?version\s*=\s*)?["'](?=[\d^~<>=]))?"""
)

# The names of extras and groups that nothing runs with but tests and development.
_AIDS = (
    r"(?:[\w-]+[-_])?(?:ci|dev|develop|development|docs?|lint|tests?|testing|typing)(?:[-_][\w-]+)?"
)
_LIST = r"\[(?:[^][]|\[[^][]*\])*\]"  # of requirements, which have extras in brackets
_FOR_DEVELOPMENT = regex(
    # A table of TOML's and of Pipfile's up to the next one, or the sections of `setup.cfg`.
    rf"(?mi)^\[(?:[^].\n]+\.)*{_AIDS}(?:\.[^]\n]+)?\](?:\n(?!\[).*)*"
    # A list of TOML's, or of a dictionary in `setup.py`; a value of `setup.cfg` in lines.
    rf"""|(?<![\w-])["']?{_AIDS}["']?\s*[:=]\s*(?:{_LIST}|(?:\n[ \t]+\S.*)+)"""
)


class Allowed(NamedTuple):
    """The versions that are allowed; a bound is None where there is none, or it is not known.

    Attributes:
        lowest: the lowest version.
        below: the version from which on none is.
    """

    lowest: Version | None = None
    below: Version | None = None

    def are_from(self, *version: int) -> bool:
        """Tell whether every version allowed is known to be at least this one."""
        return self.lowest is not None and self.lowest >= version

    def are_below(self, *version: int) -> bool:
        """Tell whether every version allowed is known to be lower than this one."""
        return self.below is not None and self.below <= version

    def and_also(self, other: Allowed) -> Allowed:
        """Give the versions that both allow."""
        lowest = [each for each in (self.lowest, other.lowest) if each is not None]
        below = [each for each in (self.below, other.below) if each is not None]
        return Allowed(max(lowest, default=None), min(below, default=None))


UNKNOWN = Allowed()


class Requirements:
    """What a project says that it requires, each file read at most once.

    Args:
        root: the folder beyond which nothing is read.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._contents: dict[Path, bytes | None] = {}

    def allowed(self, distribution: str, folder: Path) -> tuple[Allowed, list[Path]]:
        """Find the versions of a distribution that the project around a folder allows.

        Args:
            distribution: its name, such as ``sqlalchemy``.
            folder: an absolute folder inside the root.

        Returns:
            The versions that the nearest folder allows whose files name it with a version, a lock
            before the others; and every place that was looked at, of which many do not exist.
        """
        looked_at: list[Path] = []
        for above in (folder, *folder.parents):
            for names in (LOCKS, FILES):
                looked_at += (above / name for name in names)
                found = UNKNOWN
                for name in names:
                    found = found.and_also(self._allowed_by(above / name, distribution))
                if found != UNKNOWN:
                    return found, looked_at
            if above == self._root:
                break
        return UNKNOWN, looked_at

    def named(
        self, distributions: frozenset[str], folder: Path
    ) -> tuple[frozenset[str], list[Path]]:
        """Find which of some distributions the project around a folder requires.

        Args:
            distributions: their names, such as ``psycopg2``.
            folder: an absolute folder inside the root.

        Returns:
            Those that the nearest folder names whose files name any, but for tests and development
            alone; locks are left out, which hold what others can use as well. And every place that
            was looked at.
        """
        looked_at: list[Path] = []
        for above in (folder, *folder.parents):
            files = [above / name for name in FILES]
            looked_at += files
            texts = [(self.content(path) or b"").decode(errors="replace") for path in files]
            found = _named_in("\n".join(texts), distributions)
            if found or above == self._root:
                return found, looked_at
        return frozenset(), looked_at

    def content(self, path: Path) -> bytes | None:
        """Give what stands in one of the files; None for one that is not there, or too long."""
        if path not in self._contents:
            self._contents[path] = _read(path)
        return self._contents[path]

    def _allowed_by(self, path: Path, distribution: str) -> Allowed:
        text = (self.content(path) or b"").decode(errors="replace")
        if distribution not in text.lower():
            return UNKNOWN
        if path.name in LOCKS:
            return _locked_in(text, distribution)
        return required_in(_COMMENT.sub("", text), distribution)


def _read(path: Path) -> bytes | None:
    try:
        if path.is_symlink() or not path.is_file() or os.path.getsize(path) > _LARGEST_FILE:
            return None
        return path.read_bytes()
    except OSError:
        return None


def _named_in(text: str, distributions: frozenset[str]) -> frozenset[str]:
    named = "|".join(map(re.escape, sorted(distributions)))
    required = _FOR_DEVELOPMENT.sub("", _COMMENT.sub("", text))
    found = re.findall(rf"(?i)(?<![\w./-])(?:{named})(?![\w-])", required)
    return frozenset(name.lower() for name in found)


def _locked_in(text: str, distribution: str) -> Allowed:
    """Read the version that a lock file pins."""
    pinned = re.search(
        rf'''"{distribution}":\s*\{{[^{{}}]*?"version":\s*"==([\d.]+)'''
        rf'''|^name\s*=\s*"{distribution}"\s*\nversion\s*=\s*"([\d.]+)''',
        text,
        re.IGNORECASE | re.MULTILINE,
    )
    return _pinned(_version(pinned[1] or pinned[2])) if pinned is not None else UNKNOWN


def required_in(text: str, distribution: str) -> Allowed:
    """Read the versions that a text requires.

    Args:
        text: of a requirements file, or of a file in any of the other forms.
        distribution: the distribution's name.

    Returns:
        The versions that all the places allow where its name stands with a version.
    """
    found = UNKNOWN
    for bounds in _bounds_in(text, distribution):
        for operator, version, wildcard in _BOUND.findall(bounds):
            found = found.and_also(_bound(operator, _version(version), is_prefix=bool(wildcard)))
    return found


def _bounds_in(text: str, distribution: str) -> Iterator[str]:
    named = re.compile(rf"(?i)(?<![\w./-]){distribution}(?![\w.-]|\s*/){_BETWEEN}")
    for name in named.finditer(text):
        bounds = _BOUNDS.match(text, name.end())
        if bounds is not None:
            yield bounds[0]
        elif text[name.end() : name.end() + 1].isdigit():  # Poetry's `sqlalchemy = "2.0"`
            yield f"=={re.match(r'[0-9.]+', text[name.end() :])[0]}"  # type: ignore[index]


def _version(text: str) -> Version:
    return tuple(int(part) for part in text.strip(".").split("."))


def _bound(operator: str, version: Version, *, is_prefix: bool) -> Allowed:
    """Give what one comparison allows."""
    match operator:
        case ">=" | ">":
            return Allowed(lowest=version)
        case "<":
            return Allowed(below=version)
        case "<=":
            return Allowed(below=_next(version))
        case "~=":
            return Allowed(version, _next(version[:-1] or version))
        case "~":
            return Allowed(version, _next(version[:2]))
        case "^":
            significant = next((i for i, part in enumerate(version) if part), len(version) - 1)
            return Allowed(version, _next(version[: significant + 1]))
        case "!=":
            return UNKNOWN
    return Allowed(version, _next(version)) if is_prefix or operator == "=" else _pinned(version)


def _pinned(version: Version) -> Allowed:
    return Allowed(version, (*version, 0))


def _next(version: Version) -> Version:
    """Give the first version after all that begin like this one."""
    return (*version[:-1], version[-1] + 1)
