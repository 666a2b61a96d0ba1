"""What a function does by a session or connection, on each of its ways."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Flag, auto
from functools import reduce
from operator import and_, or_

from flake8_dbsession.named_tuples import NamedTuple


class Did(Flag):
    """What was done by a session or connection.

    ``MAY_WRITE`` and ``MAY_END`` stand for code that cannot be read: a statement put together
    elsewhere, a call that cannot be followed. ``BEGINS`` opens a transaction that a block or an
    object of its own ends. ``ASKS`` talks to the database at once, which takes a connection.
    ``HANDED`` is a ``yield`` to whoever drives the generator: what was done before it is forgotten.
    """

    ASKS = auto()
    READS = auto()
    WRITES = auto()
    DEFINES = auto()
    MAY_WRITE = auto()
    BEGINS = auto()
    COMMITS = auto()
    ROLLS_BACK = auto()
    CLOSES = auto()
    MAY_END = auto()
    HANDED = auto()


NOTHING = Did(0)
ENDS = Did.COMMITS | Did.ROLLS_BACK | Did.CLOSES
"""What leaves nothing behind that waits to be committed."""

ANYTHING = Did.ASKS | Did.READS | Did.MAY_WRITE | Did.MAY_END
"""What a call may do that cannot be followed."""

LASTING = Did.WRITES | Did.DEFINES | Did.MAY_WRITE
"""What is there for good once it is committed, or may be."""


class Pending(NamedTuple):
    """Work that may be uncommitted.

    Attributes:
        line: its line.
        call: the call of a helper that may have left it; empty for work that stands there itself.
        is_seen: whether the work is seen, there or in the helper's code.
    """

    line: int
    call: str = ""
    is_seen: bool = True


NONE_PENDING = Pending(0)
AS_BEFORE = Pending(-1)  # whatever was pending before
_PLACES = (NONE_PENDING, AS_BEFORE)


class Broken(NamedTuple):
    """Work that may have failed so that the session commits nothing before a rollback.

    A failed flush does that, whatever asked for it, and a failed commit. A statement that fails by
    itself does not: SQLAlchemy still commits, and PostgreSQL then gives up what was there.

    Source: https://docs.sqlalchemy.org/en/20/faq/sessions.html, "This Session's transaction has
    been rolled back due to a previous exception during flush", and the runs of ``tests/fixes``

    Attributes:
        line: its line.
        call: the call of a helper in which it is; empty for work that stands there itself.
        if_pending: whether it fails so only where something was pending before.
    """

    line: int
    call: str = ""
    if_pending: bool = False


class PathWork(NamedTuple):
    """One way through some code.

    Attributes:
        did: all that is done on it.
        since: what is done on it after the last commit, rollback or close.
        pending: what waits to be committed at its end.
        broken: what has failed on it without a rollback since.
    """

    did: Did = NOTHING
    since: Did = NOTHING
    pending: Pending = AS_BEFORE
    broken: Broken | None = None

    def then(self, later: PathWork) -> PathWork:
        """Give the way that goes on with another."""
        if Did.HANDED in later.did:
            return later
        since = later.since if later.did & ENDS else self.since | later.since
        pending = self.pending if later.pending == AS_BEFORE else later.pending
        return PathWork(self.did | later.did, since, pending, self._broken_after(later))

    def _broken_after(self, later: PathWork) -> Broken | None:
        if self.broken and not (self.broken.if_pending or later.did & ENDS):
            return self.broken
        found = later.broken
        if found is None:
            return None if later.did & ENDS else self.broken
        if not found.if_pending or self.pending == AS_BEFORE:
            return found
        if self.pending == NONE_PENDING:
            return None
        return found._replace(if_pending=False)


class Work(NamedTuple):
    """What a function does by a session or connection that it is given.

    Attributes:
        ways: the ways on which it returns; none where it never does.
        ever: what it does anywhere, ways that raise included.
        undoes: whether it gives up what it wrote where an error leaves it.
        breaks: what may have failed, without a rollback, where an error leaves it.
    """

    ways: frozenset[PathWork] = frozenset()
    ever: Did = NOTHING
    undoes: bool = False
    breaks: frozenset[Broken] = frozenset()

    @property
    def always(self) -> Did:
        """What every way does that returns."""
        return reduce(and_, (way.did for way in self.ways)) if self.ways else NOTHING

    @property
    def since(self) -> Did:
        """What some way does after its last commit, rollback or close."""
        return reduce(or_, (way.since for way in self.ways), NOTHING)

    @property
    def only_reads(self) -> bool:
        """Whether it is certain to change nothing and to end no transaction."""
        return not self.ever & ~(Did.ASKS | Did.READS | Did.CLOSES)

    def at(self, line: int, call: str) -> Work:
        """Give the work as the caller sees it, who knows the line and the name of the call."""

        def seen(way: PathWork) -> PathWork:
            if way.pending not in _PLACES:
                way = way._replace(pending=Pending(line, call, way.pending.is_seen))
            if way.broken is not None:
                way = way._replace(broken=way.broken._replace(line=line, call=call))
            return way

        return self._replace(
            ways=frozenset(map(seen, self.ways)),
            breaks=frozenset(each._replace(line=line, call=call) for each in self.breaks),
        )


def work_of(did: Did, line: int) -> Work:
    """Give the work of one call.

    Args:
        did: what it does.
        line: the line that it stands on.
    """
    if did & ENDS:
        return Work(frozenset({PathWork(did, NOTHING, NONE_PENDING)}), did)
    return Work(frozenset({PathWork(did, did, Pending(line) if did & LASTING else AS_BEFORE)}), did)


def unknown_work(line: int, call: str) -> Work:
    """Give the work of a call that cannot be followed."""
    pending = Pending(line, call, is_seen=False)
    breaks = frozenset({Broken(line, call)})
    return Work(frozenset({PathWork(ANYTHING, ANYTHING, pending)}), ANYTHING, breaks=breaks)


UNFOLLOWED = unknown_work(0, "itself")
"""The work of a function that is still being read, and of one that cannot be."""

UNTOUCHED = Work(frozenset({PathWork()}))
"""The work of a function that does nothing by it."""

UNREACHED: frozenset[PathWork] = frozenset()


def joined(ways: Iterable[PathWork]) -> frozenset[PathWork]:
    """Leave out the ways that tell nothing which another does not: the same, pending earlier."""
    found: dict[object, PathWork] = {}
    for way in ways:
        kept = way.pending if way.pending in _PLACES else None
        broken = way.broken and way.broken.if_pending
        kind = (way.did, way.since, way.pending.is_seen, kept, broken)
        if kind not in found or _place(found[kind]) < _place(way):
            found[kind] = way
    return frozenset(found.values())


def _place(way: PathWork) -> tuple[Pending, tuple[object, ...]]:
    return way.pending, way.broken or ()
