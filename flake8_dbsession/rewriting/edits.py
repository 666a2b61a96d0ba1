"""What a fix is made of: edits of a file's text, and what speaks against making them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """A piece of a file's text, and what takes its place.

    Attributes:
        start: the offset of its first character.
        end: the offset after its last one; ``start`` for what is only put in.
        text: the new text, with line ends of the file's own kind.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A way to make a violation go.

    Attributes:
        edits: what changes in the file; none of them overlap.
        doubts: why the code may behave differently afterwards; empty for a safe fix.
        unneeded: names that the old code mentions and the new code does not; their imports go where
            nothing else uses them.
    """

    edits: tuple[Edit, ...]
    doubts: tuple[str, ...] = ()
    unneeded: frozenset[str] = frozenset()


class Refusal(Exception):  # noqa: N818 - nothing is wrong: the code is left as it is
    """Says why a violation is left alone."""
