"""DBS105: dependencies driven by hand become blocks of the provider."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.fixes.house import ASYNC_DATABASE, HOUSE, READING_DATABASE
from tests.fixes.repairs import assert_fixed, reasons, repaired
from tests.fixes.stage import Stage, same_commits

BEFORE = """
    from core.database import get_db, get_db_session
    from core.models import User

    def taken(name):
        db = next(get_db())
        try:
            db.add(User(name=name))
            db.commit()
        finally:
            db.close()

    def not_closed(name):
        db = get_db().__next__()
        return db.query(User).count()

    def gone_through(name):
        for db in get_db():
            if not name:
                return 0
            return db.query(User).count()
"""
AFTER = """
    from core.database import get_db_session
    from core.models import User

    def taken(name):
        with get_db_session() as db:
            db.add(User(name=name))

    def not_closed(name):
        with get_db_session() as db:
            return db.query(User).count()

    def gone_through(name):
        with get_db_session() as db:
            if not name:
                return 0
            return db.query(User).count()
"""
LEFT = {
    "handed_on": ("db = next(get_db())\n    return Service(db)", "line 5 hands it on"),
    "kept": (
        "gen = get_db()\n    db = next(gen)\n    db.commit()\n    keep(gen)",
        "the generator is kept under a name of its own",
    ),
    "used_after_the_loop": (
        "for db in get_db():\n        db.commit()\n    db.commit()",
        "line 6 uses `db` too",
    ),
    "not_named": ("next(get_db()).commit()", "the session is not just taken and given a name"),
    "left": (
        "for db in get_db():\n        if name:\n            break\n        db.commit()",
        "the loop has an `else`, or a `break` or `continue` before its end",
    ),
    "uncommitted": (
        "for db in get_db():\n        db.add(name)",
        "`get_db_session` would commit what line 5 may leave uncommitted",
    ),
}


def test_forms(tmp_path: Path) -> None:
    codes = ("DBS105",) * 3
    assert_fixed(tmp_path, {**HOUSE, "work.py": BEFORE}, "work.py", AFTER, *codes)


@pytest.mark.parametrize(("body", "reason"), LEFT.values(), ids=LEFT)
def test_what_is_left_and_why(body: str, reason: str, tmp_path: Path) -> None:
    code = dedent(f"from core.database import get_db\n\ndef work(name):\n    {body}\n")
    (found,) = reasons(tmp_path, {**HOUSE, "work.py": code}, "work.py", "DBS105")
    assert found.partition(" DBS105 ")[2] == reason


def test_an_asynchronous_dependency(tmp_path: Path) -> None:
    database = """
        from contextlib import asynccontextmanager
        from sqlalchemy.ext.asyncio import async_sessionmaker

        AsyncSessionLocal = async_sessionmaker()

        async def get_db():
            async with AsyncSessionLocal() as db:
                yield db

        @asynccontextmanager
        async def get_db_session():
            async with AsyncSessionLocal() as db:
                yield db
    """
    before = """
        from core.database import get_db

        async def gone_through():
            async for db in get_db():
                await db.execute(1)
    """
    after = """
        from core.database import get_db_session

        async def gone_through():
            async with get_db_session() as db:
                await db.execute(1)
    """
    files = {"core/database.py": database, "work.py": before}
    assert_fixed(tmp_path, files, "work.py", after, "DBS105")


TAKEN = """
    import asyncio
    from core.database import get_async_db
    from core.models import User

    async def work(this, name, cache):
        db = await anext(get_async_db())
        db.add(User(name=name))
        await asyncio.sleep(0.1)
        await db.commit()
"""


def test_a_session_that_the_event_loop_closes_meanwhile_is_a_doubt(tmp_path: Path) -> None:
    files = {**HOUSE, "core/database.py": ASYNC_DATABASE, "work.py": TAKEN}
    assert reasons(tmp_path, files, "work.py", "DBS105") == [
        "7: DBS105 the event loop closes `get_async_db()` at the next `await` now"
    ]
    after = repaired(tmp_path, files, "work.py", "DBS105", unsafe=True).text.content
    with Stage(tmp_path, ASYNC_DATABASE) as stage:
        assert (3, "c") not in stage.run(TAKEN, "c").rows
        assert (3, "c") in stage.run(after, "c").rows


ONLY_DEPENDENCIES = """
    from sqlalchemy import create_engine
    from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
    from sqlalchemy.orm import sessionmaker
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", poolclass=StaticPool)
    SessionLocal = sessionmaker(bind=engine)
    async_engine = create_async_engine("sqlite+aiosqlite://")
    AsyncSessionLocal = async_sessionmaker(bind=async_engine)

    async def get_async_db():
        async with AsyncSessionLocal() as db:
            yield db

    async def get_committing_db():
        async with AsyncSessionLocal() as db:
            try:
                yield db
                await db.commit()
            except Exception:
                await db.rollback()
                raise
