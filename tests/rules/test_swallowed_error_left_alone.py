"""DBS308: sessions that nobody uses any more after the functions that were given them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases

CODES = {"DBS308"}

POSTGRESQL = {"requirements.txt": "fastapi\nsqlalchemy>=2\nasyncpg\n"}

CORE = """
    from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

    Sessions = async_sessionmaker(create_async_engine("postgresql+asyncpg://x/y"))

    async def get_session():
        async with Sessions() as session:
            yield session

    async def get_committed():
        async with Sessions() as session:
            yield session
            await session.commit()
"""

SERVICE = """
    from sqlalchemy import func, select
    from sqlalchemy.ext.asyncio import AsyncSession

    class Insights:
        def __init__(self, db: AsyncSession):
            self.db = db

        async def all(self, wanted):
            found = [await self._first(), await self._last()]
            return found

        async def _first(self):
            found = 0
            try:
                found = (await self.db.execute(select(func.count(Entity.id)))).scalar()
            except Exception:  # DBS308
                print("first")
            return found

        async def _last(self):
            found = 0
            try:
                found = (await self.db.execute(select(func.count(Fact.id)))).scalar()
            except Exception:  # {last}
                print("last")
            return found

    async def persist(db: AsyncSession, result):
        try:
            db.add(result)
            await db.commit()
        except Exception:  # {persist}
            print("not persisted")

    async def send(db: AsyncSession, number):
        await persist(db, number)
        return number

    async def stream(db: AsyncSession, text):
        await mark(db, text)
        for part in text:
            yield part

    async def mark(db: AsyncSession, text):
        try:
            db.add(Draft(text))
            await db.commit()
        except Exception:  # {mark}
            print("not marked")
        return None
"""

ROUTES = """
    from fastapi import APIRouter, Depends
    from fastapi.responses import StreamingResponse
    from sqlalchemy.ext.asyncio import AsyncSession
    from core import Sessions, get_committed, get_session
    from service import Insights, send, stream

    router = APIRouter()

    @router.get("/insights")
    async def insights(session: AsyncSession = Depends({provider})):
        service = Insights(session)
        found = await service.all(True)
        {after}
        return found

    async def work(number):
        async with Sessions() as db:
            result = await send(db, number)
            {also}
        print(result)

    @router.get("/stream")
    async def streamed(text: str, session: AsyncSession = Depends(get_session)):
        {before}
        return StreamingResponse(stream(session, text))
