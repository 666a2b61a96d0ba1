"""DBS309, DBS505, DBS506 and DBS610 on a server, with the drivers that ask for one."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
from contextlib import closing
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import text

from tests.truth.example import BETTER, EXAMPLE, run


def address(postgres: str, driver: str) -> str:
    return postgres.replace("postgresql://", f"postgresql+{driver}://", 1)


@pytest.mark.parametrize("section", [EXAMPLE, BETTER])
def test_a_loop_started_again(section: str, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("asyncpg")
    celery = ModuleType("celery")
    celery.shared_task = lambda function: function  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "celery", celery)
    names = run("DBS505", section, async_url=repr(address(postgres, "asyncpg")))
    names["text"] = lambda _: text("SELECT 1")
    assert names["daily_push"]() == 1
    if section == BETTER:
        assert names["daily_push"]() == 1
    else:
        with pytest.raises(RuntimeError, match=r"different loop|loop is closed"):
            names["daily_push"]()


@pytest.mark.parametrize("section", [EXAMPLE, BETTER])
def test_coroutines_on_one_connection(section: str, postgres: str) -> None:
    asyncpg = pytest.importorskip("asyncpg")
    report = run("DBS610", section)["report"]

    async def work() -> list[Any]:
        apart = {"search_path": "reports"}  # other tests have tables of these names
        async with asyncpg.create_pool(postgres, server_settings=apart) as pool:
            await pool.execute("CREATE SCHEMA IF NOT EXISTS reports")
            for table in ("users", "orders"):
                await pool.execute(f"CREATE TABLE IF NOT EXISTS {table} ()")
            return list(await report(pool))

    if section == BETTER:
        assert asyncio.run(work()) == [0, 0]
    else:
        with pytest.raises(asyncpg.InterfaceError, match="another operation is in progress"):
            asyncio.run(work())


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_write_that_nothing_commits(is_kept: bool, postgres: str) -> None:
    psycopg2 = pytest.importorskip("psycopg2")
    with closing(psycopg2.connect(postgres)) as conn, conn:
        conn.cursor().execute("DROP TABLE IF EXISTS memory; CREATE TABLE memory (value int)")
    with closing(psycopg2.connect(postgres)) as conn:
        conn.cursor().execute("INSERT INTO memory VALUES (1)")
        if is_kept:
            conn.commit()
    with closing(psycopg2.connect(postgres)) as conn:
        cursor = conn.cursor()
        cursor.execute("SELECT count(*) FROM memory")
        assert cursor.fetchone() == (int(is_kept),)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks nothing")
@pytest.mark.parametrize(("section", "is_shared"), [(EXAMPLE, True), (BETTER, False)])
def test_workers_on_their_parent_s_connection(
    section: str, is_shared: bool, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg2")
    forking = multiprocessing.get_context("fork")
    monkeypatch.setattr(multiprocessing, "Pool", forking.Pool)
    names = run("DBS506", section, url=repr(address(postgres, "psycopg2")))
    module = ModuleType("example")  # by which the workers find the function
    vars(module).update(names)
    monkeypatch.setitem(sys.modules, "example", module)
    # As many rows as the number of the server's process that a connection talks to.
    server = "generate_series(1, pg_backend_pid())"
    own = names["count"](server)
    (workers,) = names["counts"]([server])
    assert (workers == own) is is_shared
    names["engine"].dispose(close=False)
