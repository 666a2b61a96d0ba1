"""Proposed policies, tried: on small houses of every shape no proposal does harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_dbsession.checking.files.discovery import discover
from flake8_dbsession.house.nowhere import look_up_names
from flake8_dbsession.policy.loading import load_text, text_sources
from flake8_dbsession.survey.looking import survey_of
from flake8_dbsession.survey.proposal import propose
from flake8_dbsession.survey.trial import Tried, tried
from flake8_dbsession.survey.writing import written
from tests.cases import write_project
from tests.house.houses import HOUSES as SMALL_HOUSES

ENGINE = """
from contextlib import contextmanager
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

engine = create_engine("postgresql://db/shop")
SessionLocal = sessionmaker(engine)
"""
GET_DB = """
def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()
"""
PROVIDER = """
@contextmanager
def session_scope():
    with SessionLocal() as db:
        yield db
        db.commit()
"""
BY_HAND = """
from app.core.db import SessionLocal


def work():
    db = SessionLocal()
    db.query(1)
    db.close()
"""
HANDLER = """
from fastapi import APIRouter, Depends
from app.core.db import get_db

router = APIRouter()


@router.get("/")
def show(db=Depends(get_db)):
    return db.query(1)
"""
USES = """
from app.core.db import session_scope


def use():
    with session_scope() as db:
        db.query(1)
"""
PACKAGES = {"app/__init__.py": "", "app/core/__init__.py": ""}
HOUSES = {
    "a factory and a dependency": {
        "app/core/db.py": ENGINE + GET_DB,
        "app/api/users.py": HANDLER,
        "app/jobs.py": BY_HAND,
    },
    "both ways": {
        "app/core/db.py": ENGINE + GET_DB + PROVIDER,
        "app/api/users.py": HANDLER,
        "app/jobs.py": BY_HAND,
        "app/tasks.py": USES,
    },
    "relative imports": {
        "app/core/db.py": ENGINE + PROVIDER,
        "app/core/tasks.py": USES.replace("app.core.db", ".db"),
        "app/jobs.py": BY_HAND,
    },
    "a source folder": {
        "backend/app/__init__.py": "",
        "backend/app/core/__init__.py": "",
        "backend/app/core/db.py": ENGINE + PROVIDER,
        "backend/app/tasks.py": USES,
        "backend/app/jobs.py": BY_HAND,
    },
    "a provider that needs an argument": {
        "app/core/db.py": ENGINE + PROVIDER.replace("session_scope()", "session_scope(tenant)"),
        "app/jobs.py": BY_HAND,
    },
    "a helper of one module": {
        "app/core/db.py": ENGINE,
        "app/jobs.py": BY_HAND.replace("\n\ndef work", PROVIDER + "\n\ndef work"),
    },
    "a method of one class": {
        "app/core/__init__.py": "",
        "app/store.py": """
            import sqlite3
            from contextlib import contextmanager

            class Store:
                @contextmanager
                def get_connection(self):
                    conn = sqlite3.connect(self.path)
                    try:
                        yield conn
                    finally:
                        conn.close()

                def count(self):
                    with self.get_connection() as conn:
                        return conn.execute("SELECT 1").fetchone()
        """,
        "app/other.py": """
            import sqlite3

            def read(path):
                with sqlite3.connect(path) as conn:
                    return conn.execute("SELECT 1").fetchone()
        """,
    },
    "a bot without FastAPI": {
        "app/core/db.py": ENGINE + GET_DB,
        "app/bot.py": BY_HAND,
    },
    "nothing": {"app/main.py": "print(1)\n"},
}


def trial(folder: Path, files: dict[str, str]) -> Tried:
    write_project(folder, {**PACKAGES, **files})
    found = survey_of(folder, discover([str(folder)], []))
    working = [str(folder / file.path) for file in found.files]
    return tried(propose(found), folder, working)


SMALL = {
    name: {path: text for path, text in files.items() if path != "dbsession.toml"}
    for name, files in SMALL_HOUSES.items()
}


@pytest.mark.parametrize("files", [*HOUSES.values(), *SMALL.values()], ids=[*HOUSES, *SMALL])
def test_no_proposal_does_harm(files: dict[str, str], tmp_path: Path) -> None:
    found = trial(tmp_path, files)
    before, after = dict(found.before.codes), dict(found.after.codes)
    assert {code for code in after if after[code] > before.get(code, 0)} <= {
        *("DBS102", "DBS104", "DBS401"),
    }
    assert sum(after.values()) >= sum(before.values())  # nothing is hidden
    assert (found.after.total.share or 0) >= (found.before.total.share or 0)
    text = written(found.proposal, found.offered, found.dropped)
    file = tmp_path / "dbsession.toml"
    policy = load_text(text, file)
    assert look_up_names(policy, tuple(text_sources(text, file))).errors == []
    assert not any(use.expression.startswith("self.") for la in policy.layers for use in la.uses)


def test_what_is_found_anyway_is_only_told(tmp_path: Path) -> None:
    found = trial(tmp_path, HOUSES["both ways"])
    text = written(found.proposal, found.offered, found.dropped)
    assert all(line.startswith("#") or not line for line in text.splitlines())
    assert "app.core.db:session_scope  (provider)" in text


def test_a_house_without_a_provider_is_shown_one(tmp_path: Path) -> None:
    found = trial(tmp_path, HOUSES["a factory and a dependency"])
    text = written(found.proposal, found.offered, found.dropped)
    assert "# def get_db_session() -> Iterator[Session]:" in text
    assert "app/core/db.py" in text


def test_owners_that_would_hide_findings_are_left_out(tmp_path: Path) -> None:
    """A dependency in a module makes no owner of what else stands there."""
    module = (
        "from app.core.db import SessionLocal\n"
        + GET_DB
        + BY_HAND
        + HANDLER.replace("from app.core.db import get_db\n", "")
    )
    found = trial(tmp_path, {"app/core/db.py": ENGINE, "app/main.py": module})
    assert found.proposal.owners == ()
    text = written(found.proposal, found.offered, found.dropped)
    assert "# Left out: in force, it would say nothing of 2 places.\n# owners = [" in text


def test_a_preset_is_left_out_once_the_layer_that_needs_it_is(tmp_path: Path) -> None:
    """What the preset asks of engines is no reason to leave out the layer of the requests."""
    models = """
