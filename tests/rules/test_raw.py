"""DBS101, DBS102 and DBS103: where a session may be opened."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.cases import CHOSEN, assert_cases, lint, write_project

CODES = {"DBS101", "DBS102", "DBS103"}
DATABASE = """
    from contextlib import contextmanager
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    engine = create_engine("sqlite://")
    new_session = sessionmaker(engine)

    @contextmanager
    def get_db_session():
        db = new_session()
        try:
            yield db
            db.commit()
        except Exception:
            db.rollback()
            raise
        finally:
            db.close()
"""


def test_a_factory_under_any_name_is_followed_to_its_module(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            **CHOSEN,
            "core/database.py": DATABASE,
            "core/service.py": """
                from .database import new_session as open_it
                from core import database

                def local():
                    db = open_it()  # DBS101
                    return db.query(1)

                def block():
                    with database.new_session() as db:  # DBS102
                        db.query(1)
            """,
        },
        CODES,
    )


def test_other_libraries_sessions_are_none(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "client.py": """
                import aiohttp
                import boto3
                import requests
                from requests import Session

                def fetch():
                    with requests.Session() as session, Session() as other:
                        session.get("")
                    boto3.Session().client("s3")
                    return aiohttp.ClientSession()
            """
        },
        CODES,
    )


def test_a_session_class_in_a_block_needs_a_provider_beside_its_engine(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            **CHOSEN,
            "core/database.py": DATABASE,
            "core/plain.py": "from sqlalchemy import create_engine\nengine = create_engine('')\n",
            "work.py": """
                from sqlalchemy.orm import Session
                from core.database import engine
                from core.plain import engine as plain

                def provided():
                    with Session(engine) as db:  # DBS103
                        return db.info

                def unprovided():
                    with Session(plain) as db, Session() as other:
                        return db.info, other.info

                def by_hand():
                    db = Session(plain)  # DBS103
                    return db.info
            """,
        },
        CODES,
    )


def test_a_session_that_joins_a_connection_is_left_alone(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "migration.py": """
                from alembic import op
                from sqlalchemy import Connection, event
                from sqlalchemy.orm import Session, sessionmaker

                def upgrade():
                    db = Session(bind=op.get_bind())
                    db.commit()

                def within(connection: Connection):
                    return Session(connection)

                @event.listens_for(Job, "after_update")
                def done(mapper, connection, target):
                    make = sessionmaker(bind=connection)
                    db = make()
                    db.add(target)
                    sessionmaker(connection)().add(target)
                    sessionmaker()(bind=connection).add(target)

                def load(extension):
                    conn = extension.get_engine().connect()
                    db = sessionmaker()(bind=conn)
                    db.execute(1)
            """,
            "hooks.py": """
                from sqlalchemy import event, orm
                from sqlalchemy.engine.base import Connection
                from sqlalchemy.orm.session import Session

                @event.listens_for(Rating, "after_insert")
                def rated(_, connection: Connection, target):
                    db = Session(bind=connection)
                    db.add(target)
                    db.commit()

                @event.listens_for(orm.Session, "after_flush")
                def flushed(session: orm.Session, _):
                    db = orm.Session(bind=session.connection())
                    db.execute(1)
            """,
        },
        {*CODES, "DBS302", "DBS406"},
    )


def test_a_database_of_its_own_is_none_of_the_houses(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            **CHOSEN,
            "core/database.py": DATABASE,
            "core/settings.py": "URL = 'sqlite:///house.db'",
            "script.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import Session, sessionmaker
                from core.settings import URL

                COPY = "sqlite:///copy.db"

                def in_memory():
                    engine = create_engine("sqlite:///:memory:")
                    make = sessionmaker(bind=engine)
                    db = make()
                    db.execute(1)

                def copied():
                    engine = create_engine(COPY)
                    db = Session(engine)
                    db.execute(1)

                def the_houses():
                    engine = create_engine(URL)
                    db = Session(engine)  # DBS103
                    db.execute(1)
            """,
        },
        CODES,
    )


def test_a_bare_name_does_not_win_over_what_is_found(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "client.py": """
                from requests import Session as SessionLocal

                class Client:
                    def __init__(self, session_factory):
                        self._session_factory = session_factory

                    def fetch(self):
                        self.session = self._session_factory()
                        return SessionLocal().get("")
            """
        },
        CODES,
    )


