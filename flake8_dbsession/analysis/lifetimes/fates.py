"""What becomes of a session or connection that a call is given."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from flake8_dbsession.named_tuples import NamedTuple


class Outcome(Enum):
    """What has become of a session or connection when the function that it was given to is left."""

    UNTOUCHED = "nothing was done with it"
    ADDED_TO = "something was noted on it for its next flush"
    USED = "it was worked with"
    CLOSED = "it was worked with, and closed"
    ONLY_CLOSED = "it was closed"
    CLOSED_AT_END = "the end of a block over the call's value closes it"
    KEPT = "something that outlives the call refers to it, or closes it"
    GIVEN_BACK = "it, or something that holds it, is the call's value"
    USED_AND_GIVEN_BACK = "it was worked with, and is the call's value, or held by that"
    UNKNOWN = "it went into a call that could not be followed"


class Fate(NamedTuple):
    """What becomes of an argument, on each way on which the call can end.

    Attributes:
        on_return: the outcomes of the ways that return; none for a function that never does.
        on_raise: the outcomes of the ways that raise; none for a function that does not.
    """

    on_return: frozenset[Outcome]
    on_raise: frozenset[Outcome] = frozenset()

    @property
    def is_closed(self) -> bool:
        """Whether every way that returns closes it."""
        return bool(self.on_return) and self.on_return <= CLOSES

    @property
    def is_given_back(self) -> bool:
        """Whether it may be reached by the call's value."""
        return not self.on_return.isdisjoint(_GIVEN)

    def settled(self) -> Fate:
        """Take what becomes of it on some ways only for what does on all that a caller takes."""
        if not self.on_return.isdisjoint(CLOSES) and not self.is_closed:
            return KEPT
        if Outcome.UNKNOWN in self.on_return:
            return UNKNOWN
        if Outcome.CLOSED_AT_END in self.on_return and len(self.on_return) > 1:
            return KEPT
        if not self.is_given_back:
            return self
        given = frozenset(_AS_GIVEN.get(outcome, Outcome.GIVEN_BACK) for outcome in self.on_return)
        return Fate(given, self.on_raise)


_AS_GIVEN = {
    Outcome.USED: Outcome.USED_AND_GIVEN_BACK,
    Outcome.USED_AND_GIVEN_BACK: Outcome.USED_AND_GIVEN_BACK,
}
_GIVEN = frozenset({Outcome.GIVEN_BACK, Outcome.USED_AND_GIVEN_BACK})
CLOSES = frozenset({Outcome.CLOSED, Outcome.ONLY_CLOSED})
NOTHING_YET = Fate(frozenset())
"""What is known of a call inside itself, before anything was found: no way out of it."""
UNTOUCHED = Fate(frozenset({Outcome.UNTOUCHED}), frozenset({Outcome.UNTOUCHED}))
USED = Fate(frozenset({Outcome.USED}), frozenset({Outcome.USED}))
CLOSED = Fate(frozenset({Outcome.ONLY_CLOSED}))
CLOSED_AT_END = Fate(frozenset({Outcome.CLOSED_AT_END}))
KEPT = Fate(frozenset({Outcome.KEPT}))
GIVEN_BACK = Fate(frozenset({Outcome.GIVEN_BACK}))
UNKNOWN = Fate(frozenset({Outcome.UNKNOWN}), frozenset({Outcome.UNKNOWN}))


def either(fates: Iterable[Fate]) -> Fate:
    """Join what becomes of an argument in functions one of which is run, not known which.

    What one of them closes may be closed, for the caller may know which it is; what cannot be
    followed in one is not known at all.
    """
    found = list(fates)
    joined = Fate(
        frozenset().union(*(fate.on_return for fate in found)),
        frozenset().union(*(fate.on_raise for fate in found)),
    )
    return joined.settled()


_RANKS = (
    Outcome.UNTOUCHED,
    Outcome.ADDED_TO,
    Outcome.USED,
    Outcome.GIVEN_BACK,
    Outcome.USED_AND_GIVEN_BACK,
    Outcome.UNKNOWN,
    Outcome.CLOSED_AT_END,
    Outcome.KEPT,
    Outcome.CLOSED,
    Outcome.ONLY_CLOSED,
)


def furthest(fates: Iterable[Fate]) -> Fate:
    """Choose, of what becomes of arguments that are the same object, what goes furthest."""
    return max(fates, key=lambda fate: max(map(_RANKS.index, fate.on_return), default=-1))
