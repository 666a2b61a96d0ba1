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
        ("services/a.py", "`with unified.get_db_session() as session:`"),
        ("routes/a.py", "`with unified.get_db_session() as session:`"),
        ("scripts/a.py", "`with unified.get_db_session() as session:`"),
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


MANAGER = """
from sqlalchemy.orm import sessionmaker

class DatabaseManager:
    def __init__(self, url):
        self.Session = sessionmaker(url)

    def get_session(self):
        return self.Session()

def get_db_manager():
    return DatabaseManager("x")
"""
CALLS = """
    from managers import get_db_manager

    def by_a_call():
        get_db_manager().get_session().execute(1)  # DBS104

    def by_a_name_of_its_own():
        m = get_db_manager()
        m.get_session().execute(1)  # DBS104

    def another_method():
        get_db_manager().get_cache().execute(1)
"""


def test_an_accessor_of_what_another_call_gives(tmp_path: Path) -> None:
    policy = '[legacy]\n"*manager.get_session" = "get_db_session"\n'
    files = {"dbsession.toml": policy, "managers.py": MANAGER, "work.py": CALLS}
    assert_cases(tmp_path, files, {"DBS104"})


def test_a_bare_replacement_is_the_way_of_that_name(tmp_path: Path) -> None:
    """What is found by the name alone is advised, and what no code has only in the user's words."""
    text = """
        from house import SessionLocal, old_session

        def work():
            session = old_session()
            session.execute(1)
    """
    house = """
        from contextlib import contextmanager
        from sqlalchemy.orm import sessionmaker
        SessionLocal = sessionmaker()
        def old_session():
            return SessionLocal()
        @contextmanager
        def scope():
            with SessionLocal() as db:
                yield db
    """
    policy = '[legacy]\n"old_session" = "scope"\n'
    write_project(tmp_path, {"dbsession.toml": policy, "house.py": house, "work.py": text})
    messages = {code: message for *_, code, message in lint(tmp_path, "work.py")}
    assert messages.keys() == {"DBS104", "DBS302"}
    for message in messages.values():
        assert message.endswith("use `with scope() as session:`")


def test_a_preset_names_nothing_that_the_project_has_not(tmp_path: Path) -> None:
    text = """
        from flask import current_app

        def work():
            session = current_app.db_manager.get_session()
            try:
                session.execute(1)
            finally:
                session.close()
    """
    write_project(tmp_path, {"dbsession.toml": 'preset = "unified"\n', "work.py": text})
    messages = [message for *_, message in lint(tmp_path, "work.py")]
    assert messages
    assert not any("unified" in message for message in messages)
    stored = {"make.py": "app.unified_session_manager = Manager()\n"}
    write_project(tmp_path, {**stored, "console/admin/routes/users.py": text})
    messages = [message for *_, message in lint(tmp_path, "console/admin/routes/users.py")]
    assert all("`with unified_session_manager.get_db_session() as" in each for each in messages)


def test_a_replacement_that_does_not_fit_says_why(tmp_path: Path) -> None:
    house = """
        from contextlib import contextmanager
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker
        SessionLocal = sessionmaker(create_engine("postgresql://db/shop"))
        Archive = sessionmaker(create_engine("postgresql://db/archive"))
        def old_session():
            return Archive()
        @contextmanager
        def scope():
            with SessionLocal() as db:
                yield db
    """
    text = """
        from house import old_session

        def work():
            with old_session() as db:
                db.execute(1)
    """
    policy = '[legacy]\n"old_session" = "house:scope"\n'
    write_project(tmp_path, {"dbsession.toml": policy, "house.py": house, "work.py": text})
    (message,) = (message for *_, code, message in lint(tmp_path, "work.py"))
    assert message.endswith(
        "use `house:scope`, which does not fit here: `scope` opens another database"
    )


def test_what_is_kept_for_a_request_cannot_be_a_block_there(tmp_path: Path) -> None:
    text = """
        from flask import Flask, g
        from managers import get_db_manager

        app = Flask(__name__)

        @app.before_request
        def open_session():
            g.session = get_db_manager().get_session()

        @app.teardown_request
        def close_session(error):
            session = g.pop("session", None)
            if session is not None:
                session.close()
    """
    policy = '[legacy]\n"*manager.get_session" = "scope"\n'
    files = {"dbsession.toml": policy, "managers.py": MANAGER, "work.py": text}
    write_project(tmp_path, files)
    (message,) = (m for *_, code, m in lint(tmp_path, "work.py") if code == "DBS104")
    assert message.endswith("use `with scope() as db:` where it is needed")