def test_where_no_provider_is_known_a_factorys_own_block_is_the_way_out(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            **CHOSEN,
            "other.py": "SessionLocal = sessionmaker()\n",
            "script.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import sessionmaker

                def run():
                    make = sessionmaker(create_engine(os.environ["URL"]))
                    db = make()
                    return db.info
            """,
        },
    )
    messages = [message for *_, code, message in lint(tmp_path, "script.py") if code == "DBS103"]
    assert messages == [
        "`make()` calls a factory that is made anew each time; "
        "make it once for the process, and use `with make() as db:`"
    ]


def test_a_factory_whose_module_cannot_be_found_has_no_provider_to_bypass(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "sync.py": """
                from database.database import SessionLocal

                def sync():
                    with SessionLocal() as session:
                        session.commit()
            """,
            "begun.py": """
                from database.database import SessionLocal

                def sync():
                    with SessionLocal.begin() as session:
                        session.execute("select 1")
            """,
        },
        CODES,
    )


def test_an_asynchronous_provider_is_no_way_out_for_a_plain_session(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "database.py": """
                from contextlib import asynccontextmanager
                from sqlalchemy import create_engine
                from sqlalchemy.ext.asyncio import async_sessionmaker
                from sqlalchemy.orm import sessionmaker

                SessionLocal = sessionmaker(create_engine(URL))
                AsyncSessionLocal = async_sessionmaker(async_engine)

                @asynccontextmanager
                async def get_db_session():
                    async with AsyncSessionLocal() as db:
                        yield db
            """,
            "script.py": """
                from database import SessionLocal

                def run():
                    db = SessionLocal()
                    return db.info
            """,
        },
    )
    messages = [message for *_, code, message in lint(tmp_path, "script.py") if code == "DBS101"]
    assert messages == [
        "`SessionLocal()` opens a session by hand; use `with SessionLocal() as db:`"
    ]


def test_a_name_that_its_module_does_not_tell_has_no_provider_but_that_modules(
    tmp_path: Path,
) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": """
                from sqlalchemy.ext.asyncio import async_sessionmaker

                AsyncSessionLocal = async_sessionmaker(engine)
                async_session_maker = elsewhere()
            """,
            "script.py": """
                from core.database import async_session_maker

                async def in_a_block():
                    async with async_session_maker() as db:
                        return await db.execute(query)

                async def by_hand():
                    db = async_session_maker()  # DBS101
                    return db.info
            """,
        },
        CODES,
    )


def test_a_factory_from_the_houses_own_maker_is_the_houses(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "orm.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import sessionmaker

                def new_session_factory(url):
                    return sessionmaker(create_engine(url))
            """,
            "shell.py": """
                import orm

                def run(url):
                    db = orm.new_session_factory(url)()  # DBS101
                    return db.info
            """,
        },
        CODES,
    )


def test_a_file_that_hands_out_its_own_sessions_owns_them(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "evals.py": """
                from contextlib import contextmanager
                from sqlalchemy.orm import sessionmaker

                @contextmanager
                def isolated(engine):
                    Maker = sessionmaker(bind=engine)
                    def make_session():
                        db = Maker()
                        db.begin_nested()
                        return db
                    yield make_session

                def run(engine):
                    with isolated(engine) as SessionLocal:
                        with SessionLocal() as db:
                            return db.info
            """
        },
        CODES,
    )


def test_a_context_manager_written_as_a_class_is_a_provider(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": DATABASE,
            "locked.py": """
                from core.database import new_session

                class Locked:
                    def __enter__(self):
                        self._block = new_session()
                        return self._block.__enter__()

                    def __exit__(self, *error):
                        self._block.__exit__(*error)

                    def reopen(self):
                        self._block = new_session()  # DBS101
            """,
        },
        {"DBS101"},
    )


def test_the_sqlalchemy_preset_leaves_blocks_alone(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "dbsession.toml": 'preset = "sqlalchemy"\nenable = ["DBS307"]\n',
            "core/database.py": DATABASE,
            "work.py": """
                from sqlalchemy.orm import Session
                from core.database import engine, new_session

                def blocks():
                    with Session(engine) as db, new_session() as other:
                        return db.info, other.info

                def by_hand():
                    db = Session(engine)  # DBS103
                    return db.info
            """,
        },
        CODES,
    )


