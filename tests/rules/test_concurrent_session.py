"""DBS206: sessions given to work that runs at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS206"}


def test_threads(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import threading
                from functools import partial
                from threading import Thread, Timer

                from sqlalchemy.orm import Session

                def start(db: Session, name):
                    Thread(target=work, args=(db, name)).start()  # DBS206
                    threading.Thread(target=work, kwargs={"db": db})  # DBS206
                    Thread(target=db.commit)  # DBS206
                    Thread(target=lambda: db.commit())  # DBS206
                    Timer(5, work, [db])  # DBS206
                    Thread(target=partial(work, db))  # DBS206
                    Thread(target=work, args=(name, read(db)))

                    def inner():
                        db.commit()

                    thread = Thread(target=inner)  # DBS206
                    thread.start()

                class Service:
                    def __init__(self, db: Session):
                        self.db = db

                    def start(self):
                        Thread(target=work, args=(self.db,)).start()  # DBS206
            """
        },
        CODES,
    )


def test_executors(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import asyncio
                import itertools
                from concurrent import futures
                from concurrent.futures import ThreadPoolExecutor

                from core.database import SessionLocal

                shared = ThreadPoolExecutor()

                def run(items):
                    with SessionLocal() as db, futures.ThreadPoolExecutor() as executor:
                        executor.submit(work, db)  # DBS206
                        executor.map(work, itertools.repeat(db), items)  # DBS206
                        list(executor.map(lambda item: work(db, item), items))  # DBS206
                        list(map(lambda item: work(db, item), items))
                        return shared.submit(work, db)  # DBS206

                def wait():
                    db = SessionLocal()
                    try:
                        return shared.submit(work, db).result()
                    finally:
                        db.close()

                async def fire(db_name):
                    loop = asyncio.get_running_loop()
                    async with SessionLocal() as db:
                        future = loop.run_in_executor(None, work, db)  # DBS206
                        await loop.run_in_executor(None, work, db)
                        await asyncio.wait_for(loop.run_in_executor(None, work, db), 5)
                        return future

                def other(pool, form):
                    with SessionLocal() as db:
                        pool.submit(db)
                        form.submit(db)
            """
        },
        CODES,
    )


def test_processes(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import multiprocessing as mp
                from concurrent.futures import ProcessPoolExecutor
                from itertools import repeat
                from multiprocessing import Pool, Process, get_context
                from multiprocessing.pool import ThreadPool

                from sqlalchemy.orm import Session

                def start(db: Session, items):
                    Process(target=work, args=(db, items)).start()  # DBS206
                    mp.Process(target=work, kwargs={"db": db}).start()  # DBS206
                    get_context("spawn").Process(target=work, args=(db,)).start()  # DBS206
                    Process(target=work, args=(items,)).start()

                def pools(db: Session, items):
                    with Pool(4) as pool, ThreadPool() as threads:
                        pool.starmap(work, [(db, item) for item in items])  # DBS206
                        pool.starmap(work, zip(repeat(db), items))  # DBS206
                        pool.apply_async(work, (db, items))  # DBS206
                        threads.map(db.delete, items)  # DBS206
                        pool.map(work, [db.get(item) for item in items])
                    with ProcessPoolExecutor() as executor:
                        executor.submit(work, db)  # DBS206
            """
        },
        CODES,
    )


@pytest.mark.parametrize(
    ("start", "sharer"),
    [
        ("multiprocessing.Process(target=work, args=(db,))", "another process"),
        ("ProcessPoolExecutor().submit(work, db)", "another process"),
        ("ThreadPoolExecutor().submit(work, db)", "thread"),
    ],
)
def test_the_message_says_what_shares_the_session(tmp_path: Path, start: str, sharer: str) -> None:
    text = f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
        from sqlalchemy.orm import Session

        def run(db: Session):
            {start}
    """
    write_project(tmp_path, {"app.py": text})
    [message] = [message for *_, code, message in lint(tmp_path, "app.py") if code == "DBS206"]
    assert sharer in message


def test_coroutines_waited_for_together(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import asyncio
                from asyncio import as_completed
                from sqlalchemy.ext.asyncio import AsyncSession

                async def wait(db: AsyncSession, items):
                    await asyncio.wait([asyncio.create_task(work(db, i)) for i in items])  # DBS206
                    await asyncio.wait([asyncio.create_task(work(db, items))])
                    await asyncio.wait({asyncio.create_task(work(i)) for i in items})

                async def complete(db: AsyncSession, items):
                    for done in as_completed([work(db, i) for i in items]):  # DBS206
                        await done
                    works = [work(db, i) for i in items]
                    for done in as_completed(works):  # DBS206
                        await done
                    for done in as_completed([work(db, items), work(items)]):
                        await done
            """
        },
        CODES,
    )


