"""How the rules of this family say that an engine is to have another pool."""

from __future__ import annotations

from collections.abc import Iterable

from flake8_dbsession.analysis.library.pools import SIZES


def in_place_of(options: Iterable[str]) -> str:
    """Say which of an engine's options have to go for a pool of one connection, or of none.

    Args:
        options: the names of its options, in the order of the text.

    Returns:
        Words that follow the pool's class; empty where all may stay.
    """
    sizes = [f"`{name}`" for name in options if name in SIZES]
    if not sizes:
        return ""
    *first, last = sizes
    listed = f"{', '.join(first)} and {last}" if first else last
    return f" in the place of {listed}, which it does not take"
