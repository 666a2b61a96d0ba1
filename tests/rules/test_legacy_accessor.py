"""DBS104: accessors that the policy lists as legacy, and the fallback that a layer may declare."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS101", "DBS102", "DBS103", "DBS104"}
POLICY = """
    [legacy]
    "*db_manager.get_session" = "unified.get_db_session"

    [[layers]]
    name = "services"
    paths = ["services/"]
    use = "self.unified.get_db_session"
    fallback = "self.db_manager.get_session"

    [[layers]]
    name = "factories"
    paths = ["factories/"]
    use = "self.unified.get_db_session"
    fallback = "SessionLocal"

    [[layers]]
    name = "routes"
    paths = ["routes/"]
    use = "core:get_db"
    style = "dependency"

    [[layers]]
    name = "scripts"
    paths = ["scripts/"]
"""


def assert_in(folder: Path, name: str, text: str, **more: str) -> None:
    assert_cases(folder, {"dbsession.toml": POLICY, name: text, **more}, CODES)


def test_every_way_to_call_it(tmp_path: Path) -> None:
    assert_in(
        tmp_path,
        "scripts/job.py",
        """
            import app
            from app import db_manager as dm
            from app import old_db_manager
            from app import other

            class Job:
                def __init__(self, db_manager):
                    self.db_manager = db_manager
                    self.manager = dm

                def run(self):
                    session = self.db_manager.get_session()  # DBS104
                    with app.db_manager.get_session() as other_session:  # DBS104
                        pass
                    manager = self.db_manager
                    manager.get_session().execute(1)  # DBS104
                    self.manager.get_session()  # DBS104
                    old_db_manager.get_session(timeout=3)  # DBS104
                    other.get_session()
                    self.db_manager.session()

            session = dm.get_session()  # DBS104
        """,
    )


def test_silent_in_providers_and_dependencies_only(tmp_path: Path) -> None:
    assert_in(
        tmp_path,
        "scripts/manager.py",
        """
            from contextlib import contextmanager
            from flask import Flask

            app = Flask(__name__)

            class Unified:
                @contextmanager
                def get_db_session(self):
                    session = self.db_manager.get_session()
                    try:
                        yield session
                    finally:
                        session.close()

            def prepare(db_manager):
                session = db_manager.get_session()  # DBS104
                session.close()

            @app.get("/")
            def index():
                session = db_manager.get_session()  # DBS104
                session.close()
        """,
    )


def test_fires_in_tests(tmp_path: Path) -> None:
    assert_in(
        tmp_path,
        "tests/test_job.py",
        """
            def test_job(db_manager):
                session = db_manager.get_session()  # DBS104
        """,
    )


def test_the_more_specific_code_wins(tmp_path: Path) -> None:
    assert_in(
        tmp_path,
        "scripts/job.py",
        """
            from core import db_manager

            def run():
                session = db_manager.get_session()  # DBS104
                with db_manager.get_session() as session:  # DBS104
                    pass
        """,
        **{
            "core/__init__.py": "def get_db(): ...",
            "core/db_manager.py": """
                from sqlalchemy.orm import sessionmaker

                get_session = sessionmaker()
            """,
        },
    )


def test_fallback_in_the_else(tmp_path: Path) -> None:
    assert_in(
        tmp_path,
        "services/users.py",
        """
            class Users:
                def in_else(self):
                    if self.unified:
                        session = self.db_manager.get_session()  # DBS104
                    else:
                        session = self.db_manager.get_session()
                        try:
                            return session.query(1)
                        finally:
                            session.close()

                def in_elif(self, other):
                    if self.unified is not None:
                        pass
                    elif other:
                        session = self.db_manager.get_session()

                def negated(self):
                    if not self.unified:
                        session = self.db_manager.get_session()
                    else:
                        session = self.db_manager.get_session()  # DBS104
                    if self.unified is None:
                        return self.db_manager.get_session().query(1)
                    return None

                def of_an_alias(self):
                    manager = self.unified
                    return None if manager else self.db_manager.get_session().query(1)

                def elsewhere(self):
                    session = self.db_manager.get_session()  # DBS104
                    if self.something_else:
                        pass
                    else:
                        session = self.db_manager.get_session()  # DBS104
                    if self.unified and self.something_else:
                        pass
                    else:
                        session = self.db_manager.get_session()  # DBS104
                    if self.unified:
                        pass
                    else:
                        def later():
                            self.db_manager.get_session().query(1)  # DBS104
                        session = self.other_db_manager.get_session()  # DBS104
        """,
    )


def test_no_fallback_where_the_layer_declares_none(tmp_path: Path) -> None:
    assert_in(
        tmp_path,
        "scripts/users.py",
        """
            class Users:
                def count(self):
                    if self.unified:
                        pass
                    else:
                        session = self.db_manager.get_session()  # DBS104
        """,
    )


def test_a_factory_can_be_the_fallback(tmp_path: Path) -> None:
    assert_in(
        tmp_path,
        "factories/users.py",
        """
            from core import SessionLocal

            class Users:
                def count(self):
                    if self.unified:
                        session = SessionLocal()  # DBS101
                    else:
                        session = SessionLocal()
        """,
    )


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("services/a.py", "`unified.get_db_session`"),
        ("routes/a.py", "`unified.get_db_session`"),
        ("scripts/a.py", "`unified.get_db_session`"),
    ],
)
def test_message_names_the_layers_own_replacement(name: str, way_out: str, tmp_path: Path) -> None:
    text = """
        def run(db_manager):
            session = db_manager.get_session()
            session.query(1)
    """
    write_project(tmp_path, {"dbsession.toml": POLICY, name: dedent(text)})
    messages = [m for *_, code, m in lint(tmp_path, name) if code == "DBS104"]
    assert messages == [
        f"`db_manager.get_session()` is a way to a session that the policy gives up; use {way_out}"
    ]
