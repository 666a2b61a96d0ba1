"""DBS501: engines that a function makes for each call and lets go."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cases import assert_cases, lint, write_project

FUNCTIONS = (ast.AsyncFunctionDef, ast.FunctionDef)


def routed(text: str) -> str:
    """Add a route that calls each function of a file, and each method of its classes."""
    tree = ast.parse(dedent(text))
    calls = [node.name for node in tree.body if isinstance(node, FUNCTIONS)]
    for cls in tree.body:
        if isinstance(cls, ast.ClassDef):
            names = [node.name for node in cls.body if isinstance(node, FUNCTIONS)]
            calls += [f"{cls.name}().{name}" for name in names]
    body = "".join(f"    {call}()\n" for call in calls)
    head = "from fastapi import APIRouter\nrouter = APIRouter()\n"
    return f"{dedent(text)}\n{head}@router.get('/')\ndef the_route():\n{body}"


def test_engines_that_are_let_go(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "helpers.py": """
                def check(target):
                    with target.connect() as conn:
                        conn.execute("SELECT 1")
            """,
            "service.py": routed(
                """
                import sqlalchemy as sa
                from sqlalchemy import create_engine
                from sqlalchemy import create_engine as make_engine
                from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
                from sqlalchemy.orm import Session, scoped_session, sessionmaker
                import pandas as pd

                from helpers import check
                from models import Base

                def session():
                    engine = create_engine(URL)  # DBS501
                    make = sessionmaker(bind=engine)
                    return make()

                def session_in_one():
                    return sessionmaker(sa.create_engine(URL))()  # DBS501

                def connection():
                    return make_engine(URL).connect()  # DBS501

                async def rows():
                    engine = create_async_engine(URL)  # DBS501
                    async with AsyncSession(engine) as db:
                        return (await db.execute(query)).all()

                def yields_a_session():
                    engine = create_engine(URL)  # DBS501
                    with Session(engine) as db:
                        yield db

                def frame(query):
                    return pd.read_sql(query, create_engine(URL))  # DBS501

                def tables():
                    engine = other = create_engine(URL)  # DBS501
                    Base.metadata.create_all(other)

                def checks():
                    check(create_engine(URL))  # DBS501

                class Store:
                    def count(self):
                        engine = create_engine(self.url)  # DBS501
                        with engine.begin() as conn:
                            return conn.scalar(query)
            """
            ),
        },
        {"DBS501"},
    )


def test_engines_that_are_kept_or_disposed_of(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "helpers.py": """
                engines = {}

                def keep(engine, key):
                    engines[key] = engine

                def end(engine):
                    engine.dispose()

                def same(engine):
                    return engine

                class Repository:
                    def __init__(self, engine):
                        self.engine = engine
            """,
            "service.py": routed(
                """
                import sqlalchemy as sa
                from sqlalchemy import create_engine
                from sqlalchemy import create_engine as make_engine
                from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
                from sqlalchemy.orm import Session, scoped_session, sessionmaker
                from functools import lru_cache

                import streamlit as st
                from sqladmin import Admin

                from helpers import Repository, end, keep, same

                engines = {}
                module_level = create_engine(URL)
                lazily = lambda: create_engine(URL)

                def dropped_at_once():
                    try:
                        create_engine("sqlite://")
                    except ImportError:
                        return False
                    return True

                def returned():
                    engine = create_engine(URL)
                    return engine, 1

                def returned_in_a_factory():
                    engine = create_engine(URL)
                    return scoped_session(sessionmaker(bind=engine))

                def returned_in_an_object():
                    return Repository(create_engine(URL))

                def returned_through_a_function():
                    return same(create_engine(URL))

                def returned_in_a_list(urls):
                    return [create_engine(url) for url in urls]

                def returned_with_options():
                    engine = create_engine(URL)
                    return engine.execution_options(isolation_level="AUTOCOMMIT")

                def yielded():
                    yield create_engine(URL)

                def stored(key):
                    engines[key] = create_engine(URL)

                def stored_by_a_function():
                    keep(create_engine(URL), 1)

                def stored_somewhere(registry):
                    registry.register(create_engine(URL))

                def configured(factory):
                    factory.configure(bind=create_engine(URL))

                def global_one():
                    global current
                    current = create_engine(URL)

                def attached(app):
                    engine = create_engine(URL)
                    Admin(app, engine)

                def captured():
                    engine = create_engine(URL)

                    def connect():
                        return engine.connect()

                    return connect

                @lru_cache
                def cached():
                    engine = create_engine(URL)
                    return Session(engine)

                @st.cache_resource
                def cached_by_streamlit():
                    return create_engine(URL).connect()

                def disposed():
                    engine = create_engine(URL)
                    try:
                        with engine.connect() as conn:
                            conn.execute(query)
                    finally:
                        engine.dispose()

                async def disposed_later(stack):
                    engine = create_async_engine(URL)
                    stack.push_async_callback(engine.dispose)

                def disposed_by_a_function():
                    engine = create_engine(URL)
                    end(engine)

                class Store:
                    def __init__(self):
                        engine = create_engine(URL)
                        self.make = sessionmaker(engine)
            """
            ),
        },
        {"DBS501"},
    )


def test_an_engine_without_a_pool(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": routed(
                """
                from sqlalchemy import create_engine
                from sqlalchemy.pool import NullPool, StaticPool

                def once():
                    create_engine(URL, poolclass=NullPool).connect()

                def again():
                    create_engine(URL, poolclass=StaticPool).connect()  # DBS501
            """
            )
        },
        {"DBS501"},
    )


def test_what_only_looks_like_sqlalchemy(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                from search import create_engine

                def index():
                    create_engine("whoosh").run()
            """
        },
        {"DBS501"},
    )


