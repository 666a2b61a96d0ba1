"""What a fix must not change, each piece of code run before and after, and what it says else.

Every piece is one that a fix once changed without a doubt.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.fixes.doubts.test_behaviour import assert_same
from tests.fixes.house import ASYNC_DATABASE, DATABASE, HOUSE, LOADED_DATABASE
from tests.fixes.repairs import reasons, repaired
from tests.fixes.stage import Stage

CODES = "DBS101 DBS102 DBS301 DBS302 DBS303"
HEAD = """\
from sqlalchemy import func, select, text
from core.database import SessionLocal
from core.models import Post, User


def to_dict(user):
    user.name = "changed"
    return {}


def is_new(user):
    user.name = "changed"
    return True


class Holder:
    def get(self, user):
        user.name = "changed"


def work(self, name, cache: dict):
"""
# What the provider's commit would save, and the code as it is gives up.
WRITES = {
    "project_function_in_to": "users = [to_dict(user) for user in db.query(User)]",
    "project_function_in_is": "user = db.get(User, 1)\nassert is_new(user)",
    "project_method_get": "Holder().get(db.get(User, 1))",
    "key_of_sorted": "users = sorted(db.query(User).all(), key=is_new)",
    "function_of_map": "users = list(map(to_dict, db.query(User).all()))",
    "key_of_min": "user = min(db.query(User).all(), key=lambda user: is_new(user))",
    "with_delete": 'db.execute(text("WITH old AS (SELECT 1) DELETE FROM users"))',
    "user_version": 'db.execute(text("PRAGMA user_version = 7"))',
    "select_of_a_function": "db.execute(select(func.setval(1))) if name == 'no' else None",
    "text_of_a_function": "db.execute(text(\"SELECT nextval('ids')\")) if name == 'no' else None",
    "taken_out_of_a_list": "posts = db.get(User, 1).posts\ndel posts[0]",
    "put_into_a_list": "posts = db.get(User, 1).posts\nposts.append(Post(title=name))",
    "added_to_a_list": "posts = db.get(User, 1).posts\nposts += [Post(title=name)]",
    "bound_by_for": "user = db.get(User, 1)\nfor user.name in (name, 'x'):\n    pass",
    "bound_by_with": "user = db.get(User, 1)\nwith named() as user.name:\n    pass",
    "bound_in_a_tuple": "user = db.get(User, 1)\n(user.name, *rest), count = (name, 1), 2",
    "written_by_a_closure": "def add():\n    db.add(User(name=name))\nadd()",
}


def service(body: str) -> str:
    return HEAD + indent(dedent(body).strip(), "    ") + "\n"


@pytest.mark.parametrize("body", WRITES.values(), ids=WRITES)
def test_what_writes_is_a_doubt(body: str, tmp_path: Path) -> None:
    code = service("with SessionLocal() as db:\n" + indent(body, "    "))
    files = {**HOUSE, "core/database.py": LOADED_DATABASE, "work.py": code}
    (reason,) = reasons(tmp_path, files, "work.py", "DBS102")
    assert "get_db_session` would commit" in reason


READS = {
    "builtins": "users = sorted(db.query(User).all(), key=str)\ncount = len(list(users))",
    "attrgetter": "import operator\nmax(db.query(User).all(), key=operator.attrgetter('id'))",
    "lambda": "names = sorted(db.query(User).all(), key=lambda user: user.name.lower())",
    "locking": 'db.execute(text("SELECT count(*) FROM users FOR UPDATE"))',
    "common_table": 'db.execute(text("WITH a AS (SELECT 1) SELECT coalesce(max(id), 0) FROM a"))',
    "asked_pragma": 'db.execute(text("PRAGMA table_info(users)"))',
    "string_of_a_column": "user = db.get(User, 1)\nshort = user.name\nshort += 'x'",
    "own_list": "found = []\nfor user in db.query(User):\n    found.append(user.name)",
}


@pytest.mark.parametrize("body", READS.values(), ids=READS)
def test_what_only_reads_is_none(body: str, tmp_path: Path) -> None:
    code = service("with SessionLocal() as db:\n" + indent(body, "    "))
    assert repaired(tmp_path, {**HOUSE, "work.py": code}, "work.py", "DBS102").fixed


KEEPER = """\
class Keeper:
    def __init__(self, user):
        self.user = user

    def name(self):
        return self.user.name


class Named:
    def __init__(self, user):
        self.name = user.name


