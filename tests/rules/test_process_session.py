"""DBS205: sessions stored for the whole process."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases

CODES = {"DBS205"}


def test_global_names(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from core.database import SessionLocal

                _db = None

                def get():
                    global _db
                    if _db is None:
                        _db = SessionLocal()  # DBS205
                    return _db

                def keep():
                    global _db
                    db = SessionLocal()  # DBS205
                    _db = db

                def local():
                    _db = SessionLocal()
                    _db.close()
            """
        },
        CODES,
    )


def test_application_state_and_modules(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/config.py": "db = None\n",
            "core/main.py": """
                import contextlib
                import sys

                from fastapi import FastAPI

                from core import config
                from core.database import SessionLocal

                server = FastAPI()

                @server.on_event("startup")
                def start():
                    server.state.db = SessionLocal()  # DBS205

                @contextlib.asynccontextmanager
                async def lifespan(app):
                    db = SessionLocal()  # DBS205
                    app.state.db = db
                    yield

                def by_request(request):
                    request.app.state.session = SessionLocal()  # DBS205

                def configure():
                    config.db = SessionLocal()  # DBS205
                    sys.db = SessionLocal()  # DBS205
            """,
        },
        CODES,
    )


def test_cached_results(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import functools
                from functools import cache

                import streamlit as st

                from core.database import SessionLocal

                @functools.lru_cache(maxsize=1)
                def one():
                    return SessionLocal()  # DBS205

                @cache
                def two():
                    db = SessionLocal()  # DBS205
                    return db

                @st.cache_resource
                def three():
                    return SessionLocal()  # DBS205

                @st.cache_resource(ttl=60)
                def four():
                    return SessionLocal()  # DBS205

                @cache
                def factory():
                    return SessionLocal

                @cache
                def count():
                    with SessionLocal() as db:
                        return db.query(1).count()

                @other.cache
                def unknown():
                    return SessionLocal()
            """
        },
        CODES,
    )


def test_what_lives_with_a_thread_or_a_request_is_no_such_place(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import contextvars
                import threading

                import flask
                from fastapi import FastAPI, Request
                from flask import g
                from sqlalchemy.orm import scoped_session, sessionmaker

                make = sessionmaker()
                local = threading.local()
                current = contextvars.ContextVar("db")
                registry = None
                app = FastAPI()

                def thread():
                    local.db = make()

                def context():
                    current.set(make())

                def request_scoped(request: Request):
                    g.db = make()
                    flask.g.other = make()
                    request.state.db = make()
                    db = make()
                    request.state.other = db
                    g.third = db

                def configure():
                    global registry
                    registry = scoped_session(make)
                    app.state.factory = make
            """
        },
        CODES,
    )


def test_a_migrations_session_joins_its_connection(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "migrations/versions/one.py": """
                from alembic import op
                from sqlalchemy.orm import Session

                import entities

                def upgrade():
                    session = Session(op.get_bind())
                    entities.Session = session
            """
        },
        {"DBS205"},
    )


def test_what_a_registry_gives_is_one_threads_session(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "ub.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import scoped_session, sessionmaker

                session = None
                registry = None

                def init_db(path):
                    global session, registry
                    Session = scoped_session(sessionmaker())
                    Session.configure(bind=create_engine(path))
                    session = Session()  # DBS205
                    registry = Session

                def local():
                    Session = scoped_session(sessionmaker())
                    session = Session()
                    return session.get(User, 1)
            """
        },
        {"DBS205"},
    )