def test_coroutines_run_together(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import asyncio

                from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

                make = async_sessionmaker()

                async def direct(db: AsyncSession, other: AsyncSession):
                    await asyncio.gather(one(db), two(db))  # DBS206
                    await asyncio.gather(db.execute(1), db.execute(2))  # DBS206
                    await asyncio.gather(one(db), asyncio.to_thread(two, db))  # DBS206
                    await asyncio.gather(one(db), two(other))
                    await asyncio.gather(one(db), two())
                    await asyncio.gather(one(db, db), two())

                async def many(db: AsyncSession, items):
                    await asyncio.gather(*[one(db, item) for item in items])  # DBS206
                    await asyncio.gather(*(one(db, item) for item in items))  # DBS206
                    works = [one(db, item) for item in items]
                    await asyncio.gather(*works)  # DBS206
                    await asyncio.gather(*[one(item) for item in items], two(db))

                async def appended(db: AsyncSession, items):
                    works = []
                    for item in items:
                        works.append(one(db, item))
                    await asyncio.gather(*works)  # DBS206

                async def appended_once(db: AsyncSession, items):
                    works = [one(item) for item in items]
                    works.append(two(db))
                    await asyncio.gather(*works)

                async def nested(db: AsyncSession, items):
                    async def load(item):
                        return await db.get(item)

                    async def load_alone(item):
                        async with make() as db:
                            return await db.get(item)

                    await asyncio.gather(*map(load_alone, items))
                    await asyncio.gather(*[load_alone(item) for item in items])
                    await asyncio.gather(*[load(item) for item in items])  # DBS206

                async def own(items):
                    works = []
                    for item in items:
                        db = make()
                        works.append(one(db, item))
                    await asyncio.gather(*works)
                    await asyncio.gather(*[one(make(), item) for item in items])
            """
        },
        CODES,
    )


def test_tasks(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import asyncio

                from sqlalchemy.ext.asyncio import AsyncSession
                from starlette.concurrency import run_in_threadpool

                async def start(db: AsyncSession, items):
                    task = asyncio.create_task(one(db))  # DBS206
                    asyncio.ensure_future(one(db))  # DBS206
                    asyncio.get_event_loop().create_task(one(db))  # DBS206
                    asyncio.create_task(one(items))
                    tasks = [asyncio.create_task(one(db, item)) for item in items]  # DBS206
                    await asyncio.gather(*tasks)
                    return task

                async def hand_over(db: AsyncSession):
                    await asyncio.create_task(one(db))
                    await asyncio.wait_for(asyncio.create_task(one(db)), timeout=5)
                    await asyncio.shield(asyncio.ensure_future(one(db)))
                    await asyncio.gather(asyncio.create_task(one(db)), other())
                    await run_in_threadpool(work, db)
                    await asyncio.to_thread(work, db)
                    await asyncio.to_thread(lambda: work(db))

                async def both(db: AsyncSession):
                    await asyncio.gather(asyncio.create_task(one(db)), two(db))  # DBS206
            """
        },
        CODES,
    )


