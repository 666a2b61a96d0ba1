"""The `dbsession` door: one file a subcommand.

Each module of this package that is named in ``_COMMANDS`` of ``group.py`` has a click command
called ``command``. Click takes as long to import as many files take to be checked: a plain check
(``checking.py``) does without.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "main":
        from flake8_dbsession.command import group

        return group.main
    raise AttributeError(name)