"""
LOOPS = {
    "by the factory": (
        """
    from core.database import get_async_db
    from core.models import User
    from sqlalchemy import func, select

    async def work(this, name, cache):
        async for db in get_async_db():
            db.add(User(name=name))
            await db.commit()
            if not name:
                number = await db.scalar(select(func.count(User.id)))

                break
            else:
                number = 7
                continue
        return number
""",
        """
    from core.database import AsyncSessionLocal
    from core.models import User
    from sqlalchemy import func, select

    async def work(this, name, cache):
        async with AsyncSessionLocal() as db:
            db.add(User(name=name))
            await db.commit()
            if not name:
                number = await db.scalar(select(func.count(User.id)))
            else:
                number = 7
        return number
""",
    ),
    "work that is given up": (
        """
    from core.database import get_committing_db
    from core.models import User
    from sqlalchemy import select

    async def work(this, name, cache):
        try:
            async for db in get_committing_db():
                user = await db.get(User, 1)
                user.name = name
                if await db.scalar(select(User.id).where(User.name == name)):
                    return 1
                break
        except ValueError:
            return 2
        return 3
""",
        """
    from core.database import AsyncSessionLocal
    from core.models import User
    from sqlalchemy import select

    async def work(this, name, cache):
        try:
            async with AsyncSessionLocal() as db:
                user = await db.get(User, 1)
                user.name = name
                if await db.scalar(select(User.id).where(User.name == name)):
                    return 1
        except ValueError:
            return 2
        return 3
""",
    ),
    "closed at the end": (
        """
    from core.database import get_async_db
    from core.models import User

    async def work(this, name, cache):
        async for db in get_async_db():
            db.add(User(name=name))
            await db.commit()
            await db.close()
""",
        """
    from core.database import AsyncSessionLocal
    from core.models import User

    async def work(this, name, cache):
        async with AsyncSessionLocal() as db:
            db.add(User(name=name))
            await db.commit()
""",
    ),
    "closed in a finally": (
        """
    from core.database import get_async_db
    from core.models import User

    async def work(this, name, cache):
        async for db in get_async_db():
            try:
                db.add(User(name=name))
                probe()
                await db.commit()
            except ValueError:
                await db.rollback()
                raise

            finally:
                await db.close()
""",
        """
    from core.database import AsyncSessionLocal
    from core.models import User

    async def work(this, name, cache):
        async with AsyncSessionLocal() as db:
            try:
                db.add(User(name=name))
                probe()
                await db.commit()
            except ValueError:
                await db.rollback()
                raise
""",
    ),
    "work that the dependency commits": (
        """
    from core.database import get_committing_db
    from core.models import User

    async def work(this, name, cache):
        async for db in get_committing_db():
            db.add(User(name=name))
            probe()
""",
        """
    from contextlib import asynccontextmanager

    from core.database import get_committing_db
    from core.models import User

    async def work(this, name, cache):
        async with asynccontextmanager(get_committing_db)() as db:
            db.add(User(name=name))
            probe()
""",
    ),
}


@pytest.mark.parametrize(("before", "after"), LOOPS.values(), ids=LOOPS)
def test_loops_over_a_dependency_where_there_is_no_provider(
    before: str, after: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {**HOUSE, "core/database.py": ONLY_DEPENDENCIES, "work.py": before}
    assert_fixed(tmp_path / "code", files, "work.py", after, "DBS105")
    for name in ("core", "core.models", "core.database", "core.helpers"):
        monkeypatch.setitem(sys.modules, name, sys)
    with Stage(tmp_path, ONLY_DEPENDENCIES) as stage:
        for name in ("a", ""):
            for failing in range(6):
                assert stage.run(after, name, failing) == stage.run(before, name, failing)


def test_what_the_standard_library_makes_of_a_dependency_is_imported(tmp_path: Path) -> None:
    database = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker(bind=create_engine("sqlite://"))

        def get_db():
            db = SessionLocal()
            db.autoflush = False
            try:
                yield db
            finally:
                db.close()
                print("closed")
    """
    before = """
        from core.database import get_db
        from core.models import User

        def work():
            db = next(get_db())
            count = db.query(User).count()
            db.close()
            return count
    """
    after = """
        from contextlib import contextmanager

        from core.database import get_db
        from core.models import User

        def work():
            with contextmanager(get_db)() as db:
                count = db.query(User).count()
            return count
    """
    files = {**HOUSE, "core/database.py": database, "work.py": before}
    assert_fixed(tmp_path, files, "work.py", after, "DBS105")


