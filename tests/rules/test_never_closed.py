"""DBS302: sessions that no path closes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS302", "DBS303", "DBS304"}
DATABASE = """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    engine = create_engine("sqlite:///app.db")
    SessionLocal = sessionmaker(engine)

    def new_session():
        return SessionLocal()
"""


def check(tmp_path: Path, service: str, **files: str) -> None:
    named = {f"{name}.py": text for name, text in files.items()}
    assert_cases(tmp_path, {"database.py": DATABASE, **named, "service.py": service}, CODES)


def test_a_session_that_is_used_and_never_closed(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        from database import SessionLocal, engine, new_session
        from sqlalchemy.orm import Session

        def factory():
            db = SessionLocal()  # DBS302
            return db.query(1).count()

        def session_class():
            db = Session(engine)  # DBS302
            db.add(1)
            db.commit()

        def only_added_to():
            db = SessionLocal()
            db.add(1)

        def accessor():
            db = new_session()  # DBS302
            work(db)

        def copies_without_a_database(row):
            db = Session()
            copy = db.merge(row, load=False)
            db.expunge(copy)
            return copy

        def unused():
            db = SessionLocal()

        def nested():
            def inner():
                db = SessionLocal()  # DBS302
                db.query(1)
            return inner
        """,
    )


def test_owners_providers_and_tests_are_no_exception(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "database.py": """
                from contextlib import contextmanager
                from sqlalchemy.orm import sessionmaker

                SessionLocal = sessionmaker()

                @contextmanager
                def get_db_session():
                    db = SessionLocal()  # DBS302
                    yield db

                def get_db():
                    db = SessionLocal()  # DBS302
                    yield db

                def sessions():
                    for _ in range(3):
                        db = SessionLocal()
                        yield db
            """,
            "tests/test_it.py": """
                from database import SessionLocal

                def test_it():
                    db = SessionLocal()  # DBS302
                    assert db.query(1)
            """,
        },
        CODES,
    )


def test_a_tests_session_that_runs_no_statement(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        from database import SessionLocal

        def asked_only(bind):
            db = SessionLocal()
            return db.get_bind(1) is bind
        """,
        test_bind="""
        from unittest.mock import Mock, patch
        from sqlalchemy.orm import Session
        from database import SessionLocal, new_session

        def test_bind():
            session = Session(binds={1: Mock()})
            assert session.get_bind(1) is session.bind

        def test_text():
            session = SessionLocal()
            query = session.query(1).filter(2)
            assert str(query) == "SELECT 1"
            assert str(session.query(2).where(1).statement.compile()) == "SELECT 2"

        def test_rows():
            session = SessionLocal()  # DBS302
            query = session.query(1).filter(2)
            assert query.all() == []

        def test_statement():
            session = SessionLocal()  # DBS302
            session.execute(1)

        @patch("database.SessionLocal")
        def test_patched(factory):
            session = new_session()
            session.execute(1)
        """,
    )


def test_a_registry_that_a_function_makes_for_itself(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        from database import SessionLocal
        from sqlalchemy.orm import scoped_session

        def worked_with():
            session = scoped_session(SessionLocal)  # DBS302
            return session.query(1).all()

        def removed():
            session = scoped_session(SessionLocal)
            try:
                return session.query(1).all()
            finally:
                session.remove()

        def removed_when_all_goes_well():
            session = scoped_session(SessionLocal)  # DBS303
            rows = session.query(1).all()
            session.remove()
            return rows

        def called():
            Session = scoped_session(SessionLocal)  # DBS302
            return Session().query(1).all()

        def called_for_a_name():
            Session = scoped_session(SessionLocal)  # DBS303
            session = Session()
            rows = session.query(1).all()
            session.close()
            return rows

        def called_and_removed():
            Session = scoped_session(SessionLocal)
            session = Session()
            try:
                return session.query(1).all()
            finally:
                Session.remove()

        def called_in_a_block():
            Session = scoped_session(SessionLocal)
            with Session() as session:
                return session.query(1).all()

        def called_for_others():
            Session = scoped_session(SessionLocal)
            return Session()

        def passed_on(work):
            Session = scoped_session(SessionLocal)
            work(Session)
            return Session().query(1).all()

        def configured(connection):
            Session = scoped_session(SessionLocal)
            Session.configure(bind=connection)
            return Session().query(1).all()

        def made_for_others(app):
            session = scoped_session(SessionLocal)
            app.session = session
            return session

        shared = scoped_session(SessionLocal)
        """,
    )
    [message, _] = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS302"]
    assert "`with SessionLocal() as session:`" in message


