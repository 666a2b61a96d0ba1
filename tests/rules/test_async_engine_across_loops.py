"""DBS505: loops started again and again over one asynchronous engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import NullPool, StaticPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from flake8_dbsession.analysis.library.pools import SIZES
from tests.cases import assert_cases, lint, write_project

CODES = {"DBS505"}
HOUSE = """
    from contextlib import asynccontextmanager
    from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
    from sqlalchemy.pool import NullPool

    engine = create_async_engine("postgresql+asyncpg://db/jobs")
    AsyncSessionLocal = async_sessionmaker(engine, expire_on_commit=False)
    loose_engine = create_async_engine("postgresql+asyncpg://db/jobs", poolclass=NullPool)
    LooseSession = async_sessionmaker(loose_engine)
    file_engine = create_async_engine("sqlite+aiosqlite:///jobs.db")
    FileSession = async_sessionmaker(bind=file_engine)

    @asynccontextmanager
    async def session_scope():
        async with AsyncSessionLocal() as db:
            yield db
"""


def test_work_that_one_process_runs_many_times(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app/db.py": HOUSE,
            "app/work.py": """
                from app.db import session_scope

                class Service:
                    async def push(self):
                        async with session_scope() as db:
                            return await db.scalars(query)

                async def push():
                    return await Service().push()
            """,
            "app/tasks.py": """
                import asyncio
                import anyio
                from asgiref.sync import async_to_sync
                from celery import Celery, shared_task
                from flask import Flask
                from apscheduler.schedulers.background import BackgroundScheduler
                from app.db import AsyncSessionLocal
                from app.work import Service, push

                celery_app = Celery("app")
                app = Flask(__name__)
                scheduler = BackgroundScheduler()

                async def own():
                    async with AsyncSessionLocal() as db:
                        return await db.scalars(query)

                @shared_task
                def shared():
                    asyncio.run(own())  # DBS505

                @celery_app.task(bind=True)
                def bound(self):
                    return asyncio.run(push())  # DBS505

                @celery_app.task
                def by_method():
                    service = Service()
                    coroutine = service.push()
                    return asyncio.run(coroutine)  # DBS505

                @app.route("/")
                def handler():
                    return async_to_sync(push)()  # DBS505

                @shared_task
                def by_anyio():
                    anyio.run(push)  # DBS505

                def job():
                    asyncio.run(push())  # DBS505

                scheduler.add_job(job, "interval", seconds=5)

                def forever():
                    while True:
                        asyncio.run(push())  # DBS505
            """,
        },
        CODES,
    )


def test_loops_that_leave_nothing(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app/db.py": HOUSE,
            "app/tasks.py": """
                import asyncio
                import subprocess
                from celery import shared_task
                from app.db import AsyncSessionLocal, FileSession, LooseSession, engine

                async def own():
                    async with AsyncSessionLocal() as db:
                        return await db.scalars(query)

                async def loose():
                    async with LooseSession() as db:
                        return await db.scalars(query)

                async def file():
                    async with FileSession() as db:
                        return await db.scalars(query)

                async def disposed():
                    try:
                        return await own()
                    finally:
                        await engine.dispose()

                async def nothing():
                    await asyncio.sleep(1)

                @shared_task
                def by_loose():
                    asyncio.run(loose())

                @shared_task
                def by_file():
                    asyncio.run(file())

                @shared_task
                def by_disposed():
                    asyncio.run(disposed())

                @shared_task
                def without():
                    asyncio.run(nothing())
                    subprocess.run(["true"])

                def once():
                    asyncio.run(own())

                if __name__ == "__main__":
                    asyncio.run(own())
            """,
        },
        CODES,
    )


TASK = """
    import asyncio
    from celery import shared_task
    from app.db import {name}

    async def push():
        async with {opened} as db:
            return await db.execute(query)

    @shared_task
    def daily():
        return asyncio.run(push())
"""
ENGINES = """
    from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
    from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool
    from app.settings import URL, OTHER_URL, options, settings

    engine = create_async_engine({url}{options})
    AsyncSessionLocal = async_sessionmaker(engine)
