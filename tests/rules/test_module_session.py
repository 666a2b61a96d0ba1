"""DBS201: sessions held by module-level names."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS201"}


def test_a_module_level_name_holds_a_session(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from typing import cast

                from sqlalchemy.orm import Session, sessionmaker

                make = sessionmaker()
                db = make()  # DBS201
                typed: Session = make()  # DBS201
                other = cast(Session, make())  # DBS201
                first, second = make(), Session()  # DBS201 DBS201
                chosen = None or make()  # DBS201
                if (named := make()):  # DBS201
                    pass
            """
        },
        CODES,
    )


def test_top_level_blocks_are_module_level(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import sys

                from core.database import SessionLocal

                if sys.platform == "linux":
                    a = SessionLocal()  # DBS201
                try:
                    b = SessionLocal()  # DBS201
                except OSError:
                    b = SessionLocal()  # DBS201
                finally:
                    pass
                for url in ("one", "two"):
                    c = SessionLocal()  # DBS201
                with app.app_context():
                    d = SessionLocal()  # DBS201

                def work():
                    return a, b, c, d
            """
        },
        CODES,
    )


def test_a_session_of_a_function_of_the_project_counts(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": """
                from sqlalchemy.orm import sessionmaker

                make = sessionmaker()

                def get_session():
                    return make()
            """,
            "core/service.py": """
                from .database import get_session

                db = get_session()  # DBS201
            """,
        },
        CODES,
    )


def test_the_main_guard_factories_and_registries_are_right(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import requests
                from sqlalchemy import create_engine
                from sqlalchemy.orm import scoped_session, sessionmaker

                engine = create_engine("sqlite://")
                Session = sessionmaker(engine)
                registry = scoped_session(Session)
                session = scoped_session(Session)()
                web = requests.Session()
                conn = engine.connect()

                with Session() as db:
                    db.commit()

                if __name__ == "__main__":
                    db = Session()
                    try:
                        other = Session()
                    finally:
                        db.close()
            """
        },
        CODES,
    )


def test_the_message_names_what_the_project_has(tmp_path: Path) -> None:
    files = {
        "core/database.py": """
            from contextlib import contextmanager
            from sqlalchemy.orm import sessionmaker

            new_session = sessionmaker()

            @contextmanager
            def session_scope():
                db = new_session()
                try:
                    yield db
                finally:
                    db.close()
        """,
        "core/service.py": """
            from .database import new_session
            session = new_session()
        """,
    }
    write_project(tmp_path, files)
    messages = [m for _, _, code, m in lint(tmp_path, "core/service.py") if code in CODES]
    assert messages == [
        "`new_session()` is opened at import, and all threads share it as `session`; "
        "open one where it is needed, with `with session_scope() as session:`"
    ]


def test_the_session_of_a_scripts_one_run_is_its_own(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core.py": "from sqlalchemy.orm import sessionmaker\nSessionLocal = sessionmaker(E)\n",
            "counts.py": """
                from core import SessionLocal

                session = SessionLocal()
                try:
                    for state in STATES:
                        print(session.query(state).count())
                finally:
                    session.close()
            """,
            "retry.py": """
                from core import SessionLocal

                def add(db, run):
                    db.add(run)

                def named(runs):
                    db = runs[0]
                    return [lambda: db.name for run in runs]

                db = SessionLocal()
                add(db, [db.get(Run, x) for x in named(RUNS)])
                db.commit()
                db.close()
            """,
            "guarded.py": """
                from core import SessionLocal

                db = SessionLocal()
                if __name__ == "__main__":
                    print(db.execute(1))
            """,
            "used.py": """
                from core import SessionLocal

                db = SessionLocal()  # DBS201

                def work():
                    def inner():
                        return db.execute(1)
                    return inner

                run(work())
            """,
            "test_suite.py": """
                import sys

                from core import SessionLocal

                db = SessionLocal()

                def clean():
                    db.execute(1)

                def test_counts():
                    return [db.execute(each) for each in range(3)]

                def run_all():
                    try:
                        clean()
                        return test_counts()
                    finally:
                        db.close()

                if __name__ == "__main__":
                    sys.exit(0 if run_all() else 1)
            """,
            "threaded.py": """
                from threading import Thread

                from core import SessionLocal

                db = SessionLocal()  # DBS201

                def work():
                    db.execute(1)

                if __name__ == "__main__":
                    work()
                    Thread(target=work).start()
            """,
            "threaded_from_above.py": """
                from threading import Thread

                from core import SessionLocal

                db = SessionLocal()  # DBS201

                def work():
                    db.execute(1)

                def run():
                    work()

                if __name__ == "__main__":
                    Thread(target=run).start()
            """,
            "uncalled.py": """
                from core import SessionLocal

                db = SessionLocal()  # DBS201

                def handler(event, context):
                    return db.execute(1)

                if __name__ == "__main__":
                    print("handler")
            """,
            "routed.py": """
                from core import SessionLocal

                db = SessionLocal()  # DBS201

                @app.get("/")
                def index():
                    return db.execute(1)

                if __name__ == "__main__":
                    print(index())
            """,
            "tasks.py": """
                import asyncio

                from core import SessionLocal

                db = SessionLocal()  # DBS201

                async def work():
                    return db.execute(1)

                async def main():
                    await asyncio.gather(work(), work())

                if __name__ == "__main__":
                    asyncio.run(main())
            """,
            "endless.py": """
                from core import SessionLocal

                db = SessionLocal()  # DBS201

                def poll():
                    return db.execute(1)

                if __name__ == "__main__":
                    while True:
                        poll()
            """,
            "nested.py": """
                from core import SessionLocal

                db = SessionLocal()

                def work():
                    def inner():
                        return db.execute(1)
                    return inner()

                work()
            """,
            "in_a_class.py": """
                from core import SessionLocal

                db = SessionLocal()  # DBS201

                class Repository:
                    session = db

                Repository().run()
            """,
            "in_a_lambda.py": """
                from core import SessionLocal

                db = SessionLocal()  # DBS201
                run(lambda: db.execute(1))
            """,
            "offered.py": """
                from core import SessionLocal

                db = SessionLocal()  # DBS201
            """,
            "shared.py": """
                from core import SessionLocal

                db = SessionLocal()  # DBS201
                print(db)
            """,
            "tools/loaded.py": """
                from core import SessionLocal

                db = SessionLocal()  # DBS201
                print(db)
            """,
            "tools/dotted.py": """
                from core import SessionLocal

                db = SessionLocal()  # DBS201
                print(db)
            """,
            "users.py": """
                import tools.dotted
                from shared import db
                from tools import (
                    loaded,
                )
                # from counts import session
                print("import counts")
            """,
        },
        CODES,
    )
