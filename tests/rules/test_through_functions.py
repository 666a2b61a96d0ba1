"""What passes through functions and objects of the project: shared, leaked, opened in a thread."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases

HOUSE = """
    from contextlib import contextmanager
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker()

    def create_session():
        return SessionLocal()

    @contextmanager
    def get_db_session():
        with SessionLocal() as db:
            yield db
"""


def test_a_session_leaves_inside_an_object(tmp_path: Path) -> None:
    text = """
        from collections import namedtuple
        from dataclasses import dataclass
        from typing import NamedTuple
        from house import get_db_session

        Pair = namedtuple("Pair", "key db")

        class Found(NamedTuple):
            key: str
            db: object

        @dataclass
        class Holder:
            db: object

        class Repository:
            def __init__(self, db):
                self.db = db

        class Count:
            def __init__(self, db):
                self.number = db.scalar(1)

        def wrapped(db):
            return Repository(db)

        def leaving(how):
            with get_db_session() as db:
                if how == 1:
                    return Found("a", db=db)  # DBS207
                if how == 2:
                    return Pair("a", db)  # DBS207
                if how == 3:
                    return Holder(db)  # DBS207
                if how == 4:
                    return wrapped(db)  # DBS207
                return [Repository(Holder(db))]  # DBS207

        def staying(how):
            with get_db_session() as db:
                if how == 1:
                    return Found("a", db=None)
                if how == 2:
                    return Count(db)
                return dict(rows=db.scalars(1).all())
    """
    assert_cases(tmp_path, {"house.py": HOUSE, "lookup.py": text}, {"DBS207"})


def test_a_lazy_query_comes_through_functions_and_methods(tmp_path: Path) -> None:
    text = """
        from house import get_db_session

        def every(db):
            return db.query("Org")

        def again(session):
            return every(db=session).filter(1)

        def loaded(db):
            return every(db).all()

        class Orgs:
            def __init__(self, db):
                self.db = db

            def every(self):
                return self.db.query("Org")

            def first(self):
                return self.db.query("Org").first()

        def leaving(how):
            with get_db_session() as db:
                if how == 1:
                    return again(db)  # DBS209
                if how == 2:
                    return Orgs(db).every()  # DBS209
                orgs = Orgs(db)
                found = orgs.every()
                return found  # DBS209

        def fine(how):
            with get_db_session() as db:
                if how == 1:
                    return loaded(db)
                return Orgs(db).first()
    """
    assert_cases(tmp_path, {"house.py": HOUSE, "use.py": text}, {"DBS209"})


def test_coroutines_share_what_their_object_holds(tmp_path: Path) -> None:
    text = """
        import asyncio
        from sqlalchemy.ext.asyncio import AsyncSession

        class Research:
            def __init__(self, db: AsyncSession):
                self.db = db
                self.lock = asyncio.Lock()
                self.rows = []

            async def one(self, n):
                await self.db.execute(n)

            async def through(self, n):
                await self.one(n)

            async def guarded(self, n):
                async with self.lock:
                    await self.db.execute(n)

            async def other(self, n):
                self.rows.append(n)

            async def together(self):
                async def fetch(n):
                    await self.db.execute(n)

                async def indirect(n):
                    await self.one(n)

                await asyncio.gather(self.one(1), self.through(2))  # DBS206
                await asyncio.gather(fetch(1), fetch(2))  # DBS206
                await asyncio.gather(indirect(1), indirect(2))  # DBS206
                await asyncio.gather(self.guarded(1), self.guarded(2))
                await asyncio.gather(self.other(1), self.one(2))

        async def of_two(db: AsyncSession):
            research = Research(db)
            await asyncio.gather(research.one(1), research.one(2))  # DBS206
    """
    assert_cases(tmp_path, {"service.py": text}, {"DBS206"})


def test_a_function_given_to_a_thread_opens_and_works(tmp_path: Path) -> None:
    text = """
        import asyncio
        from functools import partial
        from fastapi.concurrency import run_in_threadpool
        from sqlalchemy import text
        from house import SessionLocal, create_session

        def end(db):
            db.close()

        async def never():
            db = await run_in_threadpool(create_session)  # DBS302
            await run_in_threadpool(db.execute, text("select 1"))

        async def some():
            db = await asyncio.to_thread(create_session)  # DBS303
            await asyncio.to_thread(db.execute, text("select 1"))
            await asyncio.to_thread(db.close)

        async def by_a_helper():
            db = await asyncio.to_thread(create_session)
            try:
                await asyncio.to_thread(db.execute, text("select 1"))
            finally:
                await asyncio.to_thread(end, db)

        async def factory():
            db = await asyncio.to_thread(SessionLocal)  # DBS101 DBS302
            await asyncio.to_thread(db.execute, text("select 1"))
    """
    codes = {"DBS101", "DBS302", "DBS303"}
    assert_cases(tmp_path, {"house.py": HOUSE, "jobs.py": text}, codes)


def test_no_name_of_a_helper_proves_anything(tmp_path: Path) -> None:
    files = {
        "house.py": HOUSE,
        "plain.py": """
            import sqlite3
            from house import SessionLocal

            def make():
                return SessionLocal()

            class Store:
                def open(self):
                    return sqlite3.connect("x.db")

                def cleanup(self, unit):
                    unit.execute("delete from pages")

            store = Store()
        """,
        "use.py": """
            from plain import make, store

            def by_a_function():
                unit = make()  # DBS302
                store.cleanup(unit)
                unit.commit()

            def by_a_method():
                link = store.open()  # DBS602
                return link.execute("select 1").fetchone()

            def unknown(finisher):
                unit = make()
                finisher.finish(unit)
        """,
    }
    assert_cases(tmp_path, files, {"DBS302", "DBS303", "DBS602"})


def test_what_an_object_keeps_besides_its_session(tmp_path: Path) -> None:
    files = {
        "house.py": HOUSE,
        "service.py": """
            from typing import Optional

            class Service:
                def __init__(self, db, name: str, limit: int | None, path: Optional[str] = ""):
                    self.db = db
                    self.name = name
                    self.limit = limit
                    self.path = path

                def run(self, box):
                    box.note(self.name, self.limit, self.path)
                    return self.db.execute("select 1")

                def lend(self, box):
                    box.note(self.db)
        """,
        "use.py": """
            from house import SessionLocal
            from service import Service

            def noted(box):
                db = SessionLocal()  # DBS302
                Service(db, "x", 1).run(box)

            def lent(box):
                db = SessionLocal()
                Service(db, "x", 1).lend(box)
        """,
    }
    assert_cases(tmp_path, files, {"DBS302"})


def test_an_object_that_stands_for_its_session(tmp_path: Path) -> None:
    proxies = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        make = sessionmaker(create_engine("postgresql://x/y"))

        class Proxy:
            def __init__(self, session, name=""):
                self._session = session
                self.name = name

            def __getattr__(self, name):
                return getattr(self._session, name)

            def __enter__(self):
                self._session.__enter__()
                return self

            def __exit__(self, *error):
                return self._session.__exit__(*error)

        class Leaving(Proxy):
            def __init__(self, session):
                self._session = session

            def __getattr__(self, name):
                return getattr(self._session, name)

            def __exit__(self, *error):
                self._session.commit()

        def session():
            db = make()
            return Proxy(db, name="x")

        def leaving():
            return Leaving(make())  # DBS101
    """
    work = """
        from proxies import Proxy, leaving, session

        def held():
            with session() as db:
                return db.query(1).all()

        def left():
            db = session()  # DBS302
            print(db.query(1).all())

        def on_errors():
            db = session()  # DBS303
            rows = db.query(1).all()
            db.close()
            return rows

        def given(db):
            with Proxy(db) as proxy:
                return proxy.query(1).all()

        def not_known():
            db = leaving()
            print(db.query(1).all())
    """
    assert_cases(
        tmp_path,
        {"proxies.py": proxies, "work.py": work},
        {"DBS101", "DBS103", "DBS302", "DBS303"},
    )