def test_silent_where_nothing_runs_it_again(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "script.py": """
                import click
                from sqlalchemy import create_engine

                def main():
                    create_engine(URL).connect()
                    for name in names:
                        each(name)

                @app.on_event("startup")
                async def startup():
                    create_engine(URL).connect()

                @click.command()
                def load():
                    create_engine(URL).connect()

                def each(name):
                    create_engine(URL).connect()

                def called_by_nobody():
                    create_engine(URL).connect()

                if __name__ == "__main__":
                    main()
            """,
            "library.py": """
                from sqlalchemy import create_engine

                def there_for_others():
                    create_engine(URL).connect()  # DBS501
            """,
        },
        {"DBS501"},
    )


def test_what_handlers_and_tasks_call(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app/__init__.py": "",
            "app/api.py": """
                from celery import shared_task
                from fastapi import APIRouter
                from app.work import by_another, directly

                router = APIRouter()

                @router.get("/")
                def handler(target):
                    directly()

                @shared_task
                def nightly():
                    by_another()
            """,
            "app/work.py": """
                from sqlalchemy import create_engine

                def directly():
                    create_engine(URL).connect()  # DBS501

                def by_another():
                    step()

                def step():
                    create_engine(URL).connect()  # DBS501

                def at_start_up():
                    create_engine(URL).connect()

                at_start_up()
            """,
        },
        {"DBS501"},
    )


def test_an_engine_that_never_connects(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": routed(
                """
                import sqlalchemy as sa

                def mask():
                    engine = sa.create_engine(URL)
                    return repr(engine.url)

                def dialect():
                    return str(sa.create_engine(URL).dialect.name)

                def looked_at():
                    engine = sa.create_engine(URL)
                    print(engine, type(engine))

                def connects():
                    engine = sa.create_engine(URL)  # DBS501
                    print(engine.url)
                    return engine.connect().execute(query).all()
                """
            )
        },
        {"DBS501"},
    )


