"""SQLAlchemy: its own events, and a wrapper where it has none.

A session holds something only while it has a connection out of its pool, so what is followed is
the connection; the session is who holds it. Sources: SQLAlchemy's reference of "Core Events"
(``PoolEvents``, ``ConnectionEvents``) and "ORM Events" (``SessionEvents``), 1.4 to 2.1. No event
tells that a session is made or closed, that a pool is waited for, or that it times out.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from types import ModuleType
from typing import Any

from flake8_dbsession.runtime import places
from flake8_dbsession.runtime.ledger import Lease, Ledger, Pool
from flake8_dbsession.runtime.patching import Function, Patches, harmless, log_failure
from flake8_dbsession.runtime.records import COLLECTED, DROPPED

_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"})
_FAILING: ContextVar[bool] = ContextVar("flake8_dbsession_failing", default=False)
"""Whether an asynchronous block is left by an exception: it closes in a task of its own, where
``sys.exc_info()`` does not tell."""


class Core:
    """Follows the connections of all pools.

    Args:
        ledger: where they are booked.
        patches: what is undone when the watch ends.
        module: ``sqlalchemy``.
    """

    def __init__(self, ledger: Ledger, patches: Patches, module: ModuleType) -> None:
        from sqlalchemy import event
        from sqlalchemy.engine import Connection, Engine
        from sqlalchemy.pool import Pool as SQLAlchemyPool

        self._ledger = ledger
        self._names: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        had_events = Engine._has_events
        for target, names in (
            (SQLAlchemyPool, ("connect", "checkout", "checkin", "invalidate", "close_detached")),
            (Engine, ("engine_connect", "handle_error", "begin", "commit", "rollback")),
            (Engine, ("begin_twophase", "commit_twophase", "rollback_twophase")),
        ):
            for name in names:
                listen(patches, event, target, name, getattr(self, f"_{name}"))
        begins, ends = _statements(ledger)
        for name, listener in (("before_cursor_execute", begins), ("after_cursor_execute", ends)):
            event.listen(Engine, name, listener, retval=listener is begins)
            patches.add(partial(event.remove, Engine, name, listener))
        patches.add(lambda: setattr(Engine, "_has_events", had_events))
        patches.wrap(SQLAlchemyPool, "connect", self._around_connect)
        patches.wrap(Connection, "close", self._around_close)

    # the pool

    def _connect(self, dbapi_connection: Any, record: Any) -> None:
        """Know the pool's own connections from those that the program opens by hand."""
        for each in (dbapi_connection, getattr(record, "driver_connection", None)):
            self._ledger.forget(("driver", id(each)))

    def _checkout(self, dbapi_connection: Any, record: Any, fairy: Any) -> None:
        pool = getattr(fairy, "_pool", None)
        counts = self._pool(pool) if pool is not None else None
        key, what = id(dbapi_connection), "SQLAlchemy connection"
        lease = self._ledger.open(key, fairy, "connection", what, pool=counts)
        if lease is not None:
            lease.statements = 0

    def _checkin(self, dbapi_connection: Any, record: Any) -> None:
        self._ledger.end(id(dbapi_connection))

    def _invalidate(self, dbapi_connection: Any, record: Any, exception: Any) -> None:
        lease = self._ledger.find(id(dbapi_connection))
        if lease is not None:
            is_gone = lease.reference is not None and lease.reference() is None
            self._ledger.end(lease.key, COLLECTED if is_gone else DROPPED)

    def _close_detached(self, dbapi_connection: Any) -> None:
        self._ledger.end(id(dbapi_connection))

    def _around_connect(self, original: Function) -> Function:
        from sqlalchemy.exc import TimeoutError as PoolTimeout

        def connect(pool: Any) -> Any:
            counts = self._pool(pool)
            is_full = 0 <= counts.size <= counts.in_use
            start = time.monotonic()
            try:
                lent = original(pool)
            except PoolTimeout as error:
                self._ledger.timed_out(counts, time.monotonic() - start, error)
                raise
            if is_full:
                self._ledger.waited(counts, time.monotonic() - start)
            return lent

        return connect

    def _pool(self, pool: Any) -> Pool:
        return self._ledger.pool(pool, partial(self._pool_name, pool), partial(_size, pool))

    def _pool_name(self, pool: Any) -> str:
        url = self._names.get(pool, "")
        return f"{type(pool).__name__} of {url}" if url else type(pool).__name__

    # the connection

    def _engine_connect(self, connection: Any) -> None:
        """Learn whose connections a pool lends; it is booked before it has a name."""
        engine = connection.engine
        if engine.pool not in self._names:
            self._names[engine.pool] = engine.url.render_as_string(hide_password=True)
            self._pool(engine.pool).name = self._pool_name(engine.pool)

    def _handle_error(self, context: Any) -> None:
        if context.connection is not None and not context.connection.invalidated:
            lease = self._lease(context.connection)
            if lease is not None:
                _statement_ends(lease)

    def _begin(self, connection: Any, *_xid: Any) -> None:
        lease = self._lease(connection)
        if lease is not None:
            self._ledger.transaction_begins(lease)

    def _commit(self, connection: Any, *_xid: Any) -> None:
        lease = self._lease(connection)
        if lease is not None:
            self._ledger.transaction_ends(lease)

    _begin_twophase = _begin
    _rollback = _commit_twophase = _rollback_twophase = _commit

    def _around_close(self, original: Function) -> Function:
        @harmless
        def note(connection: Any) -> None:
            lease = None if connection.closed else self._lease(connection)
            if lease is not None and not lease.tracks and lease.wrote and not is_failing():
                self._ledger.writes_lost(lease.opened, "connection")

        def close(connection: Any) -> None:
            note(connection)
            original(connection)

        return close

    def _lease(self, connection: Any) -> Lease | None:
        fairy = connection._dbapi_connection
        return self._ledger.find(id(fairy.dbapi_connection)) if fairy is not None else None


