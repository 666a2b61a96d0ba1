"""What a migration's report says: file by file, and added up by layer and by code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

NO_LAYER = "no layer"


@dataclass(frozen=True, slots=True)
class UnmigratedPlace:
    """A place where a session is still opened by hand.

    Attributes:
        line: the line, counted from 1.
        column: the column, counted from 1 in characters.
        codes: every code that is reported there.
        message: what the first of them says.
        cause: what holds the session, which tells what it takes to move the place over: a local
            name, a class attribute, ...; empty where nothing tells.
    """

    line: int
    column: int
    codes: tuple[str, ...]
    message: str
    cause: str = ""


@dataclass(frozen=True, slots=True)
class FileState:
    """How far one file has moved over.

    Attributes:
        path: the file, as it was named or found.
        layer: the name of its layer.
        patterns: the sanctioned patterns that it uses, such as ``with get_db_session()``, each with
            how often.
        by_hand: the places where it opens sessions by hand.
        unjudged: what else gives it sessions, of which the policy says neither that it is right nor
            that it is wrong, each with how often.
        codes: the codes reported anywhere in it, each with how often.
    """

    path: str
    layer: str
    patterns: tuple[tuple[str, int], ...]
    by_hand: tuple[UnmigratedPlace, ...]
    unjudged: tuple[tuple[str, int], ...]
    codes: tuple[tuple[str, int], ...]

    @property
    def sanctioned(self) -> int:
        """The number of times that the file gets a session in the sanctioned way."""
        return sum(count for _, count in self.patterns)


@dataclass(frozen=True, slots=True)
class Tally:
    """Numbers of acquisitions.

    Attributes:
        sanctioned: how many use the sanctioned pattern.
        by_hand: how many open a session by hand.
    """

    sanctioned: int
    by_hand: int

    @property
    def share(self) -> float | None:
        """The share of the sanctioned, from 0 to 1; None where nothing gets a session."""
        total = self.sanctioned + self.by_hand
        return self.sanctioned / total if total else None

    @property
    def percentage(self) -> str:
        """The share in whole per cent, rounded down so that only all is 100 %."""
        return "-" if self.share is None else f"{int(self.share * 100)} %"


@dataclass(frozen=True, slots=True)
class Migration:
    """A code base's state.

    Attributes:
        files: the files that get sessions or have something reported, tests left out, by path.
        unread: the files that could not be read, each with the reason.
        date: when it was looked at, as ``2026-01-31``; empty where that is not told.
        revision: the commit that it was looked at, in short; empty where there is none.
    """

    files: tuple[FileState, ...]
    unread: tuple[tuple[str, str], ...] = ()
    date: str = ""
    revision: str = ""

    @property
    def total(self) -> Tally:
        """The numbers of all files together."""
        return tally(self.files)

    @property
    def layers(self) -> list[tuple[str, Tally]]:
        """The numbers of each layer, that with most left to do first."""
        names = {state.layer for state in self.files}
        found = [(name, tally(s for s in self.files if s.layer == name)) for name in names]
        return sorted(found, key=lambda layer: (-layer[1].by_hand, layer[0]))

    @property
    def patterns(self) -> list[tuple[str, int]]:
        """How often each sanctioned pattern is used, the most used first."""
        return _added(pair for state in self.files for pair in state.patterns)

    @property
    def unjudged(self) -> list[tuple[str, int]]:
        """How often what the policy does not speak of gives sessions, the most used first."""
        return _added(pair for state in self.files for pair in state.unjudged)

    @property
    def causes(self) -> list[tuple[str, int]]:
        """How often each cause keeps a place by hand, the most frequent first."""
        places = (place for state in self.files for place in state.by_hand)
        return _added((place.cause, 1) for place in places if place.cause)

    @property
    def codes(self) -> list[tuple[str, int]]:
        """How often each code is reported, in the order of the codes."""
        return sorted(_added(pair for state in self.files for pair in state.codes))


def tally(files: Iterable[FileState]) -> Tally:
    """Add up the numbers of files."""
    states = list(files)
    by_hand = sum(len(state.by_hand) for state in states)
    return Tally(sum(state.sanctioned for state in states), by_hand)


def by_work_left(files: Iterable[FileState]) -> list[FileState]:
    """Order files for whoever moves them over: those with most left to do first."""
    return sorted(files, key=lambda state: (-len(state.by_hand), state.path))


def _added(pairs: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    added: Counter[str] = Counter()
    for name, count in pairs:
        added[name] += count
    return sorted(added.items(), key=lambda pair: (-pair[1], pair[0]))
