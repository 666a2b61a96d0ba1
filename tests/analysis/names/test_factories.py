"""Where factories come from: calls in the same module, annotations, attributes, the application."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases

CODES = {"DBS101", "DBS302"}
HOUSE = """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import scoped_session, sessionmaker

    Make = sessionmaker(create_engine("sqlite://"))
    Registry = scoped_session(Make)

    def build():
        return sessionmaker()
"""


def test_a_parameter_is_what_the_module_passes(tmp_path: Path) -> None:
    text = """
        from house import Make, Registry, build

        def claim(make, job):
            db = make()  # DBS101 DBS302
            db.execute(job)

        def by_keyword(job, *, make):
            db = make()  # DBS101 DBS302
            db.execute(job)

        class Runner:
            def __init__(self, make):
                self._open = make

            def finish(self, job):
                db = self._open()  # DBS101 DBS302
                db.execute(job)

        def borrowed(make):
            db = make()
            db.execute(1)

        def now_and_then_borrowed(make):
            db = make()
            db.execute(1)

        def unknown(make):
            db = make()
            db.execute(1)

        def now_and_then_unknown(make):
            db = make()  # DBS101 DBS302
            db.execute(1)

        def run(job, other):
            make = build()
            claim(make, job)
            by_keyword(job, make=Make)
            Runner(Make).finish(job)
            borrowed(lambda: Registry())
            now_and_then_borrowed(Make)
            now_and_then_borrowed(Registry)
            unknown(other)
            now_and_then_unknown(Make)
            now_and_then_unknown(other)
    """
    assert_cases(tmp_path, {"house.py": HOUSE, "worker.py": text}, CODES)


def test_an_annotation_needs_a_call_or_a_close(tmp_path: Path) -> None:
    text = """
        from collections.abc import Callable
        from sqlalchemy.orm import Session
        from house import Make

        def passed(make: Callable[[], Session]):
            db = make()  # DBS101 DBS302
            db.execute(1)

        def closed(make: Callable[[], Session]):
            db = make()  # DBS101
            try:
                db.execute(1)
            finally:
                db.close()

        def neither(make: Callable[[], Session]):
            db = make()
            db.execute(1)

        def run():
            passed(Make)
    """
    assert_cases(tmp_path, {"house.py": HOUSE, "worker.py": text}, CODES)


def test_a_policy_s_bare_name_counts_where_the_annotation_says_nothing(tmp_path: Path) -> None:
    text = """
        from typing import Any

        def annotated(session_factory: Any):
            db = session_factory()  # DBS101 DBS302
            db.execute(1)

        class Runner:
            _session_factory: Any | None = None

            def run(self):
                db = self._session_factory()  # DBS101 DBS302
                db.execute(1)
    """
    policy = 'factories = ["session_factory", "_session_factory"]\n'
    assert_cases(tmp_path, {"dbsession.toml": policy, "worker.py": text}, CODES)


def test_what_the_application_keeps(tmp_path: Path) -> None:
    files = {
        "house.py": HOUSE,
        "main.py": """
            from fastapi import FastAPI
            from house import Make, Registry

            app = FastAPI()

            def start(app):
                app.state.make_session = Make
                app.state.registry_session = Registry
        """,
        "work.py": """
            def forgotten(request):
                db = request.app.state.make_session()  # DBS101 DBS302
                db.execute(1)

            def lent(request):
                db = request.app.state.registry_session()
                db.execute(1)
        """,
    }
    assert_cases(tmp_path, files, CODES)


def test_an_opener_says_by_its_annotation_what_its_caller_closes(tmp_path: Path) -> None:
    text = """
        import lazy
        from sqlite3 import Connection

        def opened(path) -> Connection:
            return lazy.load("sqlite3").connect(path)

        def kept(self) -> Connection:
            return self.conn

        def closed_on_some_ways():
            conn = opened(1)  # DBS603
            conn.execute("select 1")
            conn.close()

        def never_closed():
            conn = opened(1)
            conn.execute("select 1")

        def of_another(store):
            conn = kept(store)
            conn.execute("select 1")
            conn.close()
    """
    assert_cases(tmp_path, {"app.py": text}, {"DBS602", "DBS603"})


def test_a_factory_by_a_plain_name_with_which_things_are_only_added(tmp_path: Path) -> None:
    base = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        make = sessionmaker(create_engine("postgresql://localhost/app"))
    """
    app = """
        from base import make
        from models import Item

        def add(name):
            session = make()  # DBS101
            session.add(Item(name))

        def get(key):
            with make() as cache:
                cache.get(key)
    """
    assert_cases(tmp_path, {"base.py": base, "app.py": app}, {"DBS101"})