def test_a_connection_that_an_object_keeps_keeps_its_engine(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": routed(
                """
                import sqlalchemy as sa
                from sqlalchemy.ext.asyncio import create_async_engine

                class Manager:
                    def get(self):
                        if URL not in self._connections:
                            engine = sa.create_engine(URL)
                            self._connections[URL] = engine.connect()
                        return self._connections[URL]

                    def named(self):
                        engine = sa.create_engine(URL)
                        conn = engine.connect()
                        self.conn = conn

                    async def awaited(self):
                        engine = create_async_engine(URL)
                        self.conn = await engine.connect()

                    def returned(self):
                        engine = sa.create_engine(URL)  # DBS501
                        conn = engine.connect()
                        return conn
                """
            )
        },
        {"DBS501"},
    )


@pytest.mark.parametrize(
    "name",
    ["tests/test_a.py", "conftest.py", "alembic/env.py", "app/migrations/load.py", "migrate.py"],
)
def test_silent_in_tests_and_migrations(tmp_path: Path, name: str) -> None:
    text = "from sqlalchemy import create_engine\n\ndef f():\n    create_engine(URL).connect()\n"
    assert_cases(tmp_path, {name: text}, {"DBS501"})


def test_silent_where_alembic_is_used(tmp_path: Path) -> None:
    text = """
        from alembic import context
        from sqlalchemy import create_engine

        def run_online():
            with create_engine(URL).connect() as connection:
                context.configure(connection=connection)
    """
    assert_cases(tmp_path, {"revisions/env.py": text}, {"DBS501"})


@pytest.mark.parametrize(
    ("url", "way_out"),
    [
        ("URL", "make the engine once for the process"),
        ("url", "pass `poolclass=NullPool`, which keeps no connection open"),
        ("made", "pass `poolclass=NullPool`, which keeps no connection open"),
        ("settings.url", "make the engine once for the process"),
    ],
)
def test_message_names_the_function(tmp_path: Path, url: str, way_out: str) -> None:
    text = f"""
        from fastapi import Depends
        from sqlalchemy import create_engine

        def load(url, settings=Depends(get_settings)):
            made = f"postgresql://{{url}}/shop"
            create_engine({url}).connect()
    """
    write_project(tmp_path, {"service.py": routed(text)})
    assert [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS501"] == [
        f"`create_engine({url})` makes a new pool of connections each time `load` is called, and "
        f"nothing closes it; {way_out}"
    ]


def test_through_a_getter(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": """
                from functools import lru_cache
                import sqlalchemy

                _engine = None

                def get_engine(url):
                    return sqlalchemy.create_engine(url)

                def named_engine(url):
                    engine = sqlalchemy.create_engine(url)
                    return engine

                @lru_cache
                def cached_engine(url):
                    return sqlalchemy.create_engine(url)

                def kept_engine(url):
                    global _engine
                    if _engine is None:
                        _engine = sqlalchemy.create_engine(url)
                    return _engine
            """,
            "use.py": routed(
                """
                from core.database import cached_engine, get_engine, kept_engine, named_engine

                engine = get_engine(URL)

                def rows(url):
                    engine = get_engine(url)  # DBS501
                    with engine.connect() as conn:
                        return conn.execute(query).all()

                def others(url):
                    with named_engine(url).begin() as conn:  # DBS501
                        conn.execute(query)

                def cached(url):
                    with cached_engine(url).connect() as conn:
                        return conn.execute(query).all()

                def kept(url):
                    with kept_engine(url).connect() as conn:
                        return conn.execute(query).all()

                def handed_on(url):
                    return get_engine(url)
            """
            ),
        },
        {"DBS501"},
    )


def test_for_each_object_of_a_service(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import Session

                class Counts:
                    def __init__(self, url):
                        self.engine = create_engine(url)

                    def count(self):
                        with Session(self.engine) as db:
                            return db.scalar(query)

                    def close(self):
                        self.engine.dispose()
            """,
            "routes.py": """
                from celery import shared_task
                from fastapi import APIRouter
                from service import Counts

                router = APIRouter()
                counts = Counts("postgresql://db/shop")

                @router.get("/count")
                def count():
                    return Counts("postgresql://db/shop").count()  # DBS501

                @shared_task
                def nightly():
                    counts = Counts("postgresql://db/shop")  # DBS501
                    print(counts.count())

                @router.get("/closed")
                def closed():
                    counts = Counts("postgresql://db/shop")
                    try:
                        return counts.count()
                    finally:
                        counts.close()

                @router.get("/shared")
                def shared():
                    return counts.count()

                def helper():
                    return Counts("postgresql://db/shop").count()
            """,
        },
        {"DBS501"},
    )


