"""DBS406: sessions opened beside one that was given."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases

CODES = {"DBS401", "DBS406"}
DATABASE = """
    from contextlib import contextmanager
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker()

    @contextmanager
    def get_db_session():
        with SessionLocal() as db:
            yield db

    def get_db():
        with SessionLocal() as db:
            yield db
"""
HEADER = """
    from typing import Annotated, Optional
    from fastapi import APIRouter, Depends
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlalchemy.orm import Session
    from core.database import SessionLocal, get_db, get_db_session

    router = APIRouter()
    SessionDep = Annotated[Session, Depends(get_db)]
"""


def check(folder: Path, code: str) -> None:
    assert_cases(folder, {"core/database.py": DATABASE, "api/agents.py": HEADER + code}, CODES)


def test_a_given_session_is_enough(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
    @router.get("/")
    def handler(db: Session = Depends(get_db)):
        with get_db_session() as other:  # DBS406
            return other.query(1).all()

    def annotated(db: SessionDep):
        other = SessionLocal()  # DBS406
        other.close()

    def keyword_only(*, db: "Session", engine: Engine):
        with Session(engine) as other:  # DBS406
            other.execute(1)

    def bare_default(db=Depends(get_db)):
        return SessionLocal()  # DBS406
    """,
    )


def test_the_fallback_of_an_optional_parameter_is_no_second(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
    def by_or(db: Session | None = None):
        db = db or SessionLocal()

    def by_condition(db: Optional[Session] = None):
        session = db if db is not None else SessionLocal()

    def by_if(db: Session = None):
        if db is None:
            db = SessionLocal()

    def by_flag(db: Session | None = None):
        own = db is None
        if own:
            db = SessionLocal()

    def by_leaving(db: Session | None = None):
        if db is not None:
            return db.query(1)
        with get_db_session() as own:
            return own.query(1)
    """,
    )


def test_an_optional_parameter_may_be_missing_and_a_tested_one_too(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
    def beside(db: Session | None = None):
        audit = SessionLocal()
        if db is not None:
            db.execute(1)

    def tested(db: Session):
        if not db:
            db = SessionLocal()
        return db.execute(1)
    """,
    )


def test_a_session_bound_to_another_database_is_no_second_one(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
    def get_session():
        with Session(tenant) as db:
            yield db

    @contextmanager
    def get_catalog_session():
        tenant = catalog_engine()
        with Session(bind=tenant) as db:
            yield db

    @contextmanager
    def get_tenant_session():
        with Session(tenant) as db:
            yield db

    def invite(db: Session = Depends(get_session)):
        with get_catalog_session() as shared:
            shared.execute(1)
        with get_tenant_session() as other:  # DBS406
            other.execute(1)
    """,
    )


def test_a_test_may_look_from_a_second_session(tmp_path: Path) -> None:
    text = """
    from sqlalchemy.orm import Session
    from core.database import SessionLocal

    def test_stored(db: Session):
        with SessionLocal() as other:
            assert other.get(1)
    """
    assert_cases(tmp_path, {"tests/test_stored.py": text}, {"DBS406"})


def test_other_functions_and_other_parameters_do_not_count(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
    def nested(db: Session):
        def work():
            with SessionLocal() as own:
                own.execute(1)
        return work

    async def other_kind(db: Session, async_session_maker: async_sessionmaker):
        async with async_session_maker() as own:
            await own.execute(db.query(1))

    def not_a_session(db: str, engine: Engine):
        with Session(engine) as own:
            own.execute(db)

    class Service:
        def __init__(self, db: Session):
            self.db = db

        def run(self):
            with get_db_session() as own:
                own.execute(1)
    """,
    )
