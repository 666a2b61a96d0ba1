"""DBS210: mapped objects returned out of a provider that commits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

PROVIDER = """
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker

options = read_options()
SessionLocal = sessionmaker(create_engine(URL){options})
AsyncSessionLocal = async_sessionmaker(create_async_engine(URL))

@contextmanager
def get_db_session():
    db = SessionLocal()
    try:
        yield db
        db.commit()
    finally:
        db.close()

def get_db():
    with SessionLocal() as db:
        yield db

@contextmanager
def get_reader():
    with SessionLocal() as db:
        yield db

@asynccontextmanager
async def get_async_session():
    async with AsyncSessionLocal() as db:
        async with db.begin():
            yield db
"""
HEAD = """
from core import SessionLocal, get_async_session, get_db_session, get_reader
from models import Agent
from sqlalchemy import func, select

"""


def check(tmp_path: Path, service: str, options: str = "") -> None:
    files = {"core.py": PROVIDER.replace("{options}", options), "service.py": HEAD + service}
    assert_cases(tmp_path, files, {"DBS210"}, selected=frozenset({"DBS210"}))


def in_block(lines: str, provider: str = "get_db_session") -> str:
    body = "".join(f"        {line}\n" for line in lines.splitlines())
    return f"def work(key):\n    with {provider}() as db:\n{body}"


@pytest.mark.parametrize(
    "lines",
    [
        "return db.get(Agent, key)",
        "return db.merge(key)",
        "return db.query(Agent).first()",
        "return db.query(Agent).filter(Agent.name == key).all()",
        "return db.scalar(select(Agent))",
        "return db.scalars(select(Agent).where(Agent.id == key)).unique().all()",
        "return db.execute(select(Agent)).scalar_one_or_none()",
        "return db.query(Agent).one(), 1",
        "agent = None\nagent = db.query(Agent).get(key)\nreturn agent",
        "query = db.query(Agent)\nquery = query.limit(5)\nreturn query.all()",
        "agent = Agent(name=key)\ndb.add(agent)\nreturn agent",
        "agent = Agent(name=key)\ndb.add(agent)\ndb.refresh(agent)\nreturn agent",
    ],
)
def test_objects_that_are_expired(tmp_path: Path, lines: str) -> None:
    check(tmp_path, f"{in_block(lines).rstrip()}  # DBS210\n")


@pytest.mark.parametrize(
    "lines",
    [
        "return db.get(Agent, key).name",
        "return as_dict(db.get(Agent, key))",
        "return db.query(Agent).count()",
        "return db.query(Agent.id).all()",
        "return db.query(Agent).with_entities(Agent.id).all()",
        "return db.scalar(select(func.count()))",
        "return db.scalars(select(Agent.id)).all()",
        "return [agent.name for agent in db.query(Agent)]",
        "agent = Agent(name=key)\nreturn agent",
        "report = make_report(db)\ndb.add(report)\nreturn report",
        "agent = db.get(Agent, key)\nagent = agent.name\nreturn agent",
        "agent = db.get(Agent, key)\ndb.expunge(agent)\nreturn agent",
        "key = key.limit(5)\nreturn key.all()",
        "yield db.get(Agent, key)",
    ],
)
def test_values_and_objects_of_their_own(tmp_path: Path, lines: str) -> None:
    check(tmp_path, in_block(lines))


@pytest.mark.parametrize(
    ("provider", "options"),
    [
        ("get_reader", ""),
        ("get_db_session", ", expire_on_commit=False"),
        ("get_db_session", ", expire_on_commit=flag()"),
        ("get_db_session", ", **options"),
        ("elsewhere.get_db_session", ""),
    ],
)
def test_blocks_that_do_not_expire_or_cannot_be_known(
    tmp_path: Path, provider: str, options: str
) -> None:
    check(tmp_path, in_block("return db.get(Agent, key)", provider), options)


def test_an_async_block_and_a_return_after_it(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
async def inside(key):
    async with get_async_session() as db:
        return (await db.scalars(select(Agent))).first()  # DBS210

async def afterwards(key):
    async with get_async_session() as db:
        agent = await db.get(Agent, key)
    return agent  # DBS210
""",
    )


def test_it_is_off_and_says_what_to_do(tmp_path: Path) -> None:
    files = {"core.py": PROVIDER.replace("{options}", "")}
    files["service.py"] = HEAD + in_block("return db.get(Agent, key)")
    write_project(tmp_path, files)
    assert "DBS210" not in {code for _, _, code, _ in lint(tmp_path, "service.py")}
    (message,) = [
        m
        for *_, code, m in lint(tmp_path, "service.py", selected=frozenset({"DBS210"}))
        if code == "DBS210"
    ]
    assert message == (
        "`db.get(Agent, key)` is expired by the commit at the end of the `with` block of line 7, "
        "and its session closed when the caller reads it; return its values, or make the factory "
        "with `expire_on_commit=False`"
    )


