"""The books of a run: what is out, who holds it, and what became of the rest."""

from __future__ import annotations

import random
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from flake8_dbsession.runtime import places, requests
from flake8_dbsession.runtime.hooks import Hooks
from flake8_dbsession.runtime.records import (
    BLOCK_LEAVES_OPEN,
    CLOSED,
    COLLECTED,
    HELD_BY_STREAM,
    HELD_IDLE,
    LOST,
    MODULE_HOLDS,
    NEVER_CLOSED,
    OPEN,
    SCRIPT,
    SHARED,
    SWEPT,
    TOP_LEVEL,
    UNCOMMITTED,
    USED_AFTER_CLOSE,
    Event,
    Holder,
    Note,
    Owner,
    Place,
    PoolUse,
    Tally,
    Trail,
)
from flake8_dbsession.runtime.wording import sentence, who_holds

_MAX_KEPT = 1000  # leaks and notes that are kept one by one; the tallies count all
_MAX_LINES = 10_000
_NOT_SAMPLED = Trail((), "")


@dataclass(eq=False, slots=True)
class Track:
    """A SQLAlchemy session, from its making on."""

    what: str
    opened: tuple[Place, ...]
    owner: Owner
    closed: Place | None = None
    reference: weakref.ref[Any] | None = None


@dataclass(eq=False, slots=True)
class Lease:
    """A connection that is out, from its opening to its end.

    Nothing here refers to the connection itself but weakly.
    """

    key: object
    kind: str
    what: str
    trail: Trail
    owner: Owner
    is_sampled: bool = True
    at: float = field(default_factory=time.time)
    since: float = field(default_factory=time.monotonic)
    last_use: float = field(default_factory=time.monotonic)
    thread: str = field(default_factory=places.thread_name)
    task: str = field(default_factory=places.task_name)
    request: str = field(default_factory=requests.current)
    reference: weakref.ref[Any] | None = None
    pool: Pool | None = None
    tracks: list[Track] = field(default_factory=list)
    closed_before: Place | None = None
    statements: int = -1
    begun: float = 0.0
    longest: float = 0.0
    busy: int | None = None
    wrote: bool = False
    left_by_block: bool = False
    in_memory: bool = False
    is_open_still: Callable[[], bool] | None = None
    is_in_transaction: Callable[[], bool] | None = None
    is_told: bool = False
    is_allowed: bool = False
    ended: str = OPEN
    held: float = 0.0

    @property
    def track(self) -> Track | None:
        """The session that holds it."""
        return self.tracks[-1] if self.tracks else None

    @property
    def opened(self) -> tuple[Place, ...]:
        """The lines that opened the session, or the connection."""
        return (self.tracks[-1].opened if self.tracks else ()) or self.trail.places

    @property
    def place(self) -> Place | None:
        """The innermost of them."""
        opened = self.opened
        return opened[0] if opened else None

    @property
    def subject(self) -> str:
        """What it is: the session that has it, or else the connection."""
        return self.track.what if self.track else self.what

    @property
    def is_suspect(self) -> bool:
        """Whether nobody has closed it yet: a leak once its owner is done."""
        return self._is_left and self.is_sampled and not self.in_memory and not self.is_allowed

    @property
    def _is_left(self) -> bool:
        place = self.place
        if self.ended == OPEN:  # the end of a script closes what its top level holds
            return place is None or place.function != SCRIPT
        if self.ended == SWEPT:  # tests that sweep may count on it, the code that they call may not
            return self.owner.scope == "test" and not (place and places.is_test_file(place.file))
        return self.ended in (COLLECTED, LOST)

    def holder(self) -> Holder:
        """Say what is known of it now."""
        track, now = self.track, time.monotonic()
        kind = "session" if track else self.kind
        return Holder(
            kind=kind,
            what=self.subject,
            places=self.opened,
            first_use=next(iter(self.trail.places), None),
            thread=self.thread,
            task=self.task,
            request=self.request,
            owner=self.owner.label,
            opened=self.at,
            held=self.held or now - self.since,
            statements=self.statements,
            transaction=max(self.longest, now - self.begun if self.begun else 0.0),
            in_transaction=self._has_transaction(),
            ended=self.ended,
            code=self._code(kind) if self.is_suspect else "",
            closed_before=self.closed_before,
            pool=self.pool.name if self.pool else "",
        )

    def _has_transaction(self) -> bool:
        return bool(self.begun) or (
            self.ended == OPEN and self.is_in_transaction is not None and self.is_in_transaction()
        )

    def _code(self, kind: str) -> str:
        if self.closed_before:
            return USED_AFTER_CLOSE
        if self.left_by_block:
            return BLOCK_LEAVES_OPEN
        place = self.place
        if place and place.function == TOP_LEVEL:
            return MODULE_HOLDS[kind]
        return NEVER_CLOSED[kind]


