"""DBS105: dependencies driven by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

DATABASE = """
    from contextlib import contextmanager
    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker()
    AsyncSessionLocal = async_sessionmaker()

    def get_db():
        with SessionLocal() as db:
            yield db

    async def get_async_db():
        async with AsyncSessionLocal() as db:
            yield db

    def names():
        yield "a"
"""


LOGGING_DATABASE = """
    import logging

    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker()

    def get_db():
        db = SessionLocal()
        try:
            yield db
        except Exception as error:
            if str(error):
                logging.error("a session failed: %s", error)
            db.rollback()
            raise
        finally:
            db.close()
"""


def assert_driven(folder: Path, text: str, name: str = "app.py", database: str = DATABASE) -> None:
    assert_cases(folder, {"core/database.py": database, name: text}, {"DBS105"})


def test_every_way_to_drive_it(tmp_path: Path) -> None:
    assert_driven(
        tmp_path,
        """
            from core import database
            from core.database import get_async_db, get_db, get_db as fresh, names

            db = next(get_db())  # DBS105

            def sync():
                next(database.get_db()).query(1)  # DBS105
                next(fresh(), None)  # DBS105
                get_db().__next__()  # DBS105
                get_db().send(None)  # DBS105
                for db in get_db():  # DBS105
                    db.query(1)
                return [db.query(1) for db in get_db()]  # DBS105

            async def asynchronous():
                db = await anext(get_async_db())  # DBS105
                db = await get_async_db().__anext__()  # DBS105
                db = await get_async_db().asend(None)  # DBS105
                async for db in get_async_db():  # DBS105
                    await db.execute(1)

            def kept():
                generator = get_db()
                db = next(generator)  # DBS105
                try:
                    db.query(1)
                finally:
                    db.close()

            class Worker:
                def start(self):
                    self.generator = get_db()
                    self.db = next(self.generator)  # DBS105

            def others():
                next(names())
                for name in names():
                    next(iter(name))
                yield from get_db()
        """,
    )


def test_kept_and_closed(tmp_path: Path) -> None:
    assert_driven(
        tmp_path,
        """
            from contextlib import ExitStack, closing
            from core.database import get_async_db, get_db

            def in_a_finally():
                generator = get_db()
                try:
                    db = next(generator)
                finally:
                    generator.close()

            def driven_on_in_a_finally():
                generator = get_db()
                db = next(generator)
                try:
                    db.query(1)
                finally:
                    next(generator, None)

            async def closed_asynchronously():
                generator = get_async_db()
                try:
                    async for db in generator:
                        await db.execute(1)
                finally:
                    await generator.aclose()

            def by_a_block():
                generator = get_db()
                with closing(generator):
                    db = next(generator)

            def by_a_stack():
                with ExitStack() as stack:
                    generator = get_db()
                    stack.callback(generator.close)
                    db = next(generator)

            class Worker:
                def start(self):
                    self.generator = get_db()
                    self.db = next(self.generator)

                def stop(self):
                    self.generator.close()

            def not_in_a_finally():
                generator = get_db()
                db = next(generator)  # DBS105
                db.query(1)
                generator.close()
        """,
    )


def test_a_test_of_the_dependency_may_drive_it_to_its_end(tmp_path: Path) -> None:
    assert_driven(
        tmp_path,
        """
            import pytest
            from core.database import get_db

            def test_ends():
                generator = get_db()
                assert next(generator)
                with pytest.raises(StopIteration):
                    next(generator)

            def test_closes():
                generator = get_db()
                db = next(generator)
                generator.close()

            def test_forgets():
                db = next(get_db())  # DBS105
                generator = get_db()
                db = next(generator)  # DBS105
        """,
        "tests/test_database.py",
    )


def test_owners_are_no_exception(tmp_path: Path) -> None:
    helper = """
    def setup():
        db = next(get_db())  # DBS105
        db.query(1)
    """
    assert_driven(tmp_path, "", database=DATABASE + helper)


def test_a_generator_of_many_sessions_is_no_dependency(tmp_path: Path) -> None:
    shards = """
    def shard_sessions():
        for make in (SessionLocal, SessionLocal):
            with make() as db:
                yield db

    def count():
        for db in shard_sessions():
            db.query(1)
    """
    assert_driven(tmp_path, "", database=DATABASE + shards)


def test_the_policys_name_decides_where_the_import_leads_nowhere(tmp_path: Path) -> None:
    assert_driven(
        tmp_path,
        """
            from elsewhere import get_db, get_things

            db = next(get_db())  # DBS105
            thing = next(get_things())
        """,
    )


PROVIDER = """
    @contextmanager
    def get_db_session():
        with SessionLocal() as db:
            yield db
