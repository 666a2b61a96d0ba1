"""DBS308: what its message advises, and whose work that touches."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS308"}

POSTGRESQL = {"requirements.txt": "sqlalchemy>=2\nasyncpg\n"}

HEAD = """
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session

"""


def ways_out(tmp_path: Path, service: str) -> list[str]:
    """Give what the messages advise for the cases of one file, in order."""
    write_project(tmp_path, POSTGRESQL)
    (tmp_path / "service.py").write_text(HEAD + dedent(service), encoding="utf-8")
    found = [message for *_, code, message in lint(tmp_path, "service.py") if code in CODES]
    return [message.partition("; ")[2] for message in found]


def line_of(service: str, words: str) -> int:
    """Give the line of some words in the file that `ways_out` writes."""
    lines = (HEAD + dedent(service)).splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


TURNS = """
    async def dispatch(db: AsyncSession, delivery, wanted):
        if wanted:
            delivery.courier = wanted
            await db.commit()

    async def retry(db: AsyncSession, wanted):
        due = (await db.execute(select(Delivery))).scalars().all()
        for delivery in due:
            if delivery.is_done:
                delivery.again = 1
                continue
            {before}
            try:
                await dispatch(db, delivery, wanted)
            except Exception:
                print("left for a human")
            {after}
"""


def test_a_change_before_the_try_in_the_same_turn_is_committed_first(tmp_path: Path) -> None:
    service = TURNS.format(before="delivery.due = None", after="await db.commit()")
    line = line_of(service, "delivery.due = None")
    assert ways_out(tmp_path, service) == [
        f"call `await db.commit()` before the `try`, for a rollback may undo line {line} as well, "
        "and `await db.rollback()` in it, and load again what is read after it"
    ]


COMMITTING = """
    from notes import note

    def ingest(db: Session, files, lock):
        {before}
        for file in files:
            {first}
            try:
                lock.extend(360)
                db.get(Model, file).latest = file
                db.commit()
            except Exception:
                print("bad", file)
            {last}
        print(db.scalars(select(Model)).all())
"""
NOTHING = dict.fromkeys(("before", "first", "last"), "pass")
DELETION = "db.execute(update(Task).values(done=True))"
LOCK = "rows = db.execute(select(Task).with_for_update()).all()"


def test_what_waits_before_a_loop_is_committed_first(tmp_path: Path) -> None:
    for place in ("before", "first"):
        service = COMMITTING.format(**{**NOTHING, place: DELETION})
        assert ways_out(tmp_path, service) == [
            f"call `db.commit()` before the `try`, for a rollback may undo line "
            f"{line_of(service, DELETION)} as well, and `db.rollback()` in it"
        ]


def test_what_earlier_turns_may_have_left_is_no_line_before(tmp_path: Path) -> None:
    service = COMMITTING.format(**{**NOTHING, "last": "note(db, file)"})
    assert not ways_out(tmp_path, service)


def test_a_lock_from_before_a_loop_ends_with_the_first_turn(tmp_path: Path) -> None:
    service = COMMITTING.format(**{**NOTHING, "before": LOCK})
    assert ways_out(tmp_path, service) == ["call `db.rollback()` in it"]
    assert not ways_out(tmp_path, COMMITTING.format(**{**NOTHING, "first": LOCK}))


@pytest.mark.parametrize(("turn", "commits"), [("pass", True), ("return", False)])
def test_what_waits_before_a_loop_in_the_try_is_committed_first(
    tmp_path: Path, turn: str, commits: bool
) -> None:
    service = f"""
        def ingest(db: Session, files, lock):
            db.execute(update(Task).values(done=True))
            try:
                for file in files:
                    lock.extend(360)
                    db.get(Model, file).latest = file
                    db.commit()
                    {turn}
                db.execute(update(Scan).values(done=True))
            except Exception:
                print("bad", files)
            print(db.scalars(select(Model)).all())
    """
    way_out = (
        f"call `db.commit()` before the `try`, for a rollback may undo line "
        f"{line_of(service, 'update(Task)')} as well, and `db.rollback()` in it"
    )
    assert ways_out(tmp_path, service) == [way_out] * commits


def test_what_waits_before_a_try_outside_of_a_loop_is_left_to_its_commit(tmp_path: Path) -> None:
    service = """
        def ingest(db: Session, file, lock):
            db.execute(update(Task).values(done=True))
            try:
                lock.extend(360)
                db.get(Model, file).latest = file
                db.commit()
            except Exception:
                print("bad", file)
            print(db.scalars(select(Model)).all())
    """
    assert not ways_out(tmp_path, service)


def test_what_a_handler_marks_and_its_turn_commits_is_no_batch(tmp_path: Path) -> None:
    service = """
        async def dispatch(db: AsyncSession, batch):
            batch.courier = 1
            await db.commit()

        async def sweep(db: AsyncSession, due):
            for number in due:
                batch = await db.get(Batch, number)
                batch.status = 1
                await db.commit()
                try:
                    await dispatch(db, batch)
                except Exception:
                    batch.status = 2
                {commit}
    """
    (way,) = ways_out(tmp_path, service.format(commit="await db.commit()"))
    assert way.startswith("call `await db.rollback()` in it")
    (way,) = ways_out(tmp_path, service.format(commit="print(batch)"))
    assert way.startswith("commit each iteration's work")


def test_a_turn_that_is_not_seen_to_write_is_no_batch(tmp_path: Path) -> None:
    service = """
        class Detector:
            def __init__(self, session=None):
                self._session = session

            @staticmethod
            def _words(text):
                return [word for word in text.split() if word]

            def detect(self, url):
                found = self._session.query(Callsign).all()
                return self._words(url) == found

        def filter_candidates(session: Session, rows):
            detector = Detector(session=session)
            for row in rows:
                try:
                    if detector.detect(row.url):
                        session.execute(update(Link).values(status="wire"))
                        session.commit()
                except Exception:
                    print("not filtered")
    """
    assert ways_out(tmp_path, service) == ["call `session.rollback()` in it"]


GIVEN = """
    async def key_of(db: AsyncSession, user):
        if not user:
            return None
        db.add(Key(user))
        await db.commit()
        return user

    async def set_up(db: AsyncSession, user):
        category = Category(user)
        db.add(category)
        try:
            key = await key_of(db, user)
            {after}
        except Exception:
            print("skipped")
        {sure}
        return (await db.execute(select(Link))).scalars().all()
