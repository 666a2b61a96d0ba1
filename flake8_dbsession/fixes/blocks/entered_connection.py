"""What a connection's block enters: the house's provider, its own block, or ``closing``.

It is what the message of the same place advises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.library.drivers import BlockEnd, driver_of
from flake8_dbsession.fixes.blocks.opening import entered_itself, swap_of
from flake8_dbsession.fixes.blocks.provision import (
    Need,
    plain_need,
    provision_by,
)
from flake8_dbsession.house.advice import closes_by_its_block, factory_of
from flake8_dbsession.house.model import OpeningPlace, Way
from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.rewriting.document import Document
from flake8_dbsession.rewriting.edits import Doubt, Edit, Fix, Kind, Swap
from flake8_dbsession.rewriting.imports import reach_module


class Entered(NamedTuple):
    """What a connection's block enters.

    Attributes:
        call: the provider's call, which takes the opening's place; empty for none.
        around: what is called with the opening; empty for nothing.
        edits: those that make it known there.
        doubts: why the block may do something else than the code as it is.
        swap: the function that is called in another's place, where there is one.
    """

    call: str = ""
    around: str = ""
    edits: tuple[Edit, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    swap: Swap | None = None


def entered_for(acquisition: Acquisition, document: Document, *, committed: bool) -> Entered:
    """Find what a block enters that takes the place of a connection opened by hand.

    Args:
        acquisition: what opens the connection.
        document: the file.
        committed: whether the code as it is has a block around it that commits.

    Raises:
        Refusal: what is advised cannot be reached from there.
    """
    way = document.context.connection_way(acquisition)
    if way is not None:
        return _provided(way, acquisition, document, committed=committed)
    return own_block_of(acquisition, document, committed=committed)


def own_block_of(acquisition: Acquisition, document: Document, *, committed: bool) -> Entered:
    """Give the block of a connection itself, or ``closing`` where that leaves it open.

    Args:
        acquisition: what opens the connection.
        document: the file.
        committed: whether the code as it is has a block around it that commits.
    """
    need = plain_need(acquisition, document)
    is_closed = closes_by_its_block(acquisition, document.context.file.inference)
    if is_closed and not committed and not driver_of(need.known.library).autocommits_by_account:
        doubts = tuple(_about_own_block(need))
        return Entered(doubts=doubts, swap=entered_itself(need, document))
    closing = reach_module("contextlib", "closing", acquisition.scope, document)
    return Entered(around=closing.expression, edits=closing.edits)


def _provided(
    way: Way, acquisition: Acquisition, document: Document, *, committed: bool
) -> Entered:
    need = replace(plain_need(acquisition, document), beside=factory_of(acquisition))
    provision = provision_by(way, need, document)
    doubts = (
        *(Doubt(Kind.OTHER, reason) for reason in provision.doubts),
        *_about_leaving(way, need, provision.name, committed=committed),
    )
    swap = swap_of(need, provision, document, enters=committed, stays=False)
    return Entered(provision.call, edits=provision.edits, doubts=doubts, swap=swap)


def _about_leaving(way: Way, need: Need, name: str, *, committed: bool) -> Iterator[Doubt]:
    """Doubt that a provider's block should commit, or that it does what the code's block does."""
    if not committed and way.leaving.commits is not False:
        yield from _about_commit(name, need.place)
    if committed and not way.leaving.commits and need.place.writes is not False:
        yield Doubt(Kind.OTHER, f"`{name}` may not commit what the block commits")


def _about_own_block(need: Need) -> Iterator[Doubt]:
    """Doubt that the end of a driver's own block should commit."""
    block = driver_of(need.known.library).block
    if BlockEnd.COMMITS in block:
        yield from _about_commit("the block", need.place)


def _about_commit(name: str, place: OpeningPlace) -> Iterator[Doubt]:
    leaves = place.leaves
    if leaves is not False:
        what = "leaves" if leaves else "may leave"
        quoted = name if " " in name else f"`{name}`"
        yield Doubt(Kind.COMMIT, f"{quoted} would commit what the code {what} uncommitted")


def by_own_block(fix: Fix, provided: Entered) -> Fix:
    """Say of a fix that it leaves the provider aside, and why."""
    reasons = "; ".join(dict.fromkeys(doubt.reason for doubt in provided.doubts))
    return replace(fix, notes=(*fix.notes, f"by its own block, for {reasons}"))
