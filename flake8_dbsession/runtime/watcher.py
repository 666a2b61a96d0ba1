"""The watch: what is followed from here on, and what was seen so far."""

from __future__ import annotations

import functools
import logging
import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from flake8_dbsession.runtime import requests, sqlalchemy_events
from flake8_dbsession.runtime.following import Drivers
from flake8_dbsession.runtime.ledger import Ledger
from flake8_dbsession.runtime.patching import ImportHook, Patches
from flake8_dbsession.runtime.records import Event, Holder
from flake8_dbsession.runtime.reporting.report import Report
from flake8_dbsession.runtime.wording import who_holds

_INSTALLED: weakref.WeakSet[Watch] = weakref.WeakSet()
_LOUD = frozenset({"leaked", "note"})


class Watch:
    """Follows what a program opens, for as long as it is installed.

    Args:
        sample: the share of the openings whose way is noted, from 0 to 1; the rest are counted.
        idle: from how many seconds of other work with a transaction open is a note.
        hooks: what is called with each event, in the thread in which it happens.
    """

    def __init__(
        self, sample: float = 1.0, idle: float = 5.0, hooks: Iterable[Callable[[Event], None]] = ()
    ) -> None:
        self.ledger = Ledger(sample, idle, hooks)
        self._patches = Patches()
        self._drivers = Drivers(self.ledger, self._patches)
        self._hook = ImportHook(self._actions())

    def install(self) -> None:
        """Begin to watch; a library that is not imported yet is watched once it is."""
        self._hook.install()
        _follow_forks()
        _INSTALLED.add(self)

    def remove(self) -> None:
        """Watch no longer, and leave nothing behind."""
        _INSTALLED.discard(self)
        self._hook.remove()
        self._patches.undo()
        self.ledger.close()

    def open_now(self) -> list[Holder]:
        """List who holds a connection at this moment."""
        return [lease.holder() for lease in self.ledger.out()]

    def who_holds(self) -> str:
        """Say who holds the connections at this moment."""
        return who_holds("this program", self.ledger.holding())

    def report(self) -> Report:
        """Sum up what was seen so far."""
        return Report(
            tallies=tuple(self.ledger.tallies()),
            leaks=tuple(self.ledger.leaks()),
            lines=tuple(self.ledger.lines()),
            notes=tuple(self.ledger.notes()),
            pools=tuple(self.ledger.pools()),
            watched=tuple(sorted(set(self._drivers.watched))),
            unwatched=tuple(sorted(self._drivers.unwatched())),
        )

    def _actions(self) -> dict[str, Callable[[ModuleType], None]]:
        followed: tuple[tuple[str, Callable[..., Any]], ...] = (
            ("sqlalchemy", sqlalchemy_events.Core),
            ("sqlalchemy.orm", sqlalchemy_events.Orm),
            ("sqlalchemy.ext.asyncio", sqlalchemy_events.AsyncOrm),
        )
        actions: dict[str, Callable[[ModuleType], None]] = {
            name: functools.partial(follow, self.ledger, self._patches) for name, follow in followed
        }
        actions["flask.app"] = functools.partial(requests.watch_flask, self._patches)
        actions["starlette.applications"] = functools.partial(
            requests.watch_starlette, self._patches
        )
        actions["starlette.responses"] = functools.partial(requests.watch_streams, self._patches)
        return {**actions, **self._drivers.actions()}


@functools.cache
def _follow_forks() -> None:
    """Let what is out be a forked process's parent's; it is registered once, for good."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_begin_anew)


def _begin_anew() -> None:
    for watching in list(_INSTALLED):
        watching.ledger.reset()


@contextmanager
def watch(
    *,
    sample: float = 1.0,
    idle: float = 5.0,
    on_event: Callable[[Event], None] | None = None,
    logger: logging.Logger | None = None,
) -> Iterator[Watch]:
    """Watch the sessions and connections of the program while the block runs.

    Args:
        sample: the share of the openings whose way is noted, from 0 to 1; the rest are counted.
        idle: from how many seconds of other work with a transaction open is a note.
        on_event: is called with each event, in the thread in which it happens; an error in it is
            logged and goes no further.
        logger: is given leaks and notes as warnings, timeouts as errors.

    Raises:
        ValueError: ``sample`` is not between 0 and 1.
    """
    if not 0 <= sample <= 1:
        raise ValueError(f"sample is a share from 0 to 1, not {sample}")
    hooks = [on_event] if on_event is not None else []
    if logger is not None:
        hooks.append(functools.partial(_log, logger))
    watching = Watch(sample, idle, hooks)
    watching.install()
    try:
        yield watching
    finally:
        watching.remove()


def _log(logger: logging.Logger, event: Event) -> None:
    if event.name == "timeout":
        logger.error("%s", event.text)
    elif event.name in _LOUD:
        logger.warning("%s", event.text)