"""
KEPT = {
    "object_itself": "return Keeper(user)",
    "its_attribute": "return Keeper(user).user",
    "its_method": "return Keeper(user).name",
    "by_a_name": "keeper = Keeper(user)\nreturn keeper.name",
    "in_a_list": "return [Keeper(user)]",
}


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT)
def test_an_object_that_keeps_a_loaded_one_lets_it_out(body: str, tmp_path: Path) -> None:
    code = service(
        f"with SessionLocal() as db:\n    user = db.get(User, 1)\n{indent(body, '    ')}"
    )
    files = {**HOUSE, "work.py": code.replace("def work", f"{KEEPER}def work")}
    (reason,) = reasons(tmp_path, files, "work.py", "DBS102")
    assert "may let one out of the block" in reason


@pytest.mark.parametrize("body", ["Named(user)", "Named(user).name"])
def test_an_object_that_keeps_a_column_lets_none_out(body: str, tmp_path: Path) -> None:
    code = service(f"with SessionLocal() as db:\n    user = db.get(User, 1)\n    return {body}")
    files = {**HOUSE, "work.py": code.replace("def work", f"{KEEPER}def work")}
    assert repaired(tmp_path, files, "work.py", "DBS102").fixed


ERRORS = {
    # What follows the close in a ``finally`` follows the block.
    "tail": """
        db = SessionLocal()
        try:
            cache["count"] = db.query(User).count()
            db.commit()
        except ValueError:
            db.rollback()
            cache["count"] = db.query(User).count()
        finally:
            db.close()
            cache["open"] = closed()
        """,
    "tail_of_a_plain_try": """
        db = SessionLocal()
        try:
            cache["count"] = db.query(User).count()
        finally:
            db.close()
            cache["open"] = closed()
        """,
    "opened_in_the_try": """
        db = None
        try:
            db = SessionLocal()
            cache["count"] = db.query(User).count()
        except ValueError:
            db.rollback()
            cache["count"] = db.query(User).count()
        finally:
            if db is not None:
                db.close()
            cache["open"] = closed()
        """,
}


@pytest.mark.parametrize("body", ERRORS.values(), ids=ERRORS)
def test_the_rest_of_a_finally_comes_after_the_close(body: str, tmp_path: Path) -> None:
    before = service(body).replace(
        "def work", "def closed():\n    return engine.pool.checkedout()\n\n\ndef work"
    )
    before = before.replace("import SessionLocal", "import SessionLocal, engine")
    files = {**HOUSE, "work.py": before}
    done = repaired(tmp_path / "code", files, "work.py", CODES)
    assert done.fixed
    assert "db.close()" not in done.text.content
    with Stage(tmp_path, DATABASE) as stage:
        assert_same(stage, before, done.text.content, "work")


OPENERS = """
    def open_session():
        probe()
        return SessionLocal()

"""
RAISING = """
    for attempt in range(2):
        db = open_session()
        try:
            cache["count"] = db.query(User).count()
            break
        except Exception:
            cache["failed"] = attempt
        finally:
            db.close()
"""


def test_what_an_opener_does_besides_is_a_doubt(tmp_path: Path) -> None:
    before = service(RAISING).replace("def work", dedent(OPENERS).strip() + "\n\n\ndef work")
    (found,) = reasons(tmp_path, {**HOUSE, "work.py": before}, "work.py", "DBS301")
    assert "`open_session` does more than open a session, in line 22 of work.py" in found


EITHER = """
    from core.database import SessionLocal

    class Repository:
        def __init__(self, session=None):
            self.session = session

        def _session(self):
            return {}

        def count(self):
            db = self._session()
            return db.query(1).count()
"""
BORROWED = [
    "self.session if self.session is not None else SessionLocal()",
    "self.session or SessionLocal()",
    "self.session",
]


@pytest.mark.parametrize("given", BORROWED)
def test_no_block_closes_what_somebody_else_holds(given: str, tmp_path: Path) -> None:
    code = EITHER.format(given)
    done = repaired(tmp_path, {**HOUSE, "work.py": code}, "work.py", unsafe=True)
    assert done.text.content == dedent(code)


CACHED = """
    import sqlite3

    class Store:
        conn = None

        def _connect(self):
            if self.conn is None:
                self.conn = sqlite3.connect("a.db")
            return self.conn

        def count(self):
            conn = self._connect()
            return conn.execute("SELECT 1").fetchone()

        def kept(self):
            with self._connect() as conn:
                return conn.execute("SELECT 1").fetchone()
"""
KEPT = """
    import sqlite3

    class Store:
        def _connect(self):
            conn = sqlite3.connect("a.db")
            self.conn = conn
            return conn

        def count(self):
            conn = self._connect()
            return conn.execute("SELECT 1").fetchone()