def test_task_groups(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import asyncio

                from sqlalchemy.ext.asyncio import AsyncSession

                async def two_tasks(db: AsyncSession):
                    async with asyncio.TaskGroup() as group:
                        group.create_task(one(db))  # DBS206
                        group.create_task(two(db))

                async def one_task(db: AsyncSession):
                    async with asyncio.TaskGroup() as group:
                        group.create_task(one(db))
                        group.create_task(two())

                async def one_each_turn(db: AsyncSession, items):
                    async with asyncio.TaskGroup() as group:
                        for item in items:
                            group.create_task(one(db, item))  # DBS206

                async def one_each_group(db: AsyncSession, items):
                    for item in items:
                        async with asyncio.TaskGroup() as group:
                            group.create_task(one(db, item))
            """
        },
        CODES,
    )


def test_task_groups_that_are_given_functions(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import anyio
                import trio
                from anyio import create_task_group
                from sqlalchemy.ext.asyncio import AsyncSession

                async def twice(db: AsyncSession):
                    async with anyio.create_task_group() as group:
                        group.start_soon(work, db, 1)  # DBS206
                        group.start_soon(work, db, 2)

                async def in_a_loop(db: AsyncSession, items):
                    async with create_task_group() as group:
                        for item in items:
                            group.start_soon(work, db, item)  # DBS206

                async def of_trio(db: AsyncSession):
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(db.commit)  # DBS206
                        nursery.start_soon(work, db)

                async def once(db: AsyncSession):
                    async with create_task_group() as group:
                        group.start_soon(work, db, 1)
                        group.start_soon(work, None, 2)

                async def handed_over(db: AsyncSession):
                    await anyio.to_thread.run_sync(print, db)
            """
        },
        CODES,
    )


def test_asking_a_session_for_its_engine_shares_nothing(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from threading import Thread

                from sqlalchemy.orm import Session

                def start(db: Session):
                    def compete():
                        with Session(bind=db.get_bind()) as own:
                            own.commit()

                    Thread(target=compete).start()
            """
        },
        CODES,
    )


def test_registries_locks_and_other_sessions_are_not_shared(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import asyncio
                import threading

                import requests
                from sqlalchemy.ext.asyncio import AsyncSession
                from sqlalchemy.orm import scoped_session, sessionmaker

                make_session = sessionmaker()
                registry = scoped_session(make_session)
                web_session = requests.Session()

                def start():
                    threading.Thread(target=work, args=(registry, make_session, web_session))

                async def guarded(db: AsyncSession, items):
                    lock = asyncio.Lock()

                    async def save(item):
                        async with lock:
                            db.add(item)

                    await asyncio.gather(*[save(item) for item in items])
            """
        },
        CODES,
    )


def test_the_message_names_the_provider_of_the_sessions_own_house(tmp_path: Path) -> None:
    files = {
        "core/database.py": """
            from contextlib import contextmanager
            from sqlalchemy.orm import sessionmaker

            make = sessionmaker()

            @contextmanager
            def session_scope():
                db = make()
                try:
                    yield db
                finally:
                    db.close()
        """,
        "core/service.py": """
            from threading import Thread
            from sqlalchemy.orm import Session
            from .database import session_scope

            def known():
                with session_scope() as session:
                    Thread(target=work, args=(session,)).start()

            def unknown(session: Session):
                Thread(target=work, args=(session,)).start()
        """,
    }
    write_project(tmp_path, files)
    messages = [m for _, _, code, m in lint(tmp_path, "core/service.py") if code in CODES]
    assert messages == [
        "`Thread` shares the session `session` with another thread, and a session can serve only "
        "one at a time; let each open its own, with `with session_scope() as session:`",
        "`Thread` shares the session `session` with another thread, and a session can serve only "
        "one at a time; let each open its own",
    ]


def test_a_plain_session_that_is_done_with_before_the_first_await_is_not_shared(
    tmp_path: Path,
) -> None:
    assert_cases(
        tmp_path,
        {
            "emitters.py": """
                from sqlalchemy.ext.asyncio import AsyncSession
                from sqlalchemy.orm import Session

                async def emit_stores(db: Session, number):
                    stores = db.query(Store).filter_by(id=number).all()
                    await io.emit("stores", stores)

                async def emit_orders(db: Session, number):
                    payload = build(db, number)
                    await io.emit("orders", payload)

                async def emit_each(db: Session, number):
                    for order in db.query(Order):
                        await io.emit("order", order)
                        db.refresh(order)

                async def emit_late(db: Session, number):
                    await io.emit("begin", number)
                    return db.query(Order).all()

                async def emit_async(db: AsyncSession, number):
                    payload = build(db, number)
                    await io.emit("orders", payload)
            """,
            "handlers.py": """
                import asyncio
                from emitters import *
                from sqlalchemy.ext.asyncio import AsyncSession
                from sqlalchemy.orm import Session

                async def early(db: Session):
                    await asyncio.gather(emit_stores(db, 1), emit_orders(db, 2))

                async def one_is_late(db: Session):
                    await asyncio.gather(emit_stores(db, 1), emit_late(db, 2), emit_orders(db, 2))

                async def two_are_late(db: Session):
                    await asyncio.gather(emit_each(db, 1), emit_late(db, 2))  # DBS206

                async def asynchronous(db: AsyncSession):
                    await asyncio.gather(emit_async(db, 1), emit_async(db, 2))  # DBS206
            """,
        },
        {"DBS206"},
    )


