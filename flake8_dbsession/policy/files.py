"""The files that hold policies: ``dbsession.toml`` whole, ``pyproject.toml`` in one table."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from flake8_dbsession.patterns import regex
from flake8_dbsession.policy.errors import PolicyError, PolicyPlace
from flake8_dbsession.policy.lines import Spot
from flake8_dbsession.reading import read_file

_LARGEST = 4 * 2**20  # bytes

OWN_FILE = "dbsession.toml"
PROJECT_FILE = "pyproject.toml"

_LINE = regex(r"\bat line (\d+)")

Table: TypeAlias = Mapping[str, Any]
"""A table as a TOML parser gives it."""


def content_of(file: Path) -> bytes:
    """Read a policy's file.

    Raises:
        PolicyError: it cannot be read, or is no file.
    """
    place = PolicyPlace(shown(file), file=file)
    try:
        if file.is_dir():
            raise place.error("is a folder, not a file")
        if file.exists() and not file.is_file():
            raise place.error("is not a regular file")
        return read_file(file, most=_LARGEST)
    except FileNotFoundError:
        raise place.error("there is no such file") from None
    except OSError as error:
        raise place.error(f"cannot be read: {error.strerror}") from error


def parse(file: Path, content: bytes) -> Table:
    """Parse TOML.

    Args:
        file: where it stands, for the errors.
        content: the file's bytes.

    Raises:
        PolicyError: it is not TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    place = PolicyPlace(shown(file), file=file)
    try:
        # An editor may leave a byte order mark, which TOML has no place for.
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise place.error(f"is not UTF-8 (at byte {error.start + 1})") from error
    except ValueError as error:
        found = _LINE.search(str(error))
        line = int(found[1]) if found else 0
        problem = f"is not TOML: {error}"
        raise PolicyError(place.shown, problem, file, line) from error
    except RecursionError as error:
        raise place.error("is not usable TOML: it is nested too deeply") from error


def table_of(file: Path, content: bytes) -> Table:
    """Return the policy's table of a file.

    Args:
        file: where it stands.
        content: the file's bytes.

    Raises:
        PolicyError: it is not TOML, or holds no policy.
    """
    data = parse(file, content)
    place = PolicyPlace(shown(file), file=file)
    if file.name != PROJECT_FILE:
        if tool_table(data) is not None:
            advice = "in this file the keys stand without `tool.dbsession` before them"
            raise place.error(f"there is a table `tool.dbsession`; {advice}")
        return data
    table = tool_table(data)
    if table is None:
        advice = f"; rename [tool.{misnamed(data)}]" if misnamed(data) else ""
        raise place.error(f"there is no [tool.dbsession]{advice}")
    if not isinstance(table, Mapping):
        raise place.error("`tool.dbsession` must be a table")
    return table


def tool_table(data: Table) -> object | None:
    """Return what a file holds as ``tool.dbsession``; None where it holds nothing so called."""
    tool = data.get("tool")
    return tool.get("dbsession") if isinstance(tool, Mapping) else None


def misnamed(data: Table) -> str | None:
    """Return the name of a table that was meant to be ``tool.dbsession``, after the package."""
    tool = data.get("tool")
    names = ("flake8-dbsession", "flake8_dbsession")
    return next((name for name in names if isinstance(tool, Mapping) and name in tool), None)


def place_of(file: Path, content: bytes) -> PolicyPlace:
    """Return the place of the policy's table in a file."""
    place = PolicyPlace(shown(file), file=file, text=content.decode("utf-8-sig", errors="replace"))
    if file.name != PROJECT_FILE:
        return place
    table = "tool.dbsession"
    return place._replace(root=table, heading=f"[{table}]", spot=Spot(table))


def shown(file: Path) -> str:
    """Return a file as errors name it: relative to the working directory where it is below it."""
    folder = Path.cwd()
    return str(file.relative_to(folder) if file.is_relative_to(folder) else file)


def texts_of(value: str | list[str]) -> list[str]:
    """Return the strings of a value that is one, or a list of them."""
    return [value] if isinstance(value, str) else value