def test_a_dependency_that_is_not_found_may_do_anything(tmp_path: Path) -> None:
    code = """
        from shared.database import get_db
        from core.models import User

        def seen(key):
            db = next(get_db())
            try:
                db.get(User, key).name = "seen"
            finally:
                db.close()

        def count():
            for db in get_db():
                return db.query(User).count()
    """
    files = {**HOUSE, "core/database.py": "", "work.py": code}
    unknown = "`get_db` is not found, and may do more than open a session"
    commit = "`contextmanager(get_db)` would commit what line 8 may leave uncommitted"
    assert reasons(tmp_path, files, "work.py", "DBS105") == [
        f"6: DBS105 {unknown}; {commit}",
        f"13: DBS105 {unknown}",
    ]


def test_a_comment_beside_the_end_of_a_loop_is_a_doubt(tmp_path: Path) -> None:
    code = """
        from core.database import get_async_db

        async def work():
            async for db in get_async_db():
                await db.commit()
                break  # one is enough
    """
    files = {**HOUSE, "core/database.py": ONLY_DEPENDENCIES, "work.py": code}
    assert reasons(tmp_path, files, "work.py", "DBS105") == [
        "5: DBS105 the comment `# one is enough` would be lost"
    ]


def test_what_a_close_in_the_loop_gives_up_is_not_committed(tmp_path: Path) -> None:
    code = """
        from core.database import get_db
        from core.models import User

        def work():
            for db in get_db():
                db.add(User(name="a"))
                db.close()
    """
    assert reasons(tmp_path, {**HOUSE, "work.py": code}, "work.py", "DBS105") == [
        "6: DBS105 `get_db_session` would commit what line 7 may leave uncommitted"
    ]


def test_what_an_asynchronous_loop_that_is_left_lets_out_is_a_doubt(tmp_path: Path) -> None:
    code = """
        from core.database import get_async_db
        from core.models import User

        async def first():
            async for db in get_async_db():
                return await db.get(User, 1)
    """
    database = ASYNC_DATABASE.replace("engine)\n", "engine, expire_on_commit=False)\n")
    files = {**HOUSE, "core/database.py": database, "work.py": code}
    assert reasons(tmp_path, files, "work.py", "DBS105") == [
        "6: DBS105 line 7 may let a loaded object out of the block, whose session stays open now"
    ]


SERVED = """
    from core.database import get_db
    from core.models import User

    class Service:
        def __init__(self, db):
            self.db = db

        def add(self, name):
            self.db.add(User(name=name))
            self.db.commit()

        def names(self):
            return [user.name for user in self.db.query(User)]

    def work(this, name, cache):
        db = next(get_db())
        try:
            service = Service(db)
            service.add(name)
            return service.names()
        finally:
            db.close()
"""
KEPT = """
    from core.database import get_db
    from core.models import User

    def work(this, name, cache):
        generator = get_db()
        db = next(generator)
        try:
            db.add(User(name=name))
            probe()
            db.commit()
            return db.query(User).count()
        finally:
            db.close()
"""
LENT = """
    from contextlib import contextmanager
    from core.database import get_db
    from core.models import User

    @contextmanager
    def lent():
        db = next(get_db())
        try:
            yield db
        finally:
            db.close()

    def work(this, name, cache):
        with lent() as db:
            db.add(User(name=name))
            probe()
            if name:
                db.commit()
"""


