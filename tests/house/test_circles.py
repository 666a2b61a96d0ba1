"""No way is advised inside what it calls itself, where it would call itself without end."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.linter import Linter, PreparedFile, Settings
from tests.cases import lint, write_project
from tests.house.test_advice import FACTORY

OWN_BLOCK = "`with SessionLocal() as db:`"
SCOPE = "`with scope() as db:`"
OPENING = "db = SessionLocal()"


def words(folder: Path, files: dict[str, str], name: str = "core/db.py") -> str:
    """The advice for the first opening of a file."""
    write_project(folder, files)
    text = (folder / name).read_text(encoding="utf-8")
    prepared = Linter(Settings()).prepare(str(folder / name), text, ast.parse(text))
    assert isinstance(prepared, PreparedFile)
    line = next(n for n, each in enumerate(text.splitlines(), 1) if OPENING in each)
    (opened,) = (
        each for each in prepared.context.file.facts(Acquisition) if each.node.lineno == line
    )
    return prepared.context.advice(opened).words


# Each holds an opening by hand, in what the provider `scope` runs.
INSIDE = {
    "a function that it calls": """
        def open_it():
            db = SessionLocal()
            db.query(1)
            return db

        @contextmanager
        def scope():
            db = open_it()
            try:
                yield db
            finally:
                db.close()
        """,
    "what such a function calls": """
        def ask():
            db = SessionLocal()
            db.query(1)

        def wait():
            for _ in range(3):
                ask()

        def open_it():
            wait()
            return Session(engine)

        @contextmanager
        def scope():
            with open_it() as db:
                yield db
        """,
    "a function in such a function": """
        def wait():
            def ask():
                db = SessionLocal()
                db.query(1)
            ask()

        @contextmanager
        def scope():
            wait()
            with Session(engine) as db:
                yield db
        """,
    "a function around what it has called": """
        @contextmanager
        def scope():
            run(ask)
            with Session(engine) as db:
                yield db

        def run(what):
            what()

        def ask():
            db = SessionLocal()
            db.query(1)
        """,
    "a method of an object": """
        class Health:
            def __init__(self):
                self.checks = 0

            def ask(self):
                db = SessionLocal()
                db.query(1)

        health = Health()

        @contextmanager
        def scope():
            health.ask()
            with Session(engine) as db:
                yield db
        """,
    "a constructor": """
        class Health:
            def __init__(self):
                db = SessionLocal()
                db.query(1)

        @contextmanager
        def scope():
            Health()
            with Session(engine) as db:
                yield db
        """,
    "a property of an object that a method reads": """
        class Health:
            @property
            def is_well(self):
                db = SessionLocal()
                return db.query(1)

            def check(self):
                assert self.is_well

        @contextmanager
        def scope():
            Health().check()
            with Session(engine) as db:
                yield db
        """,
    "a block": """
        class Watched:
            def __enter__(self):
                db = SessionLocal()
                db.query(1)

            def __exit__(self, *_):
                pass

        @contextmanager
        def scope():
            with Watched(), Session(engine) as db:
                yield db
        """,
    "a decorator": """
        def watched(function):
            def wrapper(*args):
                db = SessionLocal()
                db.query(1)
                return function(*args)
            return wrapper

        @contextmanager
        @watched
        def scope():
            with Session(engine) as db:
                yield db
        """,
    "what its engine asks": """
        def connect():
            db = SessionLocal()
            db.query(1)

        other = create_engine("postgresql://", creator=connect)

        @contextmanager
        def scope():
            with Session(engine) as db, Session(other):
                yield db
        """,
    "a method that a class below has of its own": """
        class Base:
            def prepare(self):
                pass

            @contextmanager
            def scope(self):
                self.prepare()
                with Session(engine) as db:
                    yield db

        class Own(Base):
            def prepare(self):
                db = SessionLocal()
                db.query(1)

        own = Own()

        @contextmanager
        def scope():
            with own.scope() as db:
                yield db
        """,
    "a default of its own parameter": """
        def current(_=None):
            db = SessionLocal()
            db.query(1)

        @contextmanager
        def scope(user=given(current)):
            with Session(engine) as db:
                yield db
        """,
}


@pytest.mark.parametrize("text", INSIDE.values(), ids=INSIDE)
def test_no_way_is_advised_inside_what_it_runs(text: str, tmp_path: Path) -> None:
    assert words(tmp_path, {"core/db.py": FACTORY + dedent(text)}) == OWN_BLOCK


@pytest.mark.parametrize("text", INSIDE.values(), ids=INSIDE)
def test_beside_it_the_same_way_is_advised(text: str, tmp_path: Path) -> None:
    beside = f"\ndef work():\n    {OPENING}\n    db.query(1)\n"
    other = dedent(text).replace(OPENING, "db = Session(engine)")
    assert words(tmp_path, {"core/db.py": FACTORY + other + beside}) == SCOPE


DATABASE = """
@contextmanager
def scope():
    wait()
    with SessionLocal() as db:
        yield db
