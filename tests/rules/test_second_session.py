"""DBS406: sessions opened beside one that was given."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project

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
    from contextlib import contextmanager
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

    def keyword_only(*, db: Annotated["Session", Depends(get_db)], number: int):
        with SessionLocal() as other:  # DBS406
            other.execute(number)

    def of_the_one_factory(db: Session, *, engine: Engine):
        with Session(engine) as other, SessionLocal() as third:  # DBS406
            other.execute(third)

    def bare_default(db=Depends(get_db)):
        SessionLocal().execute(1)  # DBS406
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


def test_a_second_factory_may_have_the_same_engine(tmp_path: Path) -> None:
    database = """
        from contextlib import contextmanager
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session, scoped_session, sessionmaker

        engine = create_engine("postgresql://db/main")
        archive_engine = create_engine("postgresql://db/archive")
        SessionLocal = sessionmaker(bind=engine)
        ReadOnly = sessionmaker(engine, autoflush=False)
        ArchiveSession = sessionmaker(bind=archive_engine)
        Registry = scoped_session(SessionLocal)

        def get_db():
            with SessionLocal() as db:
                yield db

        def get_registrys_db():
            yield Registry()

        @contextmanager
        def create_session():
            session = Registry()
            try:
                yield session
            finally:
                session.close()
    """
    use = """
        from fastapi import Depends
        from sqlalchemy.orm import Session
        from database import (
            ArchiveSession, ReadOnly, Session, SessionLocal, create_session, engine, get_db,
            get_registrys_db,
        )

        def copy(db: Session = Depends(get_db)):
            with ArchiveSession() as archive:
                db.add(archive.get(1))
            with ReadOnly() as same:  # DBS406
                return same.get(1)

        def of_the_class(db: Session = Depends(get_db)):
            with Session(engine) as same:  # DBS406
                return same.get(1)

        def of_which_factory(db: Session):
            with SessionLocal() as other, ArchiveSession() as third:
                other.add(third.get(1))

        def of_the_registry(db: Session = Depends(get_registrys_db)):
            db.merge(1)
            with create_session() as same:
                same.merge(1)
    """
    assert_cases(tmp_path, {"database.py": database, "use.py": use}, {"DBS406"})


def test_a_session_that_is_ended_first_is_not_there_any_more(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
    def committed(db: SessionDep):
        db.commit()
        with SessionLocal() as other:
            other.execute("drop table a")

    def closed(db: SessionDep):
        ids = list(db.scalars(1))
        db.close()
        for number in ids:
            with get_db_session() as other:
                other.execute(number)

    def worked_with_since(db: SessionDep):
        db.commit()
        db.add(1)
        with SessionLocal() as other:  # DBS406
            other.execute(1)

    @contextmanager
    def lock(db: SessionDep):
        other = SessionLocal()
        try:
            yield other
        finally:
            other.close()
    """,
    )


def test_a_handler_with_a_session_opens_no_other_for_dbs401_either(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
    @router.get("/")
    def handler(db: SessionDep):
        db.commit()
        with SessionLocal() as other:
            return other.query(1).all()
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


COMMITTING = """
    @contextmanager
    def unit_of_work():
        with SessionLocal.begin() as db:
            yield db

    def get_committed():
        with SessionLocal() as db:
            yield db
            db.commit()
"""
USES = """
    from core.database import get_committed, unit_of_work

    def adds(db: Session = Depends(get_db)):
        with unit_of_work() as other:
            other.add(1)

    def changes(db: Session = Depends(get_db)):
        with unit_of_work() as other:
            other.get(Agent, 1).name = "x"

    def begins(db: Session = Depends(get_db)):
        with SessionLocal.begin() as other:
            other.add(1)

    def commits(db: Session = Depends(get_db)):
        with unit_of_work() as other:
            other.add(1)
            other.commit()

    def reads(db: Session = Depends(get_db)):
        with unit_of_work() as other:
            return other.query(Agent).all()

    def is_committed(db: Session = Depends(get_committed)):
        with unit_of_work() as other:
            other.add(1)

    def closes(db: Session = Depends(get_db)):
        with get_db_session() as other:
            other.add(1)
"""


def test_a_commit_that_the_given_session_does_not_get_is_said(tmp_path: Path) -> None:
    files = {"core/database.py": DATABASE + COMMITTING, "api/agents.py": HEADER + USES}
    write_project(tmp_path, files)
    found = [m for _, _, code, m in lint(tmp_path, "api/agents.py") if code == "DBS406"]
    endings = [message.partition("which the function was given")[2] for message in found]
    lost = ", and see that it is committed, as `{}` does by itself"
    by_provider, by_begin = lost.format("unit_of_work()"), lost.format("SessionLocal.begin()")
    assert endings == [by_provider, by_provider, by_begin, "", "", "", ""]


def test_a_session_whose_work_failed_is_none_to_use(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
    from sqlalchemy.exc import SQLAlchemyError

    def in_the_handler(db: SessionDep):
        try:
            work(db)
        except SQLAlchemyError:
            with SessionLocal() as other:
                note(other)

    def behind_the_handler(db: SessionDep):
        try:
            work(db)
            return
        except Exception:
            log()
        try:
            with SessionLocal() as other:
                note(other)
        except Exception:
            log()

    def behind_it_in_a_branch(db: SessionDep, number):
        if number:
            try:
                return work(db)
            except Exception:
                log()
            with SessionLocal() as other:
                note(other)

    def for_all_that_went_well(db: SessionDep):
        try:
            work(db)
        except Exception:
            log()
        with SessionLocal() as other:  # DBS406
            note(other)

    def before_it(db: SessionDep):
        with SessionLocal() as other:  # DBS406
            note(other)
        try:
            return work(db)
        except SQLAlchemyError:
            log()

    def of_another(db: SessionDep):
        try:
            number = int(text)
        except Exception:
            with SessionLocal() as other:  # DBS406
                note(other)

    def of_no_error_of_the_session(db: SessionDep):
        try:
            return work(db, texts[0])
        except (KeyError, IndexError):
            with SessionLocal() as other:  # DBS406
                note(other)
    """,
    )
