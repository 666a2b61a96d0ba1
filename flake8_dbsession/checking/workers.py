"""The processes in which files are checked."""

from __future__ import annotations

import argparse
import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import ClassVar

from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.file_check import Checked, FileCheck
from flake8_dbsession.checking.memory import Grounds

_FEW = 16  # files that are checked before another process would have begun
_CHUNK = 16
_YOUNG = 0  # the generation of what was made since the last collection


class _Process:
    """What each process has one of."""

    check: ClassVar[FileCheck]


def check(
    files: list[str], options: argparse.Namespace, jobs: int | None, grounds: Grounds
) -> Iterator[Checked]:
    """Check files, in several processes where there are many.

    Args:
        files: their paths, as the user named them.
        options: flake8's.
        jobs: how many processes; None: as flake8's ``jobs`` says.
        grounds: is told what the results rest on.

    Yields:
        The results, in the order of the files.

    Raises:
        PolicyError: the policy or preset that the options name cannot be used.
        RunError: a process came to a sudden end.
    """
    _start(options)  # here too, for its errors and for what the others inherit
    jobs = jobs or (_processors() if options.jobs.is_auto else max(options.jobs.n_jobs, 1))
    chunks = list(_chunks(files))
    if jobs == 1 or len(files) <= _FEW:
        yield from _gathered(map(_check_chunk, chunks), grounds)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    from flake8_dbsession.rules.registry import rules

    rules()  # imports the analysis, which processes that are forked need not do again
    executor = ProcessPoolExecutor(jobs, initializer=_start_worker, initargs=(options,))
    try:
        yield from _gathered(executor.map(_check_chunk, chunks), grounds)
    except BrokenProcessPool as error:
        raise RunError("a process that checks files was ended; try with --jobs 1") from error
    finally:
        executor.shutdown(cancel_futures=True)


def _gathered(
    results: Iterator[tuple[list[Checked], Grounds]], grounds: Grounds
) -> Iterator[Checked]:
    for checked, found in results:
        grounds.add(found)
        yield from checked


def _start(options: argparse.Namespace) -> None:
    _Process.check = FileCheck(options)


def _start_worker(options: argparse.Namespace) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    _start(options)


def _check_chunk(files: list[str]) -> tuple[list[Checked], Grounds]:
    with warnings.catch_warnings(), _collecting_by_hand():
        warnings.simplefilter("ignore")  # of the checked code's syntax
        checked = [_check(file) for file in files]
    return checked, _Process.check.take_grounds()


def _check(file: str) -> Checked:
    checked = _Process.check.check(file)
    gc.collect(_YOUNG)  # all that is left of the file's tree, and nothing that is kept
    return checked


@contextmanager
def _collecting_by_hand() -> Iterator[None]:
    """Keep Python from looking for garbage each time that a syntax tree grows."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _chunks(files: list[str]) -> Iterator[list[str]]:
    remaining = iter(files)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


def _processors() -> int:
    """Give how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
