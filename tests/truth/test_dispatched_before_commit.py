"""DBS310: a worker that begins at once does not see what is committed afterwards."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from tests.truth.example import BETTER, EXAMPLE, run


class Base(DeclarativeBase):
    pass


class Job(Base):
    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Worker:
    """A task's worker in another process: it has a connection of its own, and no time to lose."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.seen: list[Any] = []

    def delay(self, number: int) -> None:
        with closing(sqlite3.connect(self._path)) as conn:
            row = conn.execute("SELECT name FROM jobs WHERE id = ?", (number,)).fetchone()
        self.seen.append(row and row[0])


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path / "jobs.db")


@pytest.fixture
def factory(tmp_path: Path) -> sessionmaker[Session]:
    engine = create_engine(f"sqlite:///{tmp_path / 'jobs.db'}")
    Base.metadata.create_all(engine)
    return sessionmaker(engine)


@pytest.mark.parametrize(("section", "seen"), [(EXAMPLE, None), (BETTER, "new")])
def test_the_page_s_functions(
    section: str,
    seen: str | None,
    worker: Worker,
    factory: sessionmaker[Session],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house, celery = ModuleType("core.database"), ModuleType("celery")
    house.get_db_session = factory  # type: ignore[attr-defined]
    celery.shared_task = lambda _: worker  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "core", ModuleType("core"))
    monkeypatch.setitem(sys.modules, "core.database", house)
    monkeypatch.setitem(sys.modules, "celery", celery)
    names = run("DBS310", section)
    names["Job"] = Job
    names["create"]("new")
    assert worker.seen == [seen]


def test_the_commit_of_a_block(worker: Worker, factory: sessionmaker[Session]) -> None:
    with factory.begin() as db:
        job = Job(name="new")
        db.add(job)
        db.flush()
        worker.delay(job.id)
        number = job.id
    worker.delay(number)
    assert worker.seen == [None, "new"]


def test_the_commit_of_a_dependency(worker: Worker, factory: sessionmaker[Session]) -> None:
    app = FastAPI()

    def get_db() -> Iterator[Session]:
        with factory() as db:
            yield db
            db.commit()

    @app.post("/jobs")
    def create(db: Annotated[Session, Depends(get_db)]) -> int:
        job = Job(name="new")
        db.add(job)
        db.flush()
        worker.delay(job.id)
        return job.id

    number = TestClient(app).post("/jobs").json()
    worker.delay(number)
    assert worker.seen == [None, "new"]


def test_a_changed_row_is_found_as_it_was(worker: Worker, factory: sessionmaker[Session]) -> None:
    with factory.begin() as db:
        db.add(Job(id=1, name="old"))
    with factory() as db:
        job = db.get_one(Job, 1)
        job.name = "new"
        worker.delay(job.id)
        db.commit()
        worker.delay(job.id)
    assert worker.seen == ["old", "new"]


def test_a_task_for_what_never_was(worker: Worker, factory: sessionmaker[Session]) -> None:
    sent = []
    with factory() as db:
        job = Job(name="new")
        db.add(job)
        db.flush()
        sent.append(job.id)  # a worker that begins when all is over
        db.rollback()
    worker.delay(*sent)
    assert worker.seen == [None]
