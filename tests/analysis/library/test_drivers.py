"""The drivers' habits, as the installed drivers show them."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flake8_dbsession.analysis.library import roles
from flake8_dbsession.analysis.library.drivers import DRIVERS, TAKINGS, BlockEnd, Driver, driver_of
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.analysis.source.mentions import hints, is_gated, is_hidden

ONE_ROW = "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)"


def resolved(name: str) -> Any:
    """Import what a qualified name names; the test is skipped where its package is not there."""
    pytest.importorskip(name.partition(".")[0], exc_type=ImportError)
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise AssertionError(name)


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_a_file_with_nothing_but_the_driver_is_looked_at(driver: Driver) -> None:
    assert all(map(is_gated, (*driver.names, *driver.pools, *driver.async_pools)))


@pytest.mark.parametrize("name", [name for driver in DRIVERS for name in driver.names])
def test_the_names_exist(name: str) -> None:
    assert callable(resolved(name))


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_the_pools_have_what_is_taken_from_them(driver: Driver) -> None:
    assert bool(driver.taking) == bool(driver.pools or driver.async_pools)
    for name in (*driver.pools, *driver.async_pools):
        pool = resolved(name)
        if driver.taking is not None and inspect.isclass(pool) and "Abstract" not in name:
            assert hasattr(pool, driver.taking.takes)
            assert driver.taking.gives == "close" or hasattr(pool, driver.taking.gives)


# Of Python's sqlite3 in some builds, or from 3.11 and 3.12 on.
_OF_SOME_BUILDS = {"create_window_function", "enable_load_extension", "setconfig", "setlimit"}


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_what_configures_a_connection_is_there(driver: Driver) -> None:
    for name in (*driver.connections, *driver.async_connections):
        connection = resolved(name)
        missing = {m for m in driver.configures if not hasattr(connection, m)}
        assert missing <= _OF_SOME_BUILDS, name


def spied(name: str, calls: list[str], **attributes: object) -> Any:
    """Make an unconnected connection of a driver's class that notes what its block calls."""
    base = resolved(name)

    def noting(method: str) -> Callable[..., Any]:
        async def waits(self: object) -> None:
            calls.append(method)

        def works(self: object) -> None:
            calls.append(method)

        return waits if inspect.iscoroutinefunction(getattr(base, method, None)) else works

    methods = {m: noting(m) for m in ("commit", "rollback", "close") if hasattr(base, m)}
    if hasattr(base, "ensure_closed"):

        async def ensure_closed(self: object) -> None:
            calls.append("close")

        methods["ensure_closed"] = ensure_closed
    namespace = {
        "__module__": __name__,
        "__qualname__": "Spy",
        "__init__": lambda self: None,
        **methods,
        **attributes,
    }
    spy = type(base)("Spy", (base,), namespace)
    return spy.__new__(spy)


SPIED = [
    ("psycopg.Connection", {"closed": False, "__del__": lambda self: None}),
    ("psycopg.AsyncConnection", {"closed": False, "__del__": lambda self: None}),
    ("psycopg2.extensions.connection", {}),
    ("pymysql.connections.Connection", {}),
    ("mysql.connector.connection.MySQLConnection", {"__del__": lambda self: None}),
    ("aiomysql.connection.Connection", {"__del__": lambda self: None}),
    ("asyncmy.connection.Connection", {}),
    ("oracledb.Connection", {"_impl": object(), "__del__": lambda self: None}),
    ("oracledb.AsyncConnection", {"_impl": object(), "__del__": lambda self: None}),
    ("pymssql.Connection", {}),
]


@pytest.mark.parametrize(("name", "attributes"), SPIED, ids=[name for name, _ in SPIED])
def test_what_the_end_of_a_block_calls(name: str, attributes: dict[str, object]) -> None:
    calls: list[str] = []
    connection = spied(name, calls, **attributes)
    if hasattr(connection, "__aexit__"):
        asyncio.run(connection.__aexit__(None, None, None))
    else:
        connection.__exit__(None, None, None)
    block = driver_of(name.partition(".")[0]).block
    assert ("commit" in calls) == (BlockEnd.COMMITS in block)
    assert ("close" in calls) == (BlockEnd.CLOSES in block)


def test_asyncpg_has_no_block() -> None:
    connection = resolved("asyncpg.Connection")
    assert not hasattr(connection, "__aenter__")
    assert not hasattr(connection, "__enter__")
    assert driver_of("asyncpg").block == BlockEnd(0)


FILES = {
    "sqlite3": lambda path: sqlite3.connect(path),
    "duckdb": lambda path: resolved("duckdb.connect")(path),
    "apsw": lambda path: resolved("apsw.Connection")(path),
}


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "x.db")


