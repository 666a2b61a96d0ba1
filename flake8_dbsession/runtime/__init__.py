"""The runtime twin: what the linter says that code can do, this sees a program do.

It follows each session and connection of a running program from where it was opened to how it
ended. Nothing here imports SQLAlchemy or a driver before the program does, and nothing here needs
more than the standard library: a watched program may run under another interpreter's packages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flake8_dbsession.runtime.records import Event, Holder, Note
    from flake8_dbsession.runtime.watcher import Watch, watch

__all__ = ["Event", "Holder", "Note", "Watch", "watch"]


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: pytest imports this package at each of its starts."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = "watcher" if name in ("Watch", "watch") else "records"
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