def test_pools(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "pools.py": routed(
                """
                import asyncpg
                import psycopg_pool
                from mysql.connector.pooling import MySQLConnectionPool
                from psycopg2.pool import SimpleConnectionPool

                pool = SimpleConnectionPool(1, 4, DSN)

                def by_psycopg():
                    pool = psycopg_pool.ConnectionPool(DSN)  # DBS501
                    with pool.connection() as conn:
                        return conn.execute("select 1").fetchone()

                def by_psycopg2():
                    pool = SimpleConnectionPool(1, 4, DSN)  # DBS501
                    conn = pool.getconn()
                    try:
                        return conn.cursor().execute("select 1")
                    finally:
                        pool.putconn(conn)

                async def by_asyncpg():
                    pool = await asyncpg.create_pool(DSN)  # DBS501
                    return await pool.fetch("select 1")

                def by_mysql():
                    conn = MySQLConnectionPool(pool_size=4).get_connection()  # DBS501
                    conn.close()

                def closed():
                    pool = SimpleConnectionPool(1, 4, DSN)
                    conn = pool.getconn()
                    pool.closeall()

                async def by_block():
                    async with asyncpg.create_pool(DSN) as pool:
                        return await pool.fetch("select 1")

                class Store:
                    async def open(self):
                        self.pool = await asyncpg.create_pool(DSN)
            """
            ),
        },
        {"DBS501"},
    )


def test_rq_forks_a_process_for_each_job(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "jobs.py": """
                from rq.decorators import job
                from sqlalchemy import create_engine

                @job("low")
                def decorated():
                    create_engine(URL).connect()

                def enqueued():
                    create_engine(URL).connect()

                def start(queue):
                    queue.enqueue(enqueued)
            """
        },
        {"DBS501"},
    )


def test_airflow_runs_a_task_in_a_process_of_its_own(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "dags/load.py": """
                from airflow.decorators import task
                from airflow.operators.python import PythonOperator
                from sqlalchemy import create_engine

                @task
                def load(url):
                    create_engine(url).connect()

                def by_operator():
                    create_engine(URL).connect()

                operator = PythonOperator(task_id="x", python_callable=by_operator)
            """,
        },
        {"DBS501"},
    )


def test_what_works_with_an_engine_once(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "reader.py": routed(
                """
                import sqlalchemy
                from sqlalchemy.ext.automap import automap_base

                def rows(url, name):
                    engine = sqlalchemy.create_engine(url)  # DBS501
                    table = sqlalchemy.Table(name, sqlalchemy.MetaData(), autoload_with=engine)
                    query = sqlalchemy.select(table)
                    with engine.connect() as conn:
                        return conn.execute(query).all()

                def mapped(url):
                    engine = sqlalchemy.create_engine(url)  # DBS501
                    Base = automap_base()
                    Base.prepare(autoload_with=engine)
            """
            ),
        },
        {"DBS501"},
    )


