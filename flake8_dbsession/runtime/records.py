"""What is known of a session or connection, as plain values."""

from __future__ import annotations

from collections.abc import Callable

from flake8_dbsession.named_tuples import NamedTuple

CLOSED = "closed"
COLLECTED = "collected"
DROPPED = "dropped"
LOST = "lost"
OPEN = "open"
SWEPT = "swept"
"""How it ended: given back; by the garbage collector, while open; the server or the pool dropped
it; by the garbage collector, unseen by its pool, which waits for it to its own end; not at all; by
what closes all that others forgot, ``close_all_sessions()`` or a pool's end."""

TOP_LEVEL = "<module>"
SCRIPT = "__main__"

NEVER_CLOSED = {"session": "DBS302", "connection": "DBS602", "pooled": "DBS605"}
"""The code of the static rule for what nobody closes, by kind."""
USED_AFTER_CLOSE = "DBS305"
MODULE_HOLDS = {"session": "DBS201", "connection": "DBS608", "pooled": "DBS608"}
BLOCK_LEAVES_OPEN = "DBS601"
SHARED = {"session": "DBS206", "connection": "DBS610", "pooled": "DBS610"}
UNCOMMITTED = "DBS309"
HELD_IDLE = "DBS409"
HELD_BY_STREAM = "DBS410"


class Place(NamedTuple):
    """A line of a program.

    Attributes:
        file: its file's path, as the interpreter has it.
        line: its number, from 1.
        function: what runs there; ``<module>`` for a module's top level, ``__main__`` for that of
            the script that is run.
    """

    file: str
    line: int
    function: str


class Trail(NamedTuple):
    """The way by which a program came to do something.

    Attributes:
        places: the lines of the user's own code, the innermost first; empty where there are none.
        library: the package whose code did it by itself; empty where the user's own did.
    """

    places: tuple[Place, ...]
    library: str


class Owner:
    """On whose behalf something is opened.

    Args:
        named: gives its label, such as ``test tests/test_a.py::test_b``; empty for the program
            itself. It is asked for only where something is said, for that is seldom.
        scope: until when it may stay open: ``test``, a fixture's scope, or ``program``.

    Attributes:
        is_done: whether that is past.
    """

    __slots__ = ("_named", "is_done", "scope")

    def __init__(self, named: Callable[[], str] = str, scope: str = "program") -> None:
        self._named = named
        self.scope = scope
        self.is_done = False

    @property
    def label(self) -> str:
        """Its label."""
        return self._named()


class Holder(NamedTuple):
    """Who holds a connection: what is known of one that is out, or that ended.

    Attributes:
        kind: ``session``, ``connection`` or ``pooled`` (of a driver's own pool).
        what: such as ``AsyncSession`` or ``sqlite3 connection``.
        places: where it was opened, the innermost line of the user's own code first.
        first_use: where the connection was taken, for a session; where it was opened, else.
        thread: the name of the thread that opened it.
        task: the name of the asyncio task that did; empty for none.
        request: the request that it served, such as ``GET /users``; empty for none.
        owner: the test or fixture; empty for the program itself.
        opened: when, in seconds since the epoch.
        held: for how many seconds.
        statements: how many it ran; -1 where that cannot be seen.
        transaction: for how many seconds its longest transaction was open.
        in_transaction: whether one is open.
        ended: how it ended.
        code: the static rule's code, where it was left open.
        closed_before: where it was closed, for a session that was used again afterwards.
        pool: the pool that lent it; empty for none.
    """

    kind: str
    what: str
    places: tuple[Place, ...]
    first_use: Place | None
    thread: str
    task: str
    request: str
    owner: str
    opened: float
    held: float
    statements: int
    transaction: float
    in_transaction: bool
    ended: str
    code: str
    closed_before: Place | None = None
    pool: str = ""


class Note(NamedTuple):
    """Something else that was seen.

    Attributes:
        code: the static rule's.
        text: what happened, as a clause.
        places: where the session or connection was opened.
        at: where it happened; None where no line of the user's own code did it.
        owner: the test or fixture; empty for the program itself.
    """

    code: str
    text: str
    places: tuple[Place, ...]
    at: Place | None
    owner: str


class Event(NamedTuple):
    """What a hook is told.

    Attributes:
        name: ``opened``, ``ended``, ``leaked``, ``waited``, ``timeout`` or ``note``.
        what: as ``Holder.what``; the pool's name for ``waited`` and ``timeout``.
        place: where it was opened; None where no line of the user's own code did it.
        seconds: held, or waited.
        in_use: how many connections of its pool are out now; 0 for one without a pool.
        text: the message, for ``leaked``, ``timeout`` and ``note``.
    """

    name: str
    what: str
    place: Place | None
    seconds: float
    in_use: int
    text: str


class PoolUse(NamedTuple):
    """What became of a pool.

    Attributes:
        name: its class and whose connections it lends.
        size: how many it lends at most; -1 for no limit.
        peak: how many were out at once.
        waits: how often somebody waited, all being out.
        waited: for how many seconds in all.
        timeouts: how often that was in vain.
        lost: how many the garbage collector took, for which the pool waits to its end.
    """

    name: str
    size: int
    peak: int
    waits: int
    waited: float
    timeouts: int
    lost: int = 0

    def plus(self, other: PoolUse) -> PoolUse:
        """Sum up two pools of one name and size."""
        return self._replace(
            peak=max(self.peak, other.peak),
            waits=self.waits + other.waits,
            waited=self.waited + other.waited,
            timeouts=self.timeouts + other.timeouts,
            lost=self.lost + other.lost,
        )


class Tally(NamedTuple):
    """What was opened at a place.

    Attributes:
        place: the place; None where no line of the user's own code did it.
        what: as ``Holder.what``.
        opened: how often.
        left_open: how many nobody closed.
        held: for how many seconds the longest was held.
        transaction: for how many seconds the longest transaction was open.
    """

    place: Place | None
    what: str
    opened: int
    left_open: int
    held: float
    transaction: float
