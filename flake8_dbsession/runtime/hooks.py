"""Telling hooks what happens, without harm to the program that is watched."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from flake8_dbsession.runtime.records import Event

_LOGGER = logging.getLogger("flake8_dbsession.runtime")


class _Here(threading.local):
    """What this thread is at."""

    is_telling = False
    is_collecting = False


class Hooks:
    """What is told of each event.

    The garbage collector comes at any moment, even while a hook holds a lock of its own, so what it
    finds waits for the next event. What a hook opens itself is not told.

    Args:
        hooks: what is called; if one fails the program has no part in it.
    """

    def __init__(self, hooks: Iterable[Callable[[Event], None]]) -> None:
        self._hooks = tuple(hooks)
        self._here = _Here()
        self._waiting: deque[Event] = deque()

    def __bool__(self) -> bool:
        return bool(self._hooks)

    @contextmanager
    def later(self) -> Iterator[None]:
        """Let the events of the block wait, for the garbage collector brings them."""
        before, self._here.is_collecting = self._here.is_collecting, True
        try:
            yield
        finally:
            self._here.is_collecting = before

    def tell(self, event: Event) -> None:
        """Tell an event, and before it those that wait."""
        if self._here.is_collecting:
            self._waiting.append(event)
        elif not self._here.is_telling:
            self.tell_waiting()
            self._tell(event)

    def tell_waiting(self) -> None:
        """Tell the events that wait."""
        while self._waiting:
            try:
                event = self._waiting.popleft()
            except IndexError:  # another thread was faster
                return
            self._tell(event)

    def forget(self) -> None:
        """Drop the events that wait, as a forked process does: they are its parent's."""
        self._waiting.clear()

    def _tell(self, event: Event) -> None:
        self._here.is_telling = True
        try:
            for hook in self._hooks:
                _call(hook, event)
        finally:
            self._here.is_telling = False


def _call(hook: Callable[[Event], None], event: Event) -> None:
    try:
        hook(event)
    except Exception:
        _LOGGER.exception("a hook of the watch failed")