def test_a_service_that_makes_an_engine_where_it_is_given_none(tmp_path: Path) -> None:
    service = """
        from sqlalchemy import create_engine

        class Counts:
            def __init__(self, engine=None):
                self.engine = engine or self._create_engine()

            def _create_engine(self):
                return create_engine("postgresql://db/shop")

        class Sums:
            def __init__(self, engine=None):
                self.engine = create_engine("postgresql://db") if engine is None else engine

        class Borrowing:
            def __init__(self, storage):
                self.engine = storage.engine or create_engine("postgresql://db/shop")
    """
    routes = """
        from fastapi import APIRouter
        from sql_service import Borrowing, Counts, Sums

        router = APIRouter()

        @router.get("/counts")
        def counts(storage):
            Counts().run()  # DBS501
            Sums().run()  # DBS501
            Counts(storage.engine).run()
            Sums(engine=storage.engine).run()
            Counts(*storage).run()
            Borrowing(storage).run()
    """
    assert_cases(tmp_path, {"sql_service.py": service, "routes.py": routes}, {"DBS501"})


def test_through_a_getter_of_a_factory(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": """
                from functools import lru_cache
                from sqlalchemy import create_engine
                from sqlalchemy.orm import scoped_session, sessionmaker

                def connect_from_settings(name):
                    engine = create_engine(f"mysql://host/{name}")
                    return engine

                def init_session_class():
                    try:
                        engine = connect_from_settings("shop")
                    except KeyError:
                        raise RuntimeError
                    session = sessionmaker(bind=engine)
                    return session

                def get_registry():
                    return scoped_session(init_session_class())

                def engine_and_factory():
                    engine = create_engine(URL)
                    return engine, sessionmaker(engine)

                @lru_cache
                def cached_factory():
                    return sessionmaker(create_engine(URL))

                def get_cached():
                    return sessionmaker(cached_engine())

                @once_for_each_thread
                def decorated_factory():
                    return sessionmaker(create_engine(URL))

                @lru_cache
                def cached_engine():
                    return create_engine(URL)

                def one_after_another():
                    return another_after_one()

                def another_after_one():
                    return one_after_another()
            """,
            "tasks.py": """
                from celery import shared_task
                from core.database import (
                    cached_factory,
                    decorated_factory,
                    engine_and_factory,
                    get_cached,
                    get_registry,
                    init_session_class,
                    one_after_another,
                )

                at_start = init_session_class()

                @shared_task
                def at_once():
                    db = init_session_class()()  # DBS501
                    try:
                        db.execute(query)
                    finally:
                        db.close()

                @shared_task
                def named():
                    Session = init_session_class()  # DBS501
                    with Session() as db:
                        db.execute(query)

                @shared_task
                def of_a_registry():
                    db = get_registry()  # DBS501
                    db.execute(query)

                @shared_task
                def unpacked():
                    engine, Session = engine_and_factory()  # DBS501
                    with Session() as db:
                        db.execute(query)

                @shared_task
                def disposed():
                    engine, Session = engine_and_factory()
                    with Session() as db:
                        db.execute(query)
                    engine.dispose()

                @shared_task
                def disposed_by_its_bind():
                    Session = init_session_class()
                    with Session() as db:
                        db.execute(query)
                    Session.kw["bind"].dispose()

                @shared_task
                def disposed_by_the_session():
                    db = init_session_class()()
                    db.execute(query)
                    db.get_bind().dispose()

                @shared_task
                def of_one_that_is_cached():
                    with cached_factory()() as db, get_cached()() as other, decorated_factory()():
                        db.execute(query)
                    one_after_another()

                class Worker:
                    @shared_task
                    def start(self, db=None):
                        self.db = db or init_session_class()()

                    @shared_task
                    def start_by_name(self):
                        Session = init_session_class()
                        db = Session()
                        db = db or None
                        self.db = db

                    @shared_task
                    def goes_on(self):
                        db = init_session_class()()  # DBS501
                        db = db or self.db
                        db.execute(query)

                @shared_task
                def by_a_helper():
                    return opened()

                def opened():
                    return init_session_class()()  # DBS501
            """,
        },
        {"DBS501"},
    )


def test_what_is_handed_to_a_thread_or_a_queue(tmp_path: Path) -> None:
    names = ("queued", "stored", "in_a_thread", "submitted", "later", "relayed", "by_a_method")
    handed = "".join(
        f"\n\ndef {name}(given):\n    create_engine(URL).connect()  # DBS501" for name in names
    )
    assert_cases(
        tmp_path,
        {
            "work.py": f"from sqlalchemy import create_engine\n{handed}"
            """

def at_start(given):
    create_engine(URL).connect()

def in_a_process(given):
    create_engine(URL).connect()

def only_named(given):
    create_engine(URL).connect()

class Runner:
    def by_itself(self):
        create_engine(URL).connect()  # DBS501
""",
            "routes.py": """
                from concurrent.futures import ThreadPoolExecutor
                from multiprocessing import Process
                from queue import Queue
                from threading import Thread

                from fastapi import APIRouter, BackgroundTasks
                from fastapi.concurrency import run_in_threadpool
                from work import *
                import work

                router, tasks, executor = APIRouter(), Queue(), ThreadPoolExecutor()

                class Manager:
                    def add(self, given):
                        self.tasks[1] = (work.by_a_method, [given])

                manager = Manager()

                @router.get("/")
                async def handler(given, background: BackgroundTasks):
                    tasks.put((work.queued, (given,)))
                    task = (work.stored, {"given": given}, 1)
                    Thread(target=work.in_a_thread, args=(given,)).start()
                    executor.submit(work.submitted, given)
                    background.add_task(work.later, given)
                    await run_in_threadpool(work.relayed, given)
                    manager.add(given)
                    Thread(target=work.Runner().by_itself).start()
                    Process(target=work.in_a_process, args=(given,)).start()
                    print((work.only_named, given))

                def main():
                    Thread(target=work.at_start, args=(1,)).start()

                main()
            """,
        },
        {"DBS501"},
    )


def test_an_object_whose_part_makes_the_engine(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "backup.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import sessionmaker

                def get_factory():
                    return sessionmaker(create_engine("postgresql://db/shop"))

                class Exporter:
                    def __init__(self, url):
                        self.engine = create_engine(url)

                class Backup:
                    def __init__(self, url=None):
                        self.url = url
                        self.exporter: Exporter = Exporter(self.url)

                class Whole:
                    def __init__(self):
                        self.backup = Backup()

                class Given:
                    def __init__(self, exporter=None):
                        self.exporter = exporter or Exporter("postgresql://db/shop")

                class Sender:
                    def __init__(self, db=None):
                        self.db = db or get_factory()()

                class Job:
                    def __init__(self):
                        self.engine = create_engine("postgresql://db/shop")

                    def run(self):
                        try:
                            self.work()
                        finally:
                            self.engine.dispose()

                    def work(self):
                        self.engine.connect()

                class Node:
                    def __init__(self):
                        self.next = Node()
            """,
            "routes.py": """
                from fastapi import APIRouter
                from backup import Backup, Exporter, Given, Job, Node, Sender, Whole

                router = APIRouter()

                @router.get("/")
                def handler(exporter, db):
                    backup = Backup()  # DBS501
                    backup.run()
                    Given().run()  # DBS501
                    Given(exporter).run()
                    Sender().send()  # DBS501
                    Sender(db).send()
                    Node().run()
                    Job().run()
                    Whole().run()  # two steps are not followed

                @router.get("/work")
                def working():
                    Job().work()  # DBS501
            """,
        },
        {"DBS501"},
    )


