"""DBS207: sessions that leave the block that closes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS207"}
HOUSE = """
    from contextlib import asynccontextmanager, contextmanager

    from sqlalchemy.orm import Session, scoped_session, sessionmaker

    make = sessionmaker()
    registry = scoped_session(make)

    @contextmanager
    def provide():
        db = make()
        try:
            yield db
            db.commit()
        finally:
            db.close()

    @contextmanager
    def provide_by_block():
        with make() as db:
            yield db

    def provide_by_return():
        @contextmanager
        def inner():
            db = make()
            try:
                yield db
            finally:
                release(db)
        return inner()

    @contextmanager
    def transaction():
        db = registry()
        yield db
        db.commit()

    @contextmanager
    def reuse(db: Session):
        if db:
            yield db
        else:
            with make() as db:
                yield db

    class SessionUnit:
        def __enter__(self):
            self.db = make()
            return self.db

        def __exit__(self, *error):
            self.db.close()
"""


def test_returned_out_of_the_block(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": HOUSE,
            "core/service.py": """
                from contextlib import closing, nullcontext

                from sqlalchemy.ext.asyncio import AsyncSession
                from sqlalchemy.orm import Session

                from .database import SessionUnit, make, provide, provide_by_block
                from .database import provide_by_return, reuse, transaction

                def by_factory():
                    with make() as db:
                        return db  # DBS207

                def by_class():
                    with Session() as db:
                        return db, 1  # DBS207

                async def by_async_class():
                    async with AsyncSession() as db:
                        return {"db": db}  # DBS207

                def by_closing():
                    with closing(make()) as db:
                        return db  # DBS207

                def by_providers(name):
                    if name:
                        with provide() as db:
                            return db  # DBS207
                    with provide_by_block() as db:
                        return db if name else None  # DBS207

                def by_wrapped():
                    with provide_by_return() as db:
                        return db  # DBS207

                def by_unit():
                    with SessionUnit() as db:
                        return db  # DBS207

                def not_closed(given):
                    with transaction() as db:
                        return db
                    with reuse(given) as db:
                        return db
                    with nullcontext(given) as db:
                        return db

                def work():
                    with make() as db:
                        def inner():
                            return db
                        return inner()

                def rebound(given: Session):
                    with make() as db:
                        db = given
                        return db

                def provider():
                    with make() as db:
                        yield db
            """,
        },
        CODES,
    )


def test_stored_in_what_outlives_the_block(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from core.database import SessionLocal

                pool = {}
                shared = None

                class Service:
                    def open(self):
                        with SessionLocal() as db:
                            self.db = db  # DBS207

                    def register(self):
                        with SessionLocal() as db:
                            self.open_ones.append(db)  # DBS207
                            self.by_name["a"] = db  # DBS207

                    def load(self):
                        with SessionLocal() as db:
                            self.db = db  # DBS207
                            self.rows = db.query(1).all()

                def share():
                    global shared
                    with SessionLocal() as db:
                        shared = db  # DBS207

                def keep(name):
                    with SessionLocal() as db:
                        pool[name] = db  # DBS207
            """
        },
        CODES,
    )


def test_stores_that_serve_the_block_are_left_alone(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from contextlib import contextmanager

                from flask import g

                from core.database import SessionLocal

                class Service:
                    def run(self):
                        with SessionLocal() as db:
                            self.db = db
                            self.work()

                    @contextmanager
                    def opened(self):
                        with SessionLocal() as db:
                            self.db = db
                            yield

                    def reset(self):
                        with SessionLocal() as db:
                            self.db = db
                        self.db = None

                    def emptied(self):
                        with SessionLocal() as db:
                            self.by_name["a"] = db
                        del self.by_name["a"]

                    def rows(self):
                        with SessionLocal() as db:
                            self.found = db.query(1).all()

                async def middleware(request, call_next):
                    async with SessionLocal() as db:
                        request.state.db = db
                        return await call_next(request)

                def before_request():
                    with SessionLocal() as db:
                        g.db = db

                def local():
                    by_name = {}
                    with SessionLocal() as db:
                        by_name["a"] = db
                        other = db
            """
        },
        CODES,
    )


def test_used_after_the_block(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from core.database import SessionLocal

                def straight():
                    with SessionLocal() as db:
                        db.query(1)
                    db.commit()  # DBS207
                    db.query(1)

                def passed():
                    with SessionLocal() as db:
                        db.query(1)
                    return work(1, session=db)  # DBS207

                def returned():
                    with SessionLocal() as db:
                        db.query(1)
                    return db  # DBS207

                def conditional(db=None):
                    if db is None:
                        with SessionLocal() as db:
                            pass
                    return db.query(1).all()  # DBS207

                def handled():
                    try:
                        with SessionLocal() as db:
                            db.query(1)
                    except ValueError:
                        db.commit()  # DBS207

                def given_back(session=None):
                    try:
                        if session is None:
                            with SessionLocal() as session:
                                return given_back(session)
                        session.commit()
                    except ValueError:
                        if session is not None:
                            session.rollback()

                def used_after_a_rollback():
                    try:
                        with SessionLocal() as db:
                            db.query(1)
                    except ValueError:
                        db.rollback()
                        log(db)  # DBS207

                def in_loop(names):
                    db = SessionLocal()
                    for name in names:
                        db.add(name)  # DBS207
                        with SessionLocal() as db:
                            db.query(name)

                def in_header(names):
                    with SessionLocal() as db:
                        pass
                    for row in db.query(1):  # DBS207
                        print(row)

                with SessionLocal() as db:
                    db.query(1)
                db.commit()  # DBS207
            """
        },
        CODES,
    )