def test_a_task_that_is_awaited_later_may_take_a_session_over(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import asyncio
                from sqlalchemy.ext.asyncio import AsyncSession

                async def waits(holder: AsyncSession, contender: AsyncSession):
                    waiter = asyncio.create_task(lock(contender))
                    await asyncio.wait_for(asyncio.shield(waiter), 1)
                    await holder.rollback()
                    await waiter

                async def uses_it_meanwhile(db: AsyncSession):
                    waiter = asyncio.create_task(lock(db))  # DBS206
                    await db.execute(1)
                    await waiter

                async def never_awaits(db: AsyncSession):
                    waiter = asyncio.create_task(lock(db))  # DBS206
                    return waiter

                async def in_a_list(db: AsyncSession, socket):
                    async def receive():
                        await socket.receive()

                    async def store():
                        await db.execute(1)

                    tasks = [asyncio.create_task(receive()), asyncio.create_task(store())]
                    return await asyncio.gather(*tasks)

                async def appended(db: AsyncSession, socket):
                    tasks = [asyncio.create_task(socket.receive())]
                    tasks.append(asyncio.create_task(lock(db)))
                    await asyncio.gather(*tasks)

                async def both_in_a_list(db: AsyncSession):
                    async def store():
                        await db.execute(1)

                    tasks = [
                        asyncio.create_task(store()),  # DBS206
                        asyncio.create_task(lock(db)),  # DBS206
                    ]
                    return await asyncio.gather(*tasks)

                async def appended_in_a_loop(db: AsyncSession, keys):
                    tasks = []
                    for key in keys:
                        tasks.append(asyncio.create_task(lock(db)))  # DBS206
                    await asyncio.gather(*tasks)

                async def a_list_that_nobody_awaits(db: AsyncSession):
                    return [asyncio.create_task(lock(db))]  # DBS206
            """
        },
        {"DBS206"},
    )


def test_a_task_that_ignores_the_session_shares_nothing(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import asyncio
                from sqlalchemy.orm import Session

                async def learn(db: Session, signal):
                    await announce(signal)

                async def store(db: Session, signal):
                    db.add(signal)

                async def close(db: Session, signal):
                    asyncio.create_task(learn(db, signal))
                    asyncio.create_task(store(db, signal))  # DBS206
                    db.delete(signal)
            """
        },
        {"DBS206"},
    )