"""


@pytest.mark.parametrize("code", [CACHED, KEPT])
def test_a_cached_connection_stays_open(code: str, tmp_path: Path) -> None:
    done = repaired(tmp_path, {"store.py": code}, "store.py", unsafe=True)
    assert done.text.content == dedent(code)


def test_a_fresh_one_gets_its_block(tmp_path: Path) -> None:
    code = EITHER.format("SessionLocal()")
    assert repaired(tmp_path, {**HOUSE, "work.py": code}, "work.py", unsafe=True).fixed


ADDING = """\
class Store:
    def __init__(self, session):
        self.session = session

    def add(self, thing):
        self.session.add(thing)

    def make(self, name):
        user = User(name=name)
        self.session.add(user)
        return user


class Base:
    def __init__(self, session):
        self.keep(session)


class OtherStore(Base):
    pass


def store(session, *, thing):
    deeper(thing, session)


def deeper(thing, session):
    session.add(thing)


def look(session, thing):
    return session.get(User, thing.id)


"""
# Each adds an object to the session elsewhere, whose column is read when the commit has expired it.
ADDED = {
    "method": "user = User(name=name)\nStore(db).add(user)",
    "function": "user = User(name=name)\nstore(db, thing=user)",
    "made_by_a_method": "user = Store(db).make(name)",
    "collected": "users = []\nusers.append(Store(db).make(name))\nuser = users[0]",
    "part_of_another": "user = User(name=name)\npost = Post(user=user)\ndb.add(post)",
    "unknown_function": "user = User(name=name)\nunknown(db, user)",
}
# The line that reads the object stays in the block with these.
KEPT_INSIDE = {
    "method_of_a_name": "kept = Store(db)\nuser = User(name=name)\nkept.add(user)",
    "part_on_the_spot": "user = User(name=name)\ndb.add(Post(user=user))",
    "put_into_a_loaded_list": "user = User(name=name)\ndb.get(Post, 1).users.append(user)",
}
READING = "db = SessionLocal()\n{}\ndb.commit()\nnumber = user.id\ndb.close()\nreturn number"


@pytest.mark.parametrize("body", ADDED.values(), ids=ADDED)
def test_an_object_that_something_else_adds_is_expired(body: str, tmp_path: Path) -> None:
    code = service(READING.format(body)).replace("def work", f"{ADDING}def work")
    (found,) = reasons(tmp_path, {**HOUSE, "work.py": code}, "work.py", "DBS303")
    assert "`get_db_session` expires loaded objects when it commits" in found


@pytest.mark.parametrize("body", KEPT_INSIDE.values(), ids=KEPT_INSIDE)
def test_what_is_read_of_such_an_object_stays_in_the_block(body: str, tmp_path: Path) -> None:
    code = service(READING.format(body)).replace("def work", f"{ADDING}def work")
    done = repaired(tmp_path, {**HOUSE, "work.py": code}, "work.py", "DBS303")
    assert "\n        number = user.id\n" in done.text.content


def test_an_object_that_is_only_looked_at_is_not(tmp_path: Path) -> None:
    body = "user = User(name=name)\nfound = look(db, user) is None"
    code = service(READING.format(body)).replace("def work", f"{ADDING}def work")
    done = repaired(tmp_path, {**HOUSE, "work.py": code}, "work.py", "DBS303")
    assert "\n    number = user.id\n" in done.text.content


def test_what_a_query_is_asked_with_is_no_object(tmp_path: Path) -> None:
    body = """
        db = SessionLocal()
        try:
            user = db.query(User).filter_by(name=name).first()
            user.name = "x"
            db.commit()
            print(name)
        finally:
            db.close()
        """
    done = repaired(tmp_path, {**HOUSE, "work.py": service(body)}, "work.py", CODES)
    assert done.fixed
    assert "commit()" not in done.text.content


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("DBS101", "db = AsyncSessionLocal()\n    db.add(name)\n    db.commit()\n    db.close()"),
        ("DBS105", "db = next(get_async_db())\n    db.add(name)\n    db.commit()"),
        (
            "DBS308",
            "db = open_it()\n    try:\n        db.add(name)\n        db.commit()\n"
            "    except Exception:\n        print(name)",
        ),
    ],
)
def test_what_cannot_be_awaited(code: str, body: str, tmp_path: Path) -> None:
    work = dedent(
        "from core.database import AsyncSessionLocal, get_async_db\n"
        "from sqlalchemy.ext.asyncio import AsyncSession\n\n"
        f"def open_it() -> AsyncSession: ...\n\ndef work(name):\n    {body}\n"
    )
    files = {**HOUSE, "core/database.py": ASYNC_DATABASE, "work.py": work}
    (found,) = reasons(tmp_path, files, "work.py", code)
    assert found.endswith("only an `async def` can wait for it")
