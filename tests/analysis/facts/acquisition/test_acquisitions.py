"""Acquisitions: what opens a session or connection, whatever it is called, and who holds it.

A line that opens something carries ``# opens`` with its holder, and ``(connection)`` or ``(async)``
where that applies; every other line must open nothing.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.values import Resource
from tests.cases import write_project

_MARK = re.compile(r"# opens ([^#]+?)\s*$")
VOCABULARY = Vocabulary(
    factories=frozenset({"legacy.storage.produce"}), bare=frozenset({"SessionLocal"})
)


def opened(folder: Path, name: str) -> list[tuple[int, str]]:
    text = (folder / name).read_text()
    file = SourceFile(folder / name, text, ast.parse(text), Project(folder), VOCABULARY)
    return [(a.node.lineno, described(a)) for a in file.facts(Acquisition)]


def described(acquisition: Acquisition) -> str:
    words = [acquisition.holder.name.lower()]
    if acquisition.known.resource is Resource.CONNECTION:
        words.append("(connection)")
    if acquisition.known.is_async:
        words.append("(async)")
    return " ".join(words)


def assert_opens(folder: Path, files: dict[str, str]) -> None:
    write_project(folder, files)
    for name, text in files.items():
        marked = [
            (number, mark.group(1))
            for number, line in enumerate(dedent(text).splitlines(), 1)
            if (mark := _MARK.search(line))
        ]
        assert opened(folder, name) == marked, name


DATABASE = """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import scoped_session, sessionmaker

    engine = create_engine("sqlite://")
    Session = sessionmaker(engine)
    make = sessionmaker(bind=engine)
    registry = scoped_session(Session)
