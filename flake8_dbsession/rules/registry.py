"""The rules by code: the one place that knows them all."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from functools import cache
from typing import Any

from flake8_dbsession.registry import Registry
from flake8_dbsession.rules.base import Rule

_RULES: Registry[Rule[Any]] = Registry(__package__)
register = _RULES.register


@cache
def rules() -> Mapping[str, Rule[Any]]:
    """Give every rule by its code, in the order of the codes."""
    found = _RULES.all
    # What was imported stays. To look through it for garbage, time and again while syntax trees
    # come and go, cost a twentieth of flake8's time.
    gc.freeze()
    return found
