"""How the connections of the drivers are followed, by what their table says of them."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
import time
import weakref
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any, cast

from flake8_dbsession.runtime.drivers import (
    APSW,
    DRIVERS,
    DUCKDB,
    FACTORIES,
    POOLS,
    UNWATCHED,
    Driver,
    DriverPool,
    Factory,
    Test,
)
from flake8_dbsession.runtime.ledger import Lease, Ledger
from flake8_dbsession.runtime.patching import Function, Patches, harmless
from flake8_dbsession.runtime.records import CLOSED, COLLECTED, SWEPT
from flake8_dbsession.runtime.sqlalchemy_events import is_failing

_LOGGER = logging.getLogger("flake8_dbsession.runtime")
_LENT = ("conn", "connection", "cnx")  # what the methods that take back call it
_FINALIZER_DEPTH = 8  # frames, ours among them
_Install = Callable[[Any, ModuleType], None]


class Drivers:
    """Has drivers book their connections.

    Args:
        ledger: where.
        patches: what is undone when the watch ends.
    """

    def __init__(self, ledger: Ledger, patches: Patches) -> None:
        self._ledger = ledger
        self._patches = patches
        self.watched: list[str] = []
        self.failed: dict[str, str] = {}

    def actions(self) -> dict[str, Callable[[ModuleType], None]]:
        """Give what is to be done after the import of which module."""
        actions: dict[str, Callable[[ModuleType], None]] = {}
        rows: list[tuple[Any, _Install]] = [(row, self._driver) for row in DRIVERS]
        rows += [(row, self._factory) for row in FACTORIES]
        rows += [(row, self._pool) for row in POOLS]
        rows += [(DUCKDB, self._duckdb), (APSW, self._apsw)]
        for row, install in rows:
            before = actions.get(row.module)
            step = functools.partial(self._attempt, install, row)
            actions[row.module] = _both(before, step) if before else step
        return actions

    def unwatched(self) -> set[str]:
        """Name the drivers that were imported and cannot be followed by themselves."""
        return {*self.failed, *filter(sys.modules.__contains__, UNWATCHED)}

    def _attempt(self, install: Any, row: Any, module: ModuleType) -> None:
        """Follow a driver if it is built as the table says; a newer one may not be."""
        try:
            install(row, module)
        except (AttributeError, TypeError) as error:
            self.failed[row.package] = str(error)
        else:
            self.watched.append(row.package)

    def _driver(self, row: Driver, module: ModuleType) -> None:
        kind = getattr(module, row.connection)
        opened = functools.partial(self._opened, row)
        self._patches.wrap(kind, row.opener, functools.partial(_after, opened))
        for closer in filter(functools.partial(hasattr, kind), row.closers):
            self._patches.wrap(kind, closer, functools.partial(_after, self._closed))

    def _factory(self, row: Factory, module: ModuleType) -> None:
        default: Any = module
        for name in row.connection.split("."):
            default = getattr(default, name)
        classes: dict[type, type] = {}

        def around(original: Function) -> Function:
            def connect(*args: Any, **options: Any) -> Any:
                given = list(args)
                has_position = len(given) > row.position
                base = given[row.position] if has_position else options.get(row.argument)
                base = default if base is None else base
                if self._ledger.is_closed or not isinstance(base, type):
                    return original(*args, **options)
                kind = classes.get(base) or classes.setdefault(base, self._followed(base, row))
                if kind is base:
                    return original(*args, **options)
                if has_position:
                    given[row.position] = kind
                else:
                    options[row.argument] = kind
                connection = original(*given, **options)
                lease = self._opened(row, connection)
                if lease is not None:
                    lease.in_memory = _is_in_memory(args, options)
                return connection

            return connect

        self._patches.wrap(module, "connect", around)

    def _followed(self, base: Any, row: Factory) -> type:
        """Make a class of connections that tell when they are closed.

        One that refuses to be subclassed is given back as it is.
        """
        ledger = self._ledger

        def close(connection: Any) -> None:
            lease = ledger.find(_key(connection))
            is_usual = lease is not None and row.loses_writes and not is_failing()
            if lease is not None and is_usual and row.is_in_transaction(connection):
                ledger.writes_lost(lease.opened, "connection")
            base.close(connection)
            ledger.end(_key(connection))

        def leave(connection: Any, *exception: Any) -> Any:
            lease = ledger.find(_key(connection))
            if lease is not None:
                lease.left_by_block = True
            return base.__exit__(connection, *exception)

        names = ("__module__", "__qualname__", "__doc__")
        body = {name: getattr(base, name) for name in names}
        try:
            return type(base.__name__, (base,), {**body, "close": close, "__exit__": leave})
        except Exception as error:  # whatever its ``__init_subclass__`` raises
            _LOGGER.warning("connections of %s are not followed: %s", base.__name__, error)
            return cast("type", base)

    def _pool(self, row: DriverPool, module: ModuleType) -> None:
        kind = getattr(module, row.pool)
        # Of a pool that takes no weak reference it is only known that another lies where it was.
        made = functools.partial(_after, lambda pool: self._ledger.pool_is_gone(id(pool)))
        self._patches.wrap(kind, "__init__", made)
        self._patches.wrap(kind, row.lend, functools.partial(self._around_lend, row))
        self._patches.wrap(kind, row.take, functools.partial(self._around_take, row))
        if row.close:
            self._patches.wrap(kind, row.close, functools.partial(_after, self._all_closed))

    def _around_lend(self, row: DriverPool, original: Function) -> Function:
        waiting = functools.partial(_Waiting, self._ledger, row)
        if not inspect.iscoroutinefunction(original):

            def lend(pool: Any, *args: Any, **options: Any) -> Any:
                with waiting(pool) as wait:
                    connection = original(pool, *args, **options)
                wait.lent(connection)
                return connection

            return lend

        async def lend_later(pool: Any, *args: Any, **options: Any) -> Any:
            with waiting(pool) as wait:
                connection = await original(pool, *args, **options)
            wait.lent(connection)
            return connection

        return lend_later

    def _around_take(self, row: DriverPool, original: Function) -> Function:
        @harmless
        def booked(args: tuple[Any, ...], options: dict[str, Any]) -> None:
            connection = args[0] if args else next(filter(None, map(options.get, _LENT)), None)
            if connection is not None:
                self._ledger.end(("pool", id(row.lent(connection))))

        if not inspect.iscoroutinefunction(original):

            def take(pool: Any, *args: Any, **options: Any) -> Any:
                booked(args, options)
                return original(pool, *args, **options)

            return take

        async def take_later(pool: Any, *args: Any, **options: Any) -> Any:
            booked(args, options)
            return await original(pool, *args, **options)

        return take_later

    def _all_closed(self, pool: Any, _result: Any = None) -> None:
        for lease in self._ledger.lent_by(pool):
            self._ledger.end(lease.key, SWEPT)

    def _duckdb(self, row: Driver, module: ModuleType) -> None:
        kind = module.DuckDBPyConnection

        def around(original: Function) -> Function:
            def connect(*args: Any, **options: Any) -> Any:
                connection = original(*args, **options)
                lease = self._opened(row, connection)
                if lease is not None:
                    lease.in_memory = not (args or options) or _is_in_memory(args, options)
                return connection

            return connect

        self._patches.wrap(module, "connect", around)
        for closer in row.closers:
            self._patches.wrap(kind, closer, functools.partial(_after, self._closed))

    def _apsw(self, row: Driver, module: ModuleType) -> None:
        """Use apsw's own hook and its own list of what is open."""

        def opened(connection: Any) -> None:
            lease = self._opened(row, connection)
            if lease is not None:
                lease.in_memory = not connection.filename

        module.connection_hooks.append(opened)
        self._patches.add(lambda: module.connection_hooks.remove(opened))

    def _opened(self, row: Any, connection: Any, _result: Any = None) -> Lease | None:
        what = f"{row.package} connection"
        lease = self._ledger.open(
            _key(connection), connection, "connection", what, driver=row.package
        )
        if lease is not None:
            reference = weakref.ref(connection)
            lease.is_open_still = _asked(row.is_open, reference)
            lease.is_in_transaction = _asked(row.is_in_transaction, reference)
        return lease

    def _closed(self, connection: Any, _result: Any = None) -> None:
        self._ledger.end(_key(connection), COLLECTED if _is_in_finalizer() else CLOSED)