"""
HANDLER = """
from fastapi import APIRouter
from core.database import get_db
router = APIRouter()
@router.get("/")
def index():
    session = next(get_db())
"""


@pytest.mark.parametrize(
    ("database", "text", "way_out"),
    [
        (
            DATABASE + PROVIDER,
            "from core.database import get_db\nsession = next(get_db())\n",
            "`with get_db_session() as session:`",
        ),
        (
            DATABASE + "    get_db_manager = contextmanager(get_db)\n",
            "from core.database import get_db\nsession = next(get_db())\n",
            "`with get_db_manager() as session:`",
        ),
        (
            DATABASE,
            "from core.database import get_db\nnext(get_db()).close()\n",
            "`with SessionLocal() as db:`",
        ),
        (
            DATABASE,
            "from core import database\nasync def f():\n    await anext(database.get_async_db())\n",
            "`async with database.AsyncSessionLocal() as db:`",
        ),
        (DATABASE, HANDLER, "the parameter `session = Depends(get_db)`"),
        (
            LOGGING_DATABASE,
            "from core.database import get_db\nsession = next(get_db())\n",
            "`with SessionLocal() as session:`",
        ),
        (
            LOGGING_DATABASE.replace("            raise\n", "            yield None\n"),
            "from core.database import get_db\nsession = next(get_db())\n",
            "`with contextmanager(get_db)() as session:`",
        ),
        (
            LOGGING_DATABASE.replace("yield db\n", "pass\n") + "        yield db\n",
            "from core.database import get_db\nsession = next(get_db())\n",
            "`with contextmanager(get_db)() as session:`",
        ),
        (
            DATABASE.replace("yield", "print('opened')\n            yield"),
            "from core.database import get_db\nsession = next(get_db())\n",
            "`with contextmanager(get_db)() as session:`",
        ),
        (
            DATABASE,
            "from gone import get_db\nsession = next(get_db())\n",
            "`with contextmanager(get_db)() as session:`",
        ),
        (
            DATABASE,
            "from core.database import get_db\nfor session in get_db():\n    break\n",
            "`with SessionLocal() as session:`",
        ),
        (
            DATABASE,
            "from core.database import get_db\n"
            "def service():\n    for db in get_db():\n        return Service(db)\n",
            "one that is passed in, opened by `with SessionLocal() as db:`",
        ),
    ],
)
def test_message_names_the_way_out(database: str, text: str, way_out: str, tmp_path: Path) -> None:
    write_project(tmp_path, {"core/database.py": database, "app.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "app.py") if code == "DBS105"]
    assert message.endswith(f"; use {way_out}")


@pytest.mark.parametrize("code", ["next(get_async_db())", "get_async_db().__next__()"])
def test_an_asynchronous_dependency_cannot_be_driven_as_a_plain_one(
    code: str, tmp_path: Path
) -> None:
    text = f"from core.database import get_async_db\nsession = {code}\n"
    write_project(tmp_path, {"core/database.py": DATABASE, "app.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "app.py") if code == "DBS105"]
    assert message == (
        f"`{code}` fails, for `get_async_db()` is an asynchronous generator; "
        "use `async with AsyncSessionLocal() as session:`"
    )


def test_a_test_may_loop_to_the_end(tmp_path: Path) -> None:
    text = """
    from core.database import get_db

    def test_get_db():
        for db in get_db():
            assert db.is_active

    def test_half():
        for db in get_db():  # DBS105
            break
    """
    assert_driven(tmp_path, text, "tests/test_database.py")


def test_dependencies_under_any_name(tmp_path: Path) -> None:
    """No word in a name decides what is looked at, in the same file or in another."""
    files = {
        "deps.py": """
            from core.database import SessionLocal

            def provide():
                s = SessionLocal()
                try:
                    yield s
                finally:
                    s.close()
        """,
        "core/database.py": DATABASE,
        "app.py": """
            from deps import provide
            from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

            async def get_adb():
                async with Make() as s:
                    yield s

            async def of_a_block():
                s = await anext(get_adb())  # DBS105
                await s.execute("select 1")

            async def of_a_loop():
                async for s in get_adb():  # DBS105
                    await s.execute("select 1")
                    break

            def of_another_module():
                s = next(provide())  # DBS105
                s.execute("select 1")

            Make = async_sessionmaker(create_async_engine("x"))
        """,
    }
    assert_cases(tmp_path, files, {"DBS105"})


def test_how_it_is_driven_tells_that_it_is_asynchronous(tmp_path: Path) -> None:
    # Its module is not found, or its session is none of asyncio's: the generator decides.
    text = """
        from contextlib import contextmanager
        from core.database import SessionLocal
        from shared.core.database import get_db

        async def get_plain_session():
            with SessionLocal() as db:
                yield db

        async def start(batch):
            async for session in get_db():
                await session.merge(batch)
                break

        async def stop(batch):
            session = await anext(get_db())
            await session.merge(batch)

        async def shown():
            async for session in get_plain_session():
                return session.get(1)

        def sync(batch):
            for session in get_db():
                session.merge(batch)
    """
    files = {
        "core/database.py": """
            from sqlalchemy.orm import sessionmaker
            SessionLocal = sessionmaker()
        """
    }
    write_project(tmp_path, {**files, "app.py": text})
    advised = [
        m.rpartition("; use ")[2] for _, _, c, m in lint(tmp_path, "app.py") if c == "DBS105"
    ]
    assert [each.partition(", with ")[0] for each in advised] == [
        "`async with asynccontextmanager(get_db)() as session:`",
        "`async with asynccontextmanager(get_db)() as session:`",
        "`async with asynccontextmanager(get_plain_session)() as session:`",
        "`with contextmanager(get_db)() as session:`",
    ]


def test_a_test_that_gets_the_generator_beside_its_session(tmp_path: Path) -> None:
    helper = """
        from core.database import get_db

        def opened(dependency=None):
            made = get_db()
            return next(made), made{given}

        def kept_to_itself():
            made = get_db()
            return next(made)  # DBS105
    """
    given = helper.replace("{given}", "")
    assert_driven(tmp_path, given, "tests/test_app.py")
    assert_driven(tmp_path / "code", helper.replace("{given}", "  # DBS105"))


@pytest.mark.parametrize(
    ("close", "words"),
    [
        ("db.close()", "before its first use, and does not learn of an error; use"),
        ("db.commit()", "before its first use, so that nothing closes it afterwards; use"),
    ],
)
def test_the_message_says_whether_the_code_closes_the_session(
    tmp_path: Path, close: str, words: str
) -> None:
    database = """
        from sqlalchemy.orm import sessionmaker
        SessionLocal = sessionmaker()

        def get_db():
            db = SessionLocal()
            try:
                yield db
            finally:
                db.close()
    """
    app = f"""
        from database import get_db

        def count():
            db = next(get_db())
            try:
                return db.scalar(QUERY)
            finally:
                {close}
    """
    write_project(tmp_path, {"database.py": database, "app.py": app})
    (message,) = [m for *_, code, m in lint(tmp_path, "app.py") if code == "DBS105"]
    assert words in message


HOLDING = """
    from core.database import get_committed
    from core.users import Repository

    def f(user):
        for db in get_committed():
            {inside}
            break
        {after}
