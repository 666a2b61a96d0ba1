"""DBS204: sessions that objects open and never close."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS204"}
HEAD = """
from elsewhere import close_session
from core.database import SessionLocal

class Service:
    def __init__(self, db=None):
        self.db = SessionLocal()
"""


def test_a_class_closes_its_session_nowhere(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from sqlalchemy.orm import Session

                from core.database import SessionLocal

                class Service:
                    def __init__(self, db=None):
                        self.db = db or SessionLocal()  # DBS204
                        self.other: Session = SessionLocal()  # DBS204
                        self.third = db if db is not None else SessionLocal()  # DBS204

                    def reload(this):
                        this.late = SessionLocal()  # DBS204

                    def work(self):
                        self.db.query(1)
                        self.db.commit()

                class Neighbour:
                    def __init__(self):
                        self.db = SessionLocal()

                    def close(self):
                        self.db.close()
            """
        },
        CODES,
    )


@pytest.mark.parametrize(
    "method",
    [
        "def close(self): self.db.close()",
        "def __exit__(self, *error): self.db.close()",
        "async def __aexit__(self, *error): await self.db.close()",
        "def __del__(self): self.db and self.db.close()",
        "def tearDown(self): self.db.close()",
        "def whatever(self): self.db.close()",
        "def work(self):\n        with self.db: pass",
        "def work(self):\n        with self.db as db: pass",
        "def work(self):\n        with self.db.begin(): pass",
        "def work(self): atexit.register(self.db.close)",
        "def setUp(self): self.addCleanup(self.db.close)",
        "def work(self): self.stack.enter_context(self.db)",
        "def work(self): close_session(self.db)",
        "def work(self):\n        db, self.db = self.db, None\n        db.close()",
        "def work(self):\n        for db in (self.db, self.x): db.close()",
        "def work(self):\n        if (db := self.db): db.close()",
        "def work(self): getattr(self, 'db').close()",
        "def __getattr__(self, name): return getattr(self.db, name)",
    ],
)
def test_a_method_that_closes_it_is_enough(tmp_path: Path, method: str) -> None:
    assert_cases(tmp_path, {"app.py": f"{HEAD}\n    {method}\n"}, CODES)


@pytest.mark.parametrize(
    "method",
    [
        "def close(self): self.file.close()",
        "def close(self): self.db.commit()",
        "def close(self): self.db = None",
        "def work(self):\n        rows = self.db.execute(q)\n        rows.close()",
        "def work(self):\n        with self.db.begin_nested(): pass",
    ],
)
def test_a_method_that_closes_something_else_is_not(tmp_path: Path, method: str) -> None:
    source = HEAD.replace("SessionLocal()", "SessionLocal()  # DBS204")
    assert_cases(tmp_path, {"app.py": f"{source}\n    {method}\n"}, CODES)


def test_bases_subclasses_and_code_outside_can_close_it(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/base.py": """
                class Closing:
                    def close(self):
                        self.db.close()
            """,
            "core/app.py": """
                from core.database import SessionLocal

                from .base import Closing
                from .nowhere import *

                class Derived(Closing):
                    def __init__(self):
                        self.db = SessionLocal()

                class Base:
                    def __init__(self):
                        self.session = SessionLocal()

                class Below(Base):
                    def stop(self):
                        self.session.close()

                class Held:
                    def __init__(self):
                        self.held = SessionLocal()

                def run():
                    held = Held()
                    held.held.close()

                class OfUnknown(Unknown):
                    def __init__(self):
                        self.conn = SessionLocal()
            """,
        },
        CODES,
    )


def test_given_sessions_registries_and_blocks_are_not_its_own(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from contextlib import ExitStack

                from sqlalchemy import create_engine
                from sqlalchemy.orm import Session, scoped_session, sessionmaker

                make = sessionmaker()

                class Service:
                    def __init__(self, db: Session):
                        self.db = db
                        self.factory = make
                        self.registry = scoped_session(make)
                        self.stack = ExitStack()
                        self.entered = self.stack.enter_context(make())
                        self.conn = create_engine("sqlite://").connect()
            """
        },
        CODES,
    )


def test_the_default_factory_of_a_field(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from dataclasses import dataclass, field

                import attrs
                from sqlalchemy.orm import Session

                from core.database import SessionLocal

                @dataclass
                class Service:
                    db: Session = field(default_factory=SessionLocal)  # DBS204
                    other: Session = field(default_factory=lambda: SessionLocal())  # DBS204
                    names: list = field(default_factory=list)

                @attrs.define
                class Other:
                    db: Session = attrs.field(factory=SessionLocal)  # DBS204

                @dataclass
                class Closing:
                    db: Session = field(default_factory=SessionLocal)

                    def close(self):
                        self.db.close()
            """
        },
        CODES,
    )


def test_an_object_that_makes_its_own_factory(tmp_path: Path) -> None:
    """It is the root of the application: nobody can pass it a session."""
    files = {
        "orm.py": """
            from sqlalchemy import create_engine
            from sqlalchemy.orm import sessionmaker

            def new_session_factory(url):
                return sessionmaker(create_engine(url))
        """,
        "app.py": """
            import orm

            class Application:
                def init_db(self, url):
                    self.session_factory = orm.new_session_factory(url)
                    self.db = self.session_factory()
        """,
    }
    write_project(tmp_path, files)
    found = {code: message for *_, code, message in lint(tmp_path, "app.py")}
    assert list(found) == ["DBS204"]
    assert found["DBS204"].endswith("the class closes it nowhere; close it in a method")


def test_a_session_that_others_take_from_the_modules_container(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from sqlalchemy.orm import sessionmaker

                make = sessionmaker()
                kept = {}

                class Shared:
                    def __init__(self, name):
                        if name in kept:
                            self.db = kept[name]
                        else:
                            self.db = make()
                            kept[name] = self.db

                class Own:
                    def __init__(self, name):
                        self.db = make()  # DBS204
                        kept[name] = name
            """
        },
        {"DBS204"},
    )


def test_what_a_helper_does_decides_and_not_its_name(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/helpers.py": """
                from contextlib import closing

                def close_stale_tickets(db):
                    db.execute(q)

                def end(db):
                    with closing(db):
                        db.commit()
            """,
            "core/app.py": """
                import weakref
                from contextlib import ExitStack

                from core.database import SessionLocal
                from elsewhere import take
                from .helpers import close_stale_tickets, end

                class Swept:
                    def __init__(self):
                        self.db = SessionLocal()  # DBS204

                    def run(self):
                        close_stale_tickets(self.db)

                class SweptByName:
                    def __init__(self):
                        self.db = SessionLocal()  # DBS204

                    def run(self):
                        db = self.db
                        close_stale_tickets(db=db)

                class Ended:
                    def __init__(self):
                        self.db = SessionLocal()

                    def stop(self):
                        db = self.db
                        end(db)

                class EndedByKeyword:
                    def __init__(self):
                        self.db = SessionLocal()

                    def stop(self):
                        end(db=self.db)

                class Entered:
                    def __init__(self):
                        self.db = SessionLocal()
                        self.stack = ExitStack()
                        self.stack.enter_context(self.db)

                class Finalized:
                    def __init__(self):
                        self.db = SessionLocal()
                        weakref.finalize(self, end, self.db)

                class Unfollowed:
                    def __init__(self):
                        self.db = SessionLocal()

                    def stop(self, done):
                        done(self.db)
            """,
        },
        CODES,
    )