class Orm:
    """Follows sessions.

    Args:
        ledger: where they are booked.
        patches: what is undone when the watch ends.
        module: ``sqlalchemy.orm``.
    """

    def __init__(self, ledger: Ledger, patches: Patches, module: ModuleType) -> None:
        from sqlalchemy import event
        from sqlalchemy.engine import Connection

        self._ledger = ledger
        self._connection = Connection
        self._holds: weakref.WeakKeyDictionary[Any, list[Lease]] = weakref.WeakKeyDictionary()
        listen(patches, event, module.Session, "after_begin", self._after_begin)
        listen(patches, event, module.Session, "after_transaction_end", self._after_transaction_end)
        patches.wrap(module.Session, "__init__", self._around_init)
        patches.wrap(module.Session, "close", self._around_close)
        patches.wrap(module, "close_all_sessions", self._around_sweep)

    def _around_sweep(self, original: Function) -> Function:
        def close_all_sessions() -> None:
            self._ledger.is_sweeping = True
            try:
                original()
            finally:
                self._ledger.is_sweeping = False

        return close_all_sessions

    def _around_init(self, original: Function) -> Function:
        def init(session: Any, *args: Any, **options: Any) -> None:
            original(session, *args, **options)
            self._ledger.session_made(session, "Session")

        return init

    def _after_begin(self, session: Any, transaction: Any, connection: Any) -> None:
        if isinstance(getattr(session, "bind", None), self._connection):
            return  # it joins the transaction of whoever has the connection out
        fairy = connection._dbapi_connection
        lease = self._ledger.find(id(fairy.dbapi_connection)) if fairy is not None else None
        track = self._ledger.track(session)
        if lease is not None and track not in lease.tracks:
            lease.tracks.append(track)
            lease.closed_before = track.closed
            self._holds.setdefault(session, []).append(lease)

    def _after_transaction_end(self, session: Any, transaction: Any) -> None:
        if transaction.parent is not None:
            return
        track = self._ledger.track(session)
        for lease in self._holds.pop(session, ()):
            if len(lease.tracks) > 1 and track in lease.tracks:
                lease.tracks.remove(track)

    def _around_close(self, original: Function) -> Function:
        @harmless
        def note(session: Any) -> None:
            track = self._ledger.track(session)
            leases = self._holds.get(session, ())
            if not is_failing() and self._loses_writes(session, leases):
                self._ledger.writes_lost(track.opened, "session")
            if leases and not self._ledger.is_sweeping:
                track.closed = places.nearest()

        def close(session: Any) -> None:
            note(session)
            original(session)

        return close

    def _loses_writes(self, session: Any, leases: Any) -> bool:
        if isinstance(getattr(session, "bind", None), self._connection):
            return False
        if any(lease.wrote for lease in leases):
            return True
        return bool(session._new or session._deleted)  # of which ``new`` makes a set each time


