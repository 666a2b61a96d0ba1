"""The proposed policy: that of each example's own house, and what is told of other houses."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from flake8_dbsession.checking.files.discovery import discover
from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.policy.loading import load
from flake8_dbsession.policy.model import Policy, Sanctioned, Style
from flake8_dbsession.rules.pages import known_codes
from flake8_dbsession.survey.looking import survey_of
from flake8_dbsession.survey.proposal import propose
from flake8_dbsession.survey.writing import written
from tests.cases import write_project

EXAMPLES = Path(__file__).parents[2] / "examples"
APPLICATIONS = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))

# What an application's own policy reports and the proposed one does not, and why.
WISHES = {
    "fastapi_service": {
        "DBS108",  # that one folder's functions carry a decorator is the house's wish
        "DBS211",  # off rules, which the house has turned on
        "DBS408",
    },
    "psycopg_pool": {
        "DBS106",  # `redis_session_manager` does not say of itself that it is retired
    },
}

DATABASE = '''
from contextlib import contextmanager
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import sessionmaker

engine = create_engine("postgresql://db/agents")
SessionLocal = sessionmaker(bind=engine)
AsyncSessionLocal = async_sessionmaker()


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


def get_db_session():
    """Give a block; the manager is made inside."""

    @contextmanager
    def block():
        db = SessionLocal()
        try:
            yield db
            db.commit()
        except Exception:
            db.rollback()
            raise
        finally:
            db.close()

    return block()


def get_db_context():
    """
    DEPRECATED: Use get_db_session() instead.
    """
    return get_db_session()


async def get_async_db():
    async with AsyncSessionLocal() as db:
        yield db
'''
OLD_MANAGER = '''
"""
Database manager

This module is deprecated. Use core.database instead.
"""
from contextlib import contextmanager
from core.database import get_db_session


@contextmanager
def get_monitored_db_session():
    with get_db_session() as db:
        yield db
'''
ROUTES = """
from fastapi import APIRouter, Depends
from core.database import get_db

router = APIRouter()


@router.get("/users")
def users(db=Depends(get_db)):
    return db
"""
SERVICE = """
from core.database import get_db_session


def count():
    with get_db_session() as db:
        return db
