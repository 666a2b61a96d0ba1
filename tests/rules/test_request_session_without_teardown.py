"""DBS407: sessions of requests, and what may end them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases

CODES = {"DBS407"}
DATABASE = """
    from sqlalchemy.orm import scoped_session, sessionmaker

    SessionLocal = sessionmaker()
    ScopedSession = scoped_session(SessionLocal)
"""
KEPT = """
    import flask
    from flask import g
    from core.database import SessionLocal

    def get_request_db_session():
        if "db" not in g:
            g.db = SessionLocal(){mark}
        return g.db

    def get_other():
        db = flask.g.other = SessionLocal(){mark}
        return db

    def get_third():
        return g.setdefault("third", SessionLocal()){mark}
"""
USED = """
    from flask import Flask
    from core.database import ScopedSession

    app = Flask(__name__)

    @app.route("/agents")
    def agents():
        query = ScopedSession.query(1){mark}
        return ScopedSession().execute(query)

    @app.route("/one")
    def one():
        db = ScopedSession(){mark}
        return db.query(1).one()
"""
LENT = """
    from typing import Annotated

    from core.database import SessionLocal, ScopedSession
    from core.lending import lend_session, make_session, open_session, yield_session
    from fastapi import APIRouter, Depends

    router = APIRouter()

    def get_scoped_session():
        return ScopedSession()

    @router.get("/agents")
    def agents():
        db = get_scoped_session(){mark}
        return db.query(1).all()

    @router.get("/one")
    def one():
        return lend_session().query(1).one(){mark}

    @router.get("/two")
    def two(db=Depends(get_scoped_session)):{mark}
        return db.query(1).one()

    @router.get("/three")
    def three(db: Annotated[object, Depends(lend_session)]):{mark}
        return db.query(1).one()

    @router.get("/block")
    def block():
        with get_scoped_session() as db:
            return db.query(1).one()

    @router.get("/closed")
    def closed(db=Depends(get_scoped_session)):
        try:
            return db.query(1).one()
        finally:
            db.close()

    @router.get("/new")
    def new(db=Depends(yield_session)):
        return make_session().query(1).one() + open_session(1).query(1).one()

    def no_handler(db=Depends(get_scoped_session)):
        return get_scoped_session().query(1).one()
"""
LENDING = """
    from core.database import SessionLocal, ScopedSession

    def lend_session():
        return ScopedSession()

    def make_session():
        return SessionLocal()

    def open_session(is_new):
        if is_new:
            return SessionLocal()
        return ScopedSession()

    def yield_session():
        yield ScopedSession()
        return ScopedSession()
"""
MARK = "  # DBS407"


@pytest.mark.parametrize("code", [KEPT, USED, LENT])
def test_nothing_ends_it(tmp_path: Path, code: str) -> None:
    files = {"core/database.py": DATABASE, "core/lending.py": LENDING}
    assert_cases(tmp_path, {**files, "web.py": code.format(mark=MARK)}, CODES)


@pytest.mark.parametrize("code", [KEPT, USED, LENT])
@pytest.mark.parametrize(
    "teardown",
    [
        "@app.teardown_appcontext\ndef end(error): close_all()\n",
        "app.teardown_request(end)\n",
        "@app.after_request\ndef end(response): return response\n",
        "request_tearing_down.connect(end)\n",
        "from flask_sqlalchemy import SQLAlchemy\n",
        "sessions.init_app(app)\n",
        "def end(): ScopedSession.remove()\n",
        "atexit.register(ScopedSession.remove)\n",
        "def end(): g.db.close()\n",
    ],
)
def test_anything_in_the_project_may_be_the_teardown(
    tmp_path: Path, code: str, teardown: str
) -> None:
    files = {
        "core/database.py": DATABASE,
        "core/lending.py": LENDING,
        "web.py": code.format(mark=""),
        "deep/inside/factory.py": teardown,
    }
    assert_cases(tmp_path, files, CODES)


@pytest.mark.parametrize("place", ["tests/conftest.py", ".venv/lib/ext.py", "notes.txt"])
def test_tests_and_installed_packages_are_no_teardown(tmp_path: Path, place: str) -> None:
    files = {
        "core/database.py": DATABASE,
        "web.py": USED.format(mark=MARK),
        place: "ScopedSession.remove()\n",
    }
    assert_cases(tmp_path, files, CODES)


def test_what_is_closed_on_the_spot_or_not_of_a_request(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": DATABASE,
            "web.py": """
                from flask import Flask, request
                from core.database import ScopedSession, SessionLocal

                app = Flask(__name__)

                @app.route("/closed")
                def closed():
                    db = ScopedSession()
                    try:
                        return db.query(1).one()
                    finally:
                        db.close()

                @app.route("/block")
                def block():
                    with ScopedSession() as db:
                        return db.query(1).one()

                def job():
                    return ScopedSession.query(1).all()

                class Cache:
                    def fill(self):
                        self.db = SessionLocal()
            """,
        },
        CODES,
    )


def test_threads_that_live_on(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": DATABASE,
            "scan.py": """
                import asyncio
                import threading
                from concurrent.futures import ThreadPoolExecutor
                from core.database import ScopedSession

                pool = ThreadPoolExecutor(4)

                def reading():
                    for book in ScopedSession.query(Book).all():  # DBS407
                        print(book.title)

                def called():
                    db = ScopedSession()  # DBS407
                    return db.query(Book).count()

                def forever():
                    while True:
                        ScopedSession.query(Book).count()  # DBS407

                def once():
                    ScopedSession.query(Book).count()

                def removed():
                    try:
                        ScopedSession.query(Book).count()
                    finally:
                        ScopedSession.remove()

                def committed():
                    ScopedSession.query(Book).update({"read": True})
                    ScopedSession.commit()

                def ended_by_a_helper():
                    ScopedSession.query(Book).count()
                    done()

                def done():
                    ScopedSession.remove()

                def elsewhere():
                    ScopedSession.query(Book).count()

                def start(other):
                    pool.submit(reading)
                    pool.submit(removed)
                    pool.submit(committed)
                    pool.submit(ended_by_a_helper)
                    other.submit(elsewhere)
                    threading.Thread(target=forever).start()
                    threading.Thread(target=once).start()

                async def hop():
                    return await asyncio.to_thread(called)

                class Watcher(threading.Thread):
                    def run(self):
                        while True:
                            ScopedSession.query(Book).count()  # DBS407

                class Once(threading.Thread):
                    def run(self):
                        ScopedSession.query(Book).count()

                class Tidy(threading.Thread):
                    def run(self):
                        while True:
                            ScopedSession.query(Book).count()
                            ScopedSession.remove()
            """,
        },
        CODES,
    )
