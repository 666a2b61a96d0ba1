"""Whatever a program does, the watch changes nothing of it and ends with its block."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sqlite3
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flake8_dbsession.runtime import Event, watch
from flake8_dbsession.runtime.ledger import Ledger
from flake8_dbsession.runtime.patching import ImportHook


class Cycle:
    """What only the garbage collector finds."""

    def __init__(self, connection: object) -> None:
        self.connection = connection
        self.itself = self


@contextlib.contextmanager
def late_collection() -> Iterator[None]:
    """Let the garbage collector come when the test says so."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.filterwarnings("ignore::ImportWarning")  # up to Python 3.11
def test_a_finder_of_old_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = ImportHook({"a_driver_that_is_not_there": print})
    finder = SimpleNamespace(find_module=lambda name, path=None: None)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    hook.install()
    try:
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("a_driver_that_is_not_there")
    finally:
        hook.remove()


def test_the_garbage_collector_may_come_while_holders_are_listed(database: str) -> None:
    engine = create_engine(f"sqlite:///{database}", pool_size=3, max_overflow=0, pool_timeout=0)
    with watch() as watching, late_collection():
        held = [engine.connect() for _ in range(3)]
        Cycle(sqlite3.connect(database))
        for lease in watching.ledger.out():
            lease.is_in_transaction = lambda: bool(gc.collect()) and False
        with pytest.raises(PoolTimeout):
            engine.connect()
        Cycle(sqlite3.connect(database))
        for lease in watching.ledger.out():
            lease.is_open_still = lambda: bool(gc.collect()) or True
        assert watching.report().left_open == 5
        for connection in held:
            connection.close()


def test_a_hook_that_holds_a_lock_when_the_garbage_collector_comes(database: str) -> None:
    lock = threading.Lock()
    seen: list[str] = []

    def hook(event: Event) -> None:
        assert lock.acquire(timeout=5), "the hook was called while it ran"
        seen.append(event.name)
        gc.collect()
        lock.release()

    with watch(on_event=hook), late_collection():
        Cycle(sqlite3.connect(database))
        with lock:
            gc.collect()
        Cycle(sqlite3.connect(database))
        sqlite3.connect(database).close()
    assert sorted(seen) == ["ended", "leaked", "leaked", "opened", "opened", "opened"]


def test_what_a_hook_opens_is_booked_and_not_told(database: str) -> None:
    seen: list[str] = []

    def hook(event: Event) -> None:
        sqlite3.connect(database).close()
        seen.append(event.name)

    with watch(on_event=hook) as watching:
        sqlite3.connect(database).close()
    assert seen == ["opened", "ended"]
    assert watching.report().opened == 3


def test_no_hook_is_called_with_the_books_locked() -> None:
    free: list[bool] = []

    def hook(event: Event) -> None:
        asking = threading.Thread(target=ledger.lines)
        asking.start()
        asking.join(5)
        free.append(not asking.is_alive())

    ledger = Ledger(idle=0.0, hooks=[hook])
    first, second = Cycle(None), Cycle(None)
    for resource in (first, second):
        lease = ledger.open(id(resource), resource, "connection", "a connection")
        assert lease is not None
        ledger.transaction_begins(lease)
        lease.is_open_still = lambda: False
    ledger.end(id(first))
    ledger.suspects()
    assert len(free) > 4
    assert all(free)


def test_a_class_of_connections_that_refuses_a_subclass(database: str) -> None:
    class Final(sqlite3.Connection):
        def __init_subclass__(cls, **options: Any) -> None:
            raise TypeError("this class is final")

    with watch() as watching:
        connection = sqlite3.connect(database, factory=Final)
        assert type(connection) is Final
        connection.close()
        assert watching.report().opened == 0


def test_a_connection_that_is_closed_behind_its_back(database: str) -> None:
    with watch() as watching:
        connection = sqlite3.connect(database)
        sqlite3.Connection.close(connection)
        assert watching.open_now() == []
        assert watching.report().left_open == 0


def test_a_replacement_of_connect_outlives_the_watch(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "connect", sqlite3.connect)  # to end with the real one
    with watch() as watching:
        before = sqlite3.connect

        def connect(*args: Any, **options: Any) -> sqlite3.Connection:
            return before(*args, **options)

        monkeypatch.setattr(sqlite3, "connect", connect)
        sqlite3.connect(database).close()
    assert watching.report().opened == 1
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert type(connection) is sqlite3.Connection
    assert watching.report().opened == 1


def test_the_counts_of_pools_that_are_gone_are_one(database: str) -> None:
    with watch() as watching:
        for _ in range(20):
            engine = create_engine(f"sqlite:///{database}")
            engine.connect().close()
            del engine
            gc.collect()
        assert [(pool.peak, pool.size) for pool in watching.report().pools] == [(1, 15)]
