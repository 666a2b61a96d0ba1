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

                def injected(db=Depends(get_db)):
                    db.query(1)
                    db.close()  # DBS306

                def annotated(db: Annotated[Session, Depends(get_db)]):
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

                def export_worker(db: Session):
                    db.query(1)
                    db.close()

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
                names = db.query(1).all()
                db.close()
                return names
        """,
    }
    write_project(tmp_path, files)
    found = [m for *_, code, m in lint(tmp_path, "app.py") if code == "DBS306"]
    assert found == ["`db.close()` closes `db`, which was injected; its dependency does that"]