@pytest.mark.parametrize(
    ("code", "database"),
    [
        (SERVED, HOUSE["core/database.py"]),
        (KEPT, HOUSE["core/database.py"]),
        (LENT, READING_DATABASE),
    ],
)
def test_what_is_given_the_session_and_does_not_outlive_it(
    code: str, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {**HOUSE, "core/database.py": database, "work.py": code}
    repair = repaired(tmp_path / "code", files, "work.py", "DBS105")
    after = repair.text.content
    assert "with get_db_session() as db:\n" in after
    assert "generator" not in after
    again = repaired(tmp_path / "code", {**files, "work.py": after}, "work.py", "DBS105")
    assert again.text.content == after
    for name in ("core", "core.models", "core.database", "core.helpers"):
        monkeypatch.setitem(sys.modules, name, sys)
    with Stage(tmp_path, database) as stage:
        for name in ("a", ""):
            for failing in range(4):
                commits = same_commits(code, after)
                before = stage.run(code, name, failing, commits=commits)
                assert stage.run(after, name, failing, commits=commits) == before


def test_what_is_done_where_a_session_is_lent_is_a_doubt(tmp_path: Path) -> None:
    found = reasons(tmp_path, {**HOUSE, "work.py": LENT}, "work.py", "DBS105")
    assert found == [
        "8: DBS105 `get_db_session` would commit what is left where line 10 hands it to"
    ]


@pytest.mark.parametrize(
    "line",
    ["return service", "cache['service'] = service", "other = service", "keep(service)"],
)
def test_what_is_given_the_session_and_may_outlive_it(line: str, tmp_path: Path) -> None:
    code = SERVED.replace("return service.names()", line)
    (found,) = reasons(tmp_path, {**HOUSE, "work.py": code}, "work.py", "DBS105")
    assert found.endswith("hands it on")


OWN_FACTORY = """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    engine = create_engine("sqlite://")
    SessionLocal = sessionmaker(bind=engine)

    def get_db():
        db = SessionLocal()
        try:
            yield db
        finally:
            db.close()
"""
TAKING = """
    from core.database import {}
    from core.models import User

    def count():
        db = next(get_db())
        return db.query(User).count()
"""
PLAIN = {"core/models.py": HOUSE["core/models.py"], "core/database.py": OWN_FACTORY}


@pytest.mark.parametrize("imported", ["get_db", "SessionLocal, get_db"])
def test_a_name_that_the_function_gives_another_meaning_is_not_the_factory_s(
    imported: str, tmp_path: Path
) -> None:
    shadowed = TAKING.format(imported) + 8 * " " + "SessionLocal = print(db)\n"
    shadowed = shadowed.replace("return db.query(User).count()", "db.query(User).count()")
    files = {**PLAIN, "work.py": shadowed}
    assert "with SessionLocal()" not in repaired(tmp_path, files, "work.py").text.content
    plain = {**PLAIN, "work.py": TAKING.format(imported)}
    assert "with SessionLocal()" in repaired(tmp_path / "plain", plain, "work.py").text.content


FOR_ALL = """
    import core.database

    core.database.SessionLocal = None
"""
FOR_ONE = """
    from app import work

    def test_it(monkeypatch):
        monkeypatch.setattr("core.database.SessionLocal", None)
        work.{}()
"""
OTHERS = FOR_ONE.replace("core.database.SessionLocal", "core.others.SessionLocal").format("count")
HOME = "patches `core.database.SessionLocal`, which `get_db` reads at each call"


@pytest.mark.parametrize(
    ("test", "text", "told"),
    [
        ("conftest", FOR_ALL, [f"6: DBS105 `tests/conftest.py` {HOME}"]),
        ("test_work", FOR_ONE.format("count"), [f"6: DBS105 `tests/test_work.py` {HOME}"]),
        ("test_work", FOR_ONE.format("other"), []),
        ("conftest", OTHERS, []),
    ],
)
def test_what_the_dependency_read_under_a_patch_is_not_imported_before_it(
    test: str, text: str, told: list[str], tmp_path: Path
) -> None:
    early = TAKING.format("get_db") + "\n    def other():\n        pass\n"
    files = {**PLAIN, "app/work.py": early, f"tests/{test}.py": text}
    left = repaired(tmp_path, files, "app/work.py", "DBS105").left
    assert [f"{each.line}: {each.code} {each.reason}" for each in left] == told


@pytest.mark.parametrize(
    "work",
    [
        "import core.database\n\ndef count():\n    db = next(core.database.get_db())\n",
        "def count():\n    from core.database import get_db\n\n    db = next(get_db())\n",
    ],
)
def test_what_is_read_at_each_call_still_is_under_the_patch(work: str, tmp_path: Path) -> None:
    files = {**PLAIN, "app/work.py": f"{work}    return db.query(1).count()\n"}
    done = repaired(tmp_path, files | {"tests/conftest.py": FOR_ALL}, "app/work.py", "DBS105")
    assert "SessionLocal() as db:" in done.text.content


def test_a_comment_that_names_the_dependency_is_a_doubt(tmp_path: Path) -> None:
    said = TAKING.format("get_db").replace("db =", "# get_db() has no tenant\n        db =")
    (found,) = reasons(tmp_path, {**PLAIN, "work.py": said}, "work.py", "DBS105")
    assert found.endswith("`# get_db() has no tenant` names `get_db`, which is not called any more")


def test_a_loop_that_needs_no_session_binds_none(tmp_path: Path) -> None:
    idle = """
        from core.database import get_async_db

        async def count(steps):
            async for db in get_async_db():
                return len(steps)
    """
    files = {"core/database.py": ASYNC_DATABASE, "work.py": idle}
    after = repaired(tmp_path, {**HOUSE, **files}, "work.py", "DBS105").text.content
    assert "    async with get_async_db_session():\n        return len(steps)" in after
