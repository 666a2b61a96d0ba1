"""How what was seen is said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from flake8_dbsession.runtime.places import shown
from flake8_dbsession.runtime.records import (
    BLOCK_LEAVES_OPEN,
    COLLECTED,
    LOST,
    MODULE_HOLDS,
    OPEN,
    SWEPT,
    USED_AFTER_CLOSE,
    Holder,
    Note,
    Place,
)
from flake8_dbsession.wording import counted

SEEN = (
    "The codes say what the run saw; where an object or a module holds it, the linter has a more "
    "exact one (DBS201, DBS204, DBS608, DBS609)."
)
"""Why a code may be another than the linter's for the same line."""

_MAX_HOLDERS = 10
_MAX_OWNERS = 3
_STAYS = {
    OPEN: "stays {} until the program ends",
    COLLECTED: "stayed {} until the garbage collector came",
    LOST: "stays {} until the pool ends, which does not see that the garbage collector took it",
    SWEPT: "stayed {} until all were closed at once",
}


def sentence(holder: Holder) -> str:
    """Say in one line what was left open, and where it was opened."""
    what = f"{holder.what} opened at {way(holder.places)}"
    return f"{what} was never closed ({holder.code})"


def way(where: Sequence[Place]) -> str:
    """Write the short chain of calls."""
    first = shown(next(iter(where), None))
    calls = "".join(f", called from {shown(place)}" for place in where[1:])
    return first + calls


def equal(holders: Iterable[Holder]) -> list[list[Holder]]:
    """Group what was left open alike: opened by the same line, for the same reason.

    The largest group comes first, and of a group what was held longest.
    """
    groups: dict[tuple[object, ...], list[Holder]] = defaultdict(list)
    for holder in holders:
        groups[holder.what, holder.places[:1], holder.code, holder.ended].append(holder)
    for group in groups.values():
        group.sort(key=lambda holder: -holder.held)
    return sorted(groups.values(), key=lambda group: -len(group))


def leak(group: Sequence[Holder]) -> str:
    """Say in a few lines what was left open, where it was opened, by what, and why it matters.

    Args:
        group: those that are alike, as `equal` gives them.
    """
    holder, times = group[0], f"{len(group)} times: " * (len(group) > 1)
    ways = len({each.places for each in group}) - 1
    more = f", and by {counted(ways, 'more way')}" * bool(ways)
    lines = [f"{times}{holder.what} opened at {way(holder.places)}{more}"]
    lines.append(f"    by {_by_all(group)}")
    if holder.kind == "session" and holder.first_use not in (None, *holder.places[:1]):
        lines.append(f"    took its connection at {shown(holder.first_use)}")
    longest = "the longest " * (len(group) > 1)
    lines += [f"    {longest}{_did(holder)}", f"    {_why(holder)}"]
    return "\n".join(lines)


def note(seen: Note) -> str:
    """Say what else was seen, in one line."""
    said = f"{seen.code} {seen.text} at {shown(seen.at)}; opened at {way(seen.places)}"
    return said + f"; {seen.owner}" * bool(seen.owner)


def who_holds(pool: str, holders: Iterable[Holder]) -> str:
    """Say who holds the connections of a pool, by the line that opened them."""
    groups: dict[tuple[object, ...], list[Holder]] = defaultdict(list)
    for holder in holders:
        groups[holder.places, holder.ended].append(holder)
    ordered = sorted(groups.values(), key=lambda group: (-len(group), -_longest(group)))
    count = sum(map(len, ordered))
    if not count:
        return f"dbsession: nobody who is known holds a connection of {pool}"
    lines = [f"dbsession: who holds the {count} connection{'s' * (count > 1)} of {pool}:"]
    for group in ordered[:_MAX_HOLDERS]:
        lines.append(f"  {len(group)} by {group[0].what} opened at {way(group[0].places)}")
        oldest = max(group, key=lambda holder: holder.held)
        lines.append(f"    for {_longest(group):.1f} s at most; by {_by(oldest)}; {_did(oldest)}")
    if len(ordered) > _MAX_HOLDERS:
        lines.append(f"  and {len(ordered) - _MAX_HOLDERS} more places")
    return "\n".join(lines)


def _longest(group: Sequence[Holder]) -> float:
    return max(holder.held for holder in group)


def _by(holder: Holder) -> str:
    by = [holder.owner, holder.request, f"thread {holder.thread}"]
    by.append(f"task {holder.task}" * bool(holder.task))
    return ", ".join(filter(None, by))


def _by_all(group: Sequence[Holder]) -> str:
    """Name for whom things were opened, the first of many."""
    everybody = [*dict.fromkeys(map(_by, group))]
    more = len(everybody) - _MAX_OWNERS
    return "; ".join([*everybody[:_MAX_OWNERS], *([f"and {more} more"] if more > 0 else [])])


def _did(holder: Holder) -> str:
    parts = [f"held for {holder.held:.2f} s"]
    if holder.statements >= 0:
        parts.append(f"{holder.statements} statement{'s' * (holder.statements != 1)}")
    if holder.in_transaction:
        seconds = f" for {holder.transaction:.2f} s" if holder.transaction else ""
        parts.append(f"its transaction open{seconds}")
    if holder.ended == LOST:
        parts.append("then lost to the pool, for the garbage collector took it")
    return ", ".join(parts)


def _why(holder: Holder) -> str:
    if holder.code == USED_AFTER_CLOSE:
        why = f"it was closed at {shown(holder.closed_before)}, used again, and not closed again"
    elif holder.code == BLOCK_LEAVES_OPEN:
        why = "its `with` block ended the transaction and left it open"
    elif holder.code == MODULE_HOLDS[holder.kind]:
        why = "a module's top level holds it, and nothing closed it"
    else:
        why = "nothing closed it"
    which = "its connection" if holder.kind == "session" else "the connection"
    stays = _STAYS[holder.ended].format("out of the pool" if holder.pool else "open")
    return f"{holder.code}: {why}: {which} {stays}; `dbsession explain {holder.code}`"