def test_a_commit_in_the_block_expires_what_was_loaded_before(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
def read_after_the_block(key):
    with SessionLocal() as db:
        agent = Agent(name=key)
        db.add(agent)
        db.commit()
    return agent.id  # DBS210

def returned(key):
    with SessionLocal() as db:
        agent = db.get(Agent, key)
        agent.reads += 1
        db.commit()
        return agent  # DBS210

def begun_by_the_factory(key):
    with SessionLocal.begin() as db:
        agent = Agent(name=key)
        db.add(agent)
    return agent.id  # DBS210

def begun_in_the_block(key):
    with SessionLocal() as db:
        with db.begin():
            agent = db.get(Agent, key)
        return agent  # DBS210

def refreshed(key):
    with SessionLocal() as db:
        agent = Agent(name=key)
        db.add(agent)
        db.commit()
        db.refresh(agent)
    return agent.id

def read_before_it_leaves(key):
    with SessionLocal() as db:
        agent = db.get(Agent, key)
        db.commit()
        print(agent.id)
        return agent

def loaded_after(key):
    with SessionLocal() as db:
        db.commit()
        agent = db.get(Agent, key)
        return agent

def only_passed_on(key):
    with SessionLocal() as db:
        agent = db.get(Agent, key)
        db.commit()
    notify(agent)
""",
    )


def test_objects_that_are_kept_beyond_the_block(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
_agents = {}
_names = []

def keep(key):
    with SessionLocal() as db:
        agent = Agent(name=key)
        db.add(agent)
        db.commit()
        _agents[key] = agent  # DBS210
        _names.append(agent)  # DBS210

def keep_before_the_commit(key):
    with get_db_session() as db:
        agent = db.get(Agent, key)
        _agents[key] = agent  # DBS210

def keep_what_is_fresh(key):
    with SessionLocal() as db:
        agent = Agent(name=key)
        db.add(agent)
        db.commit()
        db.refresh(agent)
        _agents[key] = agent

def keep_at_hand(key):
    found = {}
    with SessionLocal() as db:
        agent = db.get(Agent, key)
        db.commit()
        found[key] = agent

class Cache:
    def load(self, key):
        with SessionLocal() as db:
            agent = db.get(Agent, key)
            db.commit()
            self.agents[key] = agent  # DBS210
""",
    )


def test_objects_that_a_background_task_is_given(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
from fastapi import BackgroundTasks, Depends
from core import get_db

def handler(tasks: BackgroundTasks, key, db=Depends(get_db)):
    agent = db.get(Agent, key)
    tasks.add_task(notify, agent)
    db.commit()
    tasks.add_task(notify, agent)  # DBS210
    tasks.add_task(notify, agent.id)
    tasks.add_task(notify, agent)
""",
    )


def test_objects_that_a_background_task_is_given_out_of_a_block(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
from fastapi import BackgroundTasks

def in_the_block(tasks: BackgroundTasks, key):
    with get_db_session() as db:
        agent = db.get(Agent, key)
        tasks.add_task(notify, agent)  # DBS210
        tasks.add_task(notify, agent.id)

def after_the_block(tasks: BackgroundTasks, key):
    with get_db_session() as db:
        agent = db.get(Agent, key)
    tasks.add_task(notify, agent)  # DBS210

def without_a_commit(tasks: BackgroundTasks, key):
    with get_reader() as db:
        agent = db.get(Agent, key)
        tasks.add_task(notify, agent)
""",
    )


def test_objects_of_a_loop_and_under_a_global_name(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
_agents = {}
current = None

def keep_all():
    with get_db_session() as db:
        for agent in db.scalars(select(Agent)):
            _agents[agent.id] = agent  # DBS210

def keep_names():
    with get_db_session() as db:
        for name in db.scalars(select(Agent.name)):
            _agents[name] = name

def keep_one(key):
    global current
    with get_db_session() as db:
        current = db.get(Agent, key)  # DBS210

def keep_at_hand(key):
    with get_db_session() as db:
        current = db.get(Agent, key)
""",
    )


@pytest.mark.parametrize(
    "value",
    [
        "list(db.scalars(select(Agent)))",
        "sorted(db.query(Agent), key=str)",
        "next(db.scalars(select(Agent)))",
        "[a for a in db.scalars(select(Agent))]",
        "{a.id: a for a in db.query(Agent).filter(Agent.id > 1)}",
        "[*db.scalars(select(Agent))]",
        "tuple(db.scalars(select(Agent)).all())",
    ],
)
def test_what_goes_through_a_result(tmp_path: Path, value: str) -> None:
    check(tmp_path, in_block(f"return {value}  # DBS210"))
    (tmp_path / "again").mkdir()
    check(tmp_path / "again", in_block(f"found = {value}") + "    return found  # DBS210\n")


@pytest.mark.parametrize(
    "value",
    [
        "list(db.scalars(select(Agent.name)))",
        "[a.name for a in db.scalars(select(Agent))]",
        "{a.id: a.name for a in db.scalars(select(Agent))}",
        "max(a.id for a in db.scalars(select(Agent)))",
        "[b for a in db.scalars(select(Agent))]",
        "len(list(db.scalars(select(Agent))))",
    ],
)
def test_values_of_what_is_gone_through(tmp_path: Path, value: str) -> None:
    check(tmp_path, in_block(f"return {value}"))


@pytest.mark.parametrize(
    "after",
    [
        "return [a.name for a in found]  # DBS210",
        "for a in found:\n        print(a.name)  # DBS210",
        "return len(found)",
        "return [Agent.name for _ in found]",
    ],
)
def test_attributes_of_each_after_the_block(tmp_path: Path, after: str) -> None:
    check(tmp_path, in_block("found = list(db.scalars(select(Agent)))") + f"    {after}\n")
