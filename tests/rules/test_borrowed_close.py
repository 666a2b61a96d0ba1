"""DBS306: sessions closed that belong to somebody else."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS301", "DBS306"}


def test_parameters_injected_sessions_and_those_of_a_request(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "database.py": """
                from flask import g
                from sqlalchemy.orm import sessionmaker

                SessionLocal = sessionmaker()

                def get_db():
                    db = SessionLocal()
                    try:
                        yield db
                    finally:
                        db.close()

                def new_db():
                    return SessionLocal()

                def get_request_db_session():
                    if "db" not in g:
                        g.db = SessionLocal()
                    return g.db
            """,
            "service.py": """
                from typing import Annotated
                from fastapi import Depends
                from sqlalchemy.orm import Session
                from database import get_db, get_request_db_session, new_db

                def parameter(db: Session):
                    db.query(1)
                    if db:
                        db.close()  # DBS306

                SessionDep = Annotated[Session, Depends(get_db)]

                def injected(db=Depends(get_db)):
                    db.add(1)
                    db.close()  # DBS306

                def annotated(db: Annotated[Session, Depends(get_db)]):
                    db.execute(text("UPDATE agents SET seen = true"))
                    db.close()  # DBS306

                def by_an_alias(db: SessionDep):
                    db.query(1).delete()
                    db.close()  # DBS306

                def from_elsewhere(db: Session = Depends(elsewhere)):
                    db.query(1)
                    db.close()  # DBS306

                def of_the_request():
                    session = get_request_db_session()
                    session.query(1)
                    session.close()  # DBS306

                def injected_and_left_to_the_handler(db=Depends(new_db)):
                    db.query(1)
                    db.close()
            """,
        },
        CODES,
    )


def test_a_close_that_does_no_harm_lets_the_session_go(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "database.py": """
                from sqlalchemy import text
                from sqlalchemy.orm import sessionmaker

                SessionLocal = sessionmaker()

                def get_db():
                    with SessionLocal() as db:
                        yield db
                        db.commit()

                def get_audited_db():
                    with SessionLocal() as db:
                        yield db
                        db.execute(text("select 1"))
            """,
            "service.py": """
                from fastapi import Depends
                from sqlalchemy import delete
                from sqlalchemy.orm import Session
                from database import get_audited_db, get_db

                def read_only(db=Depends(get_db)):
                    ids = db.query(1).all()
                    db.close()
                    return export(ids)

                def committed(db=Depends(get_db)):
                    db.add(1)
                    db.commit()
                    db.close()

                def lost(db=Depends(get_db)):
                    db.commit()
                    db.execute(delete(1))
                    db.close()  # DBS306

                def worked_with_by_its_owner(db=Depends(get_audited_db)):
                    db.query(1)
                    db.close()  # DBS306

                def let_go_before_a_lock(session: Session):
                    session.commit()
                    session.close()
                    drop_tables()

                def given_up_before_a_lock(session: Session):
                    work(session)
                    session.rollback()
                    session.close()
                    drop_tables()

                def committed_on_one_way_only(session: Session):
                    try:
                        work(session)
                        session.commit()
                    finally:
                        session.close()  # DBS306
            """,
        },
        CODES,
    )


def test_the_callers_in_sight_decide(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                from sqlalchemy.orm import Session

                def count(db: Session):
                    number = db.query(1).count()
                    db.close()
                    return number

                def count_last(db: Session):
                    print(count(db))

                def count_and_commit(db: Session):
                    print(count(db))
                    db.commit()

                def list_all(db: Session):
                    rows = db.query(1).all()
                    db.close()  # DBS306
                    return rows

                def list_and_write(db: Session):
                    rows = list_all(db)
                    db.add(rows)
                    db.commit()

                def list_and_let_go(db: Session):
                    rows = db.query(1).all()
                    db.commit()
                    db.close()
                    return rows

                def list_again(db: Session):
                    return list_and_let_go(db), db.query(2).all()

                def find(db: Session, number):
                    row = db.get(1, number)
                    db.close()  # DBS306
                    return row

                def find_all(db: Session, numbers):
                    for number in numbers:
                        print(find(db, number))
            """
        },
        CODES,
    )


