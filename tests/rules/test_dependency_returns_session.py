"""DBS405: dependencies that return what they should yield."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases

CODES = {"DBS405"}
DATABASE = """
    import sqlite3
    from functools import lru_cache
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker()

    def new_session():
        return SessionLocal()

    class Manager:
        def get_session(self):
            session = SessionLocal()
            return session

    manager = Manager()
"""


def test_once_at_the_return_where_the_function_is_in_the_file(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": DATABASE,
            "app.py": """
                import sqlite3
                from fastapi import Depends
                from core.database import SessionLocal

                def get_db():
                    db = SessionLocal()
                    return db  # DBS405

                async def get_connection():
                    return sqlite3.connect("app.db")  # DBS405

                def get_closed_db():
                    with SessionLocal() as db:
                        return db  # DBS405

                def get_finished_db():
                    db = SessionLocal()
                    try:
                        return db  # DBS405
                    finally:
                        db.close()

                def written_here(db=Depends(lambda: SessionLocal())): ...  # DBS405
                def first(db=Depends(get_db), conn=Depends(get_connection)): ...
                def second(db=Depends(get_db), other=Depends(get_closed_db)): ...
                def third(db=Depends(get_finished_db)): ...
            """,
        },
        CODES,
    )


def test_once_at_the_return_in_another_module(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": """
                from sqlalchemy.orm import sessionmaker

                SessionLocal = sessionmaker()

                def new_session():
                    return SessionLocal()  # DBS405

                def by_another_name():
                    return SessionLocal()

                def not_injected():
                    return SessionLocal()

                class Manager:
                    def get_session(self):
                        session = SessionLocal()
                        return session  # DBS405

                manager = Manager()
            """,
            "app.py": """
                from typing import Annotated
                from fastapi import Depends
                from fastapi import Depends as Inject
                from core.database import SessionLocal, manager, new_session
                from core.database import by_another_name as get_db
                from core import database

                Db = Annotated[object, Depends(database.new_session)]

                def first(db=Depends(new_session)): ...
                def second(db=Depends(new_session)): ...
                def method(db=Depends(manager.get_session)): ...
                def renamed(db=Depends(get_db)): ...  # DBS405
                def renamed_injector(db=Inject(new_session)): ...  # DBS405
            """,
            "other.py": """
                from fastapi import Depends

                def not_injected(): ...
                def handler(db=Depends(not_injected)): ...
            """,
        },
        CODES,
    )


def test_what_is_yielded_kept_cached_or_closed_elsewhere_is_no_return(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": DATABASE,
            "app.py": """
                from functools import lru_cache
                from fastapi import BackgroundTasks, Depends, Request
                from core.database import SessionLocal

                def yielded():
                    with SessionLocal() as db:
                        yield db

                def kept(request: Request):
                    db = SessionLocal()
                    request.state.db = db
                    return db

                @lru_cache
                def cached():
                    return SessionLocal()

                def registered(tasks: BackgroundTasks):
                    db = SessionLocal()
                    tasks.add_task(db.close)
                    return db

                def factory():
                    return SessionLocal

                def not_injected():
                    return SessionLocal()

                def handler(
                    a=Depends(yielded),
                    b=Depends(kept),
                    c=Depends(cached),
                    d=Depends(registered),
                    e=Depends(factory),
                ): ...
            """,
        },
        CODES,
    )


def test_a_later_definition_takes_an_imports_place(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "db.py": """
                import psycopg2

                def get_db():
                    return psycopg2.connect("dbname=x")  # DBS405
            """,
            "routes.py": """
                from fastapi import Depends
                from sqlalchemy.orm import sessionmaker
                from db import get_db

                SessionLocal = sessionmaker()

                def get_db():
                    with SessionLocal() as db:
                        yield db

                def load(db=Depends(get_db)):
                    return db
            """,
            "fallback.py": """
                from fastapi import Depends

                try:
                    from db import get_db
                except ImportError:
                    def get_db():
                        yield None

                def load(db=Depends(get_db)):
                    return db
            """,
        },
        {"DBS405"},
    )