def written(connection: Any) -> None:
    for statement in ONE_ROW.split("; "):
        connection.execute(statement)


def rows(connect: Callable[[str], Any], path: str) -> int:
    """Count the rows that another connection sees."""
    with closing(connect(path)) as other:
        cursor = other.cursor()
        cursor.execute("SELECT count(*) FROM t")
        return int(cursor.fetchone()[0])


def is_open(connection: Any) -> bool:
    try:
        connection.execute("SELECT 1")
    except Exception:
        return False
    return True


@pytest.mark.parametrize("name", FILES)
def test_the_block_of_a_database_in_a_file(name: str, database: str) -> None:
    driver, connect = driver_of(name), FILES[name]
    connection = connect(database)
    with connection:
        written(connection)
    assert is_open(connection) == (BlockEnd.CLOSES not in driver.block)
    connection.close()
    assert rows(connect, database) == 1


@pytest.mark.parametrize("name", FILES)
def test_autocommit_of_a_database_in_a_file(name: str, database: str) -> None:
    connect = FILES[name]
    with closing(connect(database)) as connection:
        written(connection)
    assert rows(connect, database) == driver_of(name).autocommits


def test_the_block_of_aiosqlite_closes_and_does_not_commit(database: str) -> None:
    aiosqlite = resolved("aiosqlite")

    async def work() -> None:
        async with aiosqlite.connect(database) as connection:
            for statement in ONE_ROW.split("; "):
                await connection.execute(statement)
        with pytest.raises((ValueError, sqlite3.ProgrammingError)):
            await connection.execute("SELECT 1")

    asyncio.run(work())
    assert rows(sqlite3.connect, database) == 0
    assert driver_of("aiosqlite").block == BlockEnd.CLOSES


DEFAULTS = [
    ("psycopg", "psycopg.Connection.connect"),
    ("pymysql", "pymysql.connections.Connection.__init__"),
    ("aiomysql", "aiomysql.connection.connect"),
    ("asyncmy", "asyncmy.connection.connect"),
]


@pytest.mark.parametrize(("package", "function"), DEFAULTS)
def test_autocommit_is_off_by_default(package: str, function: str) -> None:
    parameters = inspect.signature(resolved(function)).parameters
    assert parameters["autocommit"].default is driver_of(package).autocommits


def test_mysql_connector_does_not_autocommit_by_default() -> None:
    settings = resolved("mysql.connector.constants.DEFAULT_CONFIGURATION")
    assert settings["autocommit"] is driver_of("mysql").autocommits


def test_a_connection_that_is_closed_frees_its_place_in_the_pool_of_mysql_connector() -> None:
    pooling = resolved("mysql.connector.pooling")
    given: list[object] = []

    class Pool:
        pool_name, pool_size, reset_session = "p", 1, False
        add_connection = staticmethod(given.append)

    class Plain:
        def is_connected(self) -> bool:
            return True

        @property
        def connection_id(self) -> int:
            return 1

    connection = pooling.PooledMySQLConnection.__new__(pooling.PooledMySQLConnection)
    plain = Plain()
    connection._cnx_pool, connection._cnx = Pool(), plain
    connection.close()
    assert given == [plain]


def test_the_block_of_an_sqlalchemy_connection_closes_and_does_not_commit(database: str) -> None:
    sqlalchemy = resolved("sqlalchemy")
    engine = sqlalchemy.create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        for statement in ONE_ROW.split("; "):
            connection.execute(sqlalchemy.text(statement))
    assert connection.closed
    engine.dispose()
    assert rows(sqlite3.connect, database) == 0
    assert driver_of("sqlalchemy").block == BlockEnd.CLOSES


def test_what_a_library_is_called_by() -> None:
    known = roles.known("psycopg_pool.ConnectionPool")
    assert known is not None
    assert known.role is Role.POOL_MAKER
    assert driver_of(known.library).name == "psycopg"


def test_a_library_that_is_not_in_the_table() -> None:
    assert driver_of("").taking is None
    assert BlockEnd.CLOSES in driver_of("").block


@pytest.mark.parametrize("method", sorted(TAKINGS))
def test_the_calls_that_take_from_a_pool_are_looked_at(method: str) -> None:
    assert is_gated(f"pool.{method}()")
    assert not is_hidden(f"pool.{method}(")
    assert hints(method)


def test_a_cursor_of_duckdb_is_a_connection_to_the_same_database() -> None:
    with closing(resolved("duckdb.connect")(":memory:")) as conn:
        conn.execute("CREATE TABLE t (a INTEGER)")
        with closing(conn.cursor()) as own:
            assert isinstance(own, type(conn))
            assert own.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
    assert driver_of("duckdb").gives_cursors_to_each