def test_a_helper_that_does_no_work_by_the_session_does_not_share_it(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "scopes.py": """
                import logging

                from sqlalchemy import event

                def only_here(state):
                    state.statement = None

                def clear(session):
                    session.info.pop("org", None)
                    if event.contains(session, "do_orm_execute", only_here):
                        event.remove(session, "do_orm_execute", only_here)

                def unless(session, org=None):
                    if org is None:
                        return clear(session)
                    logging.info("scope of %s (%s): %s", session, id(session), session.info)

                def counted(session):
                    clear(session)
                    return session.execute(1)

                def kept(session):
                    KEPT.append(session)

                def loaded(session):
                    return [each for each in session]

                class Hooks:
                    def after(self, session):
                        raise NotImplementedError

                async def looked(session):
                    return session.info.get("org")
            """,
            "app.py": """
                import asyncio
                import threading
                from concurrent.futures import ThreadPoolExecutor

                from scopes import Hooks, clear, counted, kept, loaded, looked, unless
                from sqlalchemy.ext.asyncio import AsyncSession
                from sqlalchemy.orm import Session

                def start(db: Session, one: Session, org, hooks: Hooks):
                    with ThreadPoolExecutor() as pool:
                        pool.submit(clear, db)
                        pool.submit(unless, session=db, org=org)
                        pool.submit(counted, one)  # DBS206
                        pool.submit(kept, one)  # DBS206
                        pool.submit(loaded, one)  # DBS206
                        pool.submit(hooks.after, one)  # DBS206
                        pool.map(clear, [db])  # DBS206
                    threading.Thread(target=clear, args=(db,)).start()
                    threading.Thread(target=unless, args=[db], kwargs={"org": org}).start()
                    threading.Thread(target=counted, args=(db,)).start()  # DBS206
                    threading.Timer(5, clear, [db]).start()
                    threading.Thread(target=lambda: clear(db)).start()
                    threading.Thread(target=lambda: counted(db)).start()  # DBS206
                    asyncio.get_event_loop().run_in_executor(None, clear, db)

                async def started(db: AsyncSession):
                    asyncio.create_task(looked(db))
                    await asyncio.gather(looked(db), looked(db), db.execute(1))
                    await db.execute(1)
            """,
        },
        {"DBS206"},
    )


def test_what_a_plain_function_does_is_over_before_a_task_begins(tmp_path: Path) -> None:
    text = """
        import asyncio

        from sqlalchemy.orm import Session

        def mail(db: Session, to):
            db.query(User).first()
            return {"to": to}

        async def work(db: Session):
            await asyncio.sleep(db.query(User).count())

        def started(db: Session):
            return work(db)

        async def order(db: Session):
            asyncio.create_task(mail(db, "x"))
            asyncio.create_task(work(db))  # DBS206
            asyncio.create_task(started(db))  # DBS206
            db.commit()
    """
    assert_cases(tmp_path, {"app.py": text}, {"DBS206"})


def test_a_helpers_session_is_what_every_call_in_its_module_gives_it(tmp_path: Path) -> None:
    text = """
        import asyncio
        from typing import Annotated

        from fastapi import APIRouter, Depends
        from sqlalchemy.ext.asyncio import AsyncSession

        router = APIRouter()

        async def work(session):
            await session.commit()

        async def start(session, key):
            asyncio.create_task(work(session))  # DBS206

        async def start_other(session, key):
            asyncio.create_task(work(session))

        async def start_unseen(session):
            asyncio.create_task(work(session))

        @router.post("/")
        async def post(session: Annotated[AsyncSession, Depends(get_db)], key: str):
            await start(session, key)
            await start_other(session, key)
            await start_other(queue(key), key)
    """
    assert_cases(tmp_path, {"tasks.py": text}, {"DBS206"})


