"""In which state a block can leave its session that ends well.

With work that nothing committed or rolled back, or where a flush or commit has failed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from flake8_dbsession.analysis.effects.work.changes import Changes
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.effects.work.model import (
    AS_BEFORE,
    NONE_PENDING,
    Broken,
    PathWork,
    Pending,
)
from flake8_dbsession.analysis.effects.work.walk import ways_through
from flake8_dbsession.named_tuples import NamedTuple


class Left(NamedTuple):
    """What is left of the work by a session when a block is left, other than by an exception.

    Attributes:
        pending: as ``left_pending`` gives it.
        broken: what may have failed so that nothing more can be committed; None for nothing.
    """

    pending: list[Pending]
    broken: Broken | None


def left_pending(
    body: Sequence[ast.stmt], objects: Objects, *, closes_stay: bool = True
) -> list[Pending]:
    """Find work that is uncommitted when a block is left, other than by an exception.

    Args:
        body: the block's statements.
        objects: the session, and what holds its objects.
        closes_stay: whether a close among them stays there, and gives up what is pending.

    Returns:
        The work that a provider which commits at the end of the block would commit, and that the
        code as it is gives up when it closes the session. At most two: the last work that is seen,
        and the last call that cannot be followed, which may leave some (``is_seen`` is False).
    """
    return left_by(body, objects, closes_stay=closes_stay).pending


def left_by(body: Sequence[ast.stmt], objects: Objects, *, closes_stay: bool = True) -> Left:
    """Find what a block leaves, other than by an exception.

    Args:
        body: as ``left_pending`` takes it.
        objects: as ``left_pending`` takes it.
        closes_stay: as ``left_pending`` takes it.
    """
    ways = ways_through(body, Changes(objects, closes_stay=closes_stay))
    broken = (way.broken for way in ways if way.broken and not way.broken.if_pending)
    return Left(_pending(ways), max(broken, default=None))


def _pending(ways: Iterable[PathWork]) -> list[Pending]:
    found = {way.pending for way in ways} - {NONE_PENDING, AS_BEFORE}
    seen = max((each for each in found if each.is_seen), default=None)
    unknown = max((each for each in found if not each.is_seen), default=None)
    return [each for each in (seen, unknown) if each is not None]