@dataclass(eq=False)
class Pool:
    """What is counted of a pool, as ``PoolUse`` names it."""

    name: str
    size: int
    in_use: int = 0
    peak: int = 0
    waits: int = 0
    waited: float = 0.0
    timeouts: int = 0
    forgets: bool = False  # whether it never gets back what the garbage collector took
    lost: list[Lease] = field(default_factory=list)
    reference: weakref.ref[Any] | None = None

    def takes_back(self, lease: Lease) -> None:
        """Know that one of its connections is out no more, or lost to it for good."""
        if lease.ended == LOST:
            self.lost.append(lease)
        else:
            self.in_use -= 1

    def use(self) -> PoolUse:
        """Give the counts as they are now."""
        waited = round(self.waited, 6)
        lost = len(self.lost)
        return PoolUse(self.name, self.size, self.peak, self.waits, waited, self.timeouts, lost)


@dataclass(slots=True)
class _Count:
    """What is counted of a place."""

    opened: int = 0
    left: int = 0
    held: float = 0.0
    transaction: float = 0.0

    def add(self, is_left: bool, held: float, transaction: float) -> None:
        self.opened += 1
        self.left += is_left
        self.held = max(self.held, held)
        self.transaction = max(self.transaction, transaction)


class Ledger:
    """Books every opening and every end.

    Any thread may call any method, and so may a finalizer in the middle of another call.

    Args:
        sample: the share of the openings whose way is noted; the rest are only counted.
        idle: from how many seconds of other work on an open transaction is a note.
        hooks: what is told of each event.
    """

    def __init__(
        self, sample: float = 1.0, idle: float = 5.0, hooks: Iterable[Callable[[Event], None]] = ()
    ) -> None:
        self._sample = sample
        self._idle = idle
        self._hooks = Hooks(hooks)
        self._open: dict[object, Lease] = {}
        self.find: Callable[[object], Lease | None] = self._open.get
        """Gives what is open under a key."""
        self.is_closed = False
        self.reset()

    def reset(self) -> None:
        """Begin anew, as a forked process does: what is out is its parent's."""
        self._lock = threading.RLock()
        self._open.clear()
        self._left: list[Lease] = []
        self._lines: set[Place] = set()
        self._counts: dict[tuple[Place | None, str], _Count] = {}
        self._tracks: dict[int, Track] = {}
        self._pools: dict[int, Pool] = {}
        self._past_pools: dict[tuple[str, int], PoolUse] = {}
        self._notes: dict[tuple[str, Place | None, str], Note] = {}
        self.owner = Owner()
        self.is_sweeping = False
        self._hooks.forget()

    def close(self) -> None:
        """Book no opening any more: what the program kept of the watch's functions does nothing."""
        self.is_closed = True
        self._hooks.tell_waiting()

    # what is open

    def open(
        self,
        key: object,
        resource: object,
        kind: str,
        what: str,
        *,
        driver: str = "",
        pool: Pool | None = None,
    ) -> Lease | None:
        """Book an opening.

        Args:
            key: what its end is booked by; unique among what is open.
            resource: what, when collected, was never closed.
            kind: as ``Holder.kind``.
            what: as ``Holder.what``.
            driver: the package of a driver whose ``connect`` was called; empty for what a pool
                lends.
            pool: the counts of the pool that lends it; None for a connection of its own.

        Returns:
            The booking; None for a driver's connection that another library opens for itself and
            has to close itself, and where the books are closed.
        """
        if self.is_closed:
            return None
        sampled = self._is_sampled()
        way = places.trail(driver) if sampled or driver else _NOT_SAMPLED
        if driver and way.library:
            return None
        lease = Lease(key, kind, what, way if sampled else _NOT_SAMPLED, self.owner, sampled)
        lease.reference = _reference(resource, partial(self._collected, key, lease))
        with self._lock:
            self._open[key] = lease
            if pool is not None:
                lease.pool = pool
                pool.in_use += 1
                pool.peak = max(pool.peak, pool.in_use)
        if self._hooks:
            self._tell("opened", what, lease.place, 0.0, lease.pool)
        return lease

    def _is_sampled(self) -> bool:
        return self._sample >= 1 or random.random() < self._sample

    def forget(self, key: object) -> None:
        """Take back the opening of what turns out to be a pool's own connection."""
        with self._lock:
            self._open.pop(key, None)

    def end(self, key: object, how: str = CLOSED) -> None:
        """Book the end of what was opened under a key; a second end of it is none."""
        if how in (COLLECTED, LOST):
            with self._hooks.later():
                self._end(key, how)
        else:
            self._end(key, SWEPT if how == CLOSED and self.is_sweeping else how)

    def _end(self, key: object, how: str) -> None:
        lease = self._open.pop(key, None)
        if lease is None:
            return
        self.transaction_ends(lease)
        with self._lock:
            lease.ended = how
            lease.held = time.monotonic() - lease.since
            lease.reference = None
            if lease.pool is not None:
                lease.pool.takes_back(lease)
            is_left = lease.is_suspect
            self._count(lease, is_left)
            if is_left and len(self._left) < _MAX_KEPT:
                self._left.append(lease)
        if self._hooks:
            name = "leaked" if is_left else "ended"
            text = sentence(lease.holder()) if is_left else ""
            self._tell(name, lease.what, lease.place, lease.held, lease.pool, text)

    def _collected(self, key: object, lease: Lease, _reference: object) -> None:
        if self._open.get(key) is lease:
            self.end(key, LOST if lease.pool is not None and lease.pool.forgets else COLLECTED)

    def _count(self, lease: Lease, is_left: bool) -> None:
        opened = lease.opened
        key = (opened[0] if opened else None, lease.subject)
        if len(self._lines) < _MAX_LINES:
            self._lines.update(opened)
        self._counts.setdefault(key, _Count()).add(is_left, lease.held, lease.longest)

    # sessions

    def session_made(self, session: object, what: str) -> None:
        """Book that a session was made: it holds nothing yet."""
        if self.is_closed:
            return
        way = places.trail().places if self._is_sampled() else ()
        track = Track(what, way, self.owner)
        key = id(session)
        track.reference = _reference(session, lambda _: self._tracks.pop(key, None))
        self._tracks[key] = track

    def track(self, session: object) -> Track:
        """Give what is known of a session; nothing but that it is one, for one made earlier."""
        found = self._tracks.get(id(session))
        return found or Track(type(session).__name__, (), Owner())

    # what is done with it

    def statement_begins(self, lease: Lease, who: int) -> None:
        """Book a statement.

        Args:
            lease: on what.
            who: tells the thread or task that runs it from others.
        """
        if lease.begun and time.monotonic() - lease.last_use >= self._idle:
            self._note_idle(lease)
        if lease.busy is not None and lease.busy != who:
            self._note_shared(lease)
        lease.busy = who
        lease.statements += 1

    def transaction_begins(self, lease: Lease) -> None:
        """Book the begin of a transaction."""
        lease.begun = lease.last_use = time.monotonic()

    def transaction_ends(self, lease: Lease) -> None:
        """Book its end, however it ended."""
        if lease.begun:
            now = time.monotonic()
            if now - lease.last_use >= self._idle:
                self._note_idle(lease)
            lease.longest = max(lease.longest, now - lease.begun)
            lease.begun = 0.0
        lease.wrote = False

    def writes_lost(self, opened: tuple[Place, ...], what: str) -> None:
        """Note that a close threw writes away."""
        self._note(UNCOMMITTED, f"a {what} was closed with writes that nothing committed", opened)

    def _note_idle(self, lease: Lease) -> None:
        seconds = time.monotonic() - lease.last_use
        lease.last_use += seconds
        text = f"a transaction stayed open over {seconds:.1f} s of other work"
        code = HELD_BY_STREAM if requests.is_streaming() else HELD_IDLE
        self._note(code, text, lease.opened)

    def _note_shared(self, lease: Lease) -> None:
        by = "tasks" if places.task_name() else "threads"
        kind = "session" if lease.track else lease.kind
        noun = "session" if lease.track else "connection"
        self._note(SHARED[kind], f"a {noun} was used by two {by} at once", lease.opened)

    def _note(self, code: str, text: str, where: tuple[Place, ...]) -> None:
        at = places.nearest()
        note = Note(code, text, where, at, self.owner.label)
        with self._lock:
            if len(self._notes) < _MAX_KEPT:
                self._notes.setdefault((code, at, note.owner), note)
        if self._hooks:
            self._tell("note", code, at, 0.0, None, text)

    # pools

    def pool(self, pool: object, name: Callable[[], str], size: Callable[[], int]) -> Pool:
        """Give the counts of a pool."""
        key = id(pool)
        found = self._pools.get(key)
        if found is None:
            found = self._pools[key] = Pool(name(), size())
            found.reference = _reference(pool, lambda _: self.pool_is_gone(key))
        return found

    def pool_is_gone(self, key: int) -> None:
        """Keep of a pool that is no more what it adds to those of its name.

        Args:
            key: its ``id``.
        """
        gone = self._pools.pop(key, None)
        if gone is None:
            return
        use = gone.use()
        with self._lock:
            before = self._past_pools.get((use.name, use.size))
            if before is not None or len(self._past_pools) < _MAX_KEPT:
                self._past_pools[use.name, use.size] = before.plus(use) if before else use

    def lent_by(self, pool: object) -> list[Lease]:
        """List what a pool has lent and not got back."""
        counts = self._pools.get(id(pool))
        leases = list(self._open.values())
        return [lease for lease in leases if counts is not None and lease.pool is counts]

    def waited(self, pool: Pool, seconds: float) -> None:
        """Book that somebody waited for a pool."""
        with self._lock:
            pool.waits += 1
            pool.waited += seconds
        if self._hooks:
            self._tell("waited", pool.name, None, seconds, pool)

    def timed_out(self, pool: Pool, seconds: float, error: BaseException) -> None:
        """Book that somebody waited in vain, and say in the error who holds the connections."""
        with self._lock:
            pool.timeouts += 1
            pool.waits += 1
            pool.waited += seconds
        holding = [lease for lease in list(self._open.values()) if lease.pool is pool]
        text = who_holds(pool.name, [lease.holder() for lease in (*holding, *pool.lost)])
        if hasattr(error, "add_note"):  # from Python 3.11
            error.add_note(text)
        if self._hooks:
            self._tell("timeout", pool.name, places.nearest(), seconds, pool, text)

    # what there is to say

    def out(self) -> list[Lease]:
        """List what is out, without what its own driver knows to be closed."""
        for lease in list(self._open.values()):
            if lease.is_open_still is not None and not lease.is_open_still():
                self.end(lease.key)
        return list(self._open.values())

    def holding(self) -> list[Holder]:
        """Say what keeps connections from others: what is out, and what pools have lost."""
        lost = [lease for pool in list(self._pools.values()) for lease in pool.lost]
        return [lease.holder() for lease in (*self.out(), *lost)]

    def suspects(self) -> list[Lease]:
        """List what nobody closed: what was collected or swept, and what is still out."""
        out = self.out()
        with self._lock:
            return [lease for lease in (*self._left, *out) if lease.is_suspect]

    def leaks(self) -> list[Holder]:
        """Say what is known of them."""
        return [lease.holder() for lease in self.suspects()]

    def tallies(self) -> list[Tally]:
        """Count by place, what is still out included."""
        out = self.out()
        with self._lock:
            counts = {key: replace(count) for key, count in self._counts.items()}
        for lease in out:
            holder = lease.holder()
            count = counts.setdefault((lease.place, lease.subject), _Count())
            count.add(lease.is_suspect, holder.held, holder.transaction)
        return [
            Tally(place, what, c.opened, c.left, c.held, c.transaction)
            for (place, what), c in counts.items()
        ]

    def lines(self) -> list[Place]:
        """List the lines that took part in an opening."""
        out = [place for lease in list(self._open.values()) for place in lease.opened]
        with self._lock:
            return sorted({*self._lines, *out})

    def notes(self) -> list[Note]:
        """List what else was seen."""
        with self._lock:
            return list(self._notes.values())

    def pools(self) -> list[PoolUse]:
        """Give the counts of all pools."""
        with self._lock:
            past = list(self._past_pools.values())
        return [*past, *(pool.use() for pool in list(self._pools.values()))]

    def _tell(
        self,
        name: str,
        what: str,
        place: Place | None,
        seconds: float,
        pool: Pool | None,
        text: str = "",
    ) -> None:
        self._hooks.tell(Event(name, what, place, seconds, pool.in_use if pool else 0, text))


def _reference(each: object, callback: Callable[[Any], object]) -> weakref.ref[Any] | None:
    """Refer weakly to what can be: asyncpg's pools, for one, cannot."""
    try:
        return weakref.ref(each, callback)
    except TypeError:
        return None
