"""Whether a block can end well with work in its session that nothing committed or rolled back."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from flake8_dbsession.analysis.effects.work.changes import Changes
from flake8_dbsession.analysis.effects.work.loaded import Objects
from flake8_dbsession.analysis.effects.work.model import AS_BEFORE, NONE_PENDING, Pending
from flake8_dbsession.analysis.effects.work.walk import ways_through


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
    ways = ways_through(body, Changes(objects, closes_stay=closes_stay))
    found = {way.pending for way in ways} - {NONE_PENDING, AS_BEFORE}
    seen = max((each for each in found if each.is_seen), default=None)
    unknown = max((each for each in found if not each.is_seen), default=None)
    return [each for each in (seen, unknown) if each is not None]