def test_where_nothing_is_bypassed_a_session_class_is_the_way(tmp_path: Path) -> None:
    script = """
        from sqlalchemy.orm import Session, sessionmaker
        from base import engine

        def run():
            \"\"\"Run, as in::

                SessionLocal = sessionmaker(engine)
            \"\"\"
            db = Session(engine){0}
            make = sessionmaker(engine)
            return db.info, make().info{1}
    """
    engine = "from sqlalchemy import create_engine\nengine = create_engine(URL)\n"
    dependency = """
        from sqlalchemy.orm import Session

        def get_db():
            with Session(engine) as db:
                yield db
    """
    provider = """
        from contextlib import contextmanager
        from sqlalchemy.orm import Session

        @contextmanager
        def get_db_session():
            with Session(engine) as db:
                yield db
    """
    silent, fires = script.format("", ""), script.format("  # DBS103", "  # DBS103")
    for number, files in enumerate(
        [
            {"base.py": engine, "script.py": silent},
            {"base.py": engine, "script.py": silent, "tests/db.py": "Local = sessionmaker()"},
            {"base.py": engine, "script.py": fires, "db.py": "Local = sessionmaker()"},
            {"base.py": engine, "script.py": fires, "db.py": "Local = scoped_session(maker)"},
            {"base.py": engine + dedent(dependency), "script.py": silent},
            {"base.py": engine + dedent(provider), "script.py": fires},
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert_cases(folder, {**CHOSEN, **files}, {"DBS103"})


def test_a_database_that_a_function_writes_out_is_its_own(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            **CHOSEN,
            "core/database.py": DATABASE,
            "script.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import sessionmaker

                def run():
                    file = "trial.db"
                    engine = create_engine(f"sqlite:///{file}")
                    Local = sessionmaker(bind=engine)
                    db = Local()
                    return db.info

                def run_on(settings=SETTINGS):
                    engine = create_engine(f"sqlite:///{SETTINGS.file}")
                    Local = sessionmaker(bind=engine)
                    db = Local()  # DBS103
                    return db.info
            """,
        },
        {"DBS103"},
    )


def test_a_block_over_the_session_stands_on_the_next_line(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "worker.py": """
                from contextlib import closing
                import sqlalchemy as sa
                from sqlalchemy.orm import Session, sessionmaker

                class Queue:
                    def __init__(self, engine):
                        self.dbmaker = sessionmaker(bind=engine)
                        self.engine = engine

                    def execute_job(self, job):
                        db = self.dbmaker()
                        with db:
                            db.execute(sa.text("select 1"))

                    def closed(self, job):
                        db = self.dbmaker()
                        with closing(db), self.lock:
                            db.execute(sa.text("select 1"))

                    def later(self, job):
                        db = self.dbmaker()  # DBS101
                        prepare(db)
                        with db:
                            db.execute(sa.text("select 1"))

                    def of_another(self, job, other):
                        db = self.dbmaker()  # DBS101
                        with other:
                            db.execute(sa.text("select 1"))
            """
        },
        CODES,
    )


def test_the_place_that_makes_the_requests_session(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from flask import Flask, g
                from sqlalchemy import create_engine
                from sqlalchemy.orm import sessionmaker

                def create_app():
                    app = Flask(__name__)
                    app.SessionLocal = sessionmaker(bind=create_engine("postgresql://x/y"))

                    @app.before_request
                    def _open():
                        _create(app)

                    @app.teardown_appcontext
                    def _close(exc):
                        if hasattr(g, "db_session"):
                            g.db_session.close()

                    return app

                def _create(app):
                    g.db_session = app.SessionLocal()
                    return True

                def _forgotten(app):
                    g.log_session = app.SessionLocal()  # DBS101
            """,
            "middleware.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import sessionmaker

                SessionLocal = sessionmaker(create_engine("postgresql://x/y"))

                async def middleware(request, call_next):
                    request.state.db = SessionLocal()
                    try:
                        return await call_next(request)
                    finally:
                        request.state.db.close()

                async def forgetful(request, call_next):
                    request.state.db = SessionLocal()  # DBS101
                    return await call_next(request)
            """,
        },
        {"DBS101"},
    )


@pytest.mark.parametrize("name", ["Db", "Store", "make"])
@pytest.mark.parametrize("module", ["app.db", "app.other"])
@pytest.mark.parametrize("written", ["self.db = {}()", "self.db: Session = {}()"])
def test_a_factory_of_any_name_that_an_object_s_attribute_is_opened_by(
    name: str, module: str, written: str, tmp_path: Path
) -> None:
    factory = f"""
    from sqlalchemy.orm import sessionmaker
    {name} = sessionmaker()
    """
    service = f"""
    from sqlalchemy.orm import Session
    from {module} import {name}

    class Service:
        def __init__(self):
            {written.format(name)}  # DBS101

        def work(self):
            return self.db.execute(1)
    """
    files = {module.replace(".", "/") + ".py": factory, "app/service.py": service}
    assert_cases(tmp_path, {**files, "app/__init__.py": ""}, {"DBS101"})


def test_an_engine_of_a_url_that_is_given_bypasses_no_factory(tmp_path: Path) -> None:
    header = "from sqlalchemy import create_engine\nfrom sqlalchemy.orm import sessionmaker\n"
    files = {
        **CHOSEN,
        "store.py": header
        + """
class Store:
    def __init__(self, url):
        self.make = sessionmaker(create_engine(url))
""",
        "history.py": header
        + """
URL = "postgresql://localhost/shop"

class History:
    def __init__(self, url):
        self.engine = create_engine(url)
        make = sessionmaker(bind=self.engine)
        self.db = make()

    def __del__(self):
        self.db.close()

def copy(host):
    url = f"postgresql://{host}/shop"
    engine = create_engine(url)
    make = sessionmaker(engine)
    db = make()
    db.close()

class Kept:
    def __init__(self):
        self.engine = create_engine(settings.URL)
        make = sessionmaker(bind=self.engine)
        self.db = make()  # DBS103
""",
    }
    assert_cases(tmp_path, files, {"DBS103"})


def test_what_a_block_enters_after_both_branches_is_not_opened_by_hand(tmp_path: Path) -> None:
    text = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session, sessionmaker

        engine = create_engine("sqlite://")
        SessionLocal = sessionmaker(engine)

        def count(other=None):
            if other is not None:
                session = other()
            else:
                session = SessionLocal()
            with session as db:
                return db.query(1).count()

        def count_later(other=None):
            if other is not None:
                session = other()
            else:
                session = SessionLocal()  # DBS101
            print(session)
            with session as db:
                return db.query(1).count()
    """
    assert_cases(tmp_path, {"app/service.py": text, "app/__init__.py": ""}, {"DBS101"})


def test_what_nobody_has_said_is_asked_only_beside_a_provider(tmp_path: Path) -> None:
    knows = """
        from core.database import engine, get_db_session, new_session
        from sqlalchemy.orm import Session

        def block():
            with new_session() as db:{0}
                return db.info

        def of_class():
            with Session(engine) as db:{1}
                return db.info

        def by_hand():
            db = Session(engine){1}
            try:
                return db.info
            finally:
                db.close()
    """
    knows_factory = knows.replace(", get_db_session", "")
    knows_engine = knows_factory.replace(", new_session", "").replace("new_session", "print")
    for number, (text, policy) in enumerate(
        [
            (knows.format("  # DBS102", "  # DBS103"), {}),
            (knows_factory.format("  # DBS102", "  # DBS103"), CHOSEN),
            (knows_engine.format("", ""), {}),
            (knows_engine.format("", "  # DBS103"), CHOSEN),
        ]
    ):
        files = {"core/database.py": DATABASE, "work.py": text, **policy}
        assert_cases(tmp_path / str(number), files, CODES)


def test_a_factory_at_hand_is_not_bypassed_by_hand(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": DATABASE,
            "work.py": """
                from core.database import engine, new_session
                from sqlalchemy.orm import Session

                def with_either():
                    with new_session() as db, Session(engine) as other:
                        return db.info, other.info

                def by_hand():
                    db = Session(engine)  # DBS103
                    try:
                        return db.info
                    finally:
                        db.close()
            """,
        },
        CODES,
    )


def test_a_block_below_that_closes_what_was_opened(tmp_path: Path) -> None:
    text = """
        from contextlib import contextmanager
        from sqlalchemy.orm import sessionmaker

        Maker = sessionmaker()

        @contextmanager
        def guard(session, close=True):
            try:
                yield session
                session.commit()
            finally:
                if close:
                    session.close()

        @contextmanager
        def leaving_open(session):
            yield session
            session.commit()
    """
    jobs = """
        from lib import Maker, guard, leaving_open

        def guarded():
            session = Maker()
            register(session.get_bind().dispose)
            with guard(session):
                session.execute(1)

        def not_closed():
            session = Maker()  # DBS101
            with leaving_open(session):
                session.execute(1)

        def told_to_leave_it_open():
            session = Maker()  # DBS101
            with guard(session, close=False):
                session.execute(1)
    """
    assert_cases(tmp_path, {"lib.py": text, "jobs.py": jobs}, {"DBS101"})
