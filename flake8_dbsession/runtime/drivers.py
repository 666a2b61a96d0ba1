"""The drivers: how each lets its connections be followed.

A class written in Python is followed by its own methods; sqlite3's and psycopg2's connections are
C objects, whose ``connect`` takes the class to make. Sources: each driver's reference, and the
driver itself where it installs. Drivers whose connections can neither be subclassed nor referred
to weakly are in ``UNWATCHED``: of them only SQLAlchemy's pools tell.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from flake8_dbsession.named_tuples import NamedTuple

UNWATCHED = ("pyodbc", "pymssql", "mariadb")
Test = Callable[[Any], bool]


class Driver(NamedTuple):
    """A driver whose connection is a class that can be changed.

    Attributes:
        module: the module after whose import the class is there.
        connection: the class's name in it.
        opener: the method that opens: ``__init__``, or a coroutine that connects later.
        closers: the methods after which it is closed; older versions may lack some.
        is_open: tells whether a connection is open, and may raise where it is not; None where only
            the driver's closers tell.
        is_in_transaction: tells whether a transaction is open; None where that cannot be seen.
    """

    module: str
    connection: str
    opener: str
    closers: tuple[str, ...]
    is_open: Test | None = None
    is_in_transaction: Test | None = None

    @property
    def package(self) -> str:
        """The driver's package."""
        return self.module.partition(".")[0]


class Factory(NamedTuple):
    """A driver whose ``connect`` takes the class of the connection that it makes.

    Attributes:
        module: the module that has ``connect``.
        connection: the class that it makes by itself, in that module.
        argument: the argument that takes another one.
        position: where that stands.
        is_open: as `Driver.is_open`.
        is_in_transaction: as `Driver.is_in_transaction`.
        with_closes: whether leaving a ``with`` block closes.
        loses_writes: whether a transaction that is open when it is closed has always written.
    """

    module: str
    connection: str
    argument: str
    position: int
    is_open: Test
    is_in_transaction: Test
    loses_writes: bool

    @property
    def package(self) -> str:
        """The driver's package."""
        return self.module


class DriverPool(NamedTuple):
    """A pool of a driver's own.

    Attributes:
        module: the module after whose import the class is there.
        pool: the class's name in it.
        lend: the method, or coroutine, that lends a connection.
        take: the one that takes it back, its first argument.
        close: the one that closes all; empty where a closed pool still waits for them.
        size: tells how many it lends at most.
        lent: gives what stands for a connection, of what is lent or taken back.
        forgets: whether it keeps no hold of what it lends: what the garbage collector takes is then
            lost to it, and not one connection is opened in its place. The others keep such a
            connection alive, and out, as long as they live.
    """

    module: str
    pool: str
    lend: str
    take: str
    close: str
    size: Callable[[Any], int]
    lent: Callable[[Any], Any] = lambda connection: connection
    forgets: bool = False

    @property
    def package(self) -> str:
        """The driver's package."""
        return self.module.partition(".")[0]


def _psycopg_transaction(connection: Any) -> bool:
    return int(connection.info.transaction_status) in (1, 2, 3)


DRIVERS = (
    Driver(
        "psycopg",
        "Connection",
        "__init__",
        ("close",),
        lambda c: not c.closed,
        _psycopg_transaction,
    ),
    Driver(
        "psycopg",
        "AsyncConnection",
        "__init__",
        ("close",),
        lambda c: not c.closed,
        _psycopg_transaction,
    ),
    Driver(
        "asyncpg",
        "Connection",
        "__init__",
        ("close", "terminate"),
        lambda c: not c.is_closed(),
        lambda c: bool(c.is_in_transaction()),
    ),
    Driver(
        "aiosqlite",
        "Connection",
        "_connect",
        ("close", "stop"),
        lambda c: c._connection is not None,
        lambda c: bool(c.in_transaction),
    ),
    Driver("pymysql.connections", "Connection", "__init__", ("close",), lambda c: bool(c.open)),
    Driver("MySQLdb.connections", "Connection", "__init__", ("close",)),
    Driver("mysql.connector.connection", "MySQLConnection", "__init__", ("close", "shutdown")),
    Driver("mysql.connector.connection_cext", "CMySQLConnection", "__init__", ("close",)),
    Driver("mysql.connector.aio.connection", "MySQLConnection", "__init__", ("close", "shutdown")),
    Driver("aiomysql.connection", "Connection", "_connect", ("close",), lambda c: not c.closed),
    Driver("asyncmy.connection", "Connection", "__init__", ("close", "ensure_closed")),
    Driver("aioodbc.connection", "Connection", "_connect", ("close",), lambda c: not c.closed),
    Driver("oracledb.connection", "Connection", "__init__", ("close",)),
    Driver("oracledb.connection", "AsyncConnection", "_connect", ("close",)),
    Driver("snowflake.connector.connection", "SnowflakeConnection", "__init__", ("close",)),
)
FACTORIES = (
    Factory(
        "sqlite3",
        "Connection",
        "factory",
        5,
        lambda c: c.total_changes >= 0,  # which a closed one cannot say
        lambda c: bool(c.in_transaction),
        loses_writes=True,
    ),
    Factory(
        "psycopg2",
        "extensions.connection",
        "connection_factory",
        1,
        lambda c: not c.closed,
        lambda c: c.get_transaction_status() in (1, 2, 3),
        loses_writes=False,
    ),
)
POOLS = (
    DriverPool(
        "psycopg2.pool",
        "SimpleConnectionPool",
        "getconn",
        "putconn",
        "closeall",
        lambda pool: int(pool.maxconn),
    ),
    DriverPool(
        "psycopg2.pool",
        "ThreadedConnectionPool",
        "getconn",
        "putconn",
        "closeall",
        lambda pool: int(pool.maxconn),
    ),
    DriverPool(
        "psycopg_pool",
        "ConnectionPool",
        "getconn",
        "putconn",
        "",
        lambda pool: int(pool.max_size) or -1,
        forgets=True,
    ),
    DriverPool(
        "psycopg_pool",
        "AsyncConnectionPool",
        "getconn",
        "putconn",
        "",
        lambda pool: int(pool.max_size) or -1,
        forgets=True,
    ),
    DriverPool(
        "asyncpg.pool",
        "Pool",
        "_acquire",
        "release",
        "terminate",
        lambda pool: int(pool.get_max_size()),
        lambda proxy: proxy._con,
    ),
    DriverPool(
        "aiomysql.pool",
        "Pool",
        "_acquire",
        "release",
        "terminate",
        lambda pool: int(pool.maxsize) or -1,
    ),
    DriverPool(
        "mysql.connector.pooling",
        "MySQLConnectionPool",
        "get_connection",
        "add_connection",
        "",
        lambda pool: int(pool.pool_size),
        lambda each: getattr(each, "_cnx", each),
        forgets=True,
    ),
)


def _is_listed(connection: Any) -> bool:
    apsw = sys.modules["apsw"]
    return any(connection is each for each in apsw.connections())


DUCKDB = Driver("duckdb", "DuckDBPyConnection", "connect", ("close", "__exit__"))
APSW = Driver("apsw", "Connection", "__init__", (), _is_listed)
