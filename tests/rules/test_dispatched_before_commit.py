"""DBS310: tasks that are sent to a worker before what they need is committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS310"}
DATABASE = """
    from contextlib import asynccontextmanager, contextmanager

    from sqlalchemy import create_engine
    from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

    engine = create_engine("postgresql://localhost/shop")
    SessionLocal = sessionmaker(engine)
    AsyncSessionLocal = async_sessionmaker(create_async_engine("postgresql+asyncpg://db/shop"))


    class Base(DeclarativeBase):
        pass


    class Job(Base):
        __tablename__ = "jobs"
        id: Mapped[int] = mapped_column(primary_key=True)
        owner_id: Mapped[int]
        status: Mapped[str]


    class Ticket(Base):
        __tablename__ = "tickets"
        number: Mapped[int] = mapped_column(primary_key=True)
        order_id: Mapped[int] = mapped_column(unique=True)
        email: Mapped[str] = mapped_column(unique=True)


    def get_db():
        db = SessionLocal()
        try:
            yield db
            db.commit()
        finally:
            db.close()


    def get_plain_db():
        with SessionLocal() as db:
            yield db


    @contextmanager
    def session_scope():
        with SessionLocal() as db:
            yield db
            db.commit()


    @contextmanager
    def plain_scope():
        with SessionLocal() as db:
            yield db


    @asynccontextmanager
    async def async_scope():
        async with AsyncSessionLocal() as db, db.begin():
            yield db
"""
TASKS = """
    from celery import Celery, shared_task

    celery = Celery("shop")


    @celery.task
    def process(number): ...


    @shared_task(bind=True)
    def other(self, number): ...


    def plain(number): ...
"""
FILES = {"app/database.py": DATABASE, "app/tasks.py": TASKS}
IMPORTS = """
                from app.database import (
                    AsyncSessionLocal, Job, SessionLocal, Ticket, engine, async_scope,
                    get_db, get_plain_db, plain_scope, session_scope,
                )
                from app.tasks import celery, other, plain, process
                from sqlalchemy import insert, select, text, update
                from sqlalchemy.ext.asyncio import AsyncSession
                from sqlalchemy.orm import Session
"""


def check(folder: Path, code: str, **files: str) -> None:
    assert_cases(folder, {**FILES, **files, "app/work.py": IMPORTS + code}, CODES)


def test_the_commit_is_the_function_s(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
                def added():
                    with SessionLocal() as db:
                        job = Job(status="new")
                        db.add(job)
                        db.flush()
                        process.delay(job.id)  # DBS310
                        db.commit()

                def committed_before():
                    with SessionLocal() as db:
                        job = Job(status="new")
                        db.add(job)
                        db.commit()
                        process.delay(job.id)
                        db.commit()

                def given(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    process.apply_async(args=[str(job.id)], queue="slow")  # DBS310
                    db.commit()

                def by_name(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    celery.send_task("process", kwargs={"number": job.id})  # DBS310
                    db.commit()

                async def asynchronous(db: AsyncSession):
                    job = Job()
                    db.add(job)
                    await db.flush()
                    other.delay(job.id)  # DBS310
                    await db.commit()

                def never_committed(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    process.delay(job.id)

                def rolled_back(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    process.delay(job.id)
                    db.rollback()
                    db.commit()

                def in_this_process(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    plain(job.id)
                    process(job.id)
                    db.commit()

                def later(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    process.apply_async(args=[job.id], countdown=10)
                    process.apply_async(args=[job.id], eta=soon())
                    process.apply_async(args=[job.id], countdown=0)  # DBS310
                    db.commit()

                def on_some_ways(db: Session, is_new):
                    job = Job()
                    if is_new:
                        db.add(job)
                    process.delay(job.id)  # DBS310
                    db.commit()

                def where_an_error_is_logged(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    try:
                        process.delay(job.id)  # DBS310
                    except Exception:
                        print("not sent")
                    db.commit()

                def own_key(db: Session):
                    ticket = Ticket()
                    db.add(ticket)
                    db.flush()
                    process.delay(ticket.email)
                    process.delay(ticket.order_id)  # DBS310
                    process.delay(ticket.number)  # DBS310
                    db.commit()
        """,
    )


