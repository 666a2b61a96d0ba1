"""The rules by code: the one place that knows them all."""

from __future__ import annotations

import gc
import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

from flake8_dbsession.rules.base import Rule

_REGISTERED: dict[str, Rule[Any]] = {}

R = TypeVar("R", bound=type[Rule[Any]])


def register(rule: R) -> R:
    """Make a rule known by its code; used as a class decorator.

    Raises:
        ValueError: another rule has the code already.
    """
    if rule.code in _REGISTERED:
        raise ValueError(f"{rule.code} is registered twice")
    _REGISTERED[rule.code] = rule()
    return rule


@cache
def rules() -> Mapping[str, Rule[Any]]:
    """Give every rule by its code, in the order of the codes."""
    import flake8_dbsession.rules as package

    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    # What was imported stays. To look through it for garbage, time and again while syntax trees
    # come and go, cost a twentieth of flake8's time.
    gc.freeze()
    return MappingProxyType(dict(sorted(_REGISTERED.items())))
