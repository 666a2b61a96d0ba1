"""What a run has shown, as one value: summed up, merged, written to and read from JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from flake8_dbsession.named_tuples import NamedTuple
from flake8_dbsession.runtime.records import Holder, Note, Place, PoolUse, Tally

VERSION = 1


class Verdict(NamedTuple):
    """What the linter says of a place, beside what happened there.

    Attributes:
        place: the place.
        codes: what the linter reports there.
        leaked: how many were left open there.
    """

    place: Place
    codes: tuple[str, ...]
    leaked: int


class Report(NamedTuple):
    """What was seen in a run, of one process or of several.

    Attributes:
        tallies: what was opened, by place.
        leaks: what nobody closed, one by one.
        lines: the lines that took part in an opening.
        notes: what else was seen.
        pools: what became of the pools.
        watched: the drivers that were followed.
        unwatched: those that were imported and could not be.
        verdicts: what the linter says of the places; empty where it was not asked.
    """

    tallies: tuple[Tally, ...] = ()
    leaks: tuple[Holder, ...] = ()
    lines: tuple[Place, ...] = ()
    notes: tuple[Note, ...] = ()
    pools: tuple[PoolUse, ...] = ()
    watched: tuple[str, ...] = ()
    unwatched: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    @property
    def opened(self) -> int:
        """How many connections were opened or taken from a pool."""
        return sum(tally.opened for tally in self.tallies)

    @property
    def left_open(self) -> int:
        """How many of them nobody closed."""
        return sum(tally.left_open for tally in self.tallies)

    @property
    def longest_held(self) -> float:
        """For how many seconds the longest was held."""
        return max((tally.held for tally in self.tallies), default=0.0)


def merged(reports: Iterable[Report]) -> Report:
    """Sum up the reports of several processes."""
    reports = list(reports)
    tallies: dict[tuple[Place | None, str], list[Tally]] = defaultdict(list)
    pools: dict[tuple[str, int], PoolUse] = {}
    for report in reports:
        for tally in report.tallies:
            tallies[tally.place, tally.what].append(tally)
        for pool in report.pools:
            same = pools.get((pool.name, pool.size))
            pools[pool.name, pool.size] = same.plus(pool) if same else pool
    return Report(
        tallies=tuple(sorted(map(_tally, tallies.values()), key=_by_weight)),
        leaks=tuple(leak for report in reports for leak in report.leaks),
        lines=tuple(sorted({line for report in reports for line in report.lines})),
        notes=tuple(dict.fromkeys(note for report in reports for note in report.notes)),
        pools=tuple(sorted(pools.values(), key=_by_want)),
        watched=_names(report.watched for report in reports),
        unwatched=_names(report.unwatched for report in reports),
    )


def to_json(report: Report) -> str:
    """Write a report as JSON; ``docs/runtime.md`` says what its keys mean."""
    document = {"version": VERSION, **report._asdict()}
    for name in ("tallies", "leaks", "lines", "notes", "pools", "verdicts"):
        document[name] = [_plain(value) for value in document[name]]
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> Report:
    """Read a report that `to_json` wrote.

    Raises:
        ValueError: it is none, or another version's.
    """
    document = json.loads(text)
    if not isinstance(document, dict) or document.pop("version", None) != VERSION:
        raise ValueError("not a report of this version")
    return Report(
        tallies=tuple(Tally(**_placed(each)) for each in document["tallies"]),
        leaks=tuple(Holder(**_placed(each)) for each in document["leaks"]),
        lines=tuple(Place(**each) for each in document["lines"]),
        notes=tuple(Note(**_placed(each)) for each in document["notes"]),
        pools=tuple(PoolUse(**each) for each in document["pools"]),
        watched=tuple(document["watched"]),
        unwatched=tuple(document["unwatched"]),
        verdicts=tuple(Verdict(**_placed(each)) for each in document["verdicts"]),
    )


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return round(value, 6) if isinstance(value, float) else value


def _placed(document: dict[str, Any]) -> dict[str, Any]:
    """Turn what stands for places, and lists, into what they were."""
    for name in ("place", "at", "first_use", "closed_before"):
        if document.get(name):
            document[name] = Place(**document[name])
    if "places" in document:
        document["places"] = tuple(Place(**each) for each in document["places"])
    if "codes" in document:
        document["codes"] = tuple(document["codes"])
    return document


def _tally(same: list[Tally]) -> Tally:
    return Tally(
        same[0].place,
        same[0].what,
        sum(each.opened for each in same),
        sum(each.left_open for each in same),
        max(each.held for each in same),
        max(each.transaction for each in same),
    )


def _by_weight(tally: Tally) -> tuple[int, float, int]:
    return (-tally.left_open, -tally.held, -tally.opened)


def _by_want(pool: PoolUse) -> tuple[int, int, int]:
    return (-pool.timeouts, -pool.waits, -pool.peak)


def _names(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for group in groups for name in group}))