def test_what_is_told(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
                def of_another(db: Session, user):
                    job = Job(owner_id=user.id)
                    db.add(job)
                    db.flush()
                    process.delay(user.id)
                    process.delay(job.owner_id)
                    process.delay(job.status)
                    process.delay()
                    db.commit()

                def by_another_name(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    job_id = job.id
                    payload = {"job": str(job_id)}
                    process.delay(payload)  # DBS310
                    db.commit()

                def given_key(db: Session, job_id):
                    job = Job(id=job_id)
                    db.add(job)
                    process.delay(job_id)  # DBS310
                    db.commit()

                def several(db: Session, names):
                    jobs = []
                    for name in names:
                        job = Job(status=name)
                        db.add(job)
                        jobs.append(job)
                    db.flush()
                    process.delay([job.id for job in jobs])  # DBS310
                    db.commit()

                def one_by_one(db: Session, names):
                    jobs = [Job(status=name) for name in names]
                    db.add_all(jobs)
                    db.flush()
                    for job in jobs:
                        process.delay(job.id)  # DBS310
                    db.commit()

                def committed_in_turns(db: Session, names):
                    for name in names:
                        job = Job(status=name)
                        db.add(job)
                        db.commit()
                        process.delay(job.id)

                def bound_anew(db: Session, old_id):
                    job = Job()
                    db.add(job)
                    job = load(old_id)
                    process.delay(job.id)
                    db.commit()

                def for_people(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    process.delay(f"job {job.id} is new")
                    process.delay(f"job:{job.id}")  # DBS310
                    db.commit()

                def taken_out(db: Session):
                    job = Job()
                    db.add(job)
                    db.expunge(job)
                    process.delay(job.id)
                    db.commit()

                def deleted(db: Session, job_id):
                    job = db.get(Job, job_id)
                    db.delete(job)
                    process.delay(job.id)
                    db.commit()
        """,
    )


def test_what_is_changed(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
                def loaded(db: Session, job_id):
                    job = db.get(Job, job_id)
                    job.status = "queued"
                    process.delay(job.id)  # DBS310
                    db.commit()

                def by_the_key_it_was_loaded_by(db: Session, job_id):
                    job = db.scalar(select(Job).where(Job.id == job_id))
                    job.status = "queued"
                    process.delay(job_id)  # DBS310
                    db.commit()

                def turned(db: Session, job_id):
                    job = db.get(Job, int(job_id))
                    job.status = "queued"
                    process.delay(job_id)  # DBS310
                    db.commit()

                def joined(db: Session, owner_id):
                    job = db.scalar(select(Job).join(Owner).where(Owner.id == owner_id))
                    job.status = "queued"
                    process.delay(owner_id)
                    db.commit()

                def each(db: Session):
                    for job in db.scalars(select(Job)):
                        job.status = "queued"
                        process.delay(job.id)  # DBS310
                    db.commit()

                def event(db: Session, job_id):
                    job = db.get(Job, job_id)
                    job.status = "done"
                    process.delay({"job": job.id, "owner": job.owner_id, "event": "done"})
                    process.apply_async(kwargs={"a": 1, "b": 2, "number": job.id})  # DBS310
                    new = Job()
                    db.add(new)
                    db.flush()
                    process.delay({"job": new.id, "owner": new.owner_id, "event": "new"})  # DBS310
                    db.commit()

                def only_read(db: Session, job_id):
                    job = db.get(Job, job_id)
                    process.delay(job.id)
                    db.add(Ticket())
                    db.commit()

                def the_task_is_noted(db: Session, job_id):
                    job = db.get(Job, job_id)
                    job.task_id = process.delay(job.id).id
                    result = other.delay(job.id)
                    job.other_id = result.id
                    process.delay(job.id)
                    db.commit()

                def changed_from_itself(db: Session, job_id):
                    job = db.get(Job, job_id)
                    job.status = job.status + "!"
                    job.task = process.delay(job.id)  # DBS310
                    db.commit()

                def changed_afterwards(db: Session, job_id):
                    job = db.get(Job, job_id)
                    process.delay(job.id)
                    job.status = "queued"
                    db.commit()

                def given(db: Session, job: Job, values):
                    for name, value in values.items():
                        setattr(job, name, value)
                    process.delay(job.id)  # DBS310
                    db.commit()

                def no_row(db: Session, request, job_id):
                    request.state = "asked"
                    process.delay(request.id)
                    db.add(Ticket())
                    db.commit()

                def by_statement(db: Session, job_id, owner_id):
                    db.execute(update(Job).where(Job.id == job_id).values(status="queued"))
                    process.delay(owner_id)
                    process.delay(job_id)  # DBS310
                    db.commit()

                def by_text(db: Session, job_id):
                    db.execute(text("UPDATE jobs SET done = 1 WHERE id = :id"), {"id": job_id})
                    process.delay(job_id)  # DBS310
                    db.commit()

                def inserted(db: Session, job_id):
                    db.execute(insert(Job).values(id=job_id))
                    process.delay(job_id)  # DBS310
                    db.commit()

                def by_query(db: Session, job_id):
                    db.query(Job).filter(Job.id == job_id).update({"status": "queued"})
                    process.delay(job_id)  # DBS310
                    db.commit()

                def selected(db: Session, job_id):
                    db.execute(select(Job).where(Job.id == job_id))
                    process.delay(job_id)
                    db.commit()
        """,
    )


def test_the_commit_is_the_block_s(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
                def provider():
                    with session_scope() as db:
                        job = Job()
                        db.add(job)
                        db.flush()
                        process.delay(job.id)  # DBS310

                def after_the_block():
                    with session_scope() as db:
                        job = Job()
                        db.add(job)
                        db.flush()
                        job_id = job.id
                    process.delay(job_id)

                def of_the_factory():
                    with SessionLocal.begin() as db:
                        job = Job()
                        db.add(job)
                        db.flush()
                        process.delay(job.id)  # DBS310

                def two_blocks():
                    with Session(engine) as db, db.begin():
                        job = Job()
                        db.add(job)
                        db.flush()
                        process.delay(job.id)  # DBS310

                def a_block_inside():
                    with Session(engine) as db:
                        with db.begin():
                            job = Job()
                            db.add(job)
                        process.delay(job.id)

                def savepoint():
                    with session_scope() as db:
                        with db.begin_nested():
                            job = Job()
                            db.add(job)
                        process.delay(job.id)  # DBS310

                def without_a_commit():
                    with plain_scope() as db:
                        job = Job()
                        db.add(job)
                        db.flush()
                        process.delay(job.id)

                async def asynchronous():
                    async with async_scope() as db:
                        job = Job()
                        db.add(job)
                        await db.flush()
                        process.delay(job.id)  # DBS310

                def another_session(db: Session):
                    job = Job()
                    db.add(job)
                    with session_scope() as own:
                        own.add(Ticket())
                        process.delay(job.id)
        """,
    )


def test_connections(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
                def of_the_block(job_id):
                    with engine.begin() as conn:
                        conn.execute(insert(Job).values(id=job_id))
                        process.delay(job_id)  # DBS310

                def by_hand(job_id):
                    with engine.connect() as conn:
                        conn.execute(update(Job).where(Job.id == job_id).values(status="new"))
                        process.delay(job_id)  # DBS310
                        conn.commit()

                def committed_before(job_id):
                    with engine.connect() as conn:
                        conn.execute(insert(Job).values(id=job_id))
                        conn.commit()
                        process.delay(job_id)
                        conn.commit()
        """,
    )


def test_commits_that_others_may_make(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
                import asyncio

                from elsewhere import atomic

                def of_a_block_over_the_session(db: Session):
                    with atomic(db):
                        job = Job()
                        db.add(job)
                    process.delay(job.id)
                    db.commit()

                async def in_a_thread(db: Session):
                    job = Job()
                    db.add(job)
                    await asyncio.to_thread(db.commit)
                    process.delay(job.id)
                    db.commit()

                def without_autoflush(db: Session):
                    with db.no_autoflush:
                        job = Job()
                        db.add(job)
                    process.delay(job.id)  # DBS310
                    db.commit()
        """,
    )


def test_the_commit_is_a_dependency_s(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
                from typing import Annotated

                from fastapi import APIRouter, BackgroundTasks, Depends

                router = APIRouter()
                Database = Annotated[Session, Depends(get_db)]

                @router.post("/jobs")
                def create(db: Session = Depends(get_db)):
                    job = Job()
                    db.add(job)
                    db.flush()
                    process.delay(job.id)  # DBS310
                    return job

                @router.post("/others")
                def annotated(db: Database):
                    job = Job()
                    db.add(job)
                    db.flush()
                    process.delay(job.id)  # DBS310

                @router.post("/early")
                def commits_before(db: Database):
                    job = Job()
                    db.add(job)
                    db.commit()
                    process.delay(job.id)

                @router.post("/plain")
                def without_a_commit(db: Session = Depends(get_plain_db)):
                    job = Job()
                    db.add(job)
                    db.flush()
                    process.delay(job.id)

                @router.post("/background")
                def background(tasks: BackgroundTasks, db: Database):
                    job = Job()
                    db.add(job)
                    db.flush()
                    tasks.add_task(plain, job.id)
        """,
    )


def test_helpers(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
                def notify(number):
                    process.delay(number)

                def notify_of(job):
                    notify(job.id)

                def create(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    return job

                def create_committed(db: Session):
                    job = create(db)
                    db.commit()
                    return job

                def save(db: Session, job):
                    db.add(job)
                    db.flush()

                def load(db: Session, job_id):
                    db.add(Ticket())
                    return db.get(Job, job_id)

                class Jobs:
                    def __init__(self, db: Session):
                        self.db = db

                    def create(self):
                        job = Job()
                        self.db.add(job)
                        self.db.flush()
                        return job

                def sent_by_a_helper(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    notify(job.id)  # DBS310
                    notify_of(job)  # DBS310
                    db.commit()

                def made_by_a_helper(db: Session):
                    job = create(db)
                    process.delay(job.id)  # DBS310
                    db.commit()

                def committed_by_a_helper(db: Session):
                    job = create_committed(db)
                    process.delay(job.id)
                    db.commit()

                def saved_by_a_helper(db: Session):
                    job = Job()
                    save(db, job)
                    process.delay(job.id)  # DBS310
                    db.commit()

                def loaded_by_a_helper(db: Session):
                    job = load(db, 1)
                    process.delay(job.id)
                    db.commit()

                def made_by_an_object(db: Session):
                    jobs = Jobs(db)
                    job = jobs.create()
                    process.delay(job.id)  # DBS310
                    db.commit()

                def note_in(db: Session, owner, job):
                    owner.details = {"last": job}
                    db.add(owner)

                def kept_by_another_object(db: Session, owner):
                    job = create(db)
                    note_in(db, owner, job)
                    process.delay(job.id)  # DBS310
                    db.commit()

                def finish_all(db: Session):
                    finish(db)

                def handed_on_to_the_unknown(db: Session):
                    job = create(db)
                    finish_all(db)
                    process.delay(job.id)
                    db.commit()

                def handed_to_the_unknown(db: Session):
                    job = create(db)
                    finish(db)
                    process.delay(job.id)
                    db.commit()
        """,
    )


def test_callers(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
                from app.services import create, create_alone, Service

                def route():
                    with SessionLocal() as db:
                        create(db)
                        db.commit()

                def by_object(db: Session):
                    service = Service(db)
                    service.create()
                    db.commit()

                def alone(db: Session):
                    create_alone(db)
        """,
        **{
            "app/services.py": """
                from app.database import Job
                from app.tasks import process
                from sqlalchemy.orm import Session

                def create(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    process.delay(job.id)  # DBS310
                    return job

                def create_alone(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    process.delay(job.id)

                class Service:
                    def __init__(self, db: Session):
                        self.db = db

                    def create(self):
                        job = Job()
                        self.db.add(job)
                        self.db.flush()
                        process.delay(job.id)  # DBS310
                        return job
            """
        },
    )


def test_conditions(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
                def commits_if_told(db: Session, commit=True):
                    job = Job()
                    db.add(job)
                    if commit:
                        db.commit()
                    else:
                        db.flush()
                    process.delay(job.id)

                def calls_it():
                    with SessionLocal() as db:
                        commits_if_told(db)
                        db.add(Ticket())
                        db.commit()

                def leaves_it_if_told(db: Session, commit=False):
                    job = Job()
                    db.add(job)
                    db.flush()
                    process.delay(job.id)  # DBS310
                    if commit:
                        db.commit()

                def maybe_changed(db: Session, job_id, value):
                    job = db.get(Job, job_id)
                    changed = False
                    if job.status != value:
                        job.status = value
                        changed = True
                    if changed:
                        db.commit()
                    process.delay(job.id)
                    db.add(Ticket())
                    db.commit()

                def one_or_the_other(db: Session, job, is_new):
                    if is_new:
                        job = Job()
                        db.add(job)
                    if not is_new:
                        process.delay(job.id)
                    db.commit()

                def changed_again(db: Session, job_id):
                    job = db.get(Job, job_id)
                    job.status = "asked"
                    db.commit()
                    job.status = "queued"
                    process.delay(job.id)  # DBS310
                    db.commit()

                def until_done(db: Session, job_id):
                    while True:
                        job = db.get(Job, job_id)
                        job.status = "queued"
                        process.delay(job.id)  # DBS310
                        db.commit()
        """,
    )


def test_sessions_that_are_there_for_all(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
                from app.audit import log, note
                from app.extensions import Book, db

                def create():
                    job = Job()
                    db.session.add(job)
                    db.session.flush()
                    process.delay(job.id)  # DBS310
                    db.session.commit()

                def committed_by_another():
                    job = Job()
                    db.session.add(job)
                    log("new")
                    process.delay(job.id)
                    db.session.commit()

                def noted():
                    job = Job()
                    db.session.add(job)
                    note("new")
                    process.delay(job.id)  # DBS310
                    db.session.commit()

                def by_model_query(book_id):
                    book = Book.query.get_or_404(book_id)
                    book.title = "new"
                    process.delay(book_id)  # DBS310
                    db.session.commit()

                def by_its_filter(book_id, author_id):
                    book = Book.query.filter(Book.id == book_id).first()
                    book.title = "new"
                    process.delay(author_id)
                    process.delay(book.id)  # DBS310
                    process.delay(book_id)  # DBS310
                    db.session.commit()

                def left():
                    job = Job()
                    db.session.add(job)
                    process.delay(job.id)  # DBS310

                def calls_it():
                    left()
                    db.session.commit()
        """,
        **{
            "app/extensions.py": """
                from flask_sqlalchemy import SQLAlchemy

                db = SQLAlchemy()

                class Book(db.Model):
                    id = db.Column(db.Integer, primary_key=True)
                    title = db.Column(db.String)
            """,
            "app/audit.py": """
                from app.extensions import db

                def log(line):
                    db.session.add(Line(line))
                    db.session.commit()

                def note(line):
                    db.session.add(Line(line))
            """,
        },
    )


def test_decorators_that_commit(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
                from functools import wraps

                def transactional(f=None, retries=1):
                    def decorator(func):
                        @wraps(func)
                        def wrapped(*args, **kwargs):
                            with SessionLocal() as session:
                                result = func(session, *args, **kwargs)
                                session.commit()
                            return result
                        return wrapped
                    if f is not None:
                        return decorator(f)
                    return decorator

                def opening(func):
                    @wraps(func)
                    def wrapped(*args, **kwargs):
                        with SessionLocal() as session:
                            return func(session, *args, **kwargs)
                    return wrapped

                @transactional
                def bare(session):
                    job = Job()
                    session.add(job)
                    session.flush()
                    process.delay(job.id)  # DBS310

                @transactional(retries=2)
                def called(session):
                    job = Job()
                    session.add(job)
                    session.flush()
                    process.delay(job.id)  # DBS310

                @opening
                def without_a_commit(session):
                    job = Job()
                    session.add(job)
                    session.flush()
                    process.delay(job.id)
        """,
    )


def test_queues(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app/database.py": DATABASE,
            "app/work.py": """
                import dramatiq
                from app.database import Job
                from arq import create_pool
                from arq.connections import ArqRedis
                from celery import chain, group
                from huey import RedisHuey
                from redis import Redis
                from rq import Queue
                from sqlalchemy.orm import Session
                from taskiq_redis import ListQueueBroker

                from app.clients import client, found, get_client
                from app.tasks import process, unknown

                broker = ListQueueBroker("redis://localhost")
                huey = RedisHuey()
                queue = Queue(connection=Redis())

                @dramatiq.actor
                def act(number): ...

                @huey.task()
                def hue(number): ...

                @broker.task
                async def kick(number): ...

                async def create(db: Session, redis: ArqRedis, mailbox):
                    job = Job()
                    db.add(job)
                    db.flush()
                    act.send(job.id)  # DBS310
                    act.send_with_options(args=(job.id,))  # DBS310
                    act.send_with_options(args=(job.id,), delay=1000)
                    hue(job.id)  # DBS310
                    await kick.kiq(job.id)  # DBS310
                    queue.enqueue("app.work.act", job.id)  # DBS310
                    await redis.enqueue_job("act", job.id)  # DBS310
                    await redis.enqueue_job("act", job.id, _defer_by=10)
                    chain(process.s(job.id), process.s()).apply_async()  # DBS310
                    group(process.si(each) for each in [job.id]).delay()  # DBS310
                    mailbox.send(job.id)
                    mailbox.enqueue(job.id)
                    unknown.delay(job.id)
                    db.commit()

                def of_a_function(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    client.send_task("act", args=[job.id])  # DBS310
                    get_client().send_task("act", args=[job.id])  # DBS310
                    found.delay(job.id)  # DBS310
                    steps = chain(process.s(job.id), process.s())
                    steps.delay()  # DBS310
                    db.commit()

                async def made(db: Session):
                    redis = await create_pool()
                    job = Job()
                    db.add(job)
                    db.flush()
                    await redis.enqueue_job("act", job.id)  # DBS310
                    db.commit()
            """,
            "app/clients.py": """
                from celery import Celery

                def get_client() -> Celery:
                    from somewhere import app
                    return app

                def make_client(name):
                    made = Celery(name)
                    return made

                client = make_client("shop")

                @client.task
                def found(number): ...
            """,
            "app/tasks.py": """
                from app.wrapping import own_task

                @own_task(name="process")
                def process(number): ...

                @memoized
                def unknown(number): ...
            """,
            "app/wrapping.py": """
                from celery import Celery

                app = Celery()

                def own_task(**options):
                    def decorate(function):
                        @app.task(**options)
                        def wrapped(*args):
                            return function(*args)
                        return wrapped
                    return decorate
            """,
        },
        CODES,
    )


def test_tests_are_spared(tmp_path: Path) -> None:
    code = (
        IMPORTS
        + """
                def test_it(db: Session):
                    job = Job()
                    db.add(job)
                    db.flush()
                    process.delay(job.id)
                    db.commit()
    """
    )
    write_project(tmp_path, {**FILES, "tests/test_work.py": code, "app/work.py": code})
    assert not [found for found in lint(tmp_path, "tests/test_work.py") if found[2] in CODES]
    assert [found for found in lint(tmp_path, "app/work.py") if found[2] in CODES]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            """
                def create(db: Session):
                    job = Job()
                    db.add(job)
                    process.delay(job.id)
                    db.commit()
            """,
            "`process.delay(job.id)` tells a worker of `job` before the commit on line 15 "
            "(the worker may not find it): commit first",
        ),
        (
            """
                def change(job_id):
                    with session_scope() as db:
                        job = db.get(Job, job_id)
                        job.status = "queued"
                        process.delay(job_id)
            """,
            "`process.delay(job_id)` tells a worker of `job` before the commit at the end of the "
            "block of line 12 (the worker may find it as it was): commit first",
        ),
        (
            """
                def change(db: Session, job_id):
                    job = db.get(Job, job_id)
                    job.status = "queued"
                    db.add(job)
                    process.delay(job.id)
                    db.commit()
            """,
            "`process.delay(job.id)` tells a worker of `job` before the commit on line 16 "
            "(the worker may find it as it was): commit first",
        ),
        (
            """
                from fastapi import Depends

                def create(db: Session = Depends(get_db)):
                    job = Job()
                    db.add(job)
                    process.delay(job.id)
            """,
            "`process.delay(job.id)` tells a worker of `job` before `get_db` commits it "
            "(the worker may not find it): commit first",
        ),
    ],
)
def test_messages(tmp_path: Path, code: str, said: str) -> None:
    write_project(tmp_path, {**FILES, "app/work.py": IMPORTS + code})
    found = [message for _, _, each, message in lint(tmp_path, "app/work.py") if each in CODES]
    assert [message.removeprefix("DBS310 ") for message in found] == [said]
