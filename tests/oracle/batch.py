"""Runs many generated programs, slice by slice, and reports what they cover.

    python -m tests.oracle.batch --programs 50000 --record oracle.jsonl

Each slice is written to the record when it is done; the same command goes on after the last one.
"""

from __future__ import annotations

import json
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.oracle.agreement import compare
from tests.oracle.constructs import constructs
from tests.oracle.grammar import programs
from tests.oracle.shrinking import shrunk

_SLICE = 500


class Tally:
    """What programs covered, and where the analysis and the runs disagree."""

    def __init__(self) -> None:
        self.programs = 0
        self.leaking = 0
        self.seconds = 0.0
        self.constructs: Counter[str] = Counter()
        self.given_up = 0
        self.by_callees = 0
        self.of_modules = 0
        self.disagreements: list[str] = []

    def add(self, source: str) -> None:
        """Compare one program."""
        found = compare(source)
        self.programs += 1
        self.leaking += found.leaks
        self.by_callees += found.is_by_callees
        self.of_modules += "from helpers import" in source
        self.constructs.update(constructs(source))
        if found.claimed is None:
            self.given_up += 1
        elif not found.agrees:
            self.disagreements.append(source)

    def merge(self, other: dict[str, Any]) -> None:
        """Add what another tally counted, as read from a record."""
        self.programs += other["programs"]
        self.leaking += other["leaking"]
        self.seconds += other["seconds"]
        self.constructs.update(other["constructs"])
        self.given_up += other["given_up"]
        self.by_callees += other["by_callees"]
        self.of_modules += other["of_modules"]
        self.disagreements += other["disagreements"]

    @property
    def share(self) -> float:
        """The share of the programs that leak."""
        return self.leaking / max(1, self.programs)

    def __str__(self) -> str:
        counts = (f"{count:>8,} {name}" for name, count in self.constructs.most_common())
        rate = self.programs / max(self.seconds, 1e-9)
        callees = self.by_callees / max(1, self.programs)
        head = [
            f"{self.programs:,} programs, {self.share:.1%} leak, {rate:.0f} a second",
            f"{len(self.disagreements)} disagreements, {self.given_up} too large to be judged",
            f"{callees:.1%} judged by what a callee does, {self.of_modules:,} of two modules",
        ]
        return "\n".join([*head, *counts, *self.disagreements])


def run(count: int, number: int) -> Tally:
    """Generate programs and compare each different one.

    Args:
        count: how many to draw.
        number: what the generator starts from; the same number gives the same programs.

    Returns:
        What they covered.
    """
    tally = Tally()
    known: set[str] = set()

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(programs())
    def add(source: str) -> None:
        if source not in known:
            known.add(source)
            tally.add(source)

    started = time.monotonic()
    with warnings.catch_warnings():
        # A connection that leaks is what the programs are about.
        warnings.simplefilter("ignore")
        add()
    tally.seconds = time.monotonic() - started
    return tally


def _recorded(record: Path) -> Iterator[dict[str, Any]]:
    if record.exists():
        yield from map(json.loads, record.read_text(encoding="utf-8").splitlines())


@click.command()
@click.option("--programs", "wanted", default=50_000, show_default=True, help="How many in all.")
@click.option("--seed", "first", default=1, show_default=True, help="The first slice's number.")
@click.option("--minutes", type=float, help="Stop after the slice that takes longer than this.")
@click.option("--record", type=click.Path(path_type=Path), help="Where slices are written.")
@click.option("--shrink", is_flag=True, help="Make what disagrees smaller before it is shown.")
def main(wanted: int, first: int, minutes: float | None, record: Path | None, shrink: bool) -> None:
    """Compare generated programs, and print what they cover and where there is disagreement."""
    total, number, started = Tally(), first, time.monotonic()
    for done in _recorded(record) if record else ():
        total.merge(done)
        number = done["number"] + 1
    while total.programs < wanted:
        if minutes is not None and time.monotonic() - started > minutes * 60:
            break
        tally = run(_SLICE, number)
        done = {"number": number, **vars(tally)}
        total.merge(done)
        if record:
            with record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(done) + "\n")
        number += 1
    if shrink:
        total.disagreements = [shrunk(each, _disagrees) for each in total.disagreements]
    click.echo(total)


def _disagrees(source: str) -> bool:
    try:
        found = compare(source)
    except AssertionError:
        return False
    return found.claimed is not None and not found.agrees


if __name__ == "__main__":
    main()
