"""Trying a proposed policy: what it changes, and what of it is worth keeping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from flake8_dbsession.house.nowhere import look_up_names
from flake8_dbsession.linter import Settings
from flake8_dbsession.migration.counting import migration_of
from flake8_dbsession.migration.model import Migration, UnmigratedPlace
from flake8_dbsession.policy.errors import PolicyError
from flake8_dbsession.policy.loading import load_text, text_sources
from flake8_dbsession.policy.model import TESTS_LAYER
from flake8_dbsession.survey.proposal import Proposal
from flake8_dbsession.survey.writing import FOUND, written
from flake8_dbsession.wording import counted

_MANY = 400  # files with sessions, over which each part is not tried by itself
# What a layer or a table explains, where it makes more be reported.
_EXPLAINED = frozenset({"DBS102", "DBS104", "DBS106", "DBS401"})
LOWER = "in force, it would lower the share of what is sanctioned"
"""Why a part is left out that reports nothing more, and counts less."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of trying a proposal.

    Attributes:
        offered: the proposal.
        proposal: what is left of it.
        dropped: what was taken out of it, each with the reason.
        before: the findings and the share without a policy.
        after: the same with what is left.
    """

    offered: Proposal
    proposal: Proposal
    dropped: tuple[tuple[str, str], ...]
    before: Migration
    after: Migration


def tried(proposal: Proposal, folder: Path, files: Sequence[str], *, jobs: int = 1) -> Tried:
    """Take out of a proposal what changes nothing, and what does harm.

    Args:
        proposal: the proposal.
        folder: the folder that the policy is for, absolute.
        files: the Python files below it that have to do with sessions.
        jobs: how many processes may look.

    Returns:
        A proposal that leads nowhere wrong, reports no more than its layers and tables explain, and
        lets the share of what is sanctioned not fall.
    """
    trial = partial(_migration_under, folder=folder, files=files, jobs=jobs)
    before = migration_of(files, Settings(), jobs=jobs)
    after = trial(proposal)
    if after is not None and _findings(after) == _findings(before):
        dropped = tuple((name, FOUND) for name, _ in _parts(proposal))
        return Tried(proposal, _bare(proposal), dropped, before, before)
    offered = proposal
    out: list[tuple[str, str]] = []
    if len(files) > _MANY:
        proposal, out = _without_found(proposal)
        after = trial(proposal)
    is_shrinking = len(files) <= _MANY
    while is_shrinking:
        known = len(out)
        for name, without in _parts(proposal):
            smaller = without(proposal)
            found = trial(smaller)
            reason = _reason_to_drop(found, after, before)
            if name == "owners" and found is not None and _count(found) > _count(after):
                silent = counted(_count(found) - _count(after), "place")
                reason = f"in force, it would say nothing of {silent}"
            if reason:
                proposal, after = smaller, found
                out.append((name, reason))
        # A layer that goes may have been what kept the preset from going.
        is_harmful = after is None or _is_worse(after, before)
        is_shrinking = is_harmful and len(out) > known
    if after is None or _is_worse(after, before):
        out += [(name, LOWER) for name, _ in _parts(proposal)]
        proposal, after = _bare(proposal), before
    return Tried(offered, proposal, tuple(out), before, after)


def _reason_to_drop(
    without: Migration | None, after: Migration | None, before: Migration
) -> str | None:
    """Say why a part of a proposal is left out; None where it stays.

    Args:
        without: what is found without the part; None where a name still leads nowhere.
        after: the same with it.
        before: the same without any policy.
    """
    if after is None:
        return "a name in it leads nowhere from here"
    if without is None:
        return None
    if _findings(without) == _findings(after):
        return FOUND
    if _is_worse(after, before) and _harm(without, before) < _harm(after, before):
        more = _count(after) - _count(without)
        if more > 0:
            return f"in force, it would report {counted(more, 'more place')}"
        return LOWER
    return None


def _without_found(proposal: Proposal) -> tuple[Proposal, list[tuple[str, str]]]:
    """Take out what is found in any code, without trying it part by part."""
    found = ("factories", "owners", f"layer {TESTS_LAYER}")
    out = []
    for name, without in _parts(proposal):
        if name in found or name.startswith("preset "):
            proposal = without(proposal)
            out.append((name, FOUND))
    return proposal, out


def _bare(proposal: Proposal) -> Proposal:
    """Give a proposal that says nothing but what is there."""
    for _, without in _parts(proposal):
        proposal = without(proposal)
    return replace(proposal, layers=())


def _migration_under(
    proposal: Proposal, folder: Path, files: Sequence[str], jobs: int
) -> Migration | None:
    """Give what is found under a proposal; None where a name in it leads nowhere."""
    text, file = written(proposal), folder / "dbsession.toml"
    try:
        policy = load_text(text, file)
    except PolicyError:
        return None
    if look_up_names(policy, tuple(text_sources(text, file))).errors:
        return None
    return migration_of(files, Settings(), policy=policy, jobs=jobs)


def _parts(proposal: Proposal) -> Iterator[tuple[str, Callable[[Proposal], Proposal]]]:
    """Give what can be taken out of a proposal: its name, and how; first what may report most."""
    if proposal.connections:
        yield "connections", partial(replace, connections=())
    if proposal.is_named:
        yield f"preset {proposal.preset}", partial(replace, is_named=False)
    for key in ("factories", "owners", "retired", "legacy"):
        if getattr(proposal, key):
            yield key, partial(replace, **{key: ()})
    for layer in proposal.layers:
        if layer.uses or layer.name == TESTS_LAYER:
            yield f"layer {layer.name}", partial(_without_layer, name=layer.name)


def _without_layer(proposal: Proposal, name: str) -> Proposal:
    return replace(proposal, layers=tuple(each for each in proposal.layers if each.name != name))


def _findings(migration: Migration) -> list[tuple[str, tuple[UnmigratedPlace, ...], object, int]]:
    """Give what is found, without the names of the layers in which it is."""
    return [(s.path, s.by_hand, s.codes, s.sanctioned) for s in migration.files if s.codes]


def _count(migration: Migration | None) -> int:
    return sum(count for _, count in migration.codes) if migration is not None else 0


def _is_worse(after: Migration, before: Migration) -> bool:
    """Tell whether a policy reports what it does not explain, or lets the share fall."""
    return _harm(after, before) > (0, 0.0)


def _harm(after: Migration, before: Migration) -> tuple[int, float]:
    """Give the unexplained findings that a policy adds, and by how much the share falls."""
    known = dict(before.codes)
    added = sum(
        max(0, count - known.get(code, 0)) for code, count in after.codes if code not in _EXPLAINED
    )
    shares = before.total.share, after.total.share
    fall = (shares[0] or 0.0) - (shares[1] or 0.0) if None not in shares else 0.0
    return added, max(0.0, fall)
