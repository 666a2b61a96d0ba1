"""The watch itself: nothing is left of it, nothing lives longer for it, and what it tells."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import sqlite3
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from sqlite3 import connect
from types import ModuleType
from typing import Any

import aiosqlite
import pytest
import sqlalchemy.event
from sqlalchemy import Engine, create_engine, event, insert, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import Pool

from flake8_dbsession.runtime import Event, Watch, watch, wording
from flake8_dbsession.runtime.patching import ImportHook
from flake8_dbsession.runtime.records import PoolUse, Tally
from flake8_dbsession.runtime.reporting import text as reporting_text
from flake8_dbsession.runtime.reporting.report import Report, from_json, merged, to_json

QUERY = text("select 1")


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{database}")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def codes(watching: Watch) -> list[str]:
    return [note.code for note in watching.report().notes]


def listeners() -> list[Any]:
    targets = (
        (Pool, ("connect", "checkout", "checkin", "invalidate", "close_detached")),
        (Engine, ("engine_connect", "before_cursor_execute", "begin", "commit", "rollback")),
        (Session, ("after_begin", "after_transaction_end")),
    )
    return [
        list(getattr(target.dispatch, name)._clslevel.get(target, ()))
        for target, names in targets
        for name in names
    ]


def traces() -> list[object]:
    owners: list[Any] = [Session, AsyncSession, Connection, Pool, Engine]
    return [
        *(dict(vars(owner)) for owner in owners),
        *listeners(),
        list(sys.meta_path),
        (sqlite3.connect, sqlite3.dbapi2.connect, connect),
    ]


def test_it_leaves_no_trace() -> None:
    before = traces()
    with watch():
        assert traces() != before
        assert connect is sqlite3.connect, "a name imported before is followed too"
        late = ModuleType("late")
        sys.modules["late"] = late
        late.connect = sqlite3.connect  # type: ignore[attr-defined]
    assert traces() == before
    assert sys.modules.pop("late").connect is connect


def test_one_inside_another(database: str) -> None:
    before = traces()
    with watch() as outer:
        with watch() as inner, contextlib.closing(sqlite3.connect(database)):
            pass
        with contextlib.closing(sqlite3.connect(database)):
            pass
    assert (outer.report().opened, inner.report().opened) == (2, 1)
    assert traces() == before


def test_nothing_lives_longer_for_it(engine: Engine, database: str) -> None:
    with watch() as watching:
        db = Session(engine)
        db.execute(QUERY)
        connection = sqlite3.connect(database)
        others = [weakref.ref(db), weakref.ref(connection)]
        del db, connection
        gc.collect()
        assert [other() for other in others] == [None, None]
        assert {leak.ended for leak in watching.report().leaks} == {"collected"}


def test_it_imports_nothing_that_the_program_does_not() -> None:
    code = """
import sys
from flake8_dbsession.runtime import watch
with watch():
    import logging
