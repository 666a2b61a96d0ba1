"""What the methods of sessions, connections and cursors do.

Sources: the reference documentation of SQLAlchemy 2 (``Session``, ``AsyncSession``,
``Connection``) and SQLModel, PEP 249, and the documentation of the drivers that have more than that
(sqlite3, asyncpg, psycopg, psycopg2), which ``drivers`` names.
"""

from __future__ import annotations

from enum import Flag, auto

from flake8_dbsession.analysis.names.values import Resource


class Effect(Flag):
    """What a call of a method does.

    ``RECORDS`` notes a change that the next flush writes; ``SENDS`` writes what was noted.
    ``EXECUTES`` runs a statement, which its first argument tells: it may read or write.
    ``WRITES`` and ``READS`` do so whatever the arguments. ``BEGINS`` begins a transaction, which
    the end of a ``with`` block over the call commits. ``CLOSES`` rolls back what was not committed,
    and lets the connection go.
    """

    RECORDS = auto()
    SENDS = auto()
    EXECUTES = auto()
    READS = auto()
    WRITES = auto()
    BEGINS = auto()
    COMMITS = auto()
    ROLLS_BACK = auto()
    CLOSES = auto()


NOTHING = Effect(0)
"""What a method does that neither talks to the database nor changes what will be written."""

_SESSION = {
    "__enter__": NOTHING,
    "__exit__": Effect.CLOSES,
    "add": Effect.RECORDS,
    "add_all": Effect.RECORDS,
    "begin": Effect.BEGINS,
    "begin_nested": Effect.BEGINS | Effect.SENDS,
    "bulk_insert_mappings": Effect.WRITES,
    "bulk_save_objects": Effect.WRITES,
    "bulk_update_mappings": Effect.WRITES,
    "close": Effect.CLOSES,
    "commit": Effect.COMMITS | Effect.SENDS,
    "delete": Effect.RECORDS,
    "exec": Effect.EXECUTES,
    "execute": Effect.EXECUTES,
    "expire": NOTHING,
    "expire_all": NOTHING,
    "expunge": NOTHING,
    "expunge_all": NOTHING,
    "flush": Effect.SENDS,
    "get": Effect.READS,
    "get_bind": NOTHING,
    "get_one": Effect.READS,
    "in_nested_transaction": NOTHING,
    "in_transaction": NOTHING,
    "invalidate": Effect.CLOSES,
    "merge": Effect.READS | Effect.RECORDS,
    "query": Effect.READS,
    "refresh": Effect.READS,
    "reset": Effect.CLOSES,
    "rollback": Effect.ROLLS_BACK,
    "scalar": Effect.EXECUTES,
    "scalars": Effect.EXECUTES,
}
_ASYNC_SESSION = {
    "__aenter__": NOTHING,
    "__aexit__": Effect.CLOSES,
    "__enter__": NOTHING,
    "__exit__": Effect.CLOSES,
    "aclose": Effect.CLOSES,
    "run_sync": Effect.READS,
    "stream": Effect.EXECUTES,
    "stream_scalars": Effect.EXECUTES,
}
_CONNECTION = {
    "begin": Effect.BEGINS,
    "begin_nested": Effect.BEGINS,
    "callproc": Effect.EXECUTES,
    "close": Effect.CLOSES,
    "commit": Effect.COMMITS,
    "copy": Effect.EXECUTES,
    "copy_expert": Effect.EXECUTES,
    "copy_from": Effect.WRITES,
    "copy_records_to_table": Effect.WRITES,
    "copy_to_table": Effect.WRITES,
    "create_aggregate": NOTHING,
    "create_collation": NOTHING,
    "create_function": NOTHING,
    "cursor": NOTHING,
    "enable_load_extension": NOTHING,
    "exec_driver_sql": Effect.EXECUTES,
    "execute": Effect.EXECUTES,
    "executemany": Effect.EXECUTES,
    # Commits what is pending, then runs as if there were no transaction (sqlite3, aiosqlite).
    "executescript": Effect.EXECUTES | Effect.COMMITS,
    "fetch": Effect.EXECUTES,
    "fetchall": NOTHING,
    "fetchmany": NOTHING,
    "fetchone": NOTHING,
    "fetchrow": Effect.EXECUTES,
    "fetchval": Effect.EXECUTES,
    "invalidate": Effect.CLOSES,
    "load_extension": NOTHING,
    "ping": NOTHING,
    "rollback": Effect.ROLLS_BACK,
    "scalar": Effect.EXECUTES,
    "scalars": Effect.EXECUTES,
    "set_client_encoding": NOTHING,
    "set_trace_callback": NOTHING,
    "setinputsizes": NOTHING,
    "terminate": Effect.CLOSES,
    "transaction": Effect.BEGINS,
}
_BY_RESOURCE = {
    Resource.SESSION: {**_SESSION, **_ASYNC_SESSION},
    Resource.CONNECTION: _CONNECTION,
}
AT_ONCE = Effect.SENDS | Effect.EXECUTES | Effect.READS | Effect.WRITES
"""What talks to the database at once."""


def effect_of(resource: Resource, method: str) -> Effect | None:
    """Tell what calling a method does.

    Args:
        resource: what it is called on; a cursor counts as its connection.
        method: the method's name.

    Returns:
        Its effect, ``NOTHING`` for none; None for a method that is not known.
    """
    return _BY_RESOURCE[resource].get(method)


DATABASE_WORK = frozenset(
    name for name, effect in _SESSION.items() if effect & AT_ONCE and not effect & Effect.BEGINS
)
"""The methods of a session that talk to the database at once, or begin a query that does."""

