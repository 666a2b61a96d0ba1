"""Commands run to their end, again and again and in turn, and what they took."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """What a run took, in seconds.

    Attributes:
        processor: of all its processes together.
        wall: as a clock shows it.
    """

    processor: float
    wall: float


class Contender(NamedTuple):
    """A command that is measured.

    Attributes:
        command: the command.
        prepare: what is done before each run, unmeasured.
    """

    command: Sequence[str]
    prepare: Callable[[], object] = lambda: None


def costs(
    contenders: Mapping[str, Contender], rounds: int, folder: str, **environment: str
) -> dict[str, Cost]:
    """Run commands in turn, and give the median of what each took.

    Args:
        contenders: the commands by name.
        rounds: how often each runs.
        folder: the working directory.
        environment: variables that they get besides.
    """
    taken: dict[str, list[Cost]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            contender.prepare()
            taken[name].append(cost(contender.command, folder, **environment))
    return {
        name: Cost(*map(statistics.median, zip(*each, strict=True))) for name, each in taken.items()
    }


def cost(command: Sequence[str], folder: str, **environment: str) -> Cost:
    """Run a command to its end, and give what it took."""
    before, start = _used(), time.perf_counter()
    subprocess.run(
        command,
        cwd=folder,
        check=False,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return Cost(_used() - before, time.perf_counter() - start)


def peak() -> float:
    """Give the memory of the largest process so far that was waited for, in megabytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def table(title: str, measured: Mapping[str, Cost], basis: str) -> str:
    """Lay out what commands took, each with its ratio to one of them."""
    lines = [f"{title:44}  processor        wall"]
    base = measured[basis]
    for name, each in measured.items():
        lines.append(
            f"  {name:40} {each.processor:7.3f} s {each.processor / base.processor:6.2f}"
            f"  {each.wall:7.3f} s {each.wall / base.wall:6.2f}"
        )
    return "\n".join(lines)


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
