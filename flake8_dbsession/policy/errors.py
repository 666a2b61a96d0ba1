"""What is wrong with a policy, said in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class PolicyError(Exception):
    """A policy cannot be used; the text names the file, the key and what is wrong with it."""


class Place(NamedTuple):
    """Where in a policy something stands, as errors name it.

    Attributes:
        file: the file as it is shown, such as ``backend/pyproject.toml``; for options, ``options``.
        root: the table that holds the policy in that file: ``tool.dbsession``, or nothing.
        heading: the table or layer at hand, such as ``[tool.dbsession.sqlite]``.
        prefix: what goes before each key, such as ``dbsession-`` for options.
    """

    file: str
    root: str = ""
    heading: str = ""
    prefix: str = ""

    def table(self, name: str) -> Place:
        """Return the place of the policy's table ``name``."""
        return self._replace(heading=f"[{self._qualified(name)}]")

    def layer(self, number: int, name: object) -> Place:
        """Return the place of a layer: by its name, or by its number (from 1) if it has none."""
        label = f"`{name}`" if isinstance(name, str) and name else str(number)
        return self._replace(heading=f"[[{self._qualified('layers')}]] {label}:")

    def key(self, name: str) -> str:
        """Return a key as it is written at this place, in backquotes."""
        return f"`{self.prefix}{name}`"

    def error(self, problem: str) -> PolicyError:
        """Return the error that says ``problem`` of this place."""
        heading = f"{self.heading} " if self.heading else ""
        return PolicyError(_one_line(f"{self.file}: {heading}{problem}"))

    def _qualified(self, name: str) -> str:
        return f"{self.root}.{name}" if self.root else name


def _one_line(text: str) -> str:
    """Return a text with its line ends and control characters spelled out."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def nearest(word: str, valid: Iterable[str]) -> str:
    """Return the end of a sentence that leads from a wrong word to the right one.

    Args:
        word: what was written.
        valid: what could have been written.

    Returns:
        ``; did you mean ...?`` with the nearest valid word, or the list of all of them where none
        comes near.
    """
    # Imported here, for only a broken policy needs it.
    from difflib import get_close_matches

    choices = sorted(valid)
    # Two codes that share only their letters are alike by exactly one half.
    close = get_close_matches(word, choices, n=1, cutoff=0.5)
    if close:
        return f"; did you mean `{close[0]}`?"
    return "; choose from " + ", ".join(f"`{choice}`" for choice in choices)
