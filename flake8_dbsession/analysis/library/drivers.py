"""The database drivers: the names by which each is used, and its habits.

The habits differ between drivers that look alike: ``with connection:`` closes in one, commits in
the next, and does both in a third. ``tests/analysis/library/test_drivers.py`` runs those that are
installed; each row names the page, or the file of the driver's source, that says the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Flag, auto

from flake8_dbsession.named_tuples import NamedTuple


class BlockEnd(Flag):
    """What the end of ``with connection:`` does where nothing is raised.

    A block that commits rolls back on an error. A driver whose connections are no context managers
    has the empty value, as has one whose block does nothing.
    """

    COMMITS = auto()
    CLOSES = auto()


_NOTHING = BlockEnd(0)


class Taking(NamedTuple):
    """A method that takes a connection from a pool, and what gives it back.

    Attributes:
        takes: the pool's method that takes one.
        gives: the method that gives it back: the pool's, or ``close`` of the connection itself.
        close_gives_back: whether the connection's own ``close`` gives it back as well, or frees its
            place in the pool.
        block_gives_back: whether the end of a ``with`` block over the taking does.
    """

    takes: str
    gives: str
    close_gives_back: bool = False
    block_gives_back: bool = False


PEP_249 = ("Error",)
"""The base class of all errors of a driver.

