"""DBS209: results that still need the session, returned out of its block."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS209"}
HEAD = """
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from app.models import User
"""


def source(lines: str, *, is_async: bool = False) -> str:
    header = "async def work():\n    async with AsyncSession() as db:\n"
    if not is_async:
        header = "def work():\n    with Session() as db:\n"
    body = "".join(f"        {line}\n" for line in lines.splitlines())
    return f"{HEAD}\n{header}{body}"


@pytest.mark.parametrize(
    "lines",
    [
        "return db.query(User)",
        "return db.query(User.id).filter(User.name == 'a').order_by(User.id)",
        "return db.query(User), 1",
        "return db.query(User) if db else None",
        "return db.scalars(select(User))",
        "return db.scalars(select(User).where(User.id == 1)).unique()",
        "return db.execute(select(User))",
        "return db.execute(select(User)).scalars()",
        "query = db.query(User)\nreturn query",
        "query = db.query(User)\nquery = query.filter(User.id == 1)\nreturn query.limit(5)",
        "statement = select(User)\nstatement = statement.limit(5)\nreturn db.scalars(statement)",
    ],
)
def test_a_sync_result_of_entities(tmp_path: Path, lines: str) -> None:
    assert_cases(tmp_path, {"app.py": f"{source(lines).rstrip()}  # DBS209\n"}, CODES)


@pytest.mark.parametrize(
    "lines",
    [
        "return db.query(User).all()",
        "return db.query(User).filter(User.id == 1).first()",
        "return db.query(User).count()",
        "return list(db.query(User))",
        "return [user.name for user in db.query(User)]",
        "return db.scalars(select(User)).all()",
        "return db.execute(select(User)).scalars().one()",
        "return db.execute(select(User)).scalar_one_or_none()",
        "return db.execute(select(User.id))",
        "return db.scalars(select(func.count()))",
        "return db.execute(text('select 1'))",
        "return db.execute(statement)",
        "return db.get(User, 1)",
        "query = db.query(User)\nreturn query.all()",
        "query = db.query(User)\nquery = query.all()\nreturn query",
        "yield from db.query(User)",
        "return other.query(User)",
    ],
)
def test_what_is_fetched_or_no_entity(tmp_path: Path, lines: str) -> None:
    assert_cases(tmp_path, {"app.py": source(lines)}, CODES)


@pytest.mark.parametrize(
    ("lines", "fires"),
    [
        ("return await db.stream(select(User))", True),
        ("return await db.stream_scalars(select(User))", True),
        ("return (await db.stream(select(User))).scalars()", True),
        ("return await db.execute(select(User))", False),
        ("return await db.scalars(select(User))", False),
        ("result = await db.execute(select(User))\nreturn result.scalars()", False),
    ],
)
def test_an_async_session_buffers_all_but_streams(
    tmp_path: Path, lines: str, *, fires: bool
) -> None:
    mark = "  # DBS209" if fires else ""
    text = source(lines, is_async=True).rstrip()
    assert_cases(tmp_path, {"app.py": f"{text}{mark}\n"}, CODES)


def test_a_name_returned_after_the_block(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from core.database import SessionLocal

                def late():
                    with SessionLocal() as db:
                        query = db.query(User)
                    return query  # DBS209

                def fetched():
                    with SessionLocal() as db:
                        query = db.query(User)
                        query = query.all()
                    return query

                def open_outside():
                    db = SessionLocal()
                    return db.query(User)
            """
        },
        CODES,
    )


def test_a_result_that_is_used_after_the_block(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": HEAD
            + """
def read():
    with Session() as db:
        users = db.scalars(select(User))
    return [user.name for user in users]  # DBS209

def fetched_too_late():
    with Session() as db:
        query = db.query(User).filter(User.id > 3)
    print("late")
    return query.all()  # DBS209

def stepped_through():
    with Session() as db:
        users = db.execute(select(User)).scalars()
    for user in users:  # DBS209
        print(user.name)

def passed_on(write):
    with Session() as db:
        users = db.scalars(select(User))
    write(users)  # DBS209

def once(write):
    with Session() as db:
        query = db.query(User)
    first = query.first()  # DBS209
    return first, query.all()

def by_a_generator(write):
    with Session() as db:
        names = (user.name for user in db.scalars(select(User)))
    write(names)  # DBS209

def fetched():
    with Session() as db:
        users = db.scalars(select(User)).all()
    return [user.name for user in users]

def only_looked_at():
    with Session() as db:
        query = db.query(User)
    print(query)
    if query is None:
        return str(query)

def bound_anew():
    with Session() as db:
        users = db.scalars(select(User))
        users = list(users)
    return [user.name for user in users]
"""
        },
        CODES,
    )