"""


def test_nobody_elses_session_is_committed_before_a_try(tmp_path: Path) -> None:
    flush = "db.add(Source(key)); await db.flush()"
    service = GIVEN.format(sure="", after=flush)
    line, last = line_of(service, "db.add(category)"), line_of(service, "key = await")
    assert ways_out(tmp_path, service) == [
        f"put what the `try` does after line {last}, which may commit, in "
        f"`async with db.begin_nested():`, for a rollback may undo line {line} as well"
    ]
    assert "error of `db.flush()`" in lint(tmp_path, "service.py")[0][-1]


def test_a_session_that_the_function_commits_is_committed_before_a_try(tmp_path: Path) -> None:
    flush = "db.add(Source(key)); await db.flush()"
    for service in (
        GIVEN.format(sure="", after="print(key)"),
        GIVEN.format(sure="await db.commit()", after=flush),
    ):
        (way,) = ways_out(tmp_path, service)
        assert way.startswith("call `await db.commit()` before the `try`"), way


def test_an_objects_session_that_is_committed_before_the_try_has_nothing_to_undo(
    tmp_path: Path,
) -> None:
    service = """
        class Notes:
            def __init__(self, session: AsyncSession):
                self.session = session

            async def count(self):
                return (await self.session.execute(select(Note))).scalar()

            async def read(self, key, publish, is_new):
                note = await self.session.get(Note, key)
                note.read = 1
                if is_new:
                    {commit}
                {always}
                try:
                    await publish(key)
                    await self.count()
                except Exception:
                    print("not told")
                return await self.count()
    """
    commit = "await self.session.commit()"
    (way,) = ways_out(tmp_path, service.format(commit="pass", always=commit))
    assert way.startswith("call `await self.session.rollback()` in it")
    (way,) = ways_out(tmp_path, service.format(commit=commit, always="pass"))
    assert way == "put what the `try` does in `async with self.session.begin_nested():`"


def test_a_handler_that_rolls_back_after_what_it_does_for_some_errors(tmp_path: Path) -> None:
    service = """
        from sqlalchemy import select, update
        from sqlalchemy.orm import Session

        def crawl(session: Session, urls, fetch):
            for url in urls:
                try:
                    page = fetch(url)
                    session.add(Page(page))
                    session.commit()
                except Exception as error:
                    text = str(error)
                    is_blocked = "403" in text
                    if is_blocked:
                        session.execute(update(Link).values(status="403"))
                        session.commit()
                    else:
                        print(text)
                    session.rollback()
                    if fetch.status == 404:
                        session.execute(update(Link).values(status="404"))
                        session.commit()

        def crawl_without_a_look(session: Session, urls, fetch):
            for url in urls:
                try:
                    page = fetch(url)
                    session.add(Page(page))
                    session.commit()
                except Exception as error:  # DBS308
                    if fetch.status == 404:
                        session.execute(update(Link).values(status="404"))
                    session.rollback()
    """
    assert_cases(tmp_path, {"service.py": service, **POSTGRESQL}, CODES)


def test_what_is_added_before_a_try_is_flushed_before_its_savepoint(tmp_path: Path) -> None:
    service = """
        async def record(db: AsyncSession, row):
            (await db.execute(select(Row))).all()
            db.add(Source(row))
            await db.flush()

        async def write(db: AsyncSession, row, wanted):
            db.add(row)
            {between}
            try:
                await record(db, row)
            except Exception:
                print("not recorded")
            await db.execute(select(Row))
    """
    savepoint = "put what the `try` does in `async with db.begin_nested():`"
    for between, is_first in (
        ("row.status = 1", True),
        ("wanted(row)", True),
        ("await db.flush()", False),
        ("await db.execute(select(Row))", False),
        ("await record(db, row)", False),
    ):
        (way,) = ways_out(tmp_path, service.format(between=between))
        line = line_of(service, "db.add(row)")
        flush = f"call `await db.flush()` before the `try`, for line {line}, and "
        assert way.startswith(f"{flush if is_first else ''}{savepoint}"), between


def test_what_a_failed_savepoint_expires_is_loaded_again(tmp_path: Path) -> None:
    service = """
        class Order(Base):
            __tablename__ = "orders"

        class Counted:
            number = 0

        async def attach(db: AsyncSession, order, branch):
            order.branch = branch.number
            await db.flush()

        async def publish(db: AsyncSession, order: Order, counted: Counted, branch):
            {before}
            try:
                {work}
            except Exception:
                {handled}
            return await db.get(Branch, 1)
    """
    attach = "await attach(db, order, branch)"
    loaded = "found = await db.get(Order, 1)"
    for before, work, handled, name in (
        ("pass", attach, "print(order.number)", "order"),
        ("pass", "order.branch = 1; await db.flush()", "print(order.number)", "order"),
        (loaded, "await attach(db, found, branch)", "print(found.number)", "found"),
        ("pass", attach, "print(branch.number)", ""),
        ("pass", attach, "print(order)", ""),
        ("pass", f"order = Order(); {attach}", "print(order.number)", ""),
        ("pass", f"db.add(order); {attach}", "print(order.number)", ""),
        ("pass", "counted.number = 1; await db.flush()", "print(counted.number)", ""),
        ("found = Counted()", "await attach(db, found, branch)", "print(found.number)", ""),
        ("pass", "branch.number = 1; await db.flush()", "print(branch.number)", ""),
    ):
        code = service.format(before=before, work=work, handled=handled)
        (way,) = ways_out(tmp_path, code)
        refresh = f", and call `await db.refresh({name})` in the handler" if name else ""
        savepoint = "put what the `try` does in `async with db.begin_nested():`"
        assert way == savepoint + refresh, (work, handled)


def test_a_session_that_flushes_at_no_query(tmp_path: Path) -> None:
    factory = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        Sessions = sessionmaker(create_engine("postgresql://x/y"){options})

        def get_db():
            with Sessions() as db:
                yield db
    """
    routes = """
        from fastapi import APIRouter, Depends
        from sqlalchemy.orm import Session
        from db import get_db
        from service import import_all

        router = APIRouter()

        @router.post("/rows")
        def imported(rows: list, db: Session = Depends(get_db)):
            return read_all(db, rows)

        def read_all(db: Session, rows):
            import_all(db, rows)
            db.commit()
    """
    service = """
        def import_all(db: Session, rows):
            for row in rows:
                try:
                    if not db.execute(select(Row)).scalar():
                        db.add(Row(row))
                except Exception:
                    print("skipped")
            db.flush()
    """
    for options, refusing in (
        ("", "the session refuses all work"),
        (", autoflush=False", "a PostgreSQL transaction refuses all work"),
    ):
        write_project(tmp_path, {"db.py": factory.format(options=options), "routes.py": routes})
        ways_out(tmp_path, service)
        ((*_, message),) = lint(tmp_path, "service.py")
        assert f"after which {refusing}" in message