"""


def proposed(folder: Path) -> Policy:
    """Write the proposed policy into a folder that has none, and load it."""
    text = written(propose(survey_of(folder, discover([str(folder)], []))))
    file = folder / "dbsession.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, known=known_codes())


def violations(folder: Path) -> set[tuple[str, int, str]]:
    linter = Linter(Settings())
    found = set()
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for violation in linter.check(str(path), text, ast.parse(text)):
            found.add((str(path.relative_to(folder)), violation.line, violation.code))
    return found


@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_example_s_policy_is_proposed_anew(name: str, tmp_path: Path) -> None:
    own, anew = tmp_path / "own", tmp_path / "anew"
    for folder in (own, anew):
        shutil.copytree(EXAMPLES / name, folder)
        write_project(folder, {})
    for file in ("pyproject.toml", "dbsession.toml"):
        (anew / file).unlink(missing_ok=True)
    proposed(anew)
    expected, found = violations(own), violations(anew)
    assert found <= expected
    wished = {code for _, _, code in expected - found}
    assert wished == WISHES.get(name, set())
    assert {v for v in expected if v[2] not in wished} == {v for v in found if v[2] not in wished}


@pytest.mark.parametrize(
    ("name", "preset", "owners"),
    [
        ("fastapi_service", "standard", {"shop/core/database.py"}),
        ("flask_requests", "flask", {"clinic/infrastructure/database.py"}),
        ("psycopg_pool", "dbapi", {"assistant/database/unified_db_service.py"}),
        ("sqlite_manager", "sqlite", {"router/session_manager.py"}),
        (
            "unified_manager",
            "unified",
            {"console/database_manager.py", "console/unified_session_manager.py"},
        ),
    ],
)
def test_preset_and_owners_of_the_examples(name: str, preset: str, owners: set[str]) -> None:
    folder = EXAMPLES / name
    proposal = propose(survey_of(folder, discover([str(folder)], [])))
    assert (proposal.preset, set(proposal.owners)) == (preset, owners)


def test_several_processes_find_the_same() -> None:
    files = discover([str(EXAMPLES)], [])
    assert survey_of(EXAMPLES, files, jobs=2) == survey_of(EXAMPLES, files)


def test_the_manager_s_fallback_is_found() -> None:
    folder = EXAMPLES / "unified_manager"
    proposal = propose(survey_of(folder, discover([str(folder)], [])))
    layer = next(layer for layer in proposal.layers if layer.name == "console/admin/services/")
    assert layer.fallback == "self.db_manager.get_session"
    assert proposal.legacy[0][0] == "*db_manager.get_session"


def test_a_house_with_both_ways_and_deprecated_ones(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "core/database.py": DATABASE,
            "core/database_manager.py": OLD_MANAGER,
            "core/users_endpoints.py": ROUTES,
            "web/users.py": ROUTES,
            "core/jobs.py": SERVICE,
            "core/more.py": SERVICE,
            "tests/test_jobs.py": SERVICE,
        },
    )
    policy = proposed(tmp_path)
    assert policy.owners == ("core/database.py",)
    assert {"core.database.SessionLocal", "core.database.AsyncSessionLocal"} <= {*policy.factories}
    assert dict(policy.retired) == {
        "core.database_manager": "core.database",
        "core.database.get_db_context": "core.database.get_db_session",
    }
    routes = policy.layer_of(tmp_path / "web/users.py")
    assert routes is not None
    assert routes == policy.layer_of(tmp_path / "core/users_endpoints.py")
    assert (routes.use, routes.style) == (Sanctioned("core.database", "get_db"), Style.DEPENDENCY)
    services = policy.layer_of(tmp_path / "core/jobs.py")
    assert services is not None
    assert services.use == Sanctioned("core.database", "get_db_session")
    assert "get_async_db (dependency)" in (tmp_path / "dbsession.toml").read_text()


def test_a_mention_of_deprecated_things_retires_nothing(tmp_path: Path) -> None:
    text = f'"""Replaces the deprecated manager."""\n{DATABASE}'
    write_project(tmp_path, {"core/database.py": text, "core/jobs.py": SERVICE})
    assert "core.database" not in dict(proposed(tmp_path).retired)


def test_names_follow_the_code_and_not_their_spelling(tmp_path: Path) -> None:
    database = DATABASE.replace("get_db_session", "unit_of_work").replace("SessionLocal", "Maker")
    service = SERVICE.replace("get_db_session", "unit_of_work")
    files = {"db.py": database, "jobs.py": service.replace("core.database", "db")}
    write_project(tmp_path, files)
    policy = proposed(tmp_path)
    layer = policy.layer_of(tmp_path / "jobs.py")
    assert layer is not None
    assert layer.use == Sanctioned("db", "unit_of_work")
    assert "db.Maker" in policy.factories


def test_a_house_without_a_provider(tmp_path: Path) -> None:
    text = "from sqlalchemy.orm import Session\ndef f(e):\n    with Session(e) as db: pass\n"
    write_project(tmp_path, {"app.py": text})
    assert proposed(tmp_path).preset == "sqlalchemy"


def test_a_repository_without_a_database(tmp_path: Path) -> None:
    write_project(tmp_path, {"app.py": "print(1)\n"})
    policy = proposed(tmp_path)
    assert (policy.preset, policy.chosen, policy.owners) == ("standard", False, None)


def test_a_file_is_named_by_its_whole_path(tmp_path: Path) -> None:
    """``/users.py`` names the one at the top, and no other file of that name."""
    files = {"core/database.py": DATABASE, "users.py": ROUTES, "core/users.py": SERVICE}
    write_project(tmp_path, files | {"core/a.py": SERVICE, "b.py": SERVICE})
    policy = proposed(tmp_path)
    layers = [policy.layer_of(tmp_path / path) for path in ("users.py", "core/users.py")]
    assert [layer.name for layer in layers if layer] == ["routes", "services"]


def test_the_factory_s_own_module_is_an_owner(tmp_path: Path) -> None:
    factory = "from sqlalchemy.orm import sessionmaker\nSessionLocal = sessionmaker()\n"
    deps = """
from db.session import SessionLocal


def get_db():
    with SessionLocal() as db:
        yield db
"""
    routes = ROUTES.replace("core.database", "deps")
    write_project(tmp_path, {"db/session.py": factory, "deps.py": deps, "api/users.py": routes})
    policy = proposed(tmp_path)
    assert policy.owners == ("db/session.py", "deps.py")
    assert "db.session.SessionLocal" in policy.factories


def test_a_lender_outside_of_requests_is_no_request_s_accessor(tmp_path: Path) -> None:
    text = """
_db = None


def shared():
    global _db
    _db = _db or SessionLocal()
    return _db
