"""Small words that all reports share."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, such as ``1 finding`` and ``2 findings``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
