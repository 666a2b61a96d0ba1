"""A check that is made again whenever a file changes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NoReturn

import click

from flake8_dbsession.escaping import visible
from flake8_dbsession.wording import counted

_PAUSE = 0.5  # seconds between two looks
_SHARE = 9  # times as long as a look takes, so that it costs a tenth of a processor at most

Stamps = dict[str, tuple[int, int, int] | None]
"""What tells one state of a path from another; None for what is not there."""


def watch(check: Callable[[], int], paths: Sequence[str], *, quiet: bool) -> NoReturn:
    """Check, and check again after each change, until the user has enough.

    Args:
        check: checks once and writes what it finds.
        paths: what is checked.
        quiet: whether nothing is said besides.
    """
    try:
        while True:
            before = _stamped(_watched(paths))
            if sys.stdout.isatty():
                click.clear()
            _check(check)
            sys.stdout.flush()
            if not quiet:
                files = counted(len(before), "path")
                click.echo(f"Watching {files} for changes; Ctrl-C ends it.", err=True)
            while not _is_changed(before):
                pass
    except KeyboardInterrupt:
        raise SystemExit(0) from None


def _is_changed(before: Stamps) -> bool:
    """Wait a while, longer where there is much to look at, and tell whether anything changed."""
    began = time.monotonic()
    is_changed = _stamped(before) != before
    if not is_changed:
        time.sleep(max(_PAUSE, _SHARE * (time.monotonic() - began)))
    return is_changed


def _check(check: Callable[[], int]) -> None:
    """Check as a new process would, and say what keeps it from that."""
    from flake8_dbsession.checking.errors import RunError
    from flake8_dbsession.policy.errors import PolicyError
    from flake8_dbsession.policy.loading import forget_policies
    from flake8_dbsession.roots import forget_roots

    forget_policies()
    forget_roots()
    try:
        check()
    except (PolicyError, RunError) as error:
        click.echo(f"Error: {visible(str(error))}", err=True)


def _watched(paths: Sequence[str]) -> Iterator[str]:
    """Give what the findings of some paths may rest on: the code around them, and all settings."""
    from flake8_dbsession.checking.files.discovery import search
    from flake8_dbsession.checking.running.settings import SETTINGS
    from flake8_dbsession.checking.suppression.baseline_place import FILE_NAME
    from flake8_dbsession.roots import project_root, upward

    here, settings = os.getcwd(), (*SETTINGS, FILE_NAME)
    found = search([project_root(here), *filter(os.path.lexists, paths)], [])
    yield from (*paths, *found.files, *found.folders, *found.ignores)
    yield from (os.path.join(folder, name) for folder in upward(here) for name in settings)
    # One that is new changes its folder.
    below = (os.path.join(folder, name) for folder in found.folders for name in settings)
    yield from filter(os.path.lexists, below)


def _stamped(paths: Iterable[str]) -> Stamps:
    return {path: _stamp(path) for path in paths}


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
