"""Whether ruff knows that the codes of this tool are another tool's.

Its rules for such comments (RUF100, and RUF102 in later versions) take a code that ruff does not
know out of a ``# noqa``, but for those of ``lint.external``. Source: https://docs.astral.sh/ruff/settings/#lint_external
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.files import content_of, parse
from flake8_dbsession.roots import is_within, project_root, upward

_NAMES = (".ruff.toml", "ruff.toml", "pyproject.toml")  # the first that a folder has counts
_DEEPEST = 10  # files that extend one another
_OURS = "DBS"


def advice(folders: Iterable[str]) -> list[str]:
    """Say what ruff's configurations lack.

    Args:
        folders: the folders whose files have comments, or may get them.

    Returns:
        For each configuration that does not name these codes what to write into it; none where ruff
        is not configured, or in a way that is not known here.
    """
    found = dict.fromkeys(map(_configuration, {os.path.abspath(folder) for folder in folders}))
    return [
        f'{os.path.relpath(file)}: write `external = ["{_OURS}"]` under `{_table(file)}`; without '
        f"it `ruff check --fix` takes each `# noqa: {_OURS}...` comment away, by RUF100 or RUF102"
        for file in sorted(filter(None, found))
        if _knows_ours(file) is False
    ]


def _table(file: str) -> str:
    return "[tool.ruff.lint]" if file.endswith("pyproject.toml") else "[lint]"


def _configuration(folder: str) -> str | None:
    """Find the file that ruff takes for the files of a folder, in its project."""
    root = project_root(folder)
    for each in upward(folder):
        for name in _NAMES:
            file = os.path.join(each, name)
            if os.path.isfile(file) and _settings(file, root) is not None:
                return file
        if each == root:
            break
    return None


def _knows_ours(file: str) -> bool | None:
    """Tell whether a configuration names these codes; None where that cannot be told."""
    root = project_root(os.path.dirname(file))
    for _ in range(_DEEPEST):
        settings = _settings(file, root)
        if settings is None:
            return None
        lint = settings.get("lint")
        tables = (lint if isinstance(lint, dict) else {}, settings)  # the latter is the old place
        external = next((table["external"] for table in tables if "external" in table), None)
        if external is not None:
            return isinstance(external, list) and any(_is_ours(each) for each in external)
        extended = settings.get("extend")
        if extended is None:
            return False
        if not isinstance(extended, str) or extended.startswith("~") or "$" in extended:
            return None
        file = os.path.join(os.path.dirname(file), extended)
    return None


def _is_ours(beginning: object) -> bool:
    return isinstance(beginning, str) and beginning != "" and _OURS.startswith(beginning)


def _settings(file: str, root: str) -> dict[str, Any] | None:
    """Read ruff's table of a file in the project; None where it has none, or cannot be read."""
    if not is_within(os.path.realpath(file), os.path.realpath(root)):
        return None
    try:
        table: object = parse(Path(file), content_of(Path(file)))
    except PolicyError:
        return None
    if os.path.basename(file) == "pyproject.toml":
        tool = table.get("tool") if isinstance(table, dict) else None
        table = tool.get("ruff") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None