"""


def way_out(folder: Path, options: str = "", more: str = "", **given: str) -> str:
    """What the message advises where an engine has some options."""
    url, name = given.get("url", "URL"), given.get("name", "AsyncSessionLocal")
    opened = given.get("opened", f"{name}()")
    database = dedent(ENGINES).format(url=url, options=options) + dedent(more)
    files = {"app/db.py": database, "app/tasks.py": TASK.format(name=name, opened=opened)}
    write_project(folder, files)
    (message,) = (found for _, _, code, found in lint(folder, "app/tasks.py") if code == "DBS505")
    return message.partition("; ")[2]


DISPOSE = ", or `await engine.dispose()` before the loop ends"
GIVE = "give the engine `poolclass=NullPool`"


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ("", GIVE),
        (", echo=True, pool_pre_ping=True, pool_recycle=1800", GIVE),
        (", pool_size=20", f"{GIVE} in the place of `pool_size`, which it does not take"),
        (
            ", pool_size=20, max_overflow=10, pool_timeout=30, pool_recycle=9, pool_use_lifo=True",
            f"{GIVE} in the place of `pool_size`, `max_overflow`, `pool_timeout` and "
            "`pool_use_lifo`, which it does not take",
        ),
        (
            ', **{"pool_size": 5}',
            f"{GIVE} in the place of `pool_size`, which it does not take",
        ),
        (", poolclass=AsyncAdaptedQueuePool", GIVE),
    ],
)
def test_what_the_engine_s_own_options_allow(options: str, given: str, tmp_path: Path) -> None:
    assert way_out(tmp_path, options) == given + DISPOSE


OTHER = """
    celery_engine = create_async_engine({url}, poolclass=NullPool)
    CelerySession = async_sessionmaker(celery_engine)
"""
USE = "work by `CelerySession`, whose engine keeps no connections"


@pytest.mark.parametrize(
    ("url", "other", "given"),
    [
        ("URL", "URL", USE),
        ("str(settings.url)", "settings.url", USE),
        ('"postgresql+asyncpg://db/a"', '"postgresql+asyncpg://db/a"', USE),
        # Another database, or one of which that is not known.
        ("URL", "OTHER_URL", GIVE),
        ('"postgresql+asyncpg://db/a"', '"postgresql+asyncpg://db/b"', GIVE),
    ],
)
def test_the_house_s_own_factory_without_a_pool(
    url: str, other: str, given: str, tmp_path: Path
) -> None:
    assert way_out(tmp_path, more=OTHER.format(url=other), url=url) == given + DISPOSE


def test_where_it_stands_makes_no_difference(tmp_path: Path) -> None:
    elsewhere = ENGINES.format(url="settings.url", options=", poolclass=NullPool")
    elsewhere = elsewhere.replace("AsyncSessionLocal", "CelerySession")
    write_project(tmp_path, {"app/celery_db.py": elsewhere})
    assert way_out(tmp_path, url="settings.url") == USE + DISPOSE


def test_an_engine_is_named_where_an_engine_is_used(tmp_path: Path) -> None:
    found = way_out(
        tmp_path, more=OTHER.format(url="URL"), name="engine", opened="engine.connect()"
    )
    assert found == "work by `celery_engine`, which keeps no connections" + DISPOSE


@pytest.mark.parametrize("pool", [NullPool, StaticPool])
@pytest.mark.parametrize("make", [create_engine, create_async_engine])
def test_the_options_that_sqlalchemy_refuses_beside_such_a_pool(
    pool: type[NullPool] | type[StaticPool], make: Callable[..., object]
) -> None:
    """The table is SQLAlchemy's: it refuses these, and takes the others."""
    url = "postgresql+asyncpg://h/d" if make is create_async_engine else "postgresql+psycopg2://h/d"
    options = {
        "max_overflow": 1,
        "pool_pre_ping": True,
        "pool_recycle": 1,
        "pool_reset_on_return": None,
        "pool_size": 1,
        "pool_timeout": 1,
        "pool_use_lifo": True,
    }
    assert options.keys() >= SIZES
    for name, value in options.items():
        if name in SIZES:
            with pytest.raises(TypeError, match=name):
                make(url, poolclass=pool, **{name: value})
        else:
            make(url, poolclass=pool, **{name: value})


MAPPED = """
    from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
    from sqlalchemy.pool import NullPool

    options: dict[str, object] = {"echo": False}
    if not URL.startswith("sqlite"):
        ADDED

    engine = create_async_engine(URL, **options)
    Session = async_sessionmaker(engine)
"""


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("options['pool_size'] = settings.size", " in the place of `pool_size`"),
        (
            "options.update(max_overflow=1, echo=True)\n        options['pool_timeout'] = 1",
            " in the place of `pool_timeout` and `max_overflow`",
        ),
        ("options.update({'pool_size': 1})", " in the place of `pool_size`"),
        ("# options['pool_size'] = 1\n        pass", "`poolclass=NullPool`, or"),
        ("options['poolclass'] = NullPool", ""),
    ],
)
def test_the_options_that_a_mapping_brings_are_named(added: str, said: str, tmp_path: Path) -> None:
    tasks = """
        import asyncio
        from celery import shared_task
        from app.db import Session

        async def work():
            async with Session() as db:
                await db.execute(1)

        @shared_task
        def task():
            asyncio.run(work())
    """
    write_project(tmp_path, {"app/db.py": MAPPED.replace("ADDED", added), "tasks.py": tasks})
    found = [m for *_, code, m in lint(tmp_path, "tasks.py") if code == "DBS505"]
    assert [said in message for message in found] == [True] * bool(said)


