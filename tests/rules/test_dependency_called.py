"""DBS402 and DBS403: what is handed to the framework, and whether it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS402", "DBS403"}
DATABASE = """
    from sqlalchemy.orm import scoped_session, sessionmaker

    SessionLocal = sessionmaker()
    ScopedSession = scoped_session(SessionLocal)

    def get_db():
        db = SessionLocal()
        try:
            yield db
        finally:
            db.close()

    def make_get_db(name):
        def get_named_db():
            with SessionLocal() as db:
                yield db

        return get_named_db
"""


def test_depends_is_found_wherever_it_stands(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": DATABASE,
            "app.py": """
                from typing import Annotated
                import fastapi
                from fastapi import APIRouter, Depends, Security
                from fastapi import Depends as Inject
                from sqlalchemy.orm import Session
                from core import database
                from core.database import get_db

                SessionDep = Annotated[Session, Depends(get_db())]  # DBS402
                GoodDep = Annotated[Session, Depends(get_db)]
                router = APIRouter(dependencies=[Depends(get_db())])  # DBS402

                def default(db: Session = Depends(get_db())): ...  # DBS402
                def annotated(db: Annotated[Session, Depends(get_db())]): ...  # DBS402
                def keyword(db=Depends(dependency=get_db())): ...  # DBS402
                def by_module(db=fastapi.Depends(database.get_db())): ...  # DBS402
                def security(db=Security(get_db())): ...  # DBS402
                def renamed(db=Inject(get_db())): ...  # DBS402
                def good(db: Session = Depends(get_db), other: GoodDep = None): ...
            """,
        },
        CODES,
    )


def test_a_function_that_makes_a_dependency_may_be_called(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": DATABASE,
            "app.py": """
                from fastapi import Depends
                from core.database import make_get_db
                from core.access import require_db_access, session_factory_for

                def made(db=Depends(make_get_db("main"))): ...
                def elsewhere(db=Depends(require_db_access("main"))): ...
            """,
        },
        CODES,
    )


def test_the_policy_names_a_dependency_that_cannot_be_found(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "dbsession.toml": """
                [[layers]]
                name = "routes"
                paths = ["app.py"]
                use = "house.sessions:open_session"
                style = "dependency"
            """,
            "app.py": """
                from fastapi import Depends
                from house.sessions import close_session, open_session

                def named(db=Depends(open_session())): ...  # DBS402
                def other(db=Depends(close_session())): ...
            """,
        },
        CODES,
    )


@pytest.mark.parametrize(
    "origin",
    [
        "from taskiq import TaskiqDepends as Depends",
        "from faststream import Depends",
        "from fast_depends import Depends",
        "from house_of_cards.injection import Depends",
        "",
    ],
)
def test_other_libraries_mean_the_same(tmp_path: Path, origin: str) -> None:
    app = f"""
        {origin}
        from core.database import get_db

        def task(db=Depends(get_db())): ...  # DBS402
    """
    assert_cases(tmp_path, {"core/database.py": DATABASE, "app.py": app}, CODES)


@pytest.mark.parametrize(
    "origin",
    [
        "from flask_security import Security as Depends",
        "from injection import Depends",
        "def Depends(function): return function",
    ],
)
def test_what_only_has_the_name_does_not(tmp_path: Path, origin: str) -> None:
    app = f"""
        {origin}
        from core.database import SessionLocal, get_db

        def task(db=Depends(get_db()), other=Depends(SessionLocal)): ...
    """
    files = {
        "core/database.py": DATABASE,
        "injection.py": "def Depends(function): return function(1)",
        "app.py": app,
    }
    assert_cases(tmp_path, files, CODES)


def test_a_factory_is_more_than_a_call(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": DATABASE,
            "app.py": """
                from typing import Annotated
                from fastapi import Depends
                from sqlalchemy.ext.asyncio import AsyncSession
                from sqlalchemy.orm import Session
                from core.database import ScopedSession, SessionLocal, get_db

                FactoryDep = Annotated[Session, Depends(SessionLocal)]  # DBS403

                def factory(db=Depends(SessionLocal)): ...  # DBS403
                def called(db=Depends(SessionLocal())): ...  # DBS403
                def by_class(db=Depends(Session)): ...  # DBS403
                def async_class(db=Depends(AsyncSession)): ...  # DBS403
                def unfound(db=Depends(AsyncSessionLocal)): ...  # DBS403
                def registry(db=Depends(ScopedSession)): ...
                def dependency(db=Depends(get_db)): ...
            """,
        },
        CODES,
    )


def test_the_messages_name_the_way_out(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "core/database.py": DATABASE,
            "app.py": """
                from fastapi import Depends
                from core.database import SessionLocal, get_db
                def called(db=Depends(get_db())): ...
                def factory(db=Depends(SessionLocal)): ...
            """,
        },
    )
    found = [message for _, _, code, message in lint(tmp_path, "app.py") if code in CODES]
    assert found == [
        "`Depends(get_db())` calls the dependency once, at import, and all requests share what it "
        "gives; name it without a call: `Depends(get_db)`",
        "`Depends(SessionLocal)` injects a session that nothing closes after the request; "
        "use `Depends(get_db)`",
    ]
