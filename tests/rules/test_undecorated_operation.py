"""DBS108: functions that open a session without the decorator that their layer names."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS108"}
POLICY = """
    owners = ["core/database.py"]

    [[layers]]
    name = "services"
    paths = ["services/"]
    use = "core.database:get_db_session"
    decorator = "core.base.safe_db_operation"
"""
DATABASE = """
    from contextlib import contextmanager
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker()

    @contextmanager
    def get_db_session():
        with SessionLocal() as db:
            yield db
"""
BASE = """
    def safe_db_operation(function):
        return function
"""
SERVICE = """
    import core.base as base
    from contextlib import ExitStack, contextmanager
    from core.base import safe_db_operation, safe_db_operation as safe
    from core.database import SessionLocal, get_db_session

    def opens():  # DBS108
        with get_db_session() as db:
            db.query(1)
        with get_db_session() as db:
            db.query(2)

    class Service:
        @staticmethod
        def by_hand():  # DBS108
            SessionLocal().query(1)

        @safe_db_operation
        def carries(self):
            with get_db_session() as db:
                db.query(1)

    def on_a_stack():  # DBS108
        with ExitStack() as stack:
            db = stack.enter_context(get_db_session())

    @safe
    def by_an_alias():
        with get_db_session() as db:
            db.query(1)

    @base.safe_db_operation(retries=3)
    def called():
        with get_db_session() as db:
            db.query(1)

        def inner():
            with get_db_session() as db:
                db.query(1)

    def outer():
        @safe_db_operation
        def inner():
            with get_db_session() as db:
                db.query(1)

    def in_a_lambda():  # DBS108
        return lambda: SessionLocal().query(1)

    @contextmanager
    def narrower():
        with get_db_session() as db:
            yield db

    def given(db):
        db.query(1)
        return get_db_session
"""


def test_functions_that_open_a_session(tmp_path: Path) -> None:
    files = {
        "dbsession.toml": POLICY,
        "core/base.py": BASE,
        "core/database.py": DATABASE,
        "services/users.py": SERVICE,
    }
    assert_cases(tmp_path, files, CODES)


def test_only_where_the_layer_names_a_decorator(tmp_path: Path) -> None:
    text = SERVICE.replace("# DBS108", "")
    files = {
        "dbsession.toml": POLICY,
        "core/base.py": BASE,
        "core/database.py": DATABASE,
        "jobs/users.py": text,
    }
    assert_cases(tmp_path, files, CODES)


def test_message(tmp_path: Path) -> None:
    text = "from core.database import get_db_session\ndef work():\n    with get_db_session(): ...\n"
    files = {
        "dbsession.toml": POLICY,
        "core/base.py": BASE,
        "core/database.py": DATABASE,
        "services/a.py": text,
    }
    write_project(tmp_path, files)
    assert lint(tmp_path, "services/a.py") == [
        (
            2,
            0,
            "DBS108",
            "`work` opens a session without `@safe_db_operation`, which the policy requires here; "
            "decorate the function with it",
        )
    ]