class _Waiting:
    """The time from asking a pool to being lent a connection, or to an error."""

    def __init__(self, ledger: Ledger, row: DriverPool, pool: Any) -> None:
        self._ledger = ledger
        self._row = row
        size = row.size(pool)
        self._counts = ledger.pool(
            pool, lambda: f"{row.package} {type(pool).__name__}", lambda: size
        )
        self._counts.size = size  # some can be resized
        self._counts.forgets = row.forgets
        self._is_full = False
        self._start = 0.0

    def __enter__(self) -> _Waiting:
        self._is_full = 0 <= self._counts.size <= self._counts.in_use
        self._start = time.monotonic()
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        seconds = time.monotonic() - self._start
        if error is not None and self._is_full and isinstance(error, Exception):
            self._ledger.timed_out(self._counts, seconds, error)
        elif error is None and self._is_full:
            self._ledger.waited(self._counts, seconds)

    @harmless
    def lent(self, lent: Any) -> None:
        connection = self._row.lent(lent)
        what = f"{self._row.package} pool's connection"
        key = ("pool", id(connection))
        self._ledger.open(key, connection, "pooled", what, pool=self._counts)


def _key(connection: Any) -> tuple[str, int]:
    return ("driver", id(connection))


def _is_in_finalizer() -> bool:
    """Tell whether a driver closes what it finds open when it is collected."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_FINALIZER_DEPTH):
        if frame is None:
            return False
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def _after(then: Callable[..., object], original: Function) -> Function:
    """Do something with the object whose method is called, once that was done."""
    then = harmless(then)
    if inspect.iscoroutinefunction(original):

        async def call_later(this: Any, *args: Any, **options: Any) -> Any:
            result = await original(this, *args, **options)
            then(this)
            return result

        return call_later

    def call(this: Any, *args: Any, **options: Any) -> Any:
        result = original(this, *args, **options)
        then(this)
        return result

    return call


def _asked(test: Test | None, reference: weakref.ref[Any]) -> Callable[[], bool] | None:
    if test is None:
        return None

    def ask() -> bool:
        connection = reference()
        try:
            return connection is not None and test(connection)
        except Exception:  # as drivers do of a connection that was closed behind our back
            return False

    return ask


def _both(
    first: Callable[[ModuleType], None], second: Callable[[ModuleType], None]
) -> Callable[[ModuleType], None]:
    def run(module: ModuleType) -> None:
        first(module)
        second(module)

    return run


def _is_in_memory(args: tuple[Any, ...], options: dict[str, Any]) -> bool:
    database = args[0] if args else options.get("database", options.get("dsn"))
    return isinstance(database, str) and (
        database in ("", ":memory:") or database.startswith(":memory:") or "mode=memory" in database
    )
