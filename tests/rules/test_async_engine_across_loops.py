"""DBS505: loops started again and again over one asynchronous engine."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases

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
