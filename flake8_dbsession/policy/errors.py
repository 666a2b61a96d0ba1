"""What is wrong with a policy, said in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.policy.lines import Spot, line_of


class PolicyError(Exception):
    """A policy cannot be used; the text names the file, the line, the key and what is wrong.

    Args:
        shown: the file as messages name it, or ``options``.
        problem: what is wrong.
        file: the file; None for options.
        line: the line at fault, from 1; 0 where it is the file as a whole.

    Attributes:
        problem: as given.
        file: as given.
        line: as given.
    """

    def __init__(self, shown: str, problem: str, file: Path | None = None, line: int = 0) -> None:
        super().__init__(f"{shown}{f':{line}' if line else ''}: {problem}")
        self.shown = shown
        self.problem = problem
        self.file = file
        self.line = line

    def __reduce__(self) -> tuple[type[PolicyError], tuple[str, str, Path | None, int]]:
        return PolicyError, (self.shown, self.problem, self.file, self.line)


class PolicyPlace(NamedTuple):
    """Where in a policy something stands, as errors name it.

    Attributes:
        shown: the file as it is shown, such as ``backend/pyproject.toml``, or ``options``.
        root: the table that holds the policy in that file: ``tool.dbsession``, or nothing.
        heading: the table or layer at hand, such as ``[tool.dbsession.sqlite]``.
        prefix: what goes before each key, such as ``dbsession-`` for options.
        file: the file; None for options.
        text: its content, for the lines.
        spot: the table at hand.
    """

    shown: str
    root: str = ""
    heading: str = ""
    prefix: str = ""
    file: Path | None = None
    text: str = ""
    spot: Spot = Spot()

    def table(self, name: str) -> PolicyPlace:
        """Return the place of the table ``name`` of this one."""
        qualified = self._qualified(name)
        return self._replace(heading=f"[{qualified}]", spot=Spot(qualified))

    def entry(self, table: str, number: int, name: object) -> PolicyPlace:
        """Return the place of one of a list of tables: by its name, or by its number (from 1)."""
        label = f"`{name}`" if isinstance(name, str) and name else str(number)
        qualified = self._qualified(table)
        return self._replace(heading=f"[[{qualified}]] {label}:", spot=Spot(qualified, number))

    def key(self, name: str) -> str:
        """Return a key as it is written at this place, in backquotes."""
        return f"`{self.prefix}{name}`"

    def error(self, problem: str, key: str = "", value: str = "") -> PolicyError:
        """Return the error that says ``problem`` of this place.

        Args:
            problem: what is wrong.
            key: the key at fault; empty for the whole place.
            value: the text at fault in the key's value; empty for the whole key.
        """
        heading = f"{self.heading} " if self.heading else ""
        line = line_of(self.text, self.spot, key, value) if self.text else 0
        return PolicyError(self.shown, _one_line(f"{heading}{problem}"), self.file, line)

    def _qualified(self, name: str) -> str:
        table = self.spot.table or self.root
        return f"{table}.{name}" if table else name


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