ASYNC_WORK = frozenset(name for name, effect in _ASYNC_SESSION.items() if effect & AT_ONCE)
"""What an asynchronous session has besides."""

WORK = DATABASE_WORK | ASYNC_WORK
"""The methods by which a session, of either kind, talks to the database and can fail."""

TRANSACTIONS = frozenset({"begin", "begin_nested"})
"""The methods that give a transaction of its own, whose block rolls back by itself."""

METHODS = frozenset(name for methods in _BY_RESOURCE.values() for name in methods)
"""The methods of sessions and connections; one of them that is passed on holds its object."""

CHANGING = frozenset(
    name for name, effect in _SESSION.items() if effect & (Effect.RECORDS | Effect.WRITES)
)
"""The methods of a session that write, or note what the next flush writes."""

EXECUTING = frozenset(name for name, effect in _SESSION.items() if effect & Effect.EXECUTES)
"""The methods of a session that run the statement which they are given."""

CLOSES = frozenset({"aclose", "close"})
"""The methods that close a session or connection and do nothing else."""

CLOSERS = CLOSES | {"invalidate", "terminate"}
"""Those, and what drops a connection without a word to the server."""

ENDINGS = CLOSES | {"commit", "rollback"}
"""The methods that end what a session or connection has begun."""

ENDING_TRANSACTIONS = frozenset({"commit", "reset", "rollback"})
"""By which a session gives its connection back, and can be worked with after that."""

STREAMS = frozenset({"stream", "stream_scalars"})
"""The methods whose result still reads from the server."""

RESULTS = frozenset({"exec", "execute", "scalars"})
"""The methods of a session that give a result, of which rows or objects are fetched."""

ROWS = RESULTS | STREAMS | {"exec_driver_sql", "query", "scalar"}
"""The methods by which rows or objects are read."""

LOADERS = frozenset({"get", "get_one", "merge"})
"""The methods of a session that give an object by its key."""

SCRIPTS = frozenset({"execute", "executescript"})
"""The methods of a SQLite connection that run a text of SQL once."""

FRAME_READERS = frozenset({"pandas.read_sql", "pandas.read_sql_query", "pandas.read_sql_table"})
"""What reads all at once by the connection that it is given.

Source: https://pandas.pydata.org/docs/reference/api/pandas.read_sql.html and the two beside it
"""

READERS = frozenset(
    {
        *FRAME_READERS,
        # https://docs.sqlalchemy.org/en/20/core/inspection.html
        "sqlalchemy.inspect",
    }
)
"""What only reads by the session or connection that it is given."""

WORKING_BY_CURSOR = frozenset(
    f"psycopg2.extras.{name}" for name in ("execute_batch", "execute_values")
)
"""What executes by the cursor that it is given.

Source: https://www.psycopg.org/docs/extras.html#fast-execution-helpers
"""

# https://docs.sqlalchemy.org/en/20/core/event.html
LISTENING = frozenset(
    f"sqlalchemy.event.{name}" for name in ("contains", "listen", "listens_for", "remove")
)
"""What only notes which function is to be told of a session's or connection's events."""

KEEPING_NOTHING = frozenset(
    {
        # https://docs.sqlalchemy.org/en/20/core/metadata.html
        "create_all",
        "drop_all",
        # https://docs.python.org/3/library/sqlite3.html#sqlite3.Connection.backup
        "backup",
        # https://pandas.pydata.org/docs/reference/api/pandas.DataFrame.to_sql.html
        "to_sql",
    }
)
"""The methods of other objects that only work with the connection which they are given."""

# https://docs.sqlalchemy.org/en/20/core/exceptions.html and .../orm/exceptions.html
DATABASE_ERRORS = frozenset(
    {
        "DBAPIError",
        "DataError",
        "DatabaseError",
        "FlushError",
        "IntegrityError",
        "InterfaceError",
        "InternalError",
        "NotSupportedError",
        "OperationalError",
        "PendingRollbackError",
        "ProgrammingError",
        "SQLAlchemyError",
        "StaleDataError",
        "StatementError",
    }
)
"""The errors of SQLAlchemy that leave a transaction to be rolled back."""

SCHEMA_METHODS = frozenset({"create", "create_all", "drop", "drop_all", "reflect"})
"""The methods of SQLAlchemy's tables and metadata that take an engine or connection as ``bind``.

Source: https://docs.sqlalchemy.org/en/20/core/metadata.html
"""

SCHEMA_OF_ALL = frozenset({"create_all", "drop_all"})
"""Those whose name no other library has."""

DRIVER_SQL = "exec_driver_sql"
"""The method that only SQLAlchemy's connections have."""

POOLED_ATTRIBUTES = frozenset({"dbapi_connection", "driver_connection"})
"""What only the connections of SQLAlchemy's pools have.

Source: https://docs.sqlalchemy.org/en/20/core/pooling.html#sqlalchemy.pool.PoolProxiedConnection
"""

BENEATH = POOLED_ATTRIBUTES | {"connection"}
"""What gives the driver's own connection beneath one of SQLAlchemy's: all work is done on that.

Source: https://docs.sqlalchemy.org/en/20/core/connections.html#sqlalchemy.engine.Connection.connection
"""

POOL_COUNTERS = frozenset({"checkedin", "checkedout"})
"""The methods of SQLAlchemy's pools that only count.

Source: https://docs.sqlalchemy.org/en/20/core/pooling.html#sqlalchemy.pool.QueuePool
"""