def test_a_session_that_may_be_the_callers(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                from sqlalchemy.orm import sessionmaker

                SessionLocal = sessionmaker()

                def by_or(db=None):
                    db = db or SessionLocal()
                    try:
                        return db.query(1)
                    finally:
                        db.close()  # DBS306

                def under_another_name(db=None):
                    session = SessionLocal() if db is None else db
                    session.query(1)
                    session.close()  # DBS306

                def by_a_condition(db=None):
                    db = db if db is not None else SessionLocal()
                    db.query(1)
                    db.close()  # DBS306

                def by_a_branch(db=None):
                    if db is None:
                        db = SessionLocal()
                    db.query(1)
                    db.close()  # DBS306

                def flagged(db=None):
                    own = db is None
                    if own:
                        db = SessionLocal()
                    try:
                        return db.query(1)
                    finally:
                        if own:
                            db.close()
            """
        },
        CODES,
    )


def test_a_function_whose_work_is_closing_is_silent(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                from contextlib import contextmanager
                from sqlalchemy.orm import Session

                def close_session(db: Session):
                    log_it()
                    db.close()

                def let_go(db: Session | None):
                    if db is not None and hasattr(db, "close"):
                        count_it("closed")
                        db.commit()
                        db.close()

                def stop_worker(db: Session):
                    db.query(1)
                    db.close()  # DBS306

                def end(db: Session):
                    db.rollback()
                    db.close()

                @contextmanager
                def scope(db: Session):
                    try:
                        yield db.query(1)
                    finally:
                        db.close()
            """
        },
        CODES,
    )


def test_a_session_that_is_handed_over_may_be_closed(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                from threading import Thread
                from sqlalchemy.orm import Session, sessionmaker

                SessionLocal = sessionmaker()

                def export(db: Session):
                    db.query(1)
                    db.close()

                def start():
                    Thread(target=export, args=(SessionLocal(),)).start()

                def count(db: Session):
                    number = db.query(1)
                    db.close()
                    return number

                def count_all():
                    return count(SessionLocal())

                def flagged(db: Session, own_session: bool):
                    db.query(1)
                    if own_session:
                        db.close()

                def fallback(db: Session | None = None):
                    own = db is None
                    db = db or SessionLocal()
                    db.query(1)
                    if own:
                        db.close()
            """
        },
        CODES,
    )


def test_an_alias_of_another_module_injects_too(tmp_path: Path) -> None:
    files = {
        "core/__init__.py": "",
        "core/deps.py": """
            from typing import Annotated
            from fastapi import Depends
            from sqlalchemy.orm import Session, sessionmaker

            make = sessionmaker()

            def get_db():
                with make() as db:
                    yield db

            SessionDep = Annotated[Session, Depends(get_db)]
        """,
        "app.py": """
            from core.deps import SessionDep

            def show(db: SessionDep):
                db.add(1)
                db.close()
        """,
    }
    write_project(tmp_path, files)
    found = [m for *_, code, m in lint(tmp_path, "app.py") if code == "DBS306"]
    assert found == [
        "`db.close()` closes `db`, which was injected; leave the close to its dependency"
    ]


def test_an_injected_session_that_is_only_let_go(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
                from typing import Annotated
                from fastapi import Depends
                from framework import dispatch, session_scope
                from sqlalchemy.ext.asyncio import AsyncSession

                DbSession = Annotated[AsyncSession, Depends(session_scope)]

                async def let_go(request, db: DbSession):
                    await db.close()
                    return await dispatch(request)

                async def used_after(request, db: DbSession):
                    await db.close()  # DBS306
                    return await dispatch(request, db)

                async def written(request, db: DbSession):
                    db.add(request)
                    await db.close()  # DBS306
            """,
        },
        CODES,
    )


def test_a_session_that_was_opened_on_every_way_to_the_close(tmp_path: Path) -> None:
    text = """
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker()

        def in_the_branch(db=None):
            if db is None:
                db = SessionLocal()
                try:
                    return db.query(1)
                finally:
                    db.close()
            else:
                return db.query(1)

        def after_a_return(db=None):
            if db is not None:
                return db.query(1)
            db = SessionLocal()
            number = db.query(1)
            db.close()
            return number

        def under_two_names(db=None):
            own = SessionLocal()
            if db is None:
                db = own
                db.query(1)
                db.close()

        def in_one_branch(db=None):
            if db is None:
                db = SessionLocal()
            db.query(1)
            db.close()  # DBS306
    """
    assert_cases(tmp_path, {"service.py": text}, {"DBS306"})