"""
HEALTH = """
def wait():
    from app import work

    work.ask()
"""
USE = """
from core.db import SessionLocal

def {}():
    db = SessionLocal()
    db.query(1)
"""


@pytest.mark.parametrize(("name", "advised"), [("ask", OWN_BLOCK), ("show", SCOPE)])
@pytest.mark.parametrize(
    "policy", ["", '[[layers]]\nname = "x"\npaths = ["**"]\nuse = "core.db:scope"\n']
)
def test_it_is_followed_through_the_modules(
    name: str, advised: str, policy: str, tmp_path: Path
) -> None:
    files = {
        "core/db.py": f"from core.health import wait\n{FACTORY}{DATABASE}",
        "core/health.py": HEALTH,
        "app/work.py": USE.format(name),
        **({"dbsession.toml": policy} if policy else {}),
    }
    assert words(tmp_path, files, "app/work.py") == advised


def test_what_an_application_may_run_one_day_is_not_run(tmp_path: Path) -> None:
    text = """
        from fastapi import FastAPI

        def job():
            db = SessionLocal()
            db.query(1)

        app = FastAPI(on_startup=[job], lifespan=job)

        @contextmanager
        def scope():
            with Session(engine, info=app.state.info) as db:
                yield db
        """
    assert words(tmp_path, {"core/db.py": FACTORY + dedent(text)}) == SCOPE


POOL = """
import os
from contextlib import contextmanager
from psycopg2.pool import ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 9, os.environ["URL"])

def take(tries=3):
    for _ in range(tries):
        conn = pool.getconn()
        check(conn)
        return conn

def look():
    conn = pool.getconn()
    check(conn)
    pool.putconn(conn)

@contextmanager
def connection():
    conn = take()
    try:
        yield conn
    finally:
        pool.putconn(conn)
"""


def test_a_connection_is_not_opened_by_its_own_provider(tmp_path: Path) -> None:
    write_project(tmp_path, {"db.py": POOL})
    advised = [at for at, _, _, message in lint(tmp_path, "db.py") if "connection()" in message]
    assert advised == [15]


@pytest.mark.parametrize(
    "text",
    [
        """
        def db(number: int, engine=db) -> Session:
            Session(db)
        """,
        """
        class House:
            def db(self, engine=None) -> Session:
                Session(self.db)
                return Session(engine)

            def work(self):
                Session(self.db)
        """,
    ],
)
def test_what_opens_from_itself(tmp_path: Path, text: str) -> None:
    policy = 'owners = ["core/database.py"]\n'
    database = FACTORY + "def get_db():\n    with SessionLocal() as db:\n        yield db\n"
    app = "from sqlalchemy.orm import Session\n" + dedent(text)
    files = {"dbsession.toml": policy, "core/database.py": database, "app.py": app}
    write_project(tmp_path, files)
    assert "DBS002" not in {code for _, _, code, _ in lint(tmp_path, "app.py")}
