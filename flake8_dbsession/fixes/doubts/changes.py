"""What changes in the text of a test."""

from __future__ import annotations

from flake8_dbsession.named_tuples import NamedTuple


class Change(NamedTuple):
    """A piece of a text that another one takes the place of.

    Attributes:
        start: its line, counted from 1, and its column, counted in bytes.
        end: the same of where it ends.
        text: what takes its place.
    """

    start: tuple[int, int]
    end: tuple[int, int]
    text: str