print([name for name in ("sqlalchemy", "sqlite3", "flask", "click") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_a_library_that_is_imported_later_is_followed(database: str) -> None:
    code = f"""
from flake8_dbsession.runtime import watch
with watch() as watching:
    from sqlite3 import connect
    from sqlalchemy import create_engine, text
    from sqlalchemy.orm import Session
    first = connect({database!r})
    second = Session(create_engine("sqlite://"))
    second.execute(text("select 1"))
    print(*(leak.what for leak in watching.report().leaks))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "sqlite3 connection Session\n"


def test_an_import_that_fails_is_still_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "late_module.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    seen: list[str] = []
    hook = ImportHook({"late_module": lambda module: seen.append(module.__name__)})
    hook.install()
    try:
        module.write_text("1 / 0\n")
        with pytest.raises(ZeroDivisionError):
            importlib.import_module("late_module")
        module.write_text("x = 1\n\n")
        importlib.invalidate_caches()
        assert importlib.import_module("late_module").x == 1
    finally:
        hook.remove()
        sys.modules.pop("late_module", None)
    assert seen == ["late_module"]


def test_a_sample_counts_all_and_knows_some(engine: Engine) -> None:
    with watch(sample=0.0) as watching:
        db = Session(engine)
        db.execute(QUERY)
        report = watching.report()
        assert (report.opened, report.left_open, report.leaks) == (1, 0, ())
        assert report.pools[0].peak == 1
        db.close()
    with pytest.raises(ValueError, match="sample is a share from 0 to 1, not 2"), watch(sample=2):
        pass


def test_hooks_and_the_log(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    events: list[Event] = []
    with watch(on_event=events.append, logger=logging.getLogger("shop")):
        with engine.connect() as connection:
            connection.execute(QUERY)
        db = Session(engine)
        db.execute(QUERY)
        del db
        gc.collect()
    assert [each.name for each in events] == ["opened", "ended", "opened", "leaked"]
    assert [each.in_use for each in events] == [1, 0, 1, 0]
    assert "Session opened at tests/runtime/test_watcher.py:" in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_hook_that_fails_does_no_harm(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    def hook(event: Event) -> None:
        raise RuntimeError(event.name)

    with watch(on_event=hook), engine.connect() as connection:
        assert connection.scalar(QUERY) == 1
    assert "a hook of the watch failed" in caplog.text


def test_a_report_survives_being_written_and_merged(engine: Engine) -> None:
    with watch() as watching:
        connection = engine.connect()
        connection.execute(QUERY)
        report = watching.report()
        again = from_json(to_json(report))
        assert to_json(again) == to_json(report)
        twice = merged([again, again])
        assert (twice.opened, twice.left_open, len(twice.tallies)) == (2, 2, 1)
        connection.close()
    with pytest.raises(ValueError, match="not a report"):
        from_json('{"version": 0}')


def test_equal_leaks_are_said_once(engine: Engine) -> None:
    def forget() -> Session:
        db = Session(engine)
        db.execute(text("select 1"))
        return db

    with watch() as watching:
        line = forget.__code__.co_firstlineno + 1
        held = [forget() for _ in range(3)]
        held.append(forget())
        other = engine.connect()
        leaks = watching.report().leaks
        first, second = map(wording.leak, wording.equal(leaks))
    head, *_ = first.splitlines()
    assert head.startswith("4 times: Session opened at tests/runtime/test_watcher.py:")
    assert f".py:{line} in " in head
    assert head.endswith(", and by 1 more way")
    assert "    the longest held for " in first
    assert second.startswith("SQLAlchemy connection opened at ")
    assert "the connection stays out of the pool until the program ends" in second
    said = reporting_text.leaks(Report(leaks=leaks))
    assert said == f"{first}\n\n{second}"
    for each in (*held, other):
        each.close()


def test_the_table_names_the_pools_of_which_all_were_out_first() -> None:
    pools = [PoolUse(f"pool {number}", 5, 1, 0, 0.0, 0) for number in range(100)]
    waited = PoolUse("waited for", 5, 5, 2, 1.5, 0)
    exhausted = PoolUse("exhausted", 5, 5, 1, 30.0, 1)
    said = reporting_text.table(merged([Report(pools=(*pools, waited, exhausted))]))
    lines = said.partition("Pools:\n")[2].splitlines()
    assert [line.split(":")[0].strip() for line in lines[:2]] == ["exhausted", "waited for"]
    assert lines[20:] == ["  and 82 more pools"]


class TestWritesThatAreThrownAway:
    def test_flushed(self, engine: Engine) -> None:
        with watch() as watching:
            with Session(engine) as db:
                line = sys._getframe().f_lineno - 1
                db.add(Note())
                db.flush()
            (note,) = watching.report().notes
        assert (note.code, note.places[0].line) == ("DBS309", line)
        assert note.text == "a session was closed with writes that nothing committed"
        assert note.at == note.places[0]

    def test_added_and_never_flushed(self, engine: Engine) -> None:
        with watch() as watching, Session(engine) as db:
            db.add(Note())
        assert codes(watching) == ["DBS309"]

    def test_on_a_connection(self, engine: Engine) -> None:
        with watch() as watching, engine.connect() as connection:
            connection.execute(insert(Note))
        assert codes(watching) == ["DBS309"]

    def test_with_sqlite3(self, engine: Engine, database: str) -> None:
        with watch() as watching, contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("insert into notes values (1)")
        assert codes(watching) == ["DBS309"]

    def test_asynchronously(self, engine: Engine, database: str) -> None:
        async def main() -> None:
            slow = create_async_engine(f"sqlite+aiosqlite:///{database}")
            async with AsyncSession(slow) as db:
                await db.execute(insert(Note))
            with contextlib.suppress(ValueError):
                async with AsyncSession(slow) as db:
                    await db.execute(insert(Note))
                    raise ValueError
            await slow.dispose()

        with watch() as watching:
            asyncio.run(main())
        assert codes(watching) == ["DBS309"]

    def test_not_where_all_is_well(self, engine: Engine, database: str) -> None:
        """Hold what commits, rolls back on purpose, raises or joins another's transaction."""
        with watch() as watching:
            with Session(engine) as db:
                db.add(Note())
                db.commit()
            with Session(engine) as db:
                db.add(Note())
                db.flush()
                db.rollback()
            with contextlib.suppress(ValueError), Session(engine) as db:
                db.execute(insert(Note))
                raise ValueError
            with engine.begin() as connection, Session(bind=connection) as db:
                db.execute(insert(Note))
            autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
            with autocommit.connect() as connection:
                connection.execute(insert(Note))
            with contextlib.closing(sqlite3.connect(database)) as raw, raw:
                raw.execute("insert into notes values (99)")
        assert codes(watching) == []


def test_a_session_used_by_two_tasks_at_once(engine: Engine, database: str) -> None:
    async def main() -> None:
        slow = create_async_engine(f"sqlite+aiosqlite:///{database}")

        @event.listens_for(slow.sync_engine, "connect")
        def add_function(connection: Any, _record: Any) -> None:
            import time

            connection.create_function("slow", 0, lambda: time.sleep(0.1))

        async with AsyncSession(slow) as db:
            await db.execute(QUERY)
            calls = (db.execute(text("select slow()")) for _ in range(2))
            await asyncio.gather(*calls, return_exceptions=True)
        await slow.dispose()

    with watch() as watching:
        asyncio.run(main())
    (note,) = watching.report().notes
    assert (note.code, note.text) == ("DBS206", "a session was used by two tasks at once")


def test_a_failing_statement_ends(engine: Engine) -> None:
    with watch() as watching, engine.connect() as connection:
        with contextlib.suppress(sqlalchemy.exc.OperationalError):
            connection.execute(text("select * from nowhere"))
        (lease,) = watching.ledger.out()
        assert (lease.busy, lease.statements) == (None, 1)


def test_in_memory_databases_are_no_leaks() -> None:
    duckdb = pytest.importorskip("duckdb")
    with watch() as watching:
        kept = [sqlite3.connect(":memory:"), duckdb.connect(), duckdb.connect(":memory:")]
        assert watching.report().leaks == ()
        for connection in kept:
            connection.close()


def test_duckdb(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    file = str(tmp_path / "file.duckdb")
    with watch() as watching:
        connection = duckdb.connect(file)
        line = sys._getframe().f_lineno - 1
        (leak,) = watching.report().leaks
        assert (leak.code, leak.what, leak.places[0].line) == ("DBS602", "duckdb connection", line)
        connection.close()
        with duckdb.connect(file):
            pass
        assert watching.report().leaks == ()


def test_a_transaction_open_while_a_response_is_streamed(database: str) -> None:
    fastapi = pytest.importorskip("fastapi")
    from fastapi.responses import StreamingResponse
    from fastapi.testclient import TestClient

    api = fastapi.FastAPI()
    engine = create_engine(f"sqlite:///{database}")

    def slow(db: Session) -> Iterator[str]:
        for _ in range(2):
            db.execute(text("select 1"))
            time.sleep(0.1)
            yield "row"

    def rows() -> Iterator[str]:
        with Session(engine) as db:
            yield from slow(db)

    @api.get("/streamed")
    def streamed() -> StreamingResponse:
        return StreamingResponse(rows())

    @api.get("/read")
    def read() -> str:
        return "".join(rows())

    client = TestClient(api)
    for path, code in (("/streamed", "DBS410"), ("/read", "DBS409")):
        with watch(idle=0.05) as watching:
            assert client.get(path).status_code == 200
            assert {note.code for note in watching.report().notes} == {code}


def test_a_driver_that_cannot_be_followed_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    with watch() as watching:
        monkeypatch.setitem(sys.modules, "pyodbc", ModuleType("pyodbc"))
        report = watching.report()
    assert "pyodbc" in report.unwatched  # beside what other tests have imported
    assert f"Not followed by themselves: {', '.join(report.unwatched)}" in reporting_text.table(
        report._replace(tallies=(Tally(None, "SQLAlchemy connection", 1, 0, 0.1, 0.0),))
    )


@pytest.mark.filterwarnings("ignore")
def test_the_pool_of_mysql_connector() -> None:
    pytest.importorskip("mysql.connector")
    from mysql.connector import PoolError
    from mysql.connector.connection import MySQLConnection
    from mysql.connector.pooling import MySQLConnectionPool

    class Server(MySQLConnection):
        """A connection without one."""

        def is_connected(self) -> bool:
            return True

        def config(self, **options: Any) -> None: ...

        def reset_session(self, *arguments: Any) -> None: ...

        def reconnect(self, *arguments: Any) -> None: ...

    server = Server()
    with watch() as watching:
        pool = MySQLConnectionPool(pool_size=1, pool_name="of_a_test")
        pool._cnx_config = {"user": "nobody"}
        pool.add_connection(server)
        del server
        with pool.get_connection():
            assert [holder.kind for holder in watching.open_now()] == ["pooled"]
        assert watching.report().leaks == ()
        pool.get_connection()
        gc.collect()
        with pytest.raises(PoolError):
            pool.get_connection()
        (leak,) = watching.report().leaks
        (use,) = watching.report().pools
    assert (leak.code, leak.ended, leak.pool) == ("DBS605", "lost", use.name)
    assert (use.size, use.lost, use.timeouts) == (1, 1, 1)


def test_what_a_library_opens_for_itself_is_its_own(tmp_path: Path, database: str) -> None:
    """Hold what coverage, caches and the like keep open: they close it themselves."""
    library = tmp_path / "site-packages" / "cachelib"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text(
        "import sqlite3\n\ndef store(path):\n    return sqlite3.connect(path)\n"
    )
    sys.path.insert(0, str(library.parent))
    try:
        with watch() as watching:
            store = importlib.import_module("cachelib").store(database)
            assert watching.report().opened == 0
            store.close()
    finally:
        sys.path.remove(str(library.parent))
        sys.modules.pop("cachelib", None)


def test_the_connection_inside_one_of_aiosqlite_is_its_own(database: str) -> None:
    async def main() -> list[str]:
        connection = await aiosqlite.connect(database)
        opened = [holder.what for holder in watching.open_now()]
        await connection.close()
        return opened

    with watch() as watching:
        assert asyncio.run(main()) == ["aiosqlite connection"]
    assert watching.report().opened == 1


def test_what_aiosqlite_stops_is_closed(database: str) -> None:
    if not hasattr(aiosqlite.Connection, "stop"):
        pytest.skip("this aiosqlite has no way to stop a connection")

    async def main() -> None:
        connection = await aiosqlite.connect(database)
        stopped = connection.stop()
        if stopped is not None:
            await stopped

    with watch() as watching:
        asyncio.run(main())
    assert watching.report().leaks == ()