LOOPS = """
    import asyncio
    from asyncio import Runner, new_event_loop
    from contextlib import closing
    import uvloop
    from celery import shared_task
    from fastapi import FastAPI
    from app.db import AsyncSessionLocal

    async def push(number=1):
        async with AsyncSessionLocal() as db:
            return await db.scalars(query)
"""


def assert_loops(folder: Path, tasks: str) -> None:
    assert_cases(folder, {"app/db.py": HOUSE, "app/tasks.py": dedent(LOOPS) + dedent(tasks)}, CODES)


def test_a_loop_that_the_function_makes_itself(tmp_path: Path) -> None:
    assert_loops(
        tmp_path,
        """
        @shared_task
        def by_new_loop():
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            try:
                return loop.run_until_complete(push())  # DBS505
            finally:
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.close()

        @shared_task
        def at_once():
            new_event_loop().run_until_complete(push())  # DBS505

        @shared_task
        def closed():
            with closing(uvloop.new_event_loop()) as loop:
                loop.run_until_complete(push())  # DBS505

        @shared_task
        def by_runner():
            with asyncio.Runner(debug=True) as runner:
                runner.run(push())  # DBS505

        @shared_task
        def by_named_runner():
            runner = Runner()
            runner.run(push())  # DBS505

        @shared_task
        def by_uvloop():
            uvloop.run(push())  # DBS505

        def in_turns():
            while True:
                with Runner() as runner:
                    runner.run(push())  # DBS505
        """,
    )


def test_a_loop_that_lasts(tmp_path: Path) -> None:
    assert_loops(
        tmp_path,
        """
        LOOP = asyncio.new_event_loop()
        RUNNER = Runner()

        @shared_task
        def of_the_module():
            LOOP.run_until_complete(push())
            RUNNER.run(push())

        @shared_task
        def stored():
            global LOOP
            LOOP = asyncio.new_event_loop()
            LOOP.run_until_complete(push())

        @shared_task
        def current():
            asyncio.get_event_loop().run_until_complete(push())

        @shared_task
        def current_or_new():
            try:
                loop = asyncio.get_event_loop()
            except RuntimeError:
                loop = asyncio.new_event_loop()
                asyncio.set_event_loop(loop)
            loop.run_until_complete(push())

        class Worker:
            def __init__(self):
                self.loop = asyncio.new_event_loop()

            @shared_task
            def work(self):
                self.loop.run_until_complete(push())

        @shared_task
        def given(loop):
            loop.run_until_complete(push())

        def one_for_all_turns():
            loop = asyncio.new_event_loop()
            with Runner() as runner:
                while True:
                    loop.run_until_complete(push())
                    runner.run(push())

        @shared_task
        def other_work(docker, command):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(asyncio.sleep(1))
            docker.run(push())
            loop.run(push())
        """,
    )


def test_coroutines_inside_of_tasks(tmp_path: Path) -> None:
    assert_loops(
        tmp_path,
        """
        @shared_task
        def by_task():
            loop = asyncio.new_event_loop()
            task = loop.create_task(push(), name="push")
            loop.run_until_complete(task)  # DBS505

        @shared_task
        def with_a_limit():
            asyncio.run(asyncio.wait_for(push(), timeout=5))  # DBS505

        @shared_task
        def several():
            loop = asyncio.new_event_loop()
            loop.run_until_complete(asyncio.gather(asyncio.sleep(1), push()))  # DBS505

        @shared_task
        def of_itself(task):
            task = asyncio.wait_for(task, 5)
            asyncio.run(task)

        @shared_task
        def other():
            asyncio.run(asyncio.wait_for(asyncio.sleep(1), timeout=5))
        """,
    )


def test_what_a_task_calls_runs_as_often(tmp_path: Path) -> None:
    assert_loops(
        tmp_path,
        """
        def started(number):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(push(number))  # DBS505

        @shared_task
        def work(number):
            started(number)

        def in_a_thread(number):
            asyncio.run(push(number))  # DBS505

        def once(number):
            asyncio.run(push(number))

        def in_a_running_loop(number):
            asyncio.run(push(number))

        app = FastAPI()

        @app.post("/")
        async def handler(number: int):
            in_a_running_loop(number)
            await asyncio.to_thread(in_a_thread, number)

        if __name__ == "__main__":
            once(1)
        """,
    )
