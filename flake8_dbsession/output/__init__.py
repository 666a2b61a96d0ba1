"""How findings are written: one file a format.

Each module of this package that ``FORMATS`` names has a function ``write``, which is imported when
the format is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TextIO

from flake8_dbsession.checking.findings import Finding

Writer = Callable[[Sequence[Finding], TextIO], None]

FORMATS: tuple[str, ...] = ("text", "json", "sarif", "github", "gitlab", "junit")
"""The formats' names, which are their modules' names too."""


def writer(name: str) -> Writer:
    """Give the function that writes findings in a format.

    Args:
        name: one of ``FORMATS``.
    """
    write: Writer = importlib.import_module(f"{__name__}.{name}").write
    return write