@pytest.mark.parametrize(
    ("body", "is_read"),
    [
        ("{tried}\n    return User.name", False),
        ("number = user.id\n    {tried}\n    return number", False),
        ("count = len(user.posts)\n    {tried}\n    log(count)", False),
        ("result = Result(user.id)\n    {tried}\n    return result", False),
        ("users = Users(db)\n    {tried}\n    users.close()", False),
        ("made(unknown)\n    {tried}\n    log(unknown.id)", False),
        ("await made(db, names)\n    {tried}\n    log(names.id)", False),
        ("ids = []\n    ids.append(user.id)\n    {tried}\n    log(ids)", False),
        ("await made(db, unknown)\n    {tried}\n    log(unknown.id)", True),
        ("found = {}\n    found[1].append(user)\n    {tried}\n    log(found)", True),
        (
            "found = {}\n    found[1].append(user)\n    for each in found.values():\n"
            "        await made(db, each)\n        {tried}",
            True,
        ),
        ("ids = [each.id for each in user.posts]\n    {tried}\n    log(ids)", False),
        (
            "found = []\n    for each in ids(user.id):\n        found.append(user.id)\n"
            "        {tried}\n        log(found)",
            True,
        ),
        ("{tried}\n    return user", True),
        ("{tried}\n    return user.name", True),
        ("{tried}\n    return Result.model_validate(user)", True),
        ("{tried}\n    log(given.name)", True),
        ("for each in names:\n        other = await db.get(User, each)\n        {tried}", False),
        ("for each in user.posts:\n        each.read()\n        {tried}", True),
        ("for each in names:\n        log(user.name)\n        {tried}", True),
    ],
)
def test_what_is_to_be_loaded_again_is_named_only_where_it_is_read(
    tmp_path: Path, body: str, is_read: bool
) -> None:
    indent = " " * (8 if "        {tried}" in body else 4)
    tried = ["try:", "    await db.commit()", "except Exception:", "    print('not saved')"]
    models = "class Base(DeclarativeBase): ...\nclass User(Base): ...\n"
    service = (
        f"from sqlalchemy.orm import DeclarativeBase\n{models}"
        "async def save(db: AsyncSession, names: list[str], given: User, unknown):\n"
        "    user = await db.get(User, 1)\n    user.name = 'a'\n    "
        + body.replace("{tried}", f"\n{indent}".join(tried))
        + "\n"
    )
    (advice,) = ways_out(tmp_path, service)
    assert advice.endswith(", and load again what is read after it") == is_read