class AsyncOrm:
    """Knows asynchronous sessions by their name, and their blocks' exceptions.

    Args:
        ledger: where sessions are booked.
        patches: what is undone when the watch ends.
        module: ``sqlalchemy.ext.asyncio``.
    """

    def __init__(self, ledger: Ledger, patches: Patches, module: ModuleType) -> None:
        self._ledger = ledger
        patches.wrap(module.AsyncSession, "__init__", self._around_init)
        for owner in (module.AsyncSession, module.AsyncConnection):
            patches.wrap(owner, "__aexit__", _around_exit)

    def _around_init(self, original: Function) -> Function:
        def init(session: Any, *args: Any, **options: Any) -> None:
            original(session, *args, **options)
            self._ledger.track(session.sync_session).what = "AsyncSession"

        return init


def is_failing() -> bool:
    """Tell whether an exception is on its way, or being handled."""
    return sys.exc_info()[0] is not None or _FAILING.get()


def listen(
    patches: Patches, event: Any, target: Any, name: str, function: Callable[..., None]
) -> None:
    """Listen to an event until the patches are undone."""
    listener = harmless(function)
    event.listen(target, name, listener)
    patches.add(lambda: event.remove(target, name, listener))


def _around_exit(original: Function) -> Function:
    async def leave(block: Any, kind: Any, value: Any, traceback: Any) -> Any:
        token = _FAILING.set(kind is not None)
        try:
            return await original(block, kind, value, traceback)
        finally:
            _FAILING.reset(token)

    return leave


def _statements(ledger: Ledger) -> tuple[Function, Function]:
    """Make what listens to the begin and the end of each statement.

    Programs run nothing more often, so these are no more than they must be.
    """
    find = ledger.find

    def begins(
        connection: Any,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: Any,
        executemany: bool,
    ) -> tuple[str, Any]:
        try:
            fairy = connection._dbapi_connection
            lease = find(id(fairy.dbapi_connection)) if fairy is not None else None
            if lease is not None:
                is_async = connection.dialect.is_async
                who = id(places.current_task()) if is_async else threading.get_ident()
                ledger.statement_begins(lease, who)
                if not lease.wrote and _writes(statement):
                    lease.wrote = not _autocommits(connection)
        except Exception:
            log_failure()
        return statement, parameters

    def ends(
        connection: Any,
        cursor: Any,
        statement: str,
        parameters: Any,
        context: Any,
        executemany: bool,
    ) -> None:
        try:
            fairy = connection._dbapi_connection
            lease = find(id(fairy.dbapi_connection)) if fairy is not None else None
            if lease is not None:
                _statement_ends(lease)
        except Exception:
            log_failure()

    return begins, ends


def _statement_ends(lease: Lease) -> None:
    """Book that a statement is done, or failed."""
    lease.busy = None
    lease.last_use = time.monotonic()


def _writes(statement: str) -> bool:
    return statement[:7].lstrip().partition(" ")[0].upper() in _WRITES


def _autocommits(connection: Any) -> bool:
    level = connection.get_execution_options().get("isolation_level")
    return "AUTOCOMMIT" in (level, getattr(connection.dialect, "_on_connect_isolation_level", None))


def _size(pool: Any) -> int:
    """Tell how many connections a pool lends at most; -1 where it knows no limit."""
    overflow = getattr(pool, "_max_overflow", -1)
    return pool.size() + overflow if overflow >= 0 else -1
