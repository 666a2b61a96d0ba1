"""The ways in which runs differ that look at the same files."""

from __future__ import annotations

import os

from flake8_dbsession.digests import digest, digest_of_texts
from flake8_dbsession.reading import read_file
from flake8_dbsession.roots import upward

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Not what `--select DBS` comes to: that says something in the place of a policy, and this does not.
DEFAULT_SELECT = "DBS,E9"
ALWAYS = "DBS001,DBS002,E9"
"""What is reported whatever is selected: that a file was not held to the standard."""

CONFIGURATIONS = ("setup.cfg", "tox.ini", ".flake8")
"""The names of the files that may configure flake8."""


def flake8_arguments(
    select: str | None = None,
    extend_select: str | None = None,
    ignore: str | None = None,
    stdin_filename: str | None = None,
    exclude: str | None = None,
    extend_exclude: str | None = None,
) -> list[str]:
    """Give the arguments of flake8 that ask for what a run is to report."""
    given = {
        "select": f"{select or DEFAULT_SELECT},{ALWAYS}",
        "extend-select": extend_select,
        "ignore": ignore,
        "stdin-display-name": stdin_filename,
        "exclude": exclude,
        "extend-exclude": extend_exclude,
    }
    return [f"--{name}={value}" for name, value in given.items() if value]


def run_key(arguments: Iterable[str]) -> str:
    """Give the key of a way of running.

    Args:
        arguments: those of flake8.

    Returns:
        A hash of them, of the working directory, of where the user's own settings lie, and of the
        content of flake8's configuration files there and above.
    """
    homes = (os.environ.get(name, "") for name in ("HOME", "XDG_CONFIG_HOME"))
    parts = [os.getcwd(), *homes, *arguments]
    for path, content in configurations():
        parts += path, digest(content)
    return digest_of_texts(parts)


def configurations() -> Iterator[tuple[str, bytes]]:
    """Give the files that may configure flake8, in the working directory and above it."""
    for folder in upward(os.getcwd()):
        for name in CONFIGURATIONS:
            path = os.path.join(folder, name)
            try:
                content = read_file(path)
            except OSError:
                continue
            yield path, content


def walk_key(way: str, paths: Sequence[str]) -> str:
    """Give the key of a walk through paths, in a way of running."""
    return way + digest_of_texts(paths)