def test_a_close_where_none_was_given_is_its_own(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "service.py": """
    from sqlalchemy.orm import Session, sessionmaker

    SessionLocal = sessionmaker()

    def by_or(number, db: Session | None = None):
        session = db or SessionLocal()
        try:
            return session.get(Invoice, number)
        finally:
            if db is None:
                session.close()

    def by_a_test(number, db=None):
        session = SessionLocal() if db is None else db
        found = session.get(Invoice, number)
        if number and not db:
            session.close()
        return found

    def in_the_else(number, db=None):
        session = db if db is not None else SessionLocal()
        found = session.get(Invoice, number)
        if db is not None:
            session.flush()
        else:
            session.close()
        return found

    def where_one_was_given(number, db=None):
        session = db or SessionLocal()
        found = session.get(Invoice, number)
        if db is not None:
            session.close()  # DBS306
        return found

    def always(number, db=None):
        session = db or SessionLocal()
        found = session.get(Invoice, number)
        session.close()  # DBS306
        return found
"""
        },
        {"DBS306"},
    )


def test_the_session_of_an_extension_in_a_view(tmp_path: Path) -> None:
    """Whoever asks for it afterwards gets another: harm is done to writes, and to objects."""
    models = """
        from flask_sqlalchemy import SQLAlchemy

        db = SQLAlchemy()

        class Book(db.Model):
            title = db.Column(db.String)
            loans = db.relationship("Loan")
            shelf = db.relationship("Shelf", lazy="joined")
    """
    views = """
        from flask import Blueprint, jsonify
        from models import Book, db

        bp = Blueprint("books", __name__)

        @bp.get("/relationship")
        def relationship():
            book = db.session.get(Book, 1)
            db.session.close()  # DBS306
            return jsonify(book.loans)

        @bp.get("/query")
        def query():
            book = Book.query.filter_by(title="a").first()
            db.session.close()  # DBS306
            names = [loan.name for loan in book.loans]
            return jsonify(names)

        @bp.get("/lost")
        def lost():
            db.session.add(Book(title="a"))
            db.session.close()  # DBS306
            return "", 204

        @bp.get("/column")
        def column():
            book = db.session.get(Book, 1)
            db.session.close()
            return jsonify(book.title, book.shelf)

        @bp.get("/loaded")
        def loaded():
            book = db.session.get(Book, 1)
            print(book.loans)
            db.session.close()
            return jsonify(book.loans)

        @bp.get("/option")
        def option():
            book = db.session.query(Book).options(joinedload(Book.loans)).first()
            db.session.close()
            return jsonify(book.loans)

        @bp.get("/committed")
        def committed():
            db.session.add(Book(title="a"))
            db.session.commit()
            db.session.close()
            return jsonify(db.session.query(Book).count())

        def outside_of_a_view():
            book = db.session.get(Book, 1)
            db.session.close()
            return book.loans
    """
    assert_cases(tmp_path, {"models.py": models, "views.py": views}, {"DBS301", "DBS306"})


def test_other_modules_tell_who_calls_a_function(tmp_path: Path) -> None:
    service = """
        from sqlalchemy.orm import Session

        def export(db: Session):
            db.query(1)
            db.close()

        def count(db: Session):
            db.query(1)
            db.close()

        def last(db: Session):
            db.query(1)
            db.close()

        def between(db: Session):
            db.query(1)
            db.close()  # DBS306

        def lent(db: Session):
            db.query(1)
            db.close()  # DBS306
    """
    callers = """
        from threading import Thread
        from sqlalchemy.orm import Session, sessionmaker

        import service
        from service import between, count, last, lent

        make = sessionmaker()

        def start():
            Thread(target=service.export, args=(make(),)).start()

        def count_all():
            return count(make())

        def ends():
            db = make()
            last(db)
            db = None

        def hands_on(db: Session):
            lent(db)

        def goes_on(db: Session):
            between(db)
            return db.query(1)
    """
    assert_cases(tmp_path, {"service.py": service, "callers.py": callers}, CODES)
