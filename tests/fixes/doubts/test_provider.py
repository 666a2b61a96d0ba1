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
import threading
from contextlib import closing, contextmanager
from contextvars import ContextVar
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

lock, current = threading.Lock(), ContextVar("current", default=None)
SessionLocal = sessionmaker(bind=create_engine("sqlite://"))

@contextmanager
def get_db_session():
"""
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
}
PLAIN = [
    "    with closing(SessionLocal()) as db:\n        yield db\n        db.commit()",
    "    db = None\n    try:\n        db = SessionLocal()\n        yield db\n"
    "        logger.debug('done')\n    except Exception as error:\n        db.rollback()\n"
    "        notify(error)\n        raise\n    finally:\n        if db is not None:\n"
    "            db.close()",
]


def house(provider: str) -> dict[str, str]:
    return {"core/models.py": MODELS, "core/database.py": f"{HEAD}{provider}\n", "app.py": WORK}


@pytest.mark.parametrize("provider", MORE.values(), ids=MORE)
def test_what_it_does_besides_is_a_doubt(provider: str, tmp_path: Path) -> None:
    (reason,) = reasons(tmp_path, house(provider), "app.py", "DBS102")
    assert "does more than open and end a session, in its line" in reason


@pytest.mark.parametrize("provider", PLAIN)
def test_a_plain_one_is_none(provider: str, tmp_path: Path) -> None:
    assert repaired(tmp_path, house(provider), "app.py", "DBS102").fixed
