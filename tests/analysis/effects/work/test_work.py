"""What functions do by a session that they are given, and what they leave to be committed."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import indent

import pytest

from flake8_dbsession.analysis.effects.slow import works_slowly
from flake8_dbsession.analysis.effects.work.generators import Leaves, leaves_of
from flake8_dbsession.analysis.effects.work.model import Did, Work
from flake8_dbsession.analysis.effects.work.uses import Thing, work_in
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.library.drivers import driver_of
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.values import FunctionValue, Resource

HELPERS = """
import time
from contextlib import contextmanager
from sqlalchemy import delete, select, text
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker()

def save(db):
    db.commit()

def put(db, item):
    db.add(item)

def store(db, item):
    put(db, item)
    save(db)

def save_if(db, wanted):
    if wanted:
        db.commit()

class Repository:
    def __init__(self, db, name=""):
        self.db = db
        self.name = name

    def add(self, item):
        self._put(item)

    def _put(self, item):
        self.db.add(item)

    def finish(self):
        self.db.commit()

    def find(self):
        return self.db.query(1).filter(2).all()

def rests():
    time.sleep(1)
"""
READS, WRITES, COMMITS = Did.READS, Did.WRITES, Did.COMMITS


def function_in(folder: Path, text: str) -> tuple[FunctionValue, SourceFile]:
    text = HELPERS + text
    file = SourceFile(folder / "x.py", text, ast.parse(text), Project(folder), Vocabulary())
    assert file.module.tree is not None
    last = file.module.tree.body[-1]
    assert isinstance(last, (ast.FunctionDef, ast.AsyncFunctionDef))
    return FunctionValue(last, file.module.scope), file


def work(folder: Path, body: str, resource: Resource = Resource.SESSION) -> Work:
    text = f"async def given(db, item, wanted):\n{indent(body, '    ')}\n"
    function, file = function_in(folder, text)
    driver = driver_of("sqlite3" if resource is Resource.CONNECTION else "")
    return work_in(function, "db", Thing(resource, driver), file.inference)


@pytest.mark.parametrize(
    ("body", "always", "since"),
    [
        ("pass", Did(0), Did(0)),
        ("db.query(1).all()", READS, READS),
        ("db.execute(select(1))", READS, READS),
        ("db.execute(text('SELECT 1'))", READS, READS),
        ("db.execute(item)", Did.MAY_WRITE, Did.MAY_WRITE),
        ("db.execute(delete(1))", WRITES, WRITES),
        ("db.add(item)", WRITES, WRITES),
        ("db.query(1).delete()", READS | WRITES, READS | WRITES),
        ("db.add(item)\ndb.commit()", WRITES | COMMITS, Did(0)),
        ("db.commit()\ndb.add(item)", WRITES | COMMITS, WRITES),
        ("db.add(item)\nif wanted:\n    db.commit()", WRITES, WRITES),
        ("db.add(item)\nsave(db)", WRITES | COMMITS, Did(0)),
        ("db.add(item)\nsave_if(db, wanted)", WRITES, WRITES),
        ("store(db, item)", WRITES | COMMITS, Did(0)),
        ("wanted and save(db)", Did(0), Did(0)),
        ("db.add(item)\ndb.rollback()", WRITES | Did.ROLLS_BACK, Did(0)),
        ("with db.begin():\n    db.add(item)", WRITES | COMMITS, Did(0)),
        ("same = db\nsame.add(item)", WRITES, WRITES),
        ("Repository(db).add(item)", WRITES, WRITES),
        ("repository = Repository(db)\nrepository.add(item)", WRITES, WRITES),
        (
            "repository = Repository(db)\nrepository.add(item)\nrepository.finish()",
            WRITES | COMMITS,
            Did(0),
        ),
        ("Repository(db).find()", READS, READS),
        ("print(db)", Did(0), Did(0)),
    ],
)
def test_what_a_function_does(tmp_path: Path, body: str, always: Did, since: Did) -> None:
    found = work(tmp_path, body)
    assert found.always & ~Did.ASKS == always
    assert found.since & ~Did.ASKS == since
    assert not found.ever & Did.MAY_END


@pytest.mark.parametrize(
    "body",
    [
        "unknown(db)",
        "item.db = db",
        "return db",
        "item(db)",
        "save(*[db])",
        "later = lambda: db.commit()",
        "def inner():\n    db.commit()",
        "item.append(Repository(db))",
        "Repository(db).missing()",
        "db.run_sync(item)",
        "db = item",
    ],
)
def test_what_cannot_be_followed_is_not_guessed(tmp_path: Path, body: str) -> None:
    assert work(tmp_path, body).ever & Did.MAY_END


def test_a_coroutine_that_nobody_awaits_does_nothing_yet(tmp_path: Path) -> None:
    assert work(tmp_path, "given(db, item, wanted)").ever & Did.MAY_END
    assert not work(tmp_path, "if wanted:\n    await given(db, item, wanted)\ndb.commit()").since


def test_the_block_of_a_connection(tmp_path: Path) -> None:
    body = "with db:\n    db.cursor().execute('DELETE FROM t')"
    found = work(tmp_path, body, Resource.CONNECTION)
    assert found.always & (WRITES | COMMITS) == WRITES | COMMITS
    assert not found.since


def test_functions_that_call_each_other(tmp_path: Path) -> None:
    text = """
