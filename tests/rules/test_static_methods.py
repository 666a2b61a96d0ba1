"""Static methods, whose first parameter is no object of the class."""

from __future__ import annotations

from pathlib import Path

from tests.cases import HOUSE, assert_cases


def test_a_session_that_a_static_method_is_given(tmp_path: Path) -> None:
    code = """
        from sqlalchemy.orm import Session

        from core.database import SessionLocal

        class Tools:
            @staticmethod
            def spoil(db: Session):
                db.execute("SELECT 1")
                db.close()  # DBS306

            @staticmethod
            def spare(db: Session):
                db.execute("SELECT 1")

        def run():
            with SessionLocal() as db:
                Tools.spare(db)
                Tools.spoil(db)
                db.execute("SELECT 1")
    """
    assert_cases(tmp_path, {**HOUSE, "work.py": code}, {"DBS306"})


def test_what_a_static_method_keeps_on_its_argument(tmp_path: Path) -> None:
    code = """
        import sqlite3

        class Plugins:
            @staticmethod
            def attach(app):
                app.conn = sqlite3.connect("app.db")

            @classmethod
            def keep(cls):
                cls.spare = sqlite3.connect("spare.db")  # DBS609

        class Kept:
            def attach(self):
                self.conn = sqlite3.connect("app.db")  # DBS609
    """
    assert_cases(tmp_path, {"plugins.py": code}, {"DBS609"})


def test_attributes_of_a_static_methods_argument_are_not_the_objects(tmp_path: Path) -> None:
    code = """
        import asyncio

        from core.database import SessionLocal

        class Jobs:
            @staticmethod
            def prepare(job):
                job.session = SessionLocal()

            async def both(self):
                await asyncio.gather(self.one(), self.two())

            async def one(self):
                self.session.execute("SELECT 1")

            async def two(self):
                self.session.execute("SELECT 2")
    """
    assert_cases(tmp_path, {**HOUSE, "jobs.py": code}, {"DBS206", "DBS301"})


def test_a_static_method_leaves_the_object_alone(tmp_path: Path) -> None:
    code = """
        from core.database import SessionLocal

        class Repository:
            def __init__(self, session):
                self.session = session

            @staticmethod
            def end(other):
                other.session.close()

            def leave(self):
                self.session.close()

        def wrong(other):
            repository = Repository(SessionLocal())  # DBS302
            repository.end(other)

        def right():
            repository = Repository(SessionLocal())
            repository.leave()
    """
    assert_cases(tmp_path, {**HOUSE, "repository.py": code}, {"DBS302", "DBS303"})
