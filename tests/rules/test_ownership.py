"""Who may open by hand: the function whose part it is, and the module that builds the factory."""

from __future__ import annotations

from pathlib import Path

from tests.cases import CHOSEN, assert_cases

CODES = {"DBS101", "DBS102", "DBS103", "DBS301"}
HOUSE = """
    from contextlib import contextmanager
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session, sessionmaker

    engine = create_engine("sqlite://")
    Maker = sessionmaker(engine)

    @contextmanager
    def unit():
        db = Maker()
        try:
            yield db
        finally:
            db.close()

    def dependency():
        with Maker() as db:
            yield db

    def fresh():
        return Maker()
"""


def test_a_module_owns_by_its_top_level_alone(tmp_path: Path) -> None:
    functions = """
    def add():
        db = Maker()  # DBS101
        db.close()  # DBS301

    def count():
        with Session(engine) as db:  # DBS103
            return db.scalar(1)

    class Items:
        db = Maker()

        def names(self, db=Maker()):
            with Maker() as db:  # DBS102
                return db.scalar(1)

    with Maker() as db:
        db.scalar(1)
"""
    assert_cases(tmp_path, {"shop.py": HOUSE + functions}, CODES)


def test_a_helper_makes_no_owner_of_the_functions_beside_it(tmp_path: Path) -> None:
    helpers = {
        "nested.py": """
            from contextlib import contextmanager
            from shop import Maker

            def outer():
                @contextmanager
                def scope():
                    with Maker() as db:
                        yield db
                with scope():
                    pass

            def other():
                db = Maker()  # DBS101
                db.close()  # DBS301
        """,
        "opener.py": """
            import sqlite3
            from shop import Maker

            def cache_file():
                return sqlite3.connect("cache.db")

            def other():
                db = Maker()  # DBS101
                db.close()  # DBS301
        """,
        "accessor.py": """
            from shop import Maker

            def make():
                return Maker()

            def other():
                db = Maker()  # DBS101
                db.close()  # DBS301

            db = Maker()  # DBS101
            db.close()  # DBS301
        """,
    }
    assert_cases(tmp_path, {"shop.py": HOUSE, **helpers}, CODES)


def test_a_class_owns_by_entering_and_closing(tmp_path: Path) -> None:
    text = """
        from sqlalchemy.orm import sessionmaker

        class Forecasts:
            def __init__(self, engine):
                self.Maker = sessionmaker(engine)

            def latest(self):
                db = self.Maker()  # DBS101
                db.close()  # DBS301

            def __enter__(self):
                self.db = self.Maker()
                return self.db

            def __exit__(self, *error):
                self.db.close()
    """
    assert_cases(tmp_path, {"service.py": text}, CODES)


def test_a_fixture_owns_what_it_opens(tmp_path: Path) -> None:
    text = """
        import pytest
        from shop import Maker

        @pytest.fixture
        def session():
            with Maker() as db:
                yield db

        def other():
            with Maker() as db:  # DBS102
                db.scalar(1)
    """
    assert_cases(tmp_path, {**CHOSEN, "shop.py": HOUSE, "plugin.py": text}, CODES)


def test_what_is_kept_for_a_request_is_owned_and_for_the_process_not(tmp_path: Path) -> None:
    text = """
        from flask import g
        from shop import Maker

        _db = None

        def of_request():
            if "db" not in g:
                g.db = Maker()
            return g.db

        def of_process():
            global _db
            if _db is None:
                _db = Maker()  # DBS101
            return _db
    """
    assert_cases(tmp_path, {"shop.py": HOUSE, "access.py": text}, {"DBS101"})


def test_a_bare_name_never_asks_for_a_provider(tmp_path: Path) -> None:
    text = """
        def claim(SessionLocal):
            with SessionLocal() as db:
                db.execute(1)

        def by_hand(SessionLocal):
            db = SessionLocal()  # DBS101
            db.close()  # DBS301
    """
    assert_cases(tmp_path, {"shop.py": HOUSE, "worker.py": text}, CODES)


def test_who_hands_it_out_beside_something_else_owns_it(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "jobs.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import sessionmaker

                def factory_for(uri):
                    return sessionmaker(bind=create_engine(uri))

                def setup(config):
                    make = factory_for(config.uri)
                    session = make()
                    config.on_shutdown(session.get_bind().dispose)
                    return config, session

                def shown(config):
                    make = factory_for(config.uri)
                    session = make()  # DBS101
                    try:
                        return config, session.connection().info
                    finally:
                        session.close()
            """
        },
        {"DBS101"},
    )


def test_what_serves_work_that_it_is_given_owns(tmp_path: Path) -> None:
    wrappers = """
        from functools import wraps
        from shop import Maker

        def task(**options):
            def decorator(work):
                @queue.task(**options)
                @wraps(work)
                def wrapped(*args, **kwargs):
                    with app.app_context():
                        db = Maker()
                        try:
                            result = work(*args, db=db, **kwargs)
                            db.commit()
                            return result
                        except Exception:
                            db.rollback()
                            raise
                        finally:
                            db.close()
                return wrapped
            return decorator

        def run(work):
            db = Maker()  # DBS101
            try:
                return work(db)
            finally:
                db.close()  # DBS301

        class Task(queue.Task):
            def __call__(self, *args, **kwargs):
                db = Maker()
                self._db = db
                try:
                    return self.run(*args, **kwargs)
                finally:
                    db.close()
                    del self._db

        def works_itself(number, *names):
            db = Maker()  # DBS101
            try:
                return count(db, *names)
            finally:
                db.close()  # DBS301

        def calls_its_parameter(note):
            db = Maker()  # DBS101
            try:
                note(db.scalar(1))
            finally:
                db.close()  # DBS301

        def leaves_it_open(work):
            db = Maker()  # DBS101
            work(db)
            db.close()  # DBS301
    """
    assert_cases(tmp_path, {"shop.py": HOUSE, "work.py": wrappers}, CODES)
