"""Session classes of the project's own, whose block or whose methods do more than SQLAlchemy's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import CHOSEN, assert_cases
from tests.fixes.repairs import reasons

DATABASE = """
    from contextlib import contextmanager
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session, sessionmaker

    class Saving(Session):
        def __exit__(self, kind, value, trace):
            try:
                if kind is None:
                    self.commit()
                else:
                    self.rollback()
            finally:
                super().__exit__(kind, value, trace)

    class Heir(Saving):
        def __exit__(self, kind, value, trace):
            super().__exit__(kind, value, trace)

    class Plain(Session):
        def __exit__(self, kind, value, trace):
            print("done")
            super().__exit__(kind, value, trace)

        def keep(self, item):
            self.add(item)
            self.commit()

    class SavingAtLast(Session):
        def close(self):
            self.commit()
            super().close()

    engine = create_engine("postgresql://localhost/app")
    Make = sessionmaker(engine, class_=Saving)
    MakeHeir = sessionmaker(engine, class_=Heir)
    MakePlain = sessionmaker(engine, class_=Plain)
    MakeLast = sessionmaker(engine, class_=SavingAtLast)
"""
FILES = {
    "base.py": DATABASE,
    "models.py": """
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

        class Base(DeclarativeBase):
            pass

        class Item(Base):
            __tablename__ = "items"
            name: Mapped[str] = mapped_column(primary_key=True)
    """,
}


def test_a_write_is_lost_where_the_end_that_commits_is_not_reached(tmp_path: Path) -> None:
    text = """
        from base import Make, MakeHeir, MakeLast, MakePlain
        from models import Item

        def without_block(name):
            session = Make()
            session.add(Item(name=name))  # DBS309

        def in_block(name):
            with Make() as session:
                session.add(Item(name=name))

        def by_heir(name):
            with MakeHeir() as session:
                session.add(Item(name=name))

        def by_plain(name):
            with MakePlain() as session:
                session.add(Item(name=name))  # DBS309

        def by_own_method(name):
            with MakePlain() as session:
                session.keep(Item(name=name))

        def by_its_close(name):
            session = MakeLast()
            session.add(Item(name=name))
            session.close()

        def by_its_block(name):
            with MakeLast() as session:
                session.add(Item(name=name))
    """
    assert_cases(tmp_path, {**FILES, "work.py": text}, {"DBS309"})


PROVIDER = """
    @contextmanager
    def provided():
        session = {factory}()
        try:
            yield session
            {end}
        finally:
            session.close()
"""


@pytest.mark.parametrize(("end", "code"), [("session.commit()", "DBS102"), ("session.flush()", "")])
def test_a_provider_takes_the_place_of_a_block_that_commits_where_it_commits(
    end: str, code: str, tmp_path: Path
) -> None:
    base = DATABASE + PROVIDER.format(factory="Make", end=end)
    text = f"""
        from base import Make
        from models import Item

        def add(name):
            with Make() as session:  # {code}
                session.add(Item(name=name))

        def names():
            with Make() as session:  # DBS102
                return [item.name for item in session.query(Item).all()]
    """
    assert_cases(tmp_path, {**FILES, **CHOSEN, "base.py": base, "work.py": text}, {"DBS102"})


def test_a_provider_commits_by_the_block_of_its_session(tmp_path: Path) -> None:
    base = (
        DATABASE
        + """
    @contextmanager
    def provided():
        with Make() as session:
            yield session

    def dependency():
        with MakeHeir() as session:
            yield session
"""
    )
    text = """
        from base import dependency, provided
        from fastapi import APIRouter, Depends
        from models import Item

        router = APIRouter()

        def twice(name):
            with provided() as session:
                session.add(Item(name=name))
                session.commit()  # DBS307
    """
    assert_cases(
        tmp_path,
        {**FILES, "base.py": base, "work.py": text},
        {"DBS307"},
        selected=frozenset({"DBS307"}),
    )


def test_the_close_of_a_borrowed_session_that_commits_loses_nothing(tmp_path: Path) -> None:
    text = """
        from base import Plain, SavingAtLast
        from models import Item

        def add(session: SavingAtLast, name: str):
            session.add(Item(name=name))
            session.close()

        def main(name: str):
            session = SavingAtLast()
            add(session, name)

        def add_plainly(session: Plain, name: str):
            session.add(Item(name=name))
            session.close()  # DBS306

        def plain(name: str):
            session = Plain()
            add_plainly(session, name)
    """
    assert_cases(tmp_path, {**FILES, "work.py": text}, {"DBS306"})


def test_an_object_is_expired_by_the_block_that_commits(tmp_path: Path) -> None:
    text = """
        from base import Make, MakePlain
        from models import Item

        def first():
            with Make() as session:
                item = session.query(Item).first()
                return item  # DBS210

        def plain():
            with MakePlain() as session:
                item = session.query(Item).first()
                return item
    """
    assert_cases(tmp_path, {**FILES, "work.py": text}, {"DBS210"}, selected=frozenset({"DBS210"}))


def test_a_block_that_commits_in_the_place_of_a_missing_close_is_doubted(tmp_path: Path) -> None:
    text = """
        from base import Make
        from models import Item

        def add(name):
            session = Make()
            session.add(Item(name=name))
            session.flush()
            print(name)
    """
    assert reasons(tmp_path, {**FILES, "work.py": text}, "work.py", "DBS302") == [
        "6: DBS302 `Make` would commit what line 7 may leave uncommitted"
    ]


def test_sessions_and_engines_of_oslo_db(tmp_path: Path) -> None:
    text = """
        from oslo_db.sqlalchemy import enginefacade

        context_manager = enginefacade.transaction_context()

        def get_session():
            return enginefacade.writer.get_sessionmaker()()

        def get_engine():
            return context_manager.reader.get_engine()

        def names():
            return get_session().query(1).all()  # DBS304

        def rows():
            db = get_session()  # DBS302
            return db.query(1).all()

        def version():
            conn = get_engine().connect()  # DBS602
            return conn.connection.server_version

        def closed():
            with get_session() as db, get_engine().connect() as conn:
                return db.query(1).all(), conn.execute("SELECT 1").all()
    """
    assert_cases(tmp_path, {"db.py": text}, {"DBS302", "DBS303", "DBS304", "DBS602"})