@pytest.mark.parametrize(
    ("other", "refusing"),
    [
        ("", "a PostgreSQL transaction refuses all work"),
        ("Plain = sessionmaker(engine)", "a PostgreSQL transaction refuses all work"),
        ("Other = async_sessionmaker(engine)", "the session refuses all work"),
        ("def f():\n    return AsyncSession(engine)", "the session refuses all work"),
    ],
)
def test_a_session_of_unknown_origin_flushes_as_the_projects_factories_say(
    tmp_path: Path, other: str, refusing: str
) -> None:
    factory = (
        "from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine\n"
        "from sqlalchemy.orm import sessionmaker\n"
        'engine = create_async_engine("postgresql+asyncpg://localhost/app")\n'
        f"def make():\n    return async_sessionmaker(engine, autoflush=False)\n{other}\n"
    )
    service = """
        class Service:
            def __init__(self, db: AsyncSession):
                self.db = db

            async def import_all(self, rows):
                for row in rows:
                    try:
                        if not (await self.db.execute(select(Row))).scalar():
                            self.db.add(Row(row))
                    except Exception:
                        print("skipped")
                await self.db.commit()
    """
    tests = {"tests/test_db.py": factory.replace(", autoflush=False", "")}
    write_project(tmp_path, {"db.py": factory, **tests})
    ways_out(tmp_path, service)
    ((*_, message),) = lint(tmp_path, "service.py")
    assert f"after which {refusing}" in message
