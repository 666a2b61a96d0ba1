"""A progress bar on a terminal, for work that takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")

_PATIENCE = 1.0  # seconds without a bar


def tracked(results: Iterable[T], total: int) -> Iterator[T]:
    """Pass results on as they come, with a bar on standard error where that is a terminal.

    Args:
        results: the results.
        total: how many there will be.
    """
    if not sys.stderr.isatty():
        yield from results
        return
    began, bar = time.monotonic(), None
    try:
        for count, result in enumerate(results, 1):
            yield result
            if bar is None and time.monotonic() - began > _PATIENCE:
                bar = _bar(total)
            if bar is not None:
                bar.update(bar.task_ids[0], completed=count)
    finally:
        if bar is not None:
            bar.stop()


def _bar(total: int) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = "Checking", BarColumn(), MofNCompleteColumn(), "files", TimeRemainingColumn()
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("", total=total)
    bar.start()
    return bar
