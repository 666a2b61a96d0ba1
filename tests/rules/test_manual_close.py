"""DBS301: sessions closed by hand."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from tests.cases import HOUSE, assert_cases, lint, write_project

CODES = {"DBS301", "DBS306"}
DATABASE = """
    from contextlib import contextmanager
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker(create_engine("sqlite://"))

    @contextmanager
    def get_db_session():
        db = SessionLocal()
        try:
            yield db
        finally:
            db.close()

    def count():
        db = SessionLocal()
        db.close()  # DBS301
"""


def test_own_sessions_and_those_of_a_block(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "database.py": DATABASE,
            "service.py": """
                from sqlalchemy.ext.asyncio import AsyncSession
                from database import SessionLocal, get_db_session

                def own():
                    db = SessionLocal()
                    try:
                        db.query(1)
                    finally:
                        if db is not None:
                            db.close()  # DBS301

                def block():
                    with get_db_session() as db:
                        db.query(1)
                        db.close()  # DBS301 the block does it

                async def asynchronous(engine):
                    db = AsyncSession(engine)
                    await db.close()  # DBS301

                db = SessionLocal()
                db.close()  # DBS301
            """,
        },
        CODES,
    )


def test_closing_methods_teardowns_and_fixtures_are_silent(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "database.py": DATABASE,
            "service.py": """
                import pytest
                from database import SessionLocal

                class Service:
                    def __init__(self):
                        self.db = SessionLocal()

                    def work(self):
                        self.db.close()

                    def close(self):
                        self.db.close()

                    def __exit__(self, *error):
                        self.db.close()

                def teardown_module():
                    db = SessionLocal()
                    db.close()

                @pytest.fixture
                def session():
                    db = SessionLocal()
                    yield db
                    db.close()
            """,
            "tests/test_service.py": """
                from database import SessionLocal

                def test_it():
                    db = SessionLocal()
                    db.close()
            """,
        },
        CODES,
    )


def test_what_may_be_the_callers_or_is_no_session_is_silent(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "database.py": DATABASE,
            "service.py": """
                import sqlite3
                import requests
                from database import SessionLocal

                def fallback(db=None):
                    db = db or SessionLocal()
                    db.close()  # DBS306

                def flagged(given=None):
                    own = given is None
                    db = given or SessionLocal()
                    if own:
                        db.close()

                def set_as_constants(db=None):
                    own = False
                    used = db
                    if used is None:
                        used = SessionLocal()
                        own = True
                    if own:
                        used.close()

                def only_on_an_error(error):
                    db = SessionLocal()
                    if error:
                        db.close()  # DBS301

                def others(path):
                    conn = sqlite3.connect(path)
                    conn.close()
                    session = requests.Session()
                    session.close()
            """,
        },
        CODES,
    )


def test_a_close_that_empties_a_blocks_session(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "database.py": DATABASE,
            "service.py": """
                from database import SessionLocal

                def each_turn(statements):
                    with SessionLocal() as db:
                        for statement in statements:
                            db.close()
                            db.execute(statement)

                def at_the_end_of_each_turn(statements):
                    with SessionLocal() as db:
                        for statement in statements:
                            db.execute(statement)
                            db.close()

                def between():
                    with SessionLocal() as db:
                        db.execute(1)
                        db.close()
                        db.execute(2)

                def a_block_each_turn(statements):
                    for statement in statements:
                        with SessionLocal() as db:
                            db.execute(statement)
                            db.close()  # DBS301
            """,
        },
        CODES,
    )


def test_a_migration_may_close_by_hand(tmp_path: Path) -> None:
    closing = """
        from sqlalchemy.orm import Session
        from database import op

        def upgrade():
            session = Session(bind=op.get_bind())
            session.execute(1)
            session.close(){}
    """
    files = {"migrations/versions/1.py": closing.format(""), "app.py": closing.format("  # DBS301")}
    assert_cases(tmp_path, files, CODES)


def test_the_message_names_the_provider_that_the_project_has(tmp_path: Path) -> None:
    close = "from database import SessionLocal\ndb = SessionLocal()\ndb.close()\n"
    write_project(tmp_path, {"database.py": DATABASE, "one.py": close, "two.py": close})
    found = [message for *_, code, message in lint(tmp_path, "one.py") if code == "DBS301"]
    assert found == [
        "`db.close()` closes a session by hand; use `with get_db_session() as db:`, which closes "
        "it whatever happens"
    ]
    (tmp_path / "database.py").write_text(
        "from sqlalchemy.orm import sessionmaker\nSessionLocal = sessionmaker()\n"
    )
    found = [message for *_, code, message in lint(tmp_path, "two.py") if code == "DBS301"]
    assert found == [
        "`db.close()` closes a session by hand; let a `with` block close it, whatever happens"
    ]


def test_a_flag_that_comes_along_with_the_session(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "database.py": DATABASE,
            "service.py": """
                from database import SessionLocal

                def opened():
                    return SessionLocal(), True

                def with_a_name():
                    return SessionLocal(), make_name()

                def under_it(x):
                    db, own = None, False
                    try:
                        db, own = opened()
                        db.execute(x)
                    finally:
                        if own:
                            db.close()

                def under_something_else(x):
                    db, name = with_a_name()
                    try:
                        db.execute(x)
                    finally:
                        if name:
                            db.close()  # DBS301
            """,
        },
        CODES,
    )


def test_what_another_way_hands_on_for_good(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "database.py": DATABASE,
            "leader.py": """
                import asyncio
                from database import SessionLocal

                leader = None

                def lead():
                    global leader
                    mine = None
                    try:
                        mine = SessionLocal()
                        if not mine.execute("SELECT pg_try_advisory_lock(1)").scalar():
                            mine.close()
                            return False
                        leader = mine
                        mine = None
                        return True
                    finally:
                        if mine:
                            mine.close()

                def kept(owner):
                    db = SessionLocal()
                    if not db.scalar("SELECT 1"):
                        db.close()
                        return
                    owner.db = db

                def handed_to_what_may_keep_it(owner):
                    db = SessionLocal()
                    try:
                        owner.service = owner.make(db)
                        Worker(db).start()
                        asyncio.run(owner.work(db))
                    finally:
                        db.close()  # DBS301

                def only_here(owner):
                    db = SessionLocal()
                    if not db.scalar("SELECT 1"):
                        db.close()  # DBS301
                        return
                    owner.first = db.scalar("SELECT 2")
                    db.close()  # DBS301
            """,
        },
        CODES,
    )


def test_what_an_object_opened_in_another_method(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "database.py": DATABASE,
            "recorder.py": """
                from database import SessionLocal

                class Recorder:
                    def begin(self):
                        self.db = SessionLocal()

                    def end(self):
                        if self.db is not None:
                            self.db.close()

                    def again(self):
                        self.db.close()
                        self.db = SessionLocal()

                    def tried(self):
                        self.db = SessionLocal()
                        try:
                            self.db.execute(1)
                        except ValueError:
                            self.db.close()
                            raise

                    def run(self):
                        self.db = SessionLocal()
                        try:
                            self.db.execute(1)
                        finally:
                            self.db.close()  # DBS301
            """,
        },
        CODES,
    )


def test_what_came_in_a_tuple_is_closed_in_a_finally(tmp_path: Path) -> None:
    files = {
        "jobs.py": """
            from sqlalchemy.orm import sessionmaker

            def set_up(config):
                session = sessionmaker(config.engine)()
                return config, session
        """,
        "job.py": """
            from jobs import set_up

            def late(config):
                _, session = set_up(config)
                session.execute(1)
                session.close()  # DBS301

            if __name__ == "__main__":
                _, session = set_up(load())
                try:
                    run(session)
                except Exception:
                    raise SystemExit(1)
                finally:
                    session.close()
        """,
    }
    assert_cases(tmp_path, files, {"DBS301"})
    (message,) = [m for *_, code, m in lint(tmp_path, "job.py") if code == "DBS301"]
    assert message.endswith("let a `finally` close it, whatever happens")


def test_an_asynchronous_session_is_closed_by_an_asynchronous_block(tmp_path: Path) -> None:
    text = """
        from sqlalchemy.ext.asyncio import AsyncSession

        async def run(make: Callable[[], AsyncSession]):
            made = make()
            session = await made if hasattr(made, "__await__") else made
            try:
                await work(session)
            finally:
                await session.close()
            other = AsyncSession(engine)
            await other.close()
    """
    write_project(tmp_path, {"relay.py": text})
    found = [m for *_, code, m in lint(tmp_path, "relay.py") if code == "DBS301"]
    assert [message.partition("` ")[2] for message in found] == [
        "closes by hand what an `async with` block closes; use one",
        "closes a session by hand; let an `async with` block close it, whatever happens",
    ]


_REBOUND = "opens another under its name; use `with get_db_session() as db:` for each"
_MAYBE = "; use `with get_db_session() as db:`, with `nullcontext()` where none is opened"
_PLAIN = "; use `with get_db_session() as db:`"


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        (
            "db = SessionLocal()\ntry:\n    for x in xs:\n        if work(db):\n"
            "            db.rollback()\n            db = SessionLocal()\nfinally:\n    db.close()",
            _REBOUND,
        ),
        ("db = SessionLocal()\nif xs:\n    db = SessionLocal()\nwork(db)\ndb.close()", _REBOUND),
        ("db = None\nif xs:\n    db = SessionLocal()\nwork(db)\nif db:\n    db.close()", _MAYBE),
        ("db = SessionLocal() if xs else None\nwork(db)\nif db:\n    db.close()", _MAYBE),
        ("if xs:\n    db = SessionLocal()\nelse:\n    db = Other()\nwork(db)\ndb.close()", None),
        ("db = SessionLocal()\nwork(db)\ndb.close()\ndb = SessionLocal()\ndb.add(1)", None),
        (
            "db = Other()\ndb.flush()\nfor x in xs:\n    db = SessionLocal()\n    db.close()",
            None,
        ),
        (
            "if xs:\n    db = Other()\nelse:\n    if work():\n        db = SessionLocal()\n"
            "    else:\n        return\nwork(db)\ndb.close()",
            None,
        ),
        (
            "db = None\ntry:\n    db = SessionLocal()\nfinally:\n    if db:\n        db.close()",
            None,
        ),
        ("db = None\nif xs:\n    db = SessionLocal()\n    work(db)\n    db.close()", None),
    ],
)
def test_a_session_that_one_block_cannot_close(
    tmp_path: Path, body: str, ending: str | None
) -> None:
    text = "from core.database import Other, SessionLocal\ndef f(xs):\n" + indent(body, "    ")
    write_project(tmp_path, {**HOUSE, "app.py": text + "\n"})
    (message,) = [m for *_, code, m in lint(tmp_path, "app.py") if code == "DBS301"]
    if ending is None:
        assert "nullcontext" not in message
        assert "another" not in message
    else:
        assert message.endswith(ending)