"""


def write_routes(**given: str) -> str:
    """Give the routes, with `pass` wherever nothing is said."""
    parts = {"provider": "get_session", "after": "pass", "also": "pass", "before": "pass", **given}
    return ROUTES.format(**parts)


def assert_left(tmp_path: Path, marks: dict[str, str], **given: str) -> None:
    """Hold the service to the marks, where the routes do what is given."""
    silent = dict.fromkeys(("last", "persist", "mark"), "silent")
    service = SERVICE.format(**silent | marks)
    routes = write_routes(**given)
    files = {"core.py": CORE, "service.py": service, "routes.py": routes, **POSTGRESQL}
    assert_cases(tmp_path, files, CODES)


def test_a_session_that_nobody_uses_afterwards(tmp_path: Path) -> None:
    assert_left(tmp_path, {})


@pytest.mark.parametrize(
    ("mark", "given"),
    [
        ("last", {"provider": "get_committed"}),
        ("last", {"after": "await session.execute(select(Entity))"}),
        ("last", {"after": "await service.all(False)"}),
        ("last", {"after": "keep(service)"}),
        ("last", {"after": "return service"}),
        ("persist", {"also": "await db.commit()"}),
        ("persist", {"also": "await send(db, 2)"}),
    ],
)
def test_a_session_that_a_caller_uses_afterwards(
    tmp_path: Path, mark: str, given: dict[str, str]
) -> None:
    assert_left(tmp_path, {mark: "DBS308"}, **given)


def test_calls_that_are_not_all_in_sight(tmp_path: Path) -> None:
    files = {
        "core.py": CORE,
        "service.py": """
            from sqlalchemy.ext.asyncio import AsyncSession

            async def called_by_nobody(db: AsyncSession, row):
                try:
                    db.add(row)
                    await db.commit()
                except Exception:  # DBS308
                    print("not saved")

            async def passed_on(db: AsyncSession, row):
                try:
                    db.add(row)
                    await db.commit()
                except Exception:  # DBS308
                    print("not saved")

            async def also_called_by_others(db: AsyncSession, row):
                try:
                    db.add(row)
                    await db.commit()
                except Exception:  # DBS308
                    print("not saved")

            class Rows:
                def __init__(self, db: AsyncSession):
                    self.db = db

                async def save(self, row):
                    try:
                        self.db.add(row)
                        await self.db.commit()
                    except Exception:  # DBS308
                        print("not saved")
        """,
        "jobs.py": """
            from core import Sessions
            from service import Rows, passed_on, also_called_by_others

            JOBS = [passed_on]

            async def called(others, row):
                async with Sessions() as db:
                    await also_called_by_others(db, row)
                async with Sessions() as db:
                    await others.also_called_by_others(db, row)
                    await db.commit()

            async def job(row):
                async with Sessions() as db:
                    await passed_on(db, row)

            async def save(rows: Rows, row):
                await rows.save(row)
        """,
        **POSTGRESQL,
    }
    assert_cases(tmp_path, files, CODES)


def test_a_block_whose_provider_swallows_its_own_commits_error(tmp_path: Path) -> None:
    text = """
        from contextlib import asynccontextmanager, suppress
        from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

        Sessions = async_sessionmaker(create_async_engine("postgresql+asyncpg://x/y"))

        @asynccontextmanager
        async def get_session():
            session = Sessions()
            try:
                yield session
                try:
                    await session.commit()
                except Exception:
                    with suppress(Exception):
                        await session.rollback()
            finally:
                await session.close()

        async def all_in_the_try(number, head):
            async with get_session() as session:
                source = await session.get(Source, number)
                try:
                    session.add(Change(head(source.url)))
                    await session.commit()
                except Exception:
                    print("not detected")

        async def something_before_it(number, head):
            async with get_session() as session:
                session.add(Look(number))
                try:
                    session.add(Change(head(number)))
                    await session.flush()
                except Exception:  # DBS308
                    print("not detected")
    """
    assert_cases(tmp_path, {"work.py": text, **POSTGRESQL}, CODES)


def test_a_function_within_works_with_the_session_or_sees_to_it(tmp_path: Path) -> None:
    text = """
        from core import Sessions

        async def marks(number, run):
            async with Sessions() as session:

                async def fail(message):
                    task = await session.get(Task, number)
                    task.error = message
                    await session.commit()

                try:
                    session.add(await run(number))
                    await session.commit()
                except Exception as error:  # DBS308
                    await fail(str(error))

        async def undoes(number, run):
            async with Sessions() as session:

                async def fail(message):
                    await session.rollback()
                    print(message)

                try:
                    session.add(await run(number))
                    await session.commit()
                except Exception as error:
                    await fail(str(error))
                await session.get(Task, number)

        async def in_its_own(number, run):
            async with Sessions() as session:

                async def fail(message):
                    async with Sessions() as session:
                        session.add(Failure(message))
                        await session.commit()

                try:
                    session.add(await run(number))
                    await session.commit()
                except Exception as error:
                    await fail(str(error))
    """
    assert_cases(tmp_path, {"core.py": CORE, "work.py": text, **POSTGRESQL}, CODES)


def test_objects_that_are_read_afterwards(tmp_path: Path) -> None:
    models = """
        from sqlalchemy.orm import DeclarativeBase

        class Base(DeclarativeBase):
            pass

        class User(Base):
            __tablename__ = "users"

        class Result:
            pass
    """
    audit = """
        from sqlalchemy.orm import Session

        def {name}(db: Session, action):
            try:
                db.add(Action(action))
                db.commit()
            except Exception:  # {mark}
                print("not noted")
            return action
    """
    routes = """
        from audit import loaded, added, given, answer, others, listed, plain, returned, held
        from core import Sessions
        from fastapi import APIRouter, Depends
        from models import Result, User
        from sqlalchemy.orm import Session

        def get_db():
            with Sessions() as db:
                yield db

        router = APIRouter()

        @router.post("/loaded")
        def read_loaded(number: int, db: Session = Depends(get_db)):
            user = db.get(User, number)
            loaded(db, "read")
            return {"name": user.name}

        @router.post("/added")
        def read_added(name: str, db: Session = Depends(get_db)):
            user = User(name=name)
            db.add(user)
            db.commit()
            added(db, "added")
            return {"id": user.id}

        @router.post("/given")
        def read_given(user: User, result: Result, db: Session = Depends(get_db)):
            given(db, "given")
            return {"name": user.name}

        @router.post("/answer")
        def read_answer(user: User, result: Result, db: Session = Depends(get_db)):
            found = answer(db, user.name)
            return {"name": found.name, "result": result.name}

        @router.post("/others")
        def read_others(name: str):
            with Sessions() as db:
                user = db.get(User, name)
            with Sessions() as db:
                others(db, name)
            return {"name": user.name}

        @router.post("/listed")
        def read_list(name: str, db: Session = Depends(get_db)):
            names = db.scalars(name).all()
            listed(db, name)
            names.append(name)

        def made(db: Session, number) -> Result:
            return Result()

        @router.post("/plain")
        def read_plain(number: int, db: Session = Depends(get_db)):
            found = made(db, number)
            plain(db, "read")
            return found

        @router.post("/returned")
        def read_returned(number: int, db: Session = Depends(get_db)):
            user = db.get(User, number)
            returned(db, "read")
            return user

        class Users:
            def __init__(self, db: Session):
                self.db = db

            def first(self):
                return self.db.scalars("select").first()

        @router.post("/held")
        def read_held(number: int, db: Session = Depends(get_db)):
            users = Users(db)
            user = users.first()
            held(db, "read")
            return {"name": user.name}
    """
    read, silent = (
        ("loaded", "added", "given", "returned", "held"),
        ("answer", "others", "listed", "plain"),
    )
    marks = dict.fromkeys(read, "DBS308") | dict.fromkeys(silent, "silent")
    text = "".join(audit.format(name=name, mark=mark) for name, mark in marks.items())
    files = {"core.py": CORE, "models.py": models, "audit.py": text, "routes.py": routes}
    assert_cases(tmp_path, {**files, **POSTGRESQL}, CODES)


def test_a_loop_that_comes_back_to_the_call(tmp_path: Path) -> None:
    text = """
        from core import Sessions
        from sqlalchemy.orm import Session

        def close_down(db: Session, number):
            try:
                db.add(Closed(number))
                db.commit()
            except Exception:  # DBS308
                print("not closed down")

        def all_of_them(numbers):
            with Sessions() as db:
                for number in numbers:
                    close_down(db, number)
    """
    assert_cases(tmp_path, {"core.py": CORE, "work.py": text, **POSTGRESQL}, CODES)


BRANCHES = """
    from sqlalchemy.orm import Session, sessionmaker

    Sessions = sessionmaker()

    def by_kind(kind):
        with Sessions() as db:
            try:
                if kind == "cash":
                    db.add(Payment())
                    db.flush()
            except Exception:
                print("no payment")
            if kind != "cash":
                db.commit()

    def by_the_other_kind(kind):
        with Sessions() as db:
            try:
                if kind == "cash":
                    db.add(Payment())
                    db.flush()
            except Exception:  # DBS308
                print("no payment")
            if kind == "cash":
                db.commit()

    def by_a_kind_that_changes(kind):
        with Sessions() as db:
            try:
                if kind == "cash":
                    db.add(Payment())
                    db.flush()
            except Exception:  # DBS308
                print("no payment")
            kind = kind.lower()
            if kind != "cash":
                db.commit()

    def switched_off():
        with Sessions() as db:
            return None
            try:
                db.add(Payment())
                db.flush()
            except Exception:
                print("no payment")
            db.commit()