"""
    database = f"{DATABASE}\n{text}"
    task = "from core.database import shared\n\n\ndef run():\n    db = shared()\n"
    write_project(tmp_path, {"core/database.py": database, "task.py": task, "api/a.py": ROUTES})
    assert proposed(tmp_path).preset == "standard"


def test_an_unused_method_provider_is_no_crash(tmp_path: Path) -> None:
    manager = """
from contextlib import contextmanager
from sqlalchemy.orm import sessionmaker
class Manager:
    def __init__(self, engine):
        self.make = sessionmaker(engine)
    @contextmanager
    def session(self):
        with self.make() as db:
            yield db
"""
    write_project(tmp_path, {"manager.py": manager})
    assert proposed(tmp_path).owners is None


def test_folders_whose_objects_have_a_manager_are_layers(tmp_path: Path) -> None:
    manager = """
from contextlib import contextmanager
from sqlalchemy.orm import sessionmaker
class Manager:
    def __init__(self, engine):
        self.make = sessionmaker(engine)
    @contextmanager
    def session(self):
        with self.make() as db:
            yield db
"""
    service = """
from manager import Manager
class Service:
    def __init__(self, store: Manager):
        self.store = store
    def count(self):
        with self.store.session() as db:
            return db
"""
    folders = ("services", "a/admin/services", "b/admin/services", "tests/helpers")
    files = {f"{folder}/users.py": service for folder in folders}
    write_project(tmp_path, {"manager.py": manager, **files})
    policy = proposed(tmp_path)
    for folder in folders[:-1]:
        layer = policy.layer_of(tmp_path / folder / "users.py")
        assert layer is not None
        assert layer.name == f"{folder}/"
        assert layer.use == Sanctioned(None, "self.store.session")
    assert policy.is_test(tmp_path / "tests/helpers/users.py")


@pytest.mark.parametrize(
    ("opening", "expected"),
    [
        ("sqlite3.connect('a.db')", "connections"),
        ("SessionLocal()", "use"),
    ],
)
def test_a_way_to_read_and_one_to_write_are_both_named(
    opening: str, expected: str, tmp_path: Path
) -> None:
    head = """
import sqlite3
from contextlib import contextmanager

from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker()
"""
    if expected == "connections":
        head = head.replace("from sqlalchemy.orm import sessionmaker\n", "").replace(
            "SessionLocal = sessionmaker()\n", ""
        )
    providers = "".join(
        f"""

@contextmanager
def {name}():
    db = {opening}
    try:
        yield db{commit}
    finally:
        db.close()
"""
        for name, commit in (("reading", ""), ("writing", "\n        db.commit()"))
    )
    service = """
from core.db import reading, writing


def names():
    with reading() as db:
        return db.execute("select 1").fetchall()


def more():
    with reading() as db:
        return db.execute("select 2").fetchall()


def save():
    with writing() as db:
        db.execute("delete from users")
"""
    write_project(tmp_path, {"core/db.py": head + providers, "service.py": service})
    policy = proposed(tmp_path)
    ways = tuple(Sanctioned("core.db", name) for name in ("reading", "writing"))
    if expected == "connections":
        assert policy.connections == ways
    (services,) = [layer for layer in policy.layers if layer.name == "services"]
    assert services.uses == ways


def test_what_may_give_none_or_yields_again_is_not_proposed(tmp_path: Path) -> None:
    database = """
        from contextlib import contextmanager
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        engine = create_engine("postgresql://db/agents")
        SessionLocal = sessionmaker(engine)

        @contextmanager
        def optional():
            if engine is None:
                yield None
                return
            with SessionLocal() as db:
                yield db

        @contextmanager
        def again():
            try:
                with SessionLocal() as db:
                    yield db
                    db.commit()
            except Exception:
                yield SessionLocal()
        """
    sound = """

        @contextmanager
        def scope():
            with SessionLocal() as db:
                yield db
        """
    use = "from core.database import {0}\n\ndef f{1}():\n    with {0}() as db:\n        db.a()\n"
    files = {f"app/{n}.py": use.format(("optional", "again")[n % 2], n) for n in range(6)}
    files["core/database.py"] = database
    write_project(tmp_path, files)
    proposal = propose(survey_of(tmp_path, discover([str(tmp_path)], [])))
    assert [layer.use for layer in proposal.layers if layer.use] == []
    assert [each.name for each in proposal.unserved] == ["SessionLocal"]
    write_project(tmp_path, files | {"core/database.py": database + sound})
    services = proposed(tmp_path).layers[-1]
    assert services.uses == (Sanctioned("core.database", "scope"),)