def test_what_is_handed_on_is_no_leak(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        import atexit
        from contextlib import ExitStack
        from database import SessionLocal

        class Repository:
            def __init__(self, db):
                self.db = db

        class Base(Repository):
            def __init__(self, session):
                super().__init__(session)

        def returned():
            db = SessionLocal()
            db.autoflush = False
            return db

        def in_an_object():
            db = SessionLocal()
            base = Base(session=db)
            return base

        def stored(app):
            db = SessionLocal()
            app.db = db
            db.query(1)

        def registered():
            db = SessionLocal()
            atexit.register(db.close)
            db.query(1)

        def with_a_stack():
            with ExitStack() as stack:
                db = stack.enter_context(SessionLocal())
                db.query(1)
        """,
    )


def test_functions_of_the_project_are_looked_into(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        from database import SessionLocal
        from helpers import Loose, close_all, close_later, end, keep, Worker, wrapped

        def closed():
            db = SessionLocal()
            try:
                db.query(1)
            finally:
                end(db)

        def closed_with_others():
            db = SessionLocal()
            try:
                db.query(1)
            finally:
                close_all(1, db)

        def kept():
            db = SessionLocal()
            keep(db)
            db.query(1)

        def closed_later():
            db = SessionLocal()
            close_later(db)
            db.query(1)

        def given_back():
            db = wrapped(SessionLocal())
            return db

        def closed_by_an_object():
            Worker(SessionLocal()).run()

        def not_kept():
            db = SessionLocal()  # DBS302
            Loose(db)
        """,
        helpers="""
        import atexit

        def end(session):
            if session is not None:
                finish(session)

        def finish(session):
            session.rollback()
            session.close()

        def close_all(*sessions):
            for session in sessions:
                session.close()

        KEPT = []

        def keep(session):
            KEPT.append(session)

        def close_later(session):
            def close():
                session.close()
            atexit.register(close)

        def wrapped(session):
            session.info["wrapped"] = True
            return session

        class Worker:
            def __init__(self, db):
                self.db = db

            def run(self):
                try:
                    self.db.query(1)
                finally:
                    self.db.close()

        class Loose:
            def __init__(self, db):
                self.count = db.query(1).count()
        """,
    )


def test_the_end_of_the_process_is_no_leak(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        import click
        import sys
        from database import SessionLocal

        db = SessionLocal()
        db.query(1)

        @click.group()
        def cli():
            pass

        @cli.command("count")
        def count():
            db = SessionLocal()
            db.query(1)

        def main():
            db = SessionLocal()
            db.query(1)

        def helper():
            db = SessionLocal()  # DBS302
            db.query(1)

        if __name__ == "__main__":
            sys.exit(main())
        """,
    )


def test_a_session_on_a_connection_at_hand_holds_none_of_its_own(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        from alembic import op
        from sqlalchemy.orm import Session
        from database import engine

        def upgrade():
            session = Session(bind=op.get_bind())
            session.query(1)

        def in_a_transaction():
            with engine.connect() as conn:
                session = Session(conn)
                session.query(1)
        """,
    )


def test_the_fallback_of_a_layer_has_to_close_as_well(tmp_path: Path) -> None:
    files = {
        "dbsession.toml": """
            [[layers]]
            name = "services"
            paths = ["*.py"]
            use = "self.manager.get_db_session"
            style = "context"
            fallback = "self.db_manager.get_session"
        """,
        "service.py": """
            class Service:
                def count(self):
                    if self.manager:
                        with self.manager.get_db_session() as session:
                            return session.query(1).count()
                    else:
                        session = self.db_manager.get_session()  # DBS302
                        return session.query(1).count()
        """,
    }
    assert_cases(tmp_path, files)
    (found,) = lint(tmp_path, "service.py")
    assert found[3] == (
        "`self.db_manager.get_session()` is never closed, and keeps its connection; "
        "close it in a `finally`"
    )


