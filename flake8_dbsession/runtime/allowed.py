"""What a test run allows to stay open."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatch

from flake8_dbsession.runtime.places import short
from flake8_dbsession.runtime.records import Holder, Place


def is_allowed(holder: Holder, patterns: Iterable[str]) -> bool:
    """Tell whether something that was left open is a known one.

    Args:
        holder: what was left open.
        patterns: each the name of the fixture that opened it, or a pattern of the file, or of
            ``file:function``, that did.
    """
    return any(_fits(holder, pattern.strip()) for pattern in patterns)


def _fits(holder: Holder, pattern: str) -> bool:
    if holder.owner.startswith("fixture ") and holder.owner.split()[1] == pattern:
        return True
    return any(fnmatch(name, pattern) for place in holder.places for name in _names(place))


def _names(place: Place) -> tuple[str, ...]:
    file = short(place.file).replace("\\", "/")
    return file, f"{file}:{place.function}"