def test_a_session_is_free_again_once_its_task_is_over(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                import asyncio
                from sqlalchemy.ext.asyncio import AsyncSession

                async def by_itself(db: AsyncSession):
                    task = asyncio.create_task(lock(db))
                    await other()
                    await task
                    await db.commit()

                async def in_time(db: AsyncSession):
                    task = asyncio.create_task(lock(db))
                    result = await asyncio.wait_for(task, timeout=5)
                    await db.commit()

                async def in_a_block_of_time(db: AsyncSession):
                    task = asyncio.create_task(lock(db))
                    async with asyncio.timeout(5):
                        await asyncio.shield(task)
                    await db.commit()

                async def gathered(db: AsyncSession):
                    tasks = [asyncio.create_task(lock(db)), asyncio.create_task(other())]
                    await asyncio.gather(*tasks)
                    await db.commit()

                async def waited_for(db: AsyncSession):
                    task = asyncio.create_task(lock(db))
                    await asyncio.wait([task])
                    await db.commit()

                async def given_up(db: AsyncSession):
                    task = asyncio.create_task(lock(db))
                    try:
                        await asyncio.wait_for(task, timeout=5)
                    except TimeoutError:
                        await db.rollback()

                async def shielded(db: AsyncSession):
                    task = asyncio.create_task(lock(db))  # DBS206
                    try:
                        await asyncio.wait_for(asyncio.shield(task), timeout=5)
                    except TimeoutError:
                        await db.rollback()
                        await task

                async def waited_for_a_while(db: AsyncSession):
                    task = asyncio.create_task(lock(db))  # DBS206
                    await asyncio.wait([task], timeout=5)
                    await db.commit()

                async def on_one_way_only(db: AsyncSession, is_slow):
                    task = asyncio.create_task(lock(db))  # DBS206
                    if is_slow:
                        await task
                    await db.commit()

                async def meanwhile(db: AsyncSession):
                    task = asyncio.create_task(lock(db))  # DBS206
                    await db.commit()
                    await asyncio.wait_for(task, 5)

                async def told(db: AsyncSession):
                    task = asyncio.create_task(lock(db))  # DBS206
                    await watch(task)
                    await task.watcher
                    await db.commit()
            """
        },
        {"DBS206"},
    )


def test_the_message_names_the_provider_that_gave_the_session(tmp_path: Path) -> None:
    files = {
        "database.py": """
            from contextlib import asynccontextmanager

            from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

            make = async_sessionmaker(create_async_engine("postgresql+asyncpg://x/y"))

            @asynccontextmanager
            async def web_session():
                async with make() as session:
                    yield session

            def worker_factory():
                return async_sessionmaker(create_async_engine("postgresql+asyncpg://x/y"))

            @asynccontextmanager
            async def worker_session(name="x"):
                async with worker_factory()() as session:
                    yield session
        """,
        "tasks.py": """
            import asyncio
            from database import make, web_session

            async def worked():
                from database import worker_session
                async with worker_session() as session:
                    await asyncio.gather(one(session), two(session))

            async def told():
                from database import worker_session
                async with worker_session("y") as session:
                    await asyncio.gather(one(session), two(session))

            async def made():
                async with make() as session:
                    await asyncio.gather(one(session), two(session))
        """,
    }
    write_project(tmp_path, files)
    found = [m for _, _, code, m in lint(tmp_path, "tasks.py") if code in CODES]
    assert [m.partition("; ")[2] for m in found] == [
        "let each open its own, with `async with worker_session() as session:`",
        "let each open its own",
        "let each open its own, with `async with web_session() as session:`",
    ]


def test_plain_function_is_no_task(tmp_path: Path) -> None:
    """What ``create_task`` is given is no coroutine, so that it starts nothing."""
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import asyncio
                from typing import Any, Dict, Optional

                from sqlalchemy.orm import Session

                class Mailer:
                    def __init__(self, db: Optional[Session] = None):
                        self.db = db

                    def send(self, to) -> Dict[str, Any]:
                        return post(self.db, to)

                    def confirm(self, to):
                        template = self.db.get(Template, 1)
                        if template is None:
                            return {"success": False}
                        return self.send(to)

                    def count(self):
                        number = len(self.db.scalars(query).all())
                        return number

                    def again(self, to):
                        return self.again(to) if to else self.confirm(to) or None

                    def entwined(self):
                        a = self.db or 1
                        b = a or c
                        c = b or a
                        return c

                    def later(self, to):
                        return self.deliver(to)

                    async def deliver(self, to):
                        await post(self.db, to)

                    def unknown(self, to):
                        return post(self.db, to)

                def start(db: Session, to):
                    mailer = Mailer(db)
                    asyncio.create_task(mailer.send(to))
                    asyncio.create_task(mailer.confirm(to))
                    asyncio.create_task(mailer.count())
                    asyncio.create_task(mailer.again(to))
                    asyncio.create_task(mailer.later(to))  # DBS206
                    asyncio.create_task(mailer.deliver(to))  # DBS206
                    asyncio.create_task(mailer.unknown(to))  # DBS206
                    asyncio.create_task(mailer.entwined())  # DBS206
            """
        },
        CODES,
    )