@pytest.mark.parametrize(
    "after",
    [
        "db.close()",
        "if db:\n        print(1)",
        "if db is not None:\n        print(db)",
        "del db\n    db.commit()",
        "db = SessionLocal()\n    db.commit()",
        "with SessionLocal() as db:\n        db.commit()",
        "for db in make():\n        db.commit()",
        "work(lambda db: db.commit())",
        "[db.commit() for db in make()]",
        "def work(db):\n        db.commit()",
        "return\n    db.commit()",
        "if name:\n        db = name\n    else:\n        return\n    db.commit()",
        "try:\n        db = SessionLocal()\n    except ValueError:\n        db.rollback()",
        "assert isinstance(db, object)",
    ],
)
def test_what_is_no_use_after_the_block(tmp_path: Path, after: str) -> None:
    source = "from core.database import SessionLocal\n\ndef work(name):\n"
    source += f"    with SessionLocal() as db:\n        db.query(1)\n    {after}\n"
    assert_cases(tmp_path, {"app.py": source}, CODES)


def test_a_block_that_leaves_has_nothing_after_it(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from core.database import SessionLocal

                def fallback(db=None):
                    if db is None:
                        with SessionLocal() as db:
                            return work(db)
                    else:
                        return work(db)

                def early(name, db=None):
                    if name:
                        with SessionLocal() as db:
                            if db:
                                return 1
                            else:
                                raise ValueError
                    return db.query(1)
            """
        },
        CODES,
    )


def test_other_blocks_give_no_session(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import requests
                from sqlalchemy import create_engine

                engine = create_engine("sqlite://")

                def fetch():
                    with requests.Session() as session:
                        pass
                    session.get("")
                    with engine.connect() as conn:
                        return conn
            """
        },
        CODES,
    )


def test_the_message_names_the_block(tmp_path: Path) -> None:
    source = """
        from core.database import SessionLocal

        def work():
            with SessionLocal() as db:
                return db
    """
    write_project(tmp_path, {"app.py": source})
    messages = [m for _, _, code, m in lint(tmp_path, "app.py") if code in CODES]
    assert messages == [
        "`return db` returns `db`, which the `with` block of line 5 closes; "
        "do the work inside the block, or take the session as a parameter"
    ]


def test_the_items_of_a_with_are_bound_one_after_the_other(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                from sqlalchemy.orm import Session

                def twice(engine):
                    with Session(engine) as db:
                        db.execute(1)
                    with Session(engine) as db, db.begin():
                        db.execute(2)

                def the_other_way_round(engine):
                    with Session(engine) as db:
                        db.execute(1)
                    with db.begin(), Session(engine) as db:  # DBS207
                        db.execute(2)
            """
        },
        {"DBS207"},
    )


def test_a_fixture_yields_what_it_would_return(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "tests/conftest.py": """
                import pytest
                from sqlalchemy.orm import Session

                @pytest.fixture
                def db(engine):
                    with Session(engine) as session:
                        return session
            """
        },
    )
    (message,) = [m for *_, code, m in lint(tmp_path, "tests/conftest.py") if code == "DBS207"]
    assert message.endswith("; `yield` it inside the block")