def test_the_message_names_a_block_that_the_place_may_use(tmp_path: Path) -> None:
    write_project(
        tmp_path,
        {
            "database.py": """
                from sqlalchemy.orm import sessionmaker
                SessionLocal = sessionmaker()

                def count():
                    db = SessionLocal()
                    return db.query(1).count()

                def lazily():
                    db = SessionLocal()
                    return db.query(1)
            """
        },
    )
    messages = [message for *_, code, message in lint(tmp_path, "database.py") if code == "DBS302"]
    assert messages == [
        "`SessionLocal()` is never closed, and keeps its connection; "
        "use `with SessionLocal() as db:`",
        "`SessionLocal()` is never closed, and keeps its connection; "
        "use `with SessionLocal() as db:`, and fetch the rows inside it",
    ]


def test_a_huge_function_is_not_judged(tmp_path: Path) -> None:
    lines = ["def generated():", "    db = SessionLocal()"]
    lines += [f"    work({number})" for number in range(20_000)]
    text = "from database import SessionLocal\n" + "\n".join([*lines, "    db.query(1)"])
    write_project(tmp_path, {"database.py": DATABASE})
    (tmp_path / "service.py").write_text(text + "\n")
    assert not [code for *_, code, _ in lint(tmp_path, "service.py") if code in CODES]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="this syntax is new in Python 3.14")
def test_the_syntax_of_python_3_14(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        from database import SessionLocal

        def in_a_template(name):
            db = SessionLocal()  # DBS302
            return t"select {db.execute(name)!r:>{WIDTH}}"

        def with_bare_classes(name):
            db = SessionLocal()
            try:
                db.execute(name)
            except ValueError, TypeError:
                return None
            finally:
                db.close()
        """,
    )


def test_a_function_whose_default_has_its_own_name(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        import database

        def db(session, db=db, other=database.SessionLocal().close(db)):
            session.close()

        def work():
            def one(other=two): ...
            def two(other=one): ...
            db = database.SessionLocal()  # DBS302
            db.query(one, two)
        """,
    )


def test_a_helper_that_is_always_given_the_migrations_connection(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "quota.py": """
                import sqlalchemy as sa
                import sqlalchemy.orm
                from alembic import op

                engine = sa.create_engine("postgresql://x/y")

                def _default(bind, name):
                    session = sa.orm.Session(bind=bind)
                    session.query(Quota).filter_by(name=name).first()

                def _other(bind, name):
                    session = sa.orm.Session(bind=bind)  # DBS302
                    session.query(Quota).filter_by(name=name).first()

                def upgrade():
                    _default(op.get_bind(), "backups")
                    _default(bind=op.get_bind(), name="volumes")
                    _other(op.get_bind(), "backups")
                    _other(engine, "backups")
            """
        },
        {"DBS302"},
    )