def test_objects_made_with_a_fake(tmp_path: Path) -> None:
    """What an object was given tells more than what its class says that it wants."""
    assert_cases(
        tmp_path,
        {
            "services.py": """
                from dataclasses import dataclass

                from sqlalchemy.ext.asyncio import AsyncSession

                class Base:
                    def __init__(self, db: AsyncSession):
                        self.db = db

                    async def load(self, number):
                        return await self.db.get(Agent, number)

                class Service(Base):
                    def __init__(self, name, db: AsyncSession):
                        super().__init__(db)
                        self.name = name

                @dataclass
                class Record:
                    db: AsyncSession
                    name: str = ""

                    async def load(self, number):
                        return await self.db.get(Agent, number)
            """,
            "test_app.py": """
                import asyncio
                from types import SimpleNamespace
                from unittest.mock import AsyncMock

                import pytest
                from sqlalchemy.ext.asyncio import AsyncSession

                from services import Base, Record, Service

                class Answers:
                    def __init__(self, answers=()):
                        self.answers = list(answers)

                    async def get(self, model, number):
                        return self.answers.pop(0)

                class Wrapped:
                    def __init__(self, session):
                        self.wrapped = session

                    async def get(self, model, number):
                        return await self.wrapped.get(model, number)

                class Passing:
                    def __init__(self, inner):
                        self.inner = inner

                    def __getattr__(self, name):
                        return getattr(self.inner, name)

                async def test_fakes():
                    answers = Answers([1, 2, 3])
                    base = Base(answers)
                    await asyncio.gather(*[base.load(n) for n in range(3)])
                    service = Service("a", db=answers)
                    await asyncio.gather(*[service.load(n) for n in range(3)])
                    record = Record(db=answers)
                    await asyncio.gather(*[record.load(n) for n in range(3)])
                    mocked = Base(AsyncMock(spec=AsyncSession))
                    await asyncio.gather(*[mocked.load(n) for n in range(3)])
                    simple = Record(SimpleNamespace(get=AsyncMock()))
                    await asyncio.gather(*[simple.load(n) for n in range(3)])
                    fake: AsyncSession = AsyncMock()
                    await asyncio.gather(*[work(fake) for n in range(3)])

                async def test_sessions(db: AsyncSession, unknown):
                    base = Base(db)
                    await asyncio.gather(*[base.load(n) for n in range(3)])  # DBS206
                    service = Service("a", unknown)
                    await asyncio.gather(*[service.load(n) for n in range(3)])  # DBS206
                    record = Record(db)
                    await asyncio.gather(*[record.load(n) for n in range(3)])  # DBS206
                    wrapped = Base(Wrapped(db))
                    await asyncio.gather(*[wrapped.load(n) for n in range(3)])  # DBS206
                    passing = Base(Passing(db))
                    await asyncio.gather(*[passing.load(n) for n in range(3)])  # DBS206
                    either = Base(Answers())
                    if unknown:
                        either = Base(db)
                    await asyncio.gather(*[either.load(n) for n in range(3)])  # DBS206
            """,
        },
        CODES,
    )


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("asyncio.create_task(read(db))", "it may be closed before that is done"),
        ("asyncio.create_task(inner())", "it may be closed before that is done"),
        (
            "return await asyncio.gather(read(db), read(db))",
            "an error of one spoils the transaction of all",
        ),
        (
            "db.commit()\n    asyncio.create_task(read(db))",
            "it may be closed before that is done",
        ),
        (
            "for x in xs:\n        db.commit()\n        asyncio.create_task(read(db))",
            "the `commit()` of one saves",
        ),
        ("asyncio.create_task(save(db))", "the `commit()` of one saves"),
        ("asyncio.create_task(read(db))\n    db.commit()", "the `commit()` of one saves"),
        ("asyncio.create_task(unknown(db))", "the `commit()` of one saves"),
    ],
)
def test_the_message_speaks_of_a_commit_only_where_there_may_be_one(
    tmp_path: Path, body: str, fault: str
) -> None:
    text = (
        "import asyncio\nfrom sqlalchemy import select\nfrom sqlalchemy.orm import Session\n"
        "async def read(db: Session):\n    await ready()\n"
        "    return db.execute(select(Agent)).all()\n"
        "async def save(db: Session):\n    await ready()\n    db.add(Agent())\n    db.commit()\n"
        "async def start(db: Session, xs):\n    async def inner():\n        await ready()\n"
        f"        return db.query(Agent).all()\n    {body}\n"
    )
    write_project(tmp_path, {"app.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "app.py") if code == "DBS206"]
    assert fault in message