"""


def test_code_that_no_error_comes_to(tmp_path: Path) -> None:
    assert_cases(tmp_path, {"app.py": BRANCHES}, CODES)


UNUSED = """
    from sqlalchemy.orm import Session, sessionmaker

    Sessions = sessionmaker()

    def look(db: Session, name):
        return name.upper(), news()

    def look_up(db: Session, name):
        return db.query(Fact).filter_by(name=name).first()

    def news():
        db = Sessions()
        try:
            return db.query(Fact).all()
        finally:
            db.close()

    def work(name):
        with Sessions() as db:
            try:
                db.add(Fact(name=name))
                db.flush()
            except Exception:
                print("no fact")
            return look(db, name)

    def more(name):
        with Sessions() as db:
            try:
                db.add(Fact(name=name))
                db.flush()
            except Exception:  # DBS308
                print("no fact")
            return look_up(db, name)
"""


def test_a_function_that_is_given_the_session_and_leaves_it_alone(tmp_path: Path) -> None:
    assert_cases(tmp_path, {"app.py": UNUSED}, CODES)
    blocks = UNUSED.replace(
        "db = Sessions()\n        try:\n            return db.query(Fact).all()\n"
        "        finally:\n            db.close()",
        "with Sessions() as db:\n            return db.query(Fact).all()",
    )
    assert blocks != UNUSED
    assert_cases(tmp_path / "blocks", {"app.py": blocks}, CODES)