from contextlib import contextmanager
from flask import Blueprint, g
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

Session = sessionmaker(create_engine("sqlite:///notes.db"))

@contextmanager
def session_scope():
    with Session() as session:
        yield session
        session.commit()

def get_session():
    if "session" not in g:
        g.session = Session()
    return g.session
"""
    routes = """
from flask import Blueprint
from app.models import Session, get_session

bp = Blueprint("notes", __name__)

@bp.route("/more")
def more():
    session = Session()
    return session.execute("x").scalar()

@bp.route("/")
def index():
    return get_session().execute("x").scalar()
"""
    found = trial(tmp_path, {"app/models.py": models, "app/routes/notes.py": routes})
    assert [layer.name for layer in found.proposal.layers] == ["requests"]
    assert not found.proposal.is_named
    reasons = dict(found.dropped)
    assert reasons["preset flask"] == "in force, it would report 1 more place"


def test_a_helper_of_one_module_is_not_proposed(tmp_path: Path) -> None:
    """The others call a function of the same name."""
    accessor = """
import psycopg2

def get_db_connection():
    return psycopg2.connect("dbname=shop")
"""
    helper = """
from contextlib import contextmanager
import psycopg2

@contextmanager
def get_db_connection():
    conn = psycopg2.connect("dbname=shop")
    try:
        yield conn
    finally:
        conn.close()

def learn():
    with get_db_connection() as conn:
        conn.cursor().execute("x")
"""
    use = """
from app.db import get_db_connection

def work():
    conn = get_db_connection()
    conn.cursor().execute("x")
"""
    files = {"app/db.py": accessor, "app/learning.py": helper, "app/work.py": use}
    found = trial(tmp_path, files)
    assert found.offered.connections == ()
    assert not any(layer.uses for layer in found.proposal.layers)


def test_a_method_of_an_object_without_a_name_is_not_proposed(tmp_path: Path) -> None:
    manager = """
from contextlib import contextmanager
from sqlalchemy.orm import sessionmaker

class Manager:
    def __init__(self):
        self.make = sessionmaker()

    @contextmanager
    def get_session(self):
        with self.make() as session:
            yield session

def get_manager():
    return Manager()
"""
    use = """
from app.manager import get_manager

def work():
    with get_manager().get_session() as session:
        session.execute("x")
"""
    found = trial(tmp_path, {"app/manager.py": manager, "app/work.py": use})
    assert not any(layer.uses for layer in found.offered.layers)