Source: https://peps.python.org/pep-0249/#exceptions
"""
# ``InterfaceError``, which is not below it, speaks of a misuse, or of what is closed already.
_OF_DATABASE = ("DatabaseError", *PEP_249)


class Driver(NamedTuple):
    """A driver.

    Attributes:
        name: the module that ``connect`` stands in, such as ``mysql.connector``.
        source: where its habits are documented.
        connects: the functions and classes that give a new connection.
        async_connects: those whose result is awaited, or entered with ``async with``.
        connections: the classes of its connections.
        async_connections: those of its asynchronous connections.
        pools: what makes a pool.
        async_pools: what makes an asynchronous pool.
        taking: how a connection is taken from a pool and given back; None where there are none.
        block: what the end of a connection's ``with`` block does.
        aborts: whether a statement that fails leaves the whole transaction to be rolled back.
        autocommits: whether a statement outside ``BEGIN`` is permanent at once.
        autocommits_by_account: whether it is so only where the account has not been told otherwise,
            which no code shows.
        is_awaited: whether what an asynchronous ``connect`` gives has to be awaited before a block
            can be entered with it.
        is_shareable: whether threads, or coroutines, may work on one connection at once: its own
            lock makes them take turns.
        errors: the class that all is of what an open connection raises in practice, and those above
            it that are its library's own; none where it has no such class.
        execute_gives_cursor: whether ``execute`` of a cursor gives that cursor, and of a connection
            a new one.
        gives_cursors_to_each: whether ``cursor()`` gives a connection of its own to the same
            database, for each thread to have one.
        configures: the methods of a connection that only register a Python callable or set an
            option in the driver, without a word to the server: on an open connection they do not
            fail in practice.
    """

    name: str
    source: str
    connects: tuple[str, ...] = ()
    async_connects: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    async_connections: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    async_pools: tuple[str, ...] = ()
    taking: Taking | None = None
    block: BlockEnd = _NOTHING
    aborts: bool = False
    autocommits: bool = False
    autocommits_by_account: bool = False
    is_awaited: bool = False
    is_shareable: bool = False
    errors: tuple[str, ...] = PEP_249
    execute_gives_cursor: bool = False
    gives_cursors_to_each: bool = False
    configures: frozenset[str] = frozenset()

    @property
    def names(self) -> Iterator[str]:
        """Every qualified name in the row."""
        yield from self.connects
        yield from self.async_connects
        yield from self.connections
        yield from self.async_connections
        yield from self.pools
        yield from self.async_pools


_GETCONN = Taking("getconn", "putconn")

# https://docs.python.org/3/library/sqlite3.html#connection-objects
_AIOSQLITE_CONFIGURES = frozenset(
    {"create_function", "enable_load_extension", "set_authorizer", "set_progress_handler"}
    | {"set_trace_callback"}
)
_SQLITE_CONFIGURES = _AIOSQLITE_CONFIGURES | {
    "create_aggregate",
    "create_collation",
    "create_window_function",
    "setconfig",
    "setlimit",
}
# https://www.psycopg.org/psycopg3/docs/api/connections.html
_PSYCOPG_CONFIGURES = frozenset(
    {"add_notice_handler", "add_notify_handler", "remove_notice_handler", "remove_notify_handler"}
    | {"set_autocommit", "set_deferrable", "set_isolation_level", "set_read_only"}
)
# https://rogerbinns.github.io/apsw/connection.html, with the names of before 3.42
_APSW_CONFIGURES = frozenset(
    {"collation_needed", "create_aggregate_function", "create_collation", "create_scalar_function"}
    | {"create_window_function", "createaggregatefunction", "createcollation"}
    | {"createscalarfunction", "enable_load_extension", "enableloadextension", "set_authorizer"}
    | {"set_busy_handler", "set_busy_timeout", "set_commit_hook", "set_exec_trace", "set_profile"}
    | {"set_progress_handler", "set_rollback_hook", "set_row_trace", "set_update_hook"}
    | {"setbusyhandler", "setbusytimeout", "setexectrace", "setrowtrace"}
)
# https://github.com/mkleehammer/pyodbc/wiki/Connection
_PYODBC_CONFIGURES = frozenset(
    {"add_output_converter", "clear_output_converters", "get_output_converter"}
    | {"remove_output_converter", "setdecoding", "setencoding"}
)

DRIVERS = (
    Driver(
        "sqlite3",
        "https://docs.python.org/3/library/sqlite3.html#how-to-use-the-connection-context-manager",
        connects=("sqlite3.connect", "sqlite3.dbapi2.connect"),
        connections=("sqlite3.Connection", "sqlite3.dbapi2.Connection"),
        block=BlockEnd.COMMITS,
        # https://docs.python.org/3/library/sqlite3.html#sqlite3.Connection.execute
        execute_gives_cursor=True,
        # https://docs.python.org/3/library/sqlite3.html#exceptions
        errors=_OF_DATABASE,
        configures=_SQLITE_CONFIGURES,
    ),
    Driver(
        "aiosqlite",
        "https://aiosqlite.omnilib.dev/en/stable/api.html",
        async_connects=("aiosqlite.connect", "aiosqlite.core.connect"),
        async_connections=("aiosqlite.Connection", "aiosqlite.core.Connection"),
        block=BlockEnd.CLOSES,
        is_shareable=True,
        errors=_OF_DATABASE,
        configures=_AIOSQLITE_CONFIGURES,
    ),
    Driver(
        "psycopg",
        "https://www.psycopg.org/psycopg3/docs/basic/usage.html#connection-context",
        connects=("psycopg.connect", "psycopg.Connection.connect"),
        async_connects=("psycopg.AsyncConnection.connect",),
        connections=("psycopg.Connection", "psycopg.connection.Connection"),
        async_connections=("psycopg.AsyncConnection", "psycopg.connection_async.AsyncConnection"),
        pools=("psycopg_pool.ConnectionPool", "psycopg_pool.NullConnectionPool"),
        async_pools=("psycopg_pool.AsyncConnectionPool", "psycopg_pool.AsyncNullConnectionPool"),
        taking=_GETCONN,
        block=BlockEnd.COMMITS | BlockEnd.CLOSES,
        # https://www.psycopg.org/psycopg3/docs/basic/transactions.html
        aborts=True,
        # https://www.psycopg.org/psycopg3/docs/api/connections.html#psycopg.Connection.execute
        execute_gives_cursor=True,
        is_awaited=True,
        is_shareable=True,
        # https://www.psycopg.org/psycopg3/docs/api/errors.html
        errors=_OF_DATABASE,
        configures=_PSYCOPG_CONFIGURES,
    ),
    Driver(
        "psycopg2",
        "https://www.psycopg.org/docs/usage.html#with-statement",
        connects=("psycopg2.connect",),
        connections=("psycopg2.extensions.connection",),
        pools=(
            "psycopg2.pool.SimpleConnectionPool",
            "psycopg2.pool.ThreadedConnectionPool",
            "psycopg2.pool.AbstractConnectionPool",
        ),
        taking=_GETCONN,
        block=BlockEnd.COMMITS,
        # https://www.psycopg.org/docs/usage.html#transactions-control
        aborts=True,
        is_shareable=True,
        # https://www.psycopg.org/docs/module.html#exceptions
        errors=_OF_DATABASE,
        # https://www.psycopg.org/docs/connection.html#connection.set_session
        configures=frozenset({"set_isolation_level", "set_session"}),
    ),
    Driver(
        "asyncpg",
        "https://magicstack.github.io/asyncpg/current/api/index.html#transactions",
        async_connects=("asyncpg.connect", "asyncpg.connection.connect"),
        async_connections=("asyncpg.Connection", "asyncpg.connection.Connection"),
        async_pools=(
            "asyncpg.create_pool",
            "asyncpg.pool.create_pool",
            "asyncpg.pool.Pool",
            "asyncpg.Pool",
        ),
        taking=Taking("acquire", "release", close_gives_back=True, block_gives_back=True),
        autocommits=True,
        errors=(),
        # https://magicstack.github.io/asyncpg/current/api/index.html#connection
        configures=frozenset({"add_log_listener", "add_query_logger", "add_termination_listener"}),
    ),
    Driver(
        "pymysql",
        "https://pymysql.readthedocs.io/en/latest/modules/connections.html",
        connects=(
            "pymysql.connect",
            "pymysql.Connect",
            "pymysql.Connection",
            "pymysql.connections.Connection",
        ),
        block=BlockEnd.CLOSES,
    ),
    Driver(
        "MySQLdb",
        # Closes since 2.0 only, and neither closes nor commits in 1.4.
        "https://github.com/PyMySQL/mysqlclient/blob/main/src/MySQLdb/connections.py",
        connects=("MySQLdb.connect", "MySQLdb.Connect", "MySQLdb.connections.Connection"),
        block=BlockEnd.CLOSES,
    ),
    Driver(
        "mysql.connector",
        "https://dev.mysql.com/doc/connector-python/en/connector-python-connection-pooling.html",
        connects=(
            "mysql.connector.connect",
            "mysql.connector.Connect",
            "mysql.connector.MySQLConnection",
            "mysql.connector.connection.MySQLConnection",
        ),
        async_connects=("mysql.connector.aio.connect",),
        connections=(
            "mysql.connector.abstracts.MySQLConnectionAbstract",
            "mysql.connector.pooling.PooledMySQLConnection",
        ),
        pools=("mysql.connector.pooling.MySQLConnectionPool",),
        taking=Taking("get_connection", "close", close_gives_back=True, block_gives_back=True),
        block=BlockEnd.CLOSES,
        is_awaited=True,
    ),
    Driver(
        "mariadb",
        "https://github.com/mariadb-corporation/mariadb-connector-python/blob/v1.1.12/mariadb/connections.py",
        connects=("mariadb.connect", "mariadb.connections.Connection"),
        connections=("mariadb.Connection",),
        pools=("mariadb.ConnectionPool", "mariadb.connectionpool.ConnectionPool"),
        taking=Taking("get_connection", "close", close_gives_back=True, block_gives_back=True),
        block=BlockEnd.CLOSES,
    ),
    Driver(
        "aiomysql",
        "https://aiomysql.readthedocs.io/en/stable/connection.html",
        async_connects=("aiomysql.connect", "aiomysql.connection.connect"),
        async_connections=("aiomysql.Connection", "aiomysql.connection.Connection"),
        async_pools=("aiomysql.create_pool", "aiomysql.Pool", "aiomysql.pool.Pool"),
        taking=Taking("acquire", "release", block_gives_back=True),
        block=BlockEnd.CLOSES,
    ),
    Driver(
        "asyncmy",
        "https://github.com/long2ice/asyncmy/blob/dev/asyncmy/connection.pyx",
        async_connects=("asyncmy.connect", "asyncmy.connection.connect"),
        async_connections=("asyncmy.Connection", "asyncmy.connection.Connection"),
        async_pools=("asyncmy.create_pool", "asyncmy.Pool", "asyncmy.pool.Pool"),
        taking=Taking("acquire", "release", block_gives_back=True),
        block=BlockEnd.CLOSES,
    ),
    Driver(
        "pyodbc",
        "https://github.com/mkleehammer/pyodbc/wiki/Python-Context-Managers",
        connects=("pyodbc.connect",),
        connections=("pyodbc.Connection",),
        block=BlockEnd.COMMITS,
        configures=_PYODBC_CONFIGURES,
    ),
    Driver(
        "aioodbc",
        # ``async with aioodbc.connect(...)`` commits; a connection entered later only closes.
        "https://github.com/aio-libs/aioodbc/blob/master/aioodbc/connection.py",
        async_connects=("aioodbc.connect", "aioodbc.connection.connect"),
        async_connections=("aioodbc.Connection", "aioodbc.connection.Connection"),
        async_pools=("aioodbc.create_pool", "aioodbc.Pool", "aioodbc.pool.Pool"),
        taking=Taking("acquire", "release", block_gives_back=True),
        block=BlockEnd.COMMITS | BlockEnd.CLOSES,
        configures=_PYODBC_CONFIGURES,
    ),
    Driver(
        "pymssql",
        "https://pymssql.readthedocs.io/en/stable/ref/pymssql.html",
        connects=("pymssql.connect",),
        connections=("pymssql.Connection",),
        block=BlockEnd.CLOSES,
    ),
    Driver(
        "oracledb",
        "https://python-oracledb.readthedocs.io/en/latest/user_guide/connection_handling.html",
        connects=("oracledb.connect",),
        async_connects=("oracledb.connect_async",),
        connections=("oracledb.Connection",),
        async_connections=("oracledb.AsyncConnection",),
        pools=("oracledb.create_pool", "oracledb.ConnectionPool"),
        async_pools=("oracledb.create_pool_async", "oracledb.AsyncConnectionPool"),
        taking=Taking("acquire", "release", close_gives_back=True, block_gives_back=True),
        block=BlockEnd.CLOSES,
        is_shareable=True,
    ),
    Driver(
        "duckdb",
        "https://duckdb.org/docs/stable/clients/python/dbapi",
        connects=("duckdb.connect",),
        connections=("duckdb.DuckDBPyConnection",),
        block=BlockEnd.CLOSES,
        autocommits=True,
        # https://duckdb.org/docs/stable/guides/python/multiple_threads
        gives_cursors_to_each=True,
    ),
    Driver(
        "apsw",
        "https://rogerbinns.github.io/apsw/connection.html#apsw.Connection.__enter__",
        connects=("apsw.Connection",),
        block=BlockEnd.COMMITS,
        autocommits=True,
        is_shareable=True,
        configures=_APSW_CONFIGURES,
    ),
    Driver(
        "snowflake.connector",
        # The block commits what an account without autocommit has left.
        # https://docs.snowflake.com/en/sql-reference/parameters#autocommit
        "https://docs.snowflake.com/en/developer-guide/python-connector/python-connector-example",
        connects=("snowflake.connector.connect", "snowflake.connector.SnowflakeConnection"),
        connections=("snowflake.connector.connection.SnowflakeConnection",),
        block=BlockEnd.COMMITS | BlockEnd.CLOSES,
        autocommits=True,
        autocommits_by_account=True,
        is_shareable=True,
    ),
    Driver(
        "sqlalchemy",
        # ``engine.connect()``, as SQLAlchemy 2 has it; ``engine.begin()`` commits as well.
        "https://docs.sqlalchemy.org/en/20/core/connections.html#commit-as-you-go",
        connections=(
            "sqlalchemy.Connection",
            "sqlalchemy.engine.Connection",
            "sqlalchemy.engine.base.Connection",
        ),
        async_connections=(
            "sqlalchemy.ext.asyncio.AsyncConnection",
            "sqlalchemy.ext.asyncio.engine.AsyncConnection",
        ),
        block=BlockEnd.CLOSES,
        # https://docs.sqlalchemy.org/en/20/core/exceptions.html
        errors=("SQLAlchemyError",),
    ),
)

# https://airflow.apache.org/docs/apache-airflow-providers-common-sql/stable/_api/airflow/providers/common/sql/hooks/sql/
HOOKS = {
    "airflow.hooks.mysql_hook.MySqlHook": "MySQLdb",
    "airflow.hooks.postgres_hook.PostgresHook": "psycopg2",
    "airflow.providers.microsoft.mssql.hooks.mssql.MsSqlHook": "pymssql",
    "airflow.providers.mysql.hooks.mysql.MySqlHook": "MySQLdb",
    "airflow.providers.postgres.hooks.postgres.PostgresHook": "psycopg2",
    "airflow.providers.sqlite.hooks.sqlite.SqliteHook": "sqlite3",
}
"""Airflow's hooks whose ``get_conn()`` gives a new connection, with the driver of each."""

GIVINGS = frozenset(driver.taking.gives for driver in DRIVERS if driver.taking is not None) - {
    "close"
}
TAKINGS = frozenset(driver.taking.takes for driver in DRIVERS if driver.taking is not None)
"""The methods by which a connection is taken from a pool, of any driver."""

CONFIGURING = frozenset().union(*(driver.configures for driver in DRIVERS))
"""The methods that only configure a connection, of any driver."""

_BY_PACKAGE = {
    name.partition(".")[0]: driver for driver in DRIVERS for name in (driver.name, *driver.names)
}
_UNKNOWN = Driver("", "", block=BlockEnd.CLOSES, errors=())


def driver_of(library: str) -> Driver:
    """Give the driver whose connections a library opens.

    Args:
        library: the first segment of a qualified name, such as ``psycopg_pool``; a resource has it
            as ``RoleValue.library``.

    Returns:
        The driver; for a library that is not in the table, one of which nothing but that a block
        closes its connections is supposed.
    """
    return _BY_PACKAGE.get(library, _UNKNOWN)
