"""Rows that a session has written and not committed yet, and what is told of them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TypeAlias

from flake8_dbsession.analysis.facts.dispatch.row_keys import Tells
from flake8_dbsession.named_tuples import NamedTuple


class Unsaved(NamedTuple):
    """A row that is written, and not committed yet.

    Attributes:
        name: the name of the object, of a list of such objects, or of the row's key.
        shown: how the row is written in a message.
        is_key: whether the name is that of the key.
        is_new: whether the row is inserted; else it is changed.
        write: what writes it.
        is_saved: whether it is committed on the way: then it may be so on all that matter.
    """

    name: str
    shown: str
    is_key: bool
    is_new: bool
    write: ast.AST
    is_saved: bool = False


class Sent(NamedTuple):
    """A worker has been told of a row that is not committed yet.

    Attributes:
        call: the call that sends the task.
        shown: how the row is written.
        is_new: whether the row is inserted; else it is changed.
        write: what writes it.
    """

    call: ast.Call
    shown: str
    is_new: bool
    write: ast.AST


class Returned(NamedTuple):
    """A function returns a row that is not committed yet, or its key."""

    is_key: bool
    is_new: bool


class Left(NamedTuple):
    """What a function leaves uncommitted.

    Attributes:
        returned: what of it is returned.
        given: the rows that it was given, by the names of its parameters.
        may_end: whether code that cannot be followed may commit or roll back in it.
    """

    returned: frozenset[Returned] = frozenset()
    given: frozenset[Unsaved] = frozenset()
    may_end: bool = False


State: TypeAlias = frozenset[Unsaved | Sent | Returned]
EMPTY: State = frozenset()
NOTHING_LEFT = Left()


def unsaved_in(state: State) -> list[Unsaved]:
    """Give what is not committed on any way there."""
    rows = {each for each in state if isinstance(each, Unsaved)}
    return [e for e in rows if not e.is_saved and e._replace(is_saved=True) not in rows]


def saved(state: State) -> State:
    """Give what is left of a state where all rows are committed."""
    return frozenset(e._replace(is_saved=True) for e in state if isinstance(e, Unsaved))


def perhaps_saved(state: State) -> State:
    """Give what is left of a state where all rows may be committed."""
    return saved(state) | frozenset(each for each in state if isinstance(each, Sent))


def with_written(state: State, written: Iterable[Unsaved]) -> State:
    """Give a state with rows that are written, whatever was committed of them before."""
    rows = frozenset(written)
    return (state - {row._replace(is_saved=True) for row in rows}) | rows


def is_told(unsaved: Unsaved, told: Tells) -> bool:
    """Tell whether a row is among what is told."""
    return unsaved.name in (told.names if unsaved.is_key else told.objects)