"""

ONE_FILE = {
    "imports in any scope": """
        from sqlalchemy.orm import sessionmaker as sm
        import sqlalchemy.orm as orm
        import sqlalchemy.orm.session

        factory = sm()

        def f():
            from sqlalchemy.orm import Session as S
            a = S()  # opens local
            b = orm.Session()  # opens local
            c = sqlalchemy.orm.session.Session()  # opens local
            d = factory()  # opens local
            return a, b, c, d
    """,
    "holders": """
        import contextlib
        from sqlalchemy.orm import Session
        db = Session()  # opens module
        if True:
            other = Session()  # opens module
        class Model:
            session = Session()  # opens class
            def __init__(self, db=None):
                self.db = db or Session()  # opens instance
                self.state.db = Session()  # opens attribute
                self.all["x"] = Session()  # opens item
        def f(db=Session()):  # opens default
            return Session()  # opens return
        def g(app):
            global shared
            shared = Session()  # opens global
            app.db = Session()  # opens attribute
            work(Session())  # opens argument
            Session().query(1)  # opens discarded
            Session()  # opens discarded
            with Session() as s, contextlib.closing(Session()) as t:  # opens block # opens block
                yield Session()  # opens yield
        if __name__ == "__main__":
            db = Session()  # opens main
    """,
    "seen through what wraps it": """
        from contextlib import AsyncExitStack, ExitStack, closing
        from typing import cast
        from sqlalchemy.orm import Session
        def f(given=None):
            a: Session = Session()  # opens local
            b = cast(Session, Session())  # opens local
            c = given or Session()  # opens local
            d = Session() if given is None else given  # opens local
            if (e := Session()):  # opens local
                pass
            with ExitStack() as stack:
                g = stack.enter_context(Session())  # opens block
                h = stack.enter_context(closing(Session()))  # opens block
            x, y = 1, Session()  # opens local
            keep = [Session()]  # opens local
            return a, b, c, d, e, g, h, x, y, keep
    """,
    "asynchronous": """
        from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
        engine = create_async_engine("sqlite+aiosqlite://")
        make_session = async_sessionmaker(engine)
        async def f():
            async with make_session() as db:  # opens block (async)
                await db.execute(1)
            async with make_session.begin() as db:  # opens block (async)
                await db.execute(1)
            db = AsyncSession(engine)  # opens local (async)
            async with engine.connect() as c:  # opens block (connection) (async)
                pass
    """,
    "annotations": """
        from typing import Annotated, Optional
        from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
        from sqlalchemy.orm import Session, scoped_session, sessionmaker
        def f(
            make: sessionmaker[Session],
            other: "Optional[sessionmaker]",
            third: sessionmaker | None,
        ):
            a = make()  # opens local
            b = other()  # opens local
            c = third()  # opens local
        def g(make: Annotated[async_sessionmaker[AsyncSession], "factory"]):
            return make()  # opens return (async)
        class Service:
            factory: sessionmaker[Session]
            def __init__(self, maker: sessionmaker, registry: scoped_session):
                self._maker = maker
                self._registry = registry
            def work(self):
                a = self.factory()  # opens local
                b = self._maker()  # opens local
                return self._registry()
    """,
    "attributes of self": """
        from sqlalchemy.orm import sessionmaker
        class Base:
            def __init__(self, engine):
                self.Session = sessionmaker(engine)
                self.engine, self.make = engine, sessionmaker(engine)
        class Repository(Base):
            def load(self):
                with self.Session() as db:  # opens block
                    return db.get(1)
            def save(self):
                db = self.make()  # opens local
                db.close()
    """,
    "subclasses of a session class": """
        from sqlalchemy.orm import Session as Base
        class Audited(Base):
            pass
        class Deep(Audited):
            pass
        def f():
            return Deep()  # opens return
    """,
    "functions that give a factory or a session": """
        from functools import partial
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session, sessionmaker
        def build():
            engine = create_engine("sqlite://")
            return engine, sessionmaker(engine)
        def make():
            return sessionmaker()
        engine, factory = build()
        opener = partial(Session, engine)
        short = lambda: Session(engine)  # opens return
        def fresh():
            db = factory()  # opens local
            return db
        def work():
            a = fresh()  # opens local
            b = make()()  # opens local
            c = opener()  # opens local
            d = short()  # opens local
            return a, b, c, d
    """,
    "a global set by a function": """
        from sqlalchemy.orm import sessionmaker
        _factory = None
        def init(engine):
            global _factory
            _factory = sessionmaker(engine)
        def work():
            return _factory()  # opens return
    """,
    "registries and requests lend": """
        from flask import g
        from sqlalchemy.orm import scoped_session, sessionmaker
        Session = scoped_session(sessionmaker())
        def current():
            if "db" not in g:
                g.db = sessionmaker()()  # opens attribute
            return g.db
        def work():
            db = current()
            Session().query(1)
            Session.query(1)
            return db
    """,
    "connections": """
        import sqlite3
        import psycopg2
        from psycopg2.pool import ThreadedConnectionPool
        pool = ThreadedConnectionPool(1, 5)
        def f(path):
            a = sqlite3.connect(path)  # opens local (connection)
            with psycopg2.connect("") as b:  # opens block (connection)
                pass
            c = pool.getconn()  # opens local (connection)
            return a, b, c
    """,
    "other libraries": """
        import aiohttp, boto3, requests, socket
        from pyspark.sql import SparkSession
        import tensorflow as tf
        from ftplib import FTP
        def f():
            a = requests.Session()
            b = aiohttp.ClientSession()
            c = boto3.session.Session()
            d = SparkSession.builder.getOrCreate()
            e = tf.compat.v1.Session()
            g = FTP("host").connect()
            h = socket.create_connection(("host", 1))
            return a, b, c, d, e, g, h
    """,
    "a name that is something else here": """
        class SessionLocal:
            pass
        def f(Session):
            return SessionLocal(), Session()
    """,
    "bare names where resolution leads nowhere": """
        from somewhere import SessionLocal
        from elsewhere import database
        def f():
            a = SessionLocal()  # opens local
            b = database.SessionLocal()  # opens local
            return a, b
    """,
    "names by evidence of use": """
        from sqlalchemy.orm import Session
        def make():
            return Session()  # opens return
        def f():
            with make() as s:  # opens block
                s.query(1)
    """,
}


@pytest.mark.parametrize("text", ONE_FILE.values(), ids=ONE_FILE.keys())
def test_one_file(text: str, tmp_path: Path) -> None:
    write_project(tmp_path, {"code.py": text})
    lines = dedent(text).splitlines()
    expected = [
        (number, mark.strip())
        for number, line in enumerate(lines, 1)
        for mark in re.findall(r"# opens ([^#]+)", line)
    ]
    assert opened(tmp_path, "code.py") == expected


def test_from_imports_and_module_attributes(tmp_path: Path) -> None:
    assert_opens(
        tmp_path,
        {
            "core/__init__.py": "",
            "core/database.py": DATABASE,
            "core/work.py": """
                from core.database import Session, make as build, registry
                from core import database
                import core.database
                import core.database as d
                from . import database as near
                from .database import make

                def f():
                    a = Session()  # opens local
                    b = build()  # opens local
                    c = database.Session()  # opens local
                    e = core.database.Session()  # opens local
                    g = d.Session()  # opens local
                    h = near.Session()  # opens local
                    i = make()  # opens local
                    return registry()
            """,
        },
    )


def test_re_exports_stars_and_cycles(tmp_path: Path) -> None:
    assert_opens(
        tmp_path,
        {
            "app/__init__.py": (
                "from .db import *\nfrom .db import Session as NewSession, make as db_factory\n"
            ),
            "app/db/__init__.py": "from app.db.base import *\nfrom app import work\n",
            "app/db/base.py": DATABASE,
            "app/work.py": """
                from app import NewSession, db_factory
                from app.db import Session
                from app.nowhere import missing

                def f():
                    a = NewSession()  # opens local
                    b = db_factory()  # opens local
                    c = Session()  # opens local
                    return missing(), a, b, c
            """,
        },
    )


@pytest.mark.parametrize(
    ("database", "work"),
    [
        ("src/app/database.py", "src/app/work.py"),
        ("src/app/database.py", "tests/work.py"),
        ("backend/app/database.py", "backend/jobs/work.py"),
        ("backend/app/database.py", "scripts/work.py"),
        ("services/one/app/database.py", "services/one/app/deep/er/work.py"),
    ],
)
def test_source_roots(database: str, work: str, tmp_path: Path) -> None:
    assert_opens(
        tmp_path,
        {
            database: DATABASE,
            work: """
                from app.database import make

                def f():
                    return make()  # opens return
            """,
        },
    )


def test_two_roots_with_the_same_package_name(tmp_path: Path) -> None:
    work = "from app.database import make\n\ndef f():\n    return make(){}\n"
    assert_opens(
        tmp_path,
        {
            "one/app/database.py": DATABASE,
            "one/work.py": work.format("  # opens return"),
            "two/app/database.py": "def make():\n    return 1\n",
            "two/work.py": work.format(""),
        },
    )


def test_a_root_that_lacks_the_module_does_not_hide_one_that_has_it(tmp_path: Path) -> None:
    assert_opens(
        tmp_path,
        {
            "backend/__init__.py": "",
            "backend/app/database.py": DATABASE,
            "backend/tests/app/__init__.py": "",
            "backend/tests/work.py": """
                from app.database import make

                def f():
                    return make()  # opens return
            """,
        },
    )


def test_annotated_alias_in_another_module(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "deps.py": """
                from typing import Annotated
                from fastapi import Depends
                from sqlalchemy.orm import Session, sessionmaker
                Maker = sessionmaker[Session]
                SessionDep = Annotated[Session, Depends(object)]
            """,
            "work.py": """
                from deps import Maker, SessionDep
                def f(make: Maker, db: SessionDep):
                    return make()  # opens return
            """,
        },
    )
    assert opened(tmp_path, "work.py") == [(4, "return")]


def test_instances_of_project_classes(tmp_path: Path) -> None:
    assert_opens(
        tmp_path,
        {
            "manager.py": """
                from sqlalchemy.orm import sessionmaker

                class DatabaseManager:
                    def __init__(self, engine):
                        self._make = sessionmaker(engine)

                    def get_session(self):
                        return self._make()  # opens return

                    @property
                    def current(self):
                        return self._make()  # opens return

                db_manager = DatabaseManager(None)
            """,
            "service.py": """
                from manager import DatabaseManager, db_manager

                class Service:
                    def __init__(self, manager: DatabaseManager):
                        self.manager = manager

                    def run(self):
                        session = self.manager.get_session()  # opens local
                        other = db_manager.get_session()  # opens local
                        return session, other, db_manager.current
            """,
        },
    )


def test_policy_names_a_factory(tmp_path: Path) -> None:
    assert_opens(
        tmp_path,
        {
            "legacy/storage.py": "produce = object()\n",
            "work.py": """
                from legacy.storage import produce
                from legacy import storage

                def f():
                    a = produce()  # opens local
                    b = storage.produce()  # opens local
                    return a, b
            """,
        },
    )


def test_a_long_class_is_read_method_by_method(tmp_path: Path) -> None:
    filler = "".join(f"    def method_{i}(self):\n        return {i}\n\n" for i in range(200))
    manager = (
        "from sqlalchemy.orm import sessionmaker\n\n\n"
        "class Manager:\n"
        '    """Text at the margin:\n\nclass Fake: pass\n"""\n\n'
        "    def __init__(self):\n        self.make = sessionmaker()\n\n"
        f"{filler}"
        "    def get_session(self):\n        return self.make()\n"
    )
    write_project(
        tmp_path,
        {
            "work.py": """
                from manager import Manager

                def f():
                    return Manager().get_session()
            """
        },
    )
    (tmp_path / "manager.py").write_text(manager)
    assert opened(tmp_path, "work.py") == [(5, "return")]
