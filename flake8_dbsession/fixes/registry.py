"""The fixers by the code of their rule: the one place that knows them all."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

from flake8_dbsession.fixes.base import Fixer

_REGISTERED: dict[str, Fixer[Any]] = {}

F = TypeVar("F", bound=type[Fixer[Any]])


def register(fixer: F) -> F:
    """Make a fixer known by its rule's code; used as a class decorator.

    Raises:
        ValueError: another fixer has the code already.
    """
    if fixer.code in _REGISTERED:
        raise ValueError(f"{fixer.code} is fixed twice")
    _REGISTERED[fixer.code] = fixer()
    return fixer


@cache
def fixers() -> Mapping[str, Fixer[Any]]:
    """Give every fixer by the code of its rule, in the order of the codes."""
    import flake8_dbsession.fixes as package

    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    return MappingProxyType(dict(sorted(_REGISTERED.items())))
