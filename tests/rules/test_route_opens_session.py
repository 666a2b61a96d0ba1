"""DBS401: sessions that request handlers open for themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS401"}
DATABASE = """
    from contextlib import contextmanager
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker()

    def get_db():
        db = SessionLocal()
        try:
            yield db
        finally:
            db.close()

    @contextmanager
    def get_db_session():
        with SessionLocal() as db:
            yield db
            db.commit()
"""
BARE = """
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker()
"""
ROUTER = """
    from fastapi import APIRouter, Depends
    from sqlalchemy.orm import Session
    from core.database import SessionLocal, get_db, get_db_session

    router = APIRouter()
"""
# An empty policy puts the preset's layers over the project's folder.
HOUSE = {"core/database.py": DATABASE, "dbsession.toml": ""}
REQUESTS = """
    [[layers]]
    name = "requests"
    paths = ["web/"]
    use = "get_request_db_session"
    style = "request"
"""


def test_a_handler_of_the_routes_layer_is_given_its_session(tmp_path: Path) -> None:
    handlers = """
    @router.get("/by-hand")
    def by_hand():
        db = SessionLocal()  # DBS401
        db.close()

    @router.post("/block")
    async def block():
        with get_db_session() as db:  # DBS401
            db.execute(1)

    @router.get("/injected")
    def injected(db: Session = Depends(get_db)):
        return db.query(1).all()

    @router.get("/second")
    def second(db: Session = Depends(get_db)):
        return SessionLocal().query(1)
    """
    files = {**HOUSE, "api/agents.py": ROUTER + handlers}
    assert_cases(tmp_path, files, CODES)


def test_websockets_nested_functions_and_helpers_are_left_alone(tmp_path: Path) -> None:
    handlers = """
    @router.websocket("/live")
    async def live(socket):
        with get_db_session() as db:
            db.execute(1)

    @router.get("/export")
    def export():
        def rows():
            with SessionLocal() as db:
                yield from db.query(1)

        return rows()

    def helper():
        with get_db_session() as db:
            return db.query(1).all()
    """
    files = {**HOUSE, "api/agents.py": ROUTER + handlers}
    assert_cases(tmp_path, files, CODES)


def test_only_the_layers_whose_pattern_is_injection_are_held_to_it(tmp_path: Path) -> None:
    handlers = """
    @router.get("/")
    def index():
        with SessionLocal() as db:
            return db.query(1).all()
    """
    files = {**HOUSE, "main.py": ROUTER + handlers}
    assert_cases(tmp_path, files, CODES)


def test_flask_is_not_held_to_a_pattern_nobody_chose(tmp_path: Path) -> None:
    view = """
        from flask import Blueprint
        from core.database import SessionLocal

        agents = Blueprint("agents", __name__)

        @agents.route("/agents")
        def index():
            db = SessionLocal(){mark}
            return db.query(1).all()
    """
    (tmp_path / "plain").mkdir()
    plain = {**HOUSE, "routes/agents.py": view.format(mark="")}
    assert_cases(tmp_path / "plain", plain, CODES)
    chosen = {
        **HOUSE,
        "dbsession.toml": REQUESTS,
        "web/agents.py": view.format(mark="  # DBS401"),
    }
    (tmp_path / "chosen").mkdir()
    assert_cases(tmp_path / "chosen", chosen, CODES)


@pytest.mark.parametrize(
    ("name", "database", "policy", "way_out"),
    [
        (
            "api/a.py",
            DATABASE.replace("get_db()", "open_db()"),
            "",
            "the parameter `db = Depends(open_db)`",
        ),
        ("web/a.py", BARE, REQUESTS, "`db = get_request_db_session()`"),
    ],
)
def test_the_message_names_the_house_s_own_way(
    tmp_path: Path, name: str, database: str, policy: str, way_out: str
) -> None:
    handler = """
    @router.get("/")
    def index():
        return SessionLocal().query(1).all()
    """
    files = {"core/database.py": database, "dbsession.toml": policy, name: ROUTER + handler}
    write_project(tmp_path, files)
    assert [message for _, _, code, message in lint(tmp_path, name) if code in CODES] == [
        "`SessionLocal()` opens a session in a request handler, where the framework can give it "
        f"one and close it; use {way_out}"
    ]


def test_a_project_without_a_dependency_is_held_to_none(tmp_path: Path) -> None:
    scope = """
        from contextlib import contextmanager
        from sqlalchemy.orm import Session, sessionmaker

        @contextmanager
        def session_scope(factory: sessionmaker[Session]):
            with factory() as db:
                yield db
                db.commit()
    """
    routes = """
        from core.database import session_scope
        from fastapi import APIRouter, Request
        from sqlalchemy.orm import Session

        router = APIRouter()

        @router.get("/")
        def index(request: Request):
            with session_scope(request.app.state.session_factory) as db:
                return db.query(1).all()

        @router.get("/bare")
        def bare():
            with Session(get_engine()) as db:
                return db.query(1).all()
    """
    files = {"dbsession.toml": "", "core/database.py": scope, "api/agents.py": routes}
    assert_cases(tmp_path, files, CODES)


def test_the_dependency_that_the_file_injects_is_the_way_out(tmp_path: Path) -> None:
    files = {
        "dbsession.toml": "",
        "core/database.py": BARE,
        "core/deps.py": """
            from core.database import SessionLocal

            def get_session():
                with SessionLocal() as db:
                    yield db
        """,
        "api/agents.py": """
            from core.database import SessionLocal
            from core.deps import get_session
            from fastapi import APIRouter, Depends

            router = APIRouter()

            @router.get("/")
            def index(db=Depends(get_session)):
                return db.query(1).all()

            @router.get("/others")
            def others():
                return SessionLocal().query(1).all()
        """,
    }
    write_project(tmp_path, files)
    (message,) = [m for *_, code, m in lint(tmp_path, "api/agents.py") if code in CODES]
    assert message.endswith("; use the parameter `db = Depends(get_session)`")


TWO_DATABASES = """
    from contextlib import contextmanager
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    MainSession = sessionmaker(create_engine("postgresql:///main"))
    ReportsSession = sessionmaker(create_engine("postgresql:///reports"))

    def get_main():
        with MainSession() as session:
            yield session

    def get_reports():
        with ReportsSession() as session:
            yield session

    @contextmanager
    def reporting():
        with ReportsSession() as session:
            yield session