def even(db, n):
    if n:
        return odd(db, n - 1)
    db.commit()

def odd(db, n):
    db.delete(n)
    return even(db, n - 1)
"""
    function, file = function_in(tmp_path, text)
    found = work_in(function, "db", Thing(Resource.SESSION, driver_of("")), file.inference)
    assert found.always & COMMITS
    assert found.ever & WRITES
    assert not found.since
    assert not found.ever & Did.MAY_END


@pytest.mark.parametrize(
    ("body", "leaves"),
    [
        ("db = SessionLocal()\nyield db\ndb.close()", Leaves(False, False)),
        ("db = SessionLocal()\nyield db\ndb.commit()", Leaves(True, False)),
        ("db = SessionLocal()\nother.commit()\nyield db", Leaves(False, False)),
        ("db = SessionLocal()\ndb.commit()\nyield db", Leaves(False, False)),
        ("db = SessionLocal()\nyield db\nsave(db)", Leaves(True, False)),
        ("db = SessionLocal()\nyield db\nif db.dirty:\n    db.commit()", Leaves(None, False)),
        ("db = SessionLocal()\nyield db\nunknown(db)", Leaves(None, False)),
        ("with SessionLocal() as db:\n    yield db", Leaves(False, False)),
        ("with SessionLocal() as db, db.begin():\n    yield db", Leaves(True, True)),
        ("with SessionLocal.begin() as db:\n    yield db", Leaves(True, True)),
        (
            "from psycopg_pool import ConnectionPool\n"
            "with ConnectionPool('').connection() as conn:\n    yield conn",
            Leaves(True, True),
        ),
        (
            "db = SessionLocal()\ntry:\n    yield db\n    db.commit()\n"
            "except Exception:\n    db.rollback()\n    raise\nfinally:\n    db.close()",
            Leaves(True, True),
        ),
        (
            "db = SessionLocal()\ntry:\n    yield db\nexcept:\n    unknown(db)\n    raise",
            Leaves(False, None),
        ),
        (
            "db = SessionLocal()\ntry:\n    db.query(1)\nexcept Exception:\n    db.rollback()\n"
            "yield db",
            Leaves(False, False),
        ),
    ],
)
def test_what_a_provider_does_on_leaving(tmp_path: Path, body: str, leaves: Leaves) -> None:
    text = f"@contextmanager\ndef scope():\n{indent(body, '    ')}\n"
    function, file = function_in(tmp_path, text)
    assert leaves_of(function, file.inference) == leaves


@pytest.mark.parametrize(
    ("body", "is_slow"),
    [
        ("time.sleep(1)", True),
        ("rests()", True),
        ("if n:\n    slowly(n - 1)\nrests()", True),
        ("slowly(n)", False),
        ("time.time()", False),
        ("time.sleep", False),
    ],
)
def test_what_blocks_slowly(tmp_path: Path, body: str, is_slow: bool) -> None:
    function, file = function_in(tmp_path, f"def slowly(n):\n{indent(body, '    ')}\n")
    assert works_slowly(function, file.inference) is is_slow


INNER = """
@contextmanager
def inner():
    db = SessionLocal()
    try:
        yield db
    except Exception:
        db.rollback()
        raise
    finally:
        db.close()
"""


@pytest.mark.parametrize(
    "outer",
    [
        "def scope():\n    return inner()\n",
        f"def scope():\n{indent(INNER, '    ')}\n    return inner()\n",
        "@contextmanager\ndef scope():\n    with inner() as db:\n        yield db\n",
    ],
)
def test_one_that_hands_on_what_another_gives(tmp_path: Path, outer: str) -> None:
    function, file = function_in(tmp_path, f"{INNER}\n{outer}")
    assert leaves_of(function, file.inference) == Leaves(False, True)