"""
COMMITTED = (
    DATABASE
    + """
    def get_committed():
        db = SessionLocal()
        try:
            yield db
            db.commit()
        finally:
            db.close()
"""
)
REPOSITORY = """
    class Repository:
        def __init__(self, db):
            self.db = db

        def add(self, user):
            self.db.add(user)
            self.db.flush()

        def first(self):
            return self.db.scalar("SELECT 1")
"""
USED = "use `with SessionLocal() as db:`"


@pytest.mark.parametrize(
    ("inside", "after", "way_out"),
    [
        ("db.scalar('SELECT 1')", "print(user)", USED),
        ("users = Repository(db)", "print(user)", USED),
        ("users = Repository(db)\n            users.first()", "print(user)", USED),
        (
            "users = Repository(db)",
            "return users.first()",
            f"{USED} around the work of `users` after the loop, too",
        ),
        (
            "users = Repository(db)",
            "users.add(user)",
            f"{USED} around the work of `users` after the loop, too, and commit there, as "
            "`get_committed` does at its end",
        ),
        (
            "users = Repository(db)",
            "users.add(user)\n        db.commit()",
            f"{USED} around the work of `users` after the loop, too",
        ),
        ("users = db.scalar('SELECT 1')", "return users", USED),
        (
            "pass",
            "db.add(user)",
            f"{USED} around the work of `db` after the loop, too, and commit there, as "
            "`get_committed` does at its end",
        ),
    ],
)
def test_what_is_made_with_the_session_works_after_the_loop(
    inside: str, after: str, way_out: str, tmp_path: Path
) -> None:
    text = HOLDING.format(inside=inside, after=after)
    files = {"core/database.py": COMMITTED, "core/users.py": REPOSITORY, "app.py": text}
    write_project(tmp_path, files)
    [message] = [text for *_, code, text in lint(tmp_path, "app.py") if code == "DBS105"]
    assert message.partition("; ")[2] == way_out


@pytest.mark.parametrize(
    ("rolling", "taking", "wrong"),
    [
        (
            "except Exception:\n            await db.rollback()\n            raise",
            "async for db in get_db():\n            await db.execute(1)",
            "so that its rollback does not run on an error",
        ),
        (
            "finally:\n            await db.rollback()",
            "async for db in get_db():\n            await db.execute(1)",
            "and an error leaves it to the event loop to close it",
        ),
        (
            "finally:\n            await db.rollback()",
            "db = await anext(get_db())",
            "which then does not learn of an error",
        ),
        (
            "finally:\n            await db.close()",
            "async for _ in get_db():\n            break",
            "and its `break` leaves it to the event loop to close it",
        ),
    ],
)
def test_what_a_dependency_does_in_its_finally_runs_later(
    rolling: str, taking: str, wrong: str, tmp_path: Path
) -> None:
    text = f"""
    from sqlalchemy.ext.asyncio import async_sessionmaker

    Maker = async_sessionmaker()

    async def get_db():
        db = Maker()
        try:
            yield db
        {rolling}

    async def work():
        {taking}
    """
    write_project(tmp_path, {"app.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "app.py") if code == "DBS105"]
    assert wrong in message.partition("; ")[0]


def test_a_dependency_that_opens_from_a_second_factory_is_no_other(tmp_path: Path) -> None:
    files = {
        "core/database.py": """
            from sqlalchemy import create_engine
            from sqlalchemy.orm import sessionmaker

            SessionLocal = sessionmaker(create_engine("postgresql://localhost/master"))

            def get_master_db():
                with SessionLocal() as db:
                    yield db

            def get_db():
                from core.tenants import tenants
                try:
                    factory: sessionmaker = tenants.factory(current.get())
                    db = factory()
                    yield db
                except LookupError:
                    with SessionLocal() as master:
                        note(master)
                    db = factory()
                    yield db
                finally:
                    db.close()
        """,
        "app.py": """
            from fastapi import APIRouter
            from core.database import get_db, get_master_db

            router = APIRouter()

            @router.get("/master")
            def master():
                db = next(get_master_db())
                return db.scalar(1)

            @router.get("/tenant")
            def tenant():
                db = next(get_db())
                return db.scalar(1)
        """,
    }
    write_project(tmp_path, files)
    found = [m.rpartition("; ")[2] for *_, code, m in lint(tmp_path, "app.py") if code == "DBS105"]
    assert found == [
        "use the parameter `db = Depends(get_master_db)`",
        "use `with contextmanager(get_db)() as db:`",
    ]


def test_a_test_that_patches_the_factory_may_look_at_what_it_gives(tmp_path: Path) -> None:
    text = """
    from unittest.mock import MagicMock, patch

    import core.database
    from core.database import get_db

    @patch("core.database.SessionLocal")
    def test_given(factory):
        generator = get_db()
        db = next(generator)
        assert db == factory.return_value
        factory.return_value.close.assert_not_called()

    def test_at_once(monkeypatch):
        monkeypatch.setattr(core.database, "SessionLocal", MagicMock())
        db = next(get_db())
        assert isinstance(db, MagicMock)
        assert db is not None

    def test_loop():
        with patch.object(core.database, "SessionLocal") as factory:
            for db in get_db():
                assert db is factory.return_value
                break

    def test_works(monkeypatch):
        monkeypatch.setattr(core.database, "SessionLocal", testing_session)
        db = next(get_db())  # DBS105
        db.execute(statement)

    @patch("core.mail.send")
    def test_other(send):
        db = next(get_db())  # DBS105
        assert db is not None
    """
    assert_driven(tmp_path, text, "tests/test_database.py")
    (tmp_path / "other").mkdir()
    outside = text.replace("next(generator)", "next(generator)  # DBS105").replace(
        "db = next(get_db())\n        assert isinst",
        "db = next(get_db())  # DBS105\n        assert isinst",
    )
    outside = outside.replace("for db in get_db():", "for db in get_db():  # DBS105")
    assert_driven(tmp_path / "other", outside, "service.py")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "for db in get_db():\n        db.add(A())\n        return xs",
            "the `return` in its loop skips its commit",
        ),
        (
            "for db in get_db():\n        db.add(A())\n        db.commit()\n        return xs",
            "so that its rollback does not run on an error",
        ),
        (
            "for db in get_db():\n        return db.get(A, 1)",
            "so that its rollback does not run on an error",
        ),
        (
            "for db in get_db():\n        if unknown(db):\n            break\n        log()",
            "the `break` in its loop skips its commit",
        ),
        (
            "for db in get_db():\n        for x in xs:\n            break\n        db.add(A())",
            "so that its rollback does not run on an error",
        ),
        (
            "for db in get_db():\n        try:\n            db.add(A())\n"
            "        except Exception:\n            log()",
            "what leaves its loop early leaves it to the garbage collector to close it",
        ),
        (
            "for db in get_db():\n        try:\n            db.add(A())\n"
            "        except Exception:\n            log()\n            raise",
            "so that its rollback does not run on an error",
        ),
        (
            "db = next(get_db())\n    try:\n        db.add(A())\n        db.commit()\n"
            "    except Exception:\n        db.rollback()\n    finally:\n        db.close()",
            "closes the session before its first use, and does not learn of an error",
        ),
        ("db = next(get_db())\n    db.add(A())", "so that its rollback does not run on an error"),
    ],
)
def test_the_message_says_what_goes_wrong_there(tmp_path: Path, text: str, fault: str) -> None:
    database = """
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker()

        def get_db():
            db = SessionLocal()
            try:
                yield db
                db.commit()
            except Exception:
                db.rollback()
                raise
            finally:
                db.close()
    """
    code = f"from core.database import get_db\n\ndef f(xs):\n    {text}\n"
    write_project(tmp_path, {"core/database.py": database, "app.py": code})
    (message,) = [m for *_, code, m in lint(tmp_path, "app.py") if code == "DBS105"]
    assert fault in message
