"""A provider that does more than open and end a session would add that to the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.house import MODELS
from tests.fixes.repairs import reasons, repaired

WORK = """
    from core.database import SessionLocal
    from core.models import User

    def work(name):
        with SessionLocal() as db:
            return db.query(User).count()
"""
HEAD = """
import logging
import threading
import time
from contextlib import closing, contextmanager
from contextvars import ContextVar
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

lock, current = threading.Lock(), ContextVar("current", default=None)
logger = logging.getLogger(__name__)
SessionLocal = sessionmaker(bind=create_engine("sqlite://"))

class Audit:
    def info(self, text):
        lock.acquire()

log = Audit()

@contextmanager
def _held():
    with lock, SessionLocal() as db:
        yield db

def _opened():
    lock.acquire()
    return SessionLocal()

@contextmanager
def _plain():
    with SessionLocal() as db:
        yield db

def _given():
    return SessionLocal()

class House:
    @contextmanager
    def session(self):
        with lock, SessionLocal() as db:
            yield db

house = House()

"""
PROVIDER = "@contextmanager\ndef get_db_session():\n"
MORE = {
    "a transaction": "    with SessionLocal() as db, db.begin():\n        yield db",
    "one in the block": "    with SessionLocal() as db:\n"
    "        with db.begin():\n            yield db",
    "a factory's": "    with SessionLocal.begin() as db:\n        yield db",
    "one by hand": "    with SessionLocal() as db:\n        db.begin()\n        yield db",
    "a lock": "    with lock:\n        with SessionLocal() as db:\n            yield db",
    "options": "    with SessionLocal(autoflush=False) as db:\n        yield db",
    "a statement": "    with SessionLocal() as db:\n"
    "        db.execute(text('PRAGMA query_only = ON'))\n        yield db",
    "another session": "    if current.get() is not None:\n        yield current.get()\n"
    "        return\n    with SessionLocal() as db:\n        yield db",
    "a log of its own": "    log.info('opened')\n    with SessionLocal() as db:\n        yield db",
    "what it enters": "    with _held() as db:\n        yield db",
    "what a method gives": "    with house.session() as db:\n        yield db",
    "what it calls": "    db = _opened()\n    try:\n        yield db\n    finally:\n"
    "        db.close()",
    "a condition": "    if lock.acquire():\n        with SessionLocal() as db:\n"
    "            yield db",
}
WHOLE = {
    "what it returns": "def get_db_session():\n    return _held()",
    "before it returns": "def get_db_session():\n    lock.acquire()\n    return _plain()",
    "inside": "def get_db_session():\n    @contextmanager\n    def made():\n"
    "        with lock, SessionLocal() as db:\n            yield db\n    return made()",
    "a decorator": f"@timed\n{PROVIDER}    with SessionLocal() as db:\n        yield db",
}
PLAIN = [
    "    with closing(SessionLocal()) as db:\n        yield db\n        db.commit()",
    "    db = None\n    try:\n        db = SessionLocal()\n        yield db\n"
    "        logger.debug('done')\n    except Exception as error:\n        db.rollback()\n"
    "        notify(error)\n        raise\n    finally:\n        if db is not None:\n"
    "            db.close()",
    "    with _plain() as db:\n        yield db",
    "    started = time.monotonic()\n    db = _given()\n    yield db\n"
    "    logger.info('%s', time.monotonic() - started)\n    db.close()",
]


def house(provider: str) -> dict[str, str]:
    return {"core/models.py": MODELS, "core/database.py": f"{HEAD}{provider}\n", "app.py": WORK}


@pytest.mark.parametrize(
    "provider", [*(PROVIDER + body for body in MORE.values()), *WHOLE.values()], ids=[*MORE, *WHOLE]
)
def test_what_it_does_besides_is_a_doubt(provider: str, tmp_path: Path) -> None:
    (reason,) = reasons(tmp_path, house(provider), "app.py", "DBS102")
    assert "does more than open and end a session, in " in reason


@pytest.mark.parametrize("body", PLAIN)
def test_a_plain_one_is_none(body: str, tmp_path: Path) -> None:
    assert repaired(tmp_path, house(PROVIDER + body), "app.py", "DBS102").fixed


def test_one_that_another_gives_is_none(tmp_path: Path) -> None:
    provider = "def get_db_session():\n    return _plain()"
    assert repaired(tmp_path, house(provider), "app.py", "DBS102").fixed


def test_the_doubt_names_the_line_that_does_more(tmp_path: Path) -> None:
    provider = PROVIDER + MORE["what it enters"]
    (reason,) = reasons(tmp_path, house(provider), "app.py", "DBS102")
    assert "in line 22 of core/database.py" in reason
