"""How what was seen is said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from flake8_dbsession.runtime.places import shown
from flake8_dbsession.runtime.records import (
    BLOCK_LEAVES_OPEN,
    COLLECTED,
    MODULE_HOLDS,
    SWEPT,
    USED_AFTER_CLOSE,
    Holder,
    Note,
    Place,
)

SEEN = (
    "The codes say what the run saw; where an object or a module holds it, the linter has a more "
    "exact one (DBS201, DBS204, DBS608, DBS609)."
)
"""Why a code may be another than the linter's for the same line."""

_MAX_HOLDERS = 10
_HELD = {
    "session": "its connection stays out of the pool",
    "connection": "the connection stays open",
    "pooled": "the connection stays out of the pool",
}
_UNTIL = {
    COLLECTED: "the garbage collector came",
    SWEPT: "all were closed at once",
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


def leak(holder: Holder) -> str:
    """Say in a few lines what was left open, where it was opened, by what, and why it matters."""
    lines = [f"{holder.what} opened at {way(holder.places)}", f"    by {_by(holder)}"]
    if holder.kind == "session" and holder.first_use not in (None, *holder.places[:1]):
        lines.append(f"    took its connection at {shown(holder.first_use)}")
    lines += [f"    {_did(holder)}", f"    {_why(holder)}"]
    return "\n".join(lines)


def note(seen: Note) -> str:
    """Say what else was seen, in one line."""
    said = f"{seen.code} {seen.text} at {shown(seen.at)}; opened at {way(seen.places)}"
    return said + f"; {seen.owner}" * bool(seen.owner)


def who_holds(pool: str, holders: Iterable[Holder]) -> str:
    """Say who holds the connections of a pool, by the line that opened them."""
    groups: dict[tuple[Place, ...], list[Holder]] = defaultdict(list)
    for holder in holders:
        groups[holder.places].append(holder)
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


def _did(holder: Holder) -> str:
    parts = [f"held for {holder.held:.2f} s"]
    if holder.statements >= 0:
        parts.append(f"{holder.statements} statement{'s' * (holder.statements != 1)}")
    if holder.in_transaction:
        seconds = f" for {holder.transaction:.2f} s" if holder.transaction else ""
        parts.append(f"its transaction open{seconds}")
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
    until = _UNTIL.get(holder.ended, "the program ends")
    held = _HELD[holder.kind]
    held = held.replace("stays", "stayed") if holder.ended in _UNTIL else held
    return f"{holder.code}: {why}: {held} until {until}; `dbsession explain {holder.code}`"