def test_a_session_holds_nothing_after_the_block_of_its_transaction(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "quota.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import Session

                engine = create_engine("postgresql://x/y")

                def inside(name):
                    session = Session(engine)
                    with session.begin():
                        if session.query(Quota).first():
                            return
                        session.add(Quota(name=name))

                def after(name):
                    session = Session(engine)  # DBS302
                    with session.begin():
                        session.add(Quota(name=name))
                    return session.query(Quota).first()

                def before(name):
                    session = Session(engine)
                    with session.begin():
                        session.add(Quota(name=name))
                    session.close()

                def in_a_savepoint(name):
                    session = Session(engine)  # DBS302
                    with session.begin_nested():
                        session.query(Quota).first()
            """
        },
        {"DBS302"},
    )


def test_what_hangs_on_the_application_may_close(tmp_path: Path) -> None:
    service = """
        from flask import current_app, g
        from core.database import SessionLocal

        def closed():
            session = SessionLocal()
            try:
                return session.execute("x").scalar()
            finally:
                current_app.manager.close_session(session)

        def left():
            session = SessionLocal()  # DBS302
            return session.execute("x").scalar()
    """
    factory = "from sqlalchemy.orm import sessionmaker\nSessionLocal = sessionmaker()\n"
    assert_cases(tmp_path, {"core/database.py": factory, "service.py": service}, {"DBS302"})


def test_what_flask_s_application_keeps_is_followed(tmp_path: Path) -> None:
    manager = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        class Manager:
            def __init__(self, url):
                self.Session = sessionmaker(create_engine(url))

            def get_session(self):
                return self.Session()

            def close_session(self, session):
                session.close()
    """
    application = """
        from flask import Flask
        from core.manager import Manager

        def create_app():
            app = Flask(__name__)
            app.manager = Manager("sqlite://")
            return app
    """
    routes = """
        from flask import current_app

        def left():
            session = current_app.manager.get_session()  # DBS302
            return session.execute("x").scalar()

        def closed():
            session = current_app.manager.get_session()
            try:
                return session.execute("x").scalar()
            finally:
                current_app.manager.close_session(session)
    """
    files = {"core/manager.py": manager, "application.py": application, "routes.py": routes}
    assert_cases(tmp_path, files, {"DBS302", "DBS303"})


def test_a_session_that_its_helper_has_used(tmp_path: Path) -> None:
    text = """
        from models import State
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker(create_engine("sqlite:///x.db"))

        def found(key):
            session = SessionLocal()
            return session, session.get(State, key)

        def asked(key):
            session = SessionLocal()
            state = session.get(State, key)
            return session, state

        def warmed():
            session = SessionLocal()
            session.execute("select 1")
            return session

        def fresh():
            session = SessionLocal()
            session.add(State())
            return session

        def perhaps(key):
            session = SessionLocal()
            state = None
            if key:
                state = session.get(State, key)
            return session, state

        def done():
            session = SessionLocal()
            session.execute("select 1")
            session.rollback()
            return session

        def of_asked(key):
            session, state = asked(key)  # DBS302
            return state.flag

        def of_warmed(key):
            session = warmed()  # DBS302
            return key

        def of_the_others(key):
            session = fresh()
            other, state = perhaps(key)
            third = done()
            return key
    """
    assert_cases(tmp_path, {"app.py": text}, {"DBS302"})


def test_a_session_that_its_helper_closes_and_works_with_again(tmp_path: Path) -> None:
    text = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker(create_engine("sqlite:///x.db"))

        def begin_again(session):
            session.execute("select 1")
            session.close()
            session.execute("select 2")

        def work():
            session = SessionLocal()  # DBS302
            begin_again(session)

        def work_and_close():
            session = SessionLocal()
            try:
                begin_again(session)
            finally:
                session.close()
    """
    assert_cases(tmp_path, {"app.py": text}, {"DBS302", "DBS303"})


def test_what_the_advised_block_expires_is_to_be_read_in_it(tmp_path: Path) -> None:
    database = """
        from contextlib import contextmanager
        from sqlalchemy.orm import sessionmaker

        Session = sessionmaker({options})

        @contextmanager
        def session_scope():
            with Session() as db:
                yield db
                {end}
    """
    use = """
        from database import Session

        def first():
            db = Session()
            item = db.query(Item).first()
            return {result}
    """
    cases = [("", "db.commit()", "item", True), ("", "db.commit()", "item is None", False)]
    cases += [("", "pass", "item", False), ("expire_on_commit=False", "db.commit()", "item", False)]
    for options, end, result, is_said in cases:
        files = {"database.py": database.format(options=options, end=end)}
        write_project(tmp_path, files | {"use.py": use.format(result=result)})
        (message,) = [m for *_, code, m in lint(tmp_path, "use.py") if code == "DBS302"]
        values = ", and return values: the block's commit expires objects"
        assert message.endswith(f"use `with session_scope() as db:`{values if is_said else ''}")


def test_a_tests_database_in_memory(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "tests/test_it.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import Session, sessionmaker

                engine = create_engine("sqlite://")
                Made = sessionmaker(bind=engine)

                def with_its_engine():
                    engine = create_engine("sqlite://", echo=True)
                    Made = sessionmaker(bind=engine)
                    return Made(), engine

                def alone():
                    return sessionmaker(bind=create_engine("sqlite:///:memory:"))()

                def new_engine():
                    return create_engine("sqlite://")

                def in_a_file():
                    return sessionmaker(bind=create_engine("sqlite:///a.db"))(), 1

                def test_helpers():
                    db, _ = with_its_engine()
                    assert db.query(1).all()
                    other = alone()
                    assert other.query(1).all()

                def test_by_itself():
                    db = Made()
                    assert db.query(1).all()
                    other = Session(create_engine("sqlite://"))
                    assert other.query(1).all()

                def test_engine_of_a_helper():
                    db = Session(new_engine())
                    assert db.query(1).all()
                    conn = new_engine().connect()
                    assert conn.execute(1).all()

                def test_file():
                    db, _ = in_a_file()  # DBS302
                    assert db.query(1).all()
            """,
        },
        {"DBS302", "DBS602"},
    )


