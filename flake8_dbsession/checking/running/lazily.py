"""Modules that are imported when they are first asked for anything."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def put_off(name: str) -> None:
    """Have a module be imported when it is first asked for anything, not before.

    For what others import at their top and hardly use. Python's ``LazyLoader`` is no help: an
    import statement asks for the module's ``__spec__``.

    Args:
        name: its whole name.
    """
    if name in sys.modules:
        return
    package, _, short = name.rpartition(".")
    stand_in = ModuleType(name)

    def ask(attribute: str) -> Any:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
        return getattr(import_module(name), attribute)

    vars(stand_in)["__getattr__"] = ask
    sys.modules[name] = stand_in
    if package:
        setattr(import_module(package), short, stand_in)
