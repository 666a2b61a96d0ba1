"""The fixers by the code of their rule: the one place that knows them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flake8_dbsession.fixes.base import Fixer
from flake8_dbsession.registry import Registry

_FIXERS: Registry[Fixer[Any]] = Registry(__package__)
register = _FIXERS.register


def fixers() -> Mapping[str, Fixer[Any]]:
    """Give every fixer by the code of its rule, in the order of the codes."""
    return _FIXERS.all