@pytest.mark.parametrize(
    ("body", "keeps"),
    [
        ("db.execute(1)", ", and keeps its connection; "),
        ("db.execute(1)\n    db.commit()", ", and keeps its connection when line 4 raises; "),
        ("db.add(1)\n    db.commit()", ", and keeps its connection when line 5 raises; "),
        (
            "db.execute(1)\n    db.rollback()\n    print(1)",
            ", and keeps its connection when line 4 raises; ",
        ),
        ("db.commit()\n    db.execute(1)", ", and keeps its connection; "),
        (
            "db.add(1)\n    if x:\n        db.commit()\n    db.execute(1)",
            ", and keeps its connection; ",
        ),
        (
            "db.execute(1)\n    db.commit()\n    if x:\n        db.execute(1)",
            ", and keeps its connection; ",
        ),
    ],
)
def test_the_message_says_when_the_connection_is_kept(
    tmp_path: Path, body: str, keeps: str
) -> None:
    text = f"from database import SessionLocal\ndef f(x):\n    db = SessionLocal()\n    {body}\n"
    write_project(tmp_path, {"database.py": DATABASE, "service.py": text})
    ((*_, message),) = [found for found in lint(tmp_path, "service.py") if found[2] == "DBS302"]
    assert message.startswith(f"`SessionLocal()` is never closed{keeps}")


def test_the_end_of_a_script_keeps_no_connection_after_a_commit(tmp_path: Path) -> None:
    text = """
        from database import SessionLocal

        def fill():
            db = SessionLocal()
            db.execute(1)
            db.commit()

        fill()
        print("done")
    """
    write_project(tmp_path, {"database.py": DATABASE, "script.py": text})
    ((*_, message),) = [found for found in lint(tmp_path, "script.py") if found[2] == "DBS302"]
    assert message.startswith("`SessionLocal()` is never closed; use ")


def test_a_script_that_asks_a_function_and_only_prints(tmp_path: Path) -> None:
    head = """
        import sys
        from sqlalchemy.orm import sessionmaker
        SessionLocal = sessionmaker()
    """
    asked = """
        def test_it():
            db = SessionLocal(){code}
            if not db.scalar(1):
                return False
            return True

        if __name__ == "__main__":
            print("testing")
            if test_it():
                print("good")
            else:
                {bad}
                sys.exit(1)
    """
    of_pytest = """
        def test_it():
            db = SessionLocal()  # DBS302
            db.scalar(1)

        if __name__ == "__main__":
            if test_it() is None:
                print("good")
    """
    files = {
        "check.py": head + asked.format(code="", bad="print('bad')"),
        "goes_on.py": head + asked.format(code="  # DBS302", bad="other.work()"),
        "of_pytest.py": head + of_pytest,
    }
    assert_cases(tmp_path, files, {"DBS302"})