def test_a_result_that_a_function_gives(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "queries.py": """
                from app.models import User

                def every(db):
                    return db.query(User)

                def loaded(session):
                    return session.query(User).all()

                def either(db, fetch):
                    if fetch:
                        return db.query(User).all()
                    return db.query(User)
            """,
            "app.py": """
                from sqlalchemy.orm import Session
                from queries import either, every, loaded

                def returned():
                    with Session() as db:
                        return every(db)  # DBS209

                def filtered():
                    with Session() as db:
                        return every(db=db).filter(1)  # DBS209

                def used():
                    with Session() as db:
                        users = every(db)
                    for user in users:  # DBS209
                        print(user)

                def fine():
                    with Session() as db:
                        users, others = loaded(db), either(db, True)
                    return users, others
            """,
        },
        CODES,
    )


def test_a_result_of_core_after_its_connection_s_block(tmp_path: Path) -> None:
    text = """
        import sqlalchemy as sa
        from sqlalchemy import create_engine, select, text

        engine = create_engine("postgresql://localhost/app")

        def fetched_too_late(key):
            with engine.connect() as conn:
                result = conn.execute(sa.text("select a from t where id = :id"), {"id": key})
            return [row[0] for row in result.fetchall()]  # DBS209

        def by_a_transaction(query):
            with engine.begin() as conn:
                result = conn.execute(query)
            return result.one()[0]  # DBS209

        def stepped_through(query):
            with engine.connect() as conn:
                result = conn.exec_driver_sql(query)
            for row in result:  # DBS209
                print(row)

        def returned():
            with engine.connect() as conn:
                return conn.execute(text("select 1"))  # DBS209

        def fetched():
            with engine.connect() as conn:
                result = conn.execute(text("select 1")).fetchall()
            return [row[0] for row in result]

        def counted():
            with engine.begin() as conn:
                result = conn.execute(text("update t set a = 1"))
            return result.rowcount

        def described(query):
            with engine.connect() as conn:
                result = conn.execute(query)
            return result.keys()

        def not_known(query):
            with engine.connect() as conn:
                return conn.execute(query)

        def passed_on(query, write):
            with engine.connect() as conn:
                result = conn.execute(query)
            write(result)
    """
    assert_cases(tmp_path, {"app.py": text}, CODES)
    in_a_test = text.replace("# DBS209", "")
    assert_cases(tmp_path, {"tests/test_app.py": in_a_test}, CODES)


def test_an_async_connection_buffers_all_but_streams(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from sqlalchemy import text
                from sqlalchemy.ext.asyncio import create_async_engine

                engine = create_async_engine("postgresql+asyncpg://localhost/app")

                async def buffered():
                    async with engine.connect() as conn:
                        result = await conn.execute(text("select 1"))
                    return result.fetchall()

                async def streamed():
                    async with engine.connect() as conn:
                        result = await conn.stream(text("select 1"))
                    async for row in result:  # DBS209
                        print(row)
            """
        },
        CODES,
    )


def test_blocks_that_leave_a_connection_open(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import psycopg2

                def read(dsn):
                    with psycopg2.connect(dsn) as conn:
                        result = conn.execute("select 1")
                    return result.fetchall()
            """
        },
        CODES,
    )


def test_what_is_entered_by_async_with_is_asynchronous_whatever_an_annotation_says(
    tmp_path: Path,
) -> None:
    text = """
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import sessionmaker

def make(engine) -> sessionmaker:
    return sessionmaker(engine, class_=AsyncSession)

class App:
    kept: sessionmaker | None

    def __init__(self, engine, given: sessionmaker):
        self.kept = make(engine)
        self.given = given

    async def names(self):
        async with self.kept() as db:
            rows = await db.execute(select(User))
        async with self.given() as db:
            others = await db.execute(select(User))
        return rows.all() + others.all()

    def listed(self):
        with self.given() as db:
            rows = db.execute(select(User))
        return rows.all()  # DBS209
"""
    assert_cases(tmp_path, {"app.py": text}, CODES)


@pytest.mark.parametrize(
    ("result", "ending"),
    [
        ("db.scalars(select(User))", ", and return values: the block's commit expires objects"),
        ("db.query(User.id)", ""),
    ],
)
def test_objects_that_the_end_of_the_block_expires(
    tmp_path: Path, result: str, ending: str
) -> None:
    text = f"""
        from contextlib import contextmanager
        from sqlalchemy import create_engine, select
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker(create_engine(URL))

        class User(Base):
            __tablename__ = "users"

        @contextmanager
        def scope():
            with SessionLocal() as db:
                yield db
                db.commit()

        def users():
            with scope() as db:
                return {result}
    """
    write_project(tmp_path, {"app.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "app.py") if code == "DBS209"]
    assert message.endswith(f"fetch the rows inside the block, as with `.all()`{ending}")