def test_an_object_of_the_file_that_a_queues_task_makes(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "sender.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import sessionmaker

                def get_factory():
                    return sessionmaker(create_engine("postgresql://db/shop"))

                class Sender:
                    def __init__(self, account, db=None):
                        self.account = account
                        self.db = db or get_factory()()

                class Message:
                    def __init__(self, text):
                        self.text = format_by_db(text)

                def send(account, text):
                    return Sender(account).send(Message(text))  # DBS501

                def send_here(account, db):
                    return Sender(account, db).send("")

                def send_at_start(account):
                    return Sender(account).send("")

                def send_by_nobody(account):
                    return Sender(account).send("")

                send_at_start(1)
            """,
            "routes.py": """
                from flask import Flask
                from sender import send, send_here

                app = Flask(__name__)

                @app.route("/send")
                def handler():
                    tasks.put((send, (1, "")))
                    send_here(1, db)
            """,
        },
        {"DBS501"},
    )


@pytest.mark.parametrize(
    ("made", "call", "is_of_argument"),
    [
        ("create_engine(url)", "Store(url)", True),
        ("create_engine(url)", "Store('postgresql://db/shop')", False),
        ("create_engine('postgresql://db/shop')", "Store(url)", False),
        ("Part(url)", "Store(url)", True),
        ("Part('postgresql://db/shop')", "Store(url)", False),
    ],
)
def test_the_message_of_an_object(
    made: str, call: str, is_of_argument: bool, tmp_path: Path
) -> None:
    text = f"""
        from celery import shared_task
        from sqlalchemy import create_engine

        class Part:
            def __init__(self, url):
                self.engine = create_engine(url)

        class Store:
            def __init__(self, url):
                self.made = {made}

        @shared_task
        def load(url):
            {call}.load()
    """
    write_project(tmp_path, {"service.py": text})
    [message] = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS501"]
    assert ("NullPool" in message) == is_of_argument


def test_a_dependency_runs_for_each_request(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "database.py": """
                from functools import lru_cache
                from sqlalchemy import create_engine
                from sqlalchemy.orm import Session, sessionmaker

                def get_factory():
                    return sessionmaker(create_engine(URL))

                def get_db():
                    factory = get_factory()  # DBS501
                    with factory() as db:
                        yield db

                def get_reader():
                    engine = create_engine(URL)  # DBS501
                    with Session(engine) as db:
                        yield db

                def get_listed():
                    create_engine(URL).connect()  # DBS501

                @lru_cache
                def get_cached():
                    create_engine(URL).connect()

                def of_startup():
                    create_engine(URL).connect()

                of_startup()
            """,
            "app.py": """
                from typing import Annotated
                from fastapi import APIRouter, Depends
                from fastapi import Depends as Inject
                import database

                Reader = Annotated[object, Inject(database.get_reader)]
                router = APIRouter(dependencies=[Depends(database.get_listed)])

                @router.get("/")
                def index(
                    reader: Reader,
                    db=Depends(database.get_db),
                    cached=Depends(database.get_cached),
                ):
                    return db.execute(query).all()
            """,
        },
        {"DBS501"},
    )


def test_message_says_which_options_have_to_go(tmp_path: Path) -> None:
    text = """
        from sqlalchemy import create_engine

        def load(url):
            create_engine(url, pool_size=2, echo=True, max_overflow=1).connect()
    """
    write_project(tmp_path, {"service.py": routed(text)})
    (message,) = (m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS501")
    assert message.endswith(
        "pass `poolclass=NullPool`, which keeps no connection open, in the place of `pool_size` "
        "and `max_overflow`, which it does not take"
    )


@pytest.mark.parametrize("path", ["os.path.join(tempfile.mkdtemp(), 'x.db')", "f'{uuid4()}.db'"])
def test_an_engine_of_another_database_each_time_is_disposed_of(tmp_path: Path, path: str) -> None:
    text = f"""
        import os
        import tempfile
        from uuid import uuid4
        from sqlalchemy import create_engine

        def load():
            path = {path}
            url = f"sqlite:///{{path}}"
            engine = create_engine(url, echo=True)
            with engine.connect() as conn:
                conn.execute(1)

        def in_a_folder():
            with tempfile.TemporaryDirectory() as folder:
                create_engine("sqlite:///" + folder + "/x.db").connect()

        def from_the_environment():
            url = os.getenv("URL")
            create_engine(url).connect()
    """
    write_project(tmp_path, {"service.py": text})
    found = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS501"]
    way_out = "call its `dispose()` in a `finally`, for its database is another each time"
    assert [message.rpartition("; ")[2] for message in found] == [
        way_out,
        way_out,
        "make the engine once for the process",
    ]
