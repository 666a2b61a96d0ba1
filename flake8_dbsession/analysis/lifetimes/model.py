"""What goes into the analysis of lifetimes, and what comes out."""

from __future__ import annotations

import ast
from collections.abc import Callable
from enum import Enum

from flake8_dbsession.analysis.flow.calls import raises_by_name
from flake8_dbsession.analysis.library.wrappers import PARTIAL_NAME
from flake8_dbsession.analysis.lifetimes.fates import GIVEN_BACK, UNTOUCHED, USED, Fate
from flake8_dbsession.analysis.nodes import dotted_name
from flake8_dbsession.named_tuples import NamedTuple


class Opened(NamedTuple):
    """An expression whose value is a new session or connection.

    Attributes:
        node: the expression.
        live_at_once: whether it has to be closed as soon as it is there, as a connection has; a
            session takes its connection only when it is first used.
        block_closes: whether the end of ``with`` over it closes it: a session's does, that of a
            sqlite3 or psycopg2 connection only ends the transaction.
        part: which part of the expression's value it is; None where it is the value itself.
        beside: for each part of that value the constants that it can be; empty where it can be
            anything else.
        is_session: whether it is a session, which gives its connection back with the end of a
            transaction.
        is_async: whether its methods work only where they are awaited.
        rests: whether only its connection is followed, which a session gives back by `commit()`
            and `rollback()`; else it is in use until it is closed.
    """

    node: ast.expr
    live_at_once: bool = False
    block_closes: bool = True
    part: int | None = None
    beside: tuple[tuple[object, ...], ...] = ()
    is_session: bool = False
    is_async: bool = False
    rests: bool = False


def constructs_by_name(call: ast.Call) -> bool:
    """Tell whether a call makes an object that keeps its arguments, by the spelled name."""
    name = dotted_name(call.func).rpartition(".")[2]
    return name == PARTIAL_NAME or name.lstrip("_")[:1].isupper()


def fate_by_name(call: ast.Call, _argument: int | str, _is_held: bool) -> Fate:
    """Tell what becomes of an argument, by the spelled name of what is called."""
    if constructs_by_name(call):
        return GIVEN_BACK
    return USED if raises_by_name(call) else UNTOUCHED


def _no_method(_call: ast.Call) -> Fate | None:
    return None


def _as_written(_call: ast.Call) -> ast.Call | None:
    return None


def _at_once(_call: ast.Call) -> bool:
    return False


def _takes_over(_manager: ast.expr) -> bool:
    return False


class Traits(NamedTuple):
    """What is known of calls that are given a session or connection.

    Attributes:
        fate: tells what becomes of one of a call's arguments, given by its position or its keyword,
            and of what the argument holds where the object is only held by it.
        fate_in_holder: tells what becomes of a session or connection when a method is called on the
            object that holds it; None where that is not known.
        unfolded: gives the call that a call of a partial makes; None for any other.
        runs_when_awaited: tells whether a call only makes a coroutine.
        borrows: tells whether a block over what an expression makes leaves open what that is given.
        yield_hands_on: whether who receives a yielded session or connection closes it.
    """

    fate: Callable[[ast.Call, int | str, bool], Fate] = fate_by_name
    fate_in_holder: Callable[[ast.Call], Fate | None] = _no_method
    unfolded: Callable[[ast.Call], ast.Call | None] = _as_written
    runs_when_awaited: Callable[[ast.Call], bool] = _at_once
    borrows: Callable[[ast.expr], bool] = _takes_over
    yield_hands_on: bool = False


class Leaving(Enum):
    """How a session or connection is left open."""

    RETURNS = "a return"
    FALLS_OFF = "the end of the function"
    RAISES = "an exception"
    LOSES = "the last reference to it is given up"


class Closing(Enum):
    """What closes it."""

    BY_HAND = "its own close"
    BLOCK = "the end of a with block"
    CALLEE = "a function or an object that it was given to"


class Handing(Enum):
    """To whom it is handed on."""

    RETURNED = "the caller"
    YIELDED = "who drives the generator"
    STORED = "an object, a container or a name that outlives the function"
    REGISTERED = "what closes or finishes it later"
    HOLDER = "whoever takes it out of the object that holds it"
    UNKNOWN = "a call that could not be followed"


KEPT = frozenset({Handing.RETURNED, Handing.STORED})
"""To whom it is handed on who may work with it when the function has long ended."""

FOR_GOOD = KEPT | {Handing.REGISTERED}
"""To whom it is handed on who sees to it from then on."""


class Leak(NamedTuple):
    """A way to leave it open: the statement or expression that leaves, and how."""

    node: ast.AST
    how: Leaving


class Close(NamedTuple):
    """A place that closes it."""

    node: ast.AST
    how: Closing


class HandOn(NamedTuple):
    """A place that hands it on."""

    node: ast.AST
    how: Handing


class Lifetime(NamedTuple):
    """What happens to what one expression opens; everything in the order of the text.

    Attributes:
        opened: the expression.
        leaks: the ways on which it is left open; of exceptions that leave it open in the same way
            one after the other, the first.
        closes: the places that close it on some way.
        hand_ons: the places that hand it on, on some way.
        uses_after_close: the uses that find it closed, or opened again by another of them.
        reopenings: those of them that open it again, and after which nothing closes it on some way
            out of the function that no error takes.
        is_held: whether anything but the expression itself ever refers to it.
        outlives: whether it is handed on and still open on some way out that no error takes.
    """

    opened: Opened
    leaks: tuple[Leak, ...]
    closes: tuple[Close, ...]
    hand_ons: tuple[HandOn, ...]
    uses_after_close: tuple[ast.expr, ...]
    reopenings: tuple[ast.expr, ...]
    is_held: bool
    outlives: bool

    @property
    def is_discarded(self) -> bool:
        """Whether it is used and lost on the spot, with nothing left to close it by."""
        return bool(self.leaks) and not self.is_held

    @property
    def is_never_closed(self) -> bool:
        """Whether it is left open, and no way closes it or hands it on."""
        return bool(self.leaks) and not self.closes and not self.hand_ons

    @property
    def is_closed_on_some_paths_only(self) -> bool:
        """Whether some way leaves it open, and another closes it or hands it on."""
        return bool(self.leaks) and not self.is_never_closed