"""


def test_of_two_databases_the_one_that_is_opened_is_injected(tmp_path: Path) -> None:
    handlers = """
    from fastapi import APIRouter, Depends
    from core.database import MainSession, ReportsSession, get_main, reporting

    router = APIRouter()

    @router.get("/main")
    def main():
        with MainSession() as session:
            return session.execute(1).scalar()

    @router.get("/reports")
    def reports():
        with ReportsSession() as session:
            return session.execute(1).scalar()

    @router.get("/by-hand")
    def by_hand():
        session = ReportsSession()
        return session.execute(1).scalar()

    @router.get("/provider")
    def provider():
        with reporting() as session:
            return session.execute(1).scalar()

    @router.get("/both")
    def both(given=Depends(get_main), other=Depends(ReportsSession)):
        return given.execute(1).scalar()
    """
    files = {**HOUSE, "core/database.py": TWO_DATABASES, "api/numbers.py": handlers}
    write_project(tmp_path, files)
    advised = [
        (code, message.rpartition("Depends(")[2].rstrip("`)"))
        for _, _, code, message in lint(tmp_path, "api/numbers.py")
        if code in ("DBS101", "DBS401", "DBS403")
    ]
    assert advised == [
        ("DBS401", "get_main"),
        ("DBS401", "get_reports"),
        ("DBS101", "get_reports"),
        ("DBS401", "get_reports"),
        ("DBS401", "get_reports"),
        ("DBS403", "get_reports"),
    ]


def test_a_stream_would_hold_what_is_injected(tmp_path: Path) -> None:
    handlers = """
    from fastapi.responses import JSONResponse, StreamingResponse

    @router.get("/events")
    async def events(user):
        with get_db_session() as db:
            allowed = db.scalar("SELECT 1")
        response = StreamingResponse(lines(allowed))
        return response

    @router.get("/once")
    async def once(user):
        with get_db_session() as db:  # DBS401
            allowed = db.scalar("SELECT 1")
        return JSONResponse(allowed)
    """
    files = {**HOUSE, "api/agents.py": ROUTER + handlers}
    assert_cases(tmp_path, files, CODES)


def test_the_request_s_accessor_of_a_chosen_preset(tmp_path: Path) -> None:
    database = """
        from contextlib import contextmanager
        from flask import g
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker(create_engine("sqlite:///clinic.db"))

        def get_request_db_session():
            if "db_session" not in g:
                g.db_session = SessionLocal()
            return g.db_session

        @contextmanager
        def session_scope():
            with SessionLocal() as session:
                yield session
                session.commit()
    """
    opens = """
        from flask import Blueprint
        from clinic.database import SessionLocal

        bp = Blueprint("patients", __name__)

        @bp.get("/")
        def index():
            with SessionLocal() as session:
                return session.query(Patient).all()
    """
    files = {
        "clinic/database.py": database,
        "clinic/views/patients.py": opens,
        "clinic/commands.py": opens.replace("bp.get", "bp.cli.command"),
        "dbsession.toml": 'preset = "flask"\n',
    }
    write_project(tmp_path, files)
    in_request = lint(tmp_path, "clinic/views/patients.py")
    assert [(code, message.partition("; ")[2]) for _, _, code, message in in_request] == [
        ("DBS102", "use `session = get_request_db_session()`"),
        ("DBS401", "use `session = get_request_db_session()`"),
    ]
    outside = lint(tmp_path, "clinic/commands.py")
    assert [message.partition("; ")[2].partition(",")[0] for *_, message in outside] == [
        "use `with session_scope() as session:`"
    ]


def test_a_handler_that_waits_for_other_work_after_its_block(tmp_path: Path) -> None:
    database = """
        from contextlib import asynccontextmanager

        from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

        factory = async_sessionmaker(create_async_engine("postgresql+asyncpg://x/y"))

        async def get_db():
            async with factory() as session:
                yield session

        @asynccontextmanager
        async def db_session():
            async with factory() as session:
                yield session
    """
    routes = """
        import httpx
        from fastapi import APIRouter
        from core.database import db_session, factory

        router = APIRouter()

        @router.get("/short")
        async def short():
            async with factory() as db:
                names = (await db.execute(1)).all()
            async with httpx.AsyncClient() as client:
                return [await client.get(name) for name in names]

        @router.get("/whole")
        async def whole():
            async with factory() as db:  # DBS401
                names = (await db.execute(1)).all()
                await db.commit()
            return [str(name) for name in names]
    """
    files = {"core/database.py": database, "app/routes.py": routes}
    assert_cases(tmp_path, files, {"DBS401"})
    found = lint(tmp_path, "app/routes.py")
    (message,) = [text for line, _, code, text in found if (line, code) == (10, "DBS102")]
    assert "async with db_session() as db" in message


def test_a_factory_that_is_got_for_a_tenant_is_not_the_one_injected(tmp_path: Path) -> None:
    tenants = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session, sessionmaker

        class Tenants:
            def __init__(self):
                self.factories = {}

            def factory(self, tenant: int) -> sessionmaker:
                return self.factories[tenant]

        tenants = Tenants()

        def tenant_factory(tenant: int) -> sessionmaker:
            return tenants.factory(tenant)

        def tenant_session(tenant: int) -> Session:
            return sessionmaker(create_engine(f"sqlite:///{tenant}"))()
    """
    handlers = """
    from core.tenants import tenant_factory, tenant_session, tenants
    from core.database import engine

    @router.get("/named")
    def named(tenant: int):
        factory = tenants.factory(tenant)
        db = factory()
        db.close()

    @router.get("/function")
    def function(tenant: int):
        factory = tenant_factory(tenant=tenant)
        with factory() as db:
            db.execute(1)

    @router.get("/at-once")
    def at_once(tenant: int):
        db = tenant_factory(tenant)()
        db.close()

    @router.get("/session")
    def session(tenant: int):
        db = tenant_session(tenant)
        db.close()

    @router.get("/bound")
    def bound(tenant: int):
        with SessionLocal(bind=engines[tenant]) as db:
            db.execute(1)

    @router.get("/house")
    def house():
        with SessionLocal(expire_on_commit=False) as db:  # DBS401
            db.execute(1)

    @router.get("/same-engine")
    def same_engine():
        factory = sessionmaker(engine)
        with factory() as db:  # DBS401
            db.execute(1)
    """
    database = DATABASE.replace("sessionmaker()", "sessionmaker(engine)").replace(
        "SessionLocal =", "engine = create_engine('sqlite:///x')\n\n    SessionLocal ="
    )
    database = "    from sqlalchemy import create_engine\n" + database
    router = ROUTER.replace("orm import Session", "orm import Session, sessionmaker")
    files = {
        "core/tenants.py": tenants,
        "core/database.py": database,
        "dbsession.toml": "",
        "api/agents.py": router + handlers,
    }
    assert_cases(tmp_path, files, CODES)
