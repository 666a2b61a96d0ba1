"""Small words that all reports share."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, such as ``1 finding`` and ``2 entries``."""
    if number == 1:
        return f"{number} {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"
