"""The processes in which files are looked at."""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from itertools import islice
from typing import Any, ClassVar, TypeAlias, TypeVar

from flake8_dbsession.checking.caching.memory import Grounds
from flake8_dbsession.checking.errors import RunError
from flake8_dbsession.checking.running.file_check import Checked, FileCheck
from flake8_dbsession.garbage import collect_young, uncollected

R = TypeVar("R")

_CHUNK = 16  # files that are looked at before another process would have begun


Work: TypeAlias = Callable[[list[str]], R]
"""What a process does with some of the files."""


class _Process:
    """What each process has one of."""

    work: ClassVar[Work[Any]]


def spread(
    make: Callable[[], Work[R]], files: Sequence[str], jobs: int, *, at_once: int = _CHUNK
) -> Iterator[R]:
    """Look at files, in several processes where there are many.

    Args:
        make: makes what each process does; it is sent to the processes.
        files: the files.
        jobs: how many processes there may be.
        at_once: how many files a process is given at a time; where there are no more, this one
            looks at them.

    Yields:
        What was made of some files at a time, in the order of the files.

    Raises:
        RunError: a process came to a sudden end.
    """
    _start(make)  # here too, for its errors and for what the others inherit
    chunks = list(_chunks(files, at_once))
    if jobs == 1 or len(files) <= at_once:
        yield from map(_work, chunks)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    from flake8_dbsession.rules.registry import rules

    rules()  # imports the analysis, which processes that are forked need not do again
    import_module("flake8_dbsession.checking.running.flake8_check")
    executor = ProcessPoolExecutor(jobs, initializer=_start_worker, initargs=(make,))
    try:
        yield from executor.map(_work, chunks)
    except BrokenProcessPool as error:
        advice = "try with `--jobs 1`, or with `jobs = 1` in flake8's configuration"
        raise RunError(f"a process that looks at files was ended; {advice}") from error
    finally:
        executor.shutdown(cancel_futures=True)


def processes(options: argparse.Namespace) -> int:
    """Give how many processes flake8's ``jobs`` allows."""
    return _processors() if options.jobs.is_auto else max(options.jobs.n_jobs, 1)


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
    for checked, found in spread(partial(_Checks, options), files, jobs or processes(options)):
        grounds.add(found)
        yield from checked


class _Checks:
    """Checks some files at a time."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._check = FileCheck(options)

    def __call__(self, files: list[str]) -> tuple[list[Checked], Grounds]:
        return [self._checked(file) for file in files], self._check.take_grounds()

    def _checked(self, file: str) -> Checked:
        checked = self._check.check(file)
        collect_young()
        return checked


def _start(make: Callable[[], Work[Any]]) -> None:
    _Process.work = make()


def _start_worker(make: Callable[[], Work[Any]]) -> None:
    import signal
    from threading import Thread

    # On Ctrl-C the parent ends its workers. A parent that is killed cannot: they look after it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    _start(make)


def _end_with_parent() -> None:
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _work(files: list[str]) -> Any:
    with ignoring_warnings(), uncollected():
        return _Process.work(files)


@contextmanager
def ignoring_warnings() -> Iterator[None]:
    """Keep Python from warning of the checked code's syntax."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _chunks(files: Sequence[str], size: int) -> Iterator[list[str]]:
    remaining = iter(files)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _processors() -> int:
    """Give how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
