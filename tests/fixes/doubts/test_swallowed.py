"""Code that goes on after a failed flush or commit: a provider's own commit would fail there."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest

from flake8_dbsession.rewriting.edits import Kind
from tests.fixes.house import DATABASE, HOUSE
from tests.fixes.repairs import repaired
from tests.fixes.stage import Stage

ACCEPTING = {**HOUSE, "dbsession.toml": 'preset = "standard"\naccept = ["commit", "expire"]\n'}
HEAD = """\
from contextlib import suppress
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError
from core.database import SessionLocal
from core.models import User


def store(db):
    db.add(User(id=1, name="taken"))
    db.commit()


def store_quietly(db):
    try:
        store(db)
    except Exception:
        pass


def commit_quietly(db):
    try:
        db.commit()
    except Exception:
        pass


def store_or_undo(db):
    try:
        store(db)
    except Exception:
        db.rollback()


def users(db):
    try:
        return [user.name for user in db.query(User)]
    except Exception:
        return []


class Keeper:
    def __init__(self, db):
        self.db = db

    def keep(self):
        with suppress(IntegrityError):
            store(self.db)


def work(self, name, cache: dict):
    with SessionLocal() as db:
"""
TAKEN = 'db.add(User(id=1, name="taken"))'
TRIED = f"try:\n    {TAKEN}\n    db.{{}}\nexcept Exception:\n    cache['failed'] = True"
HELD = {
    "commit": TRIED.format("commit()"),
    "flush": TRIED.format("flush()"),
    "query": TRIED.format("query(User).all()"),
    "earlier": f"{TAKEN}\n{TRIED.format('commit()').replace(TAKEN, 'cache.clear()')}",
    "more": f"{TRIED.format('commit()')}\ndb.add(User(name='more'))",
    "bulk": "try:\n    db.bulk_save_objects([User(id=1)])\nexcept Exception:\n    pass",
    "suppressed": f"with suppress(Exception):\n    {TAKEN}\n    db.commit()",
    "returned": TRIED.format("commit()") + "\n    return 'failed'",
    "in_a_loop": f"for each in range(2):\n{indent(TRIED.format('commit()'), '    ')}",
    "raised_on": (
        f"try:\n    try:\n        {TAKEN}\n        db.commit()\n"
        "    except IntegrityError as error:\n"
        "        raise ValueError(name) from error\nexcept ValueError:\n    pass"
    ),
    "in_a_closure": f"def save():\n{indent(TRIED.format('commit()'), '    ')}\nsave()",
    "in_a_finally": (
        f"try:\n    try:\n        {TAKEN}\n        db.commit()\n    finally:\n"
        "        cache.clear()\nexcept Exception:\n    pass"
    ),
    "helper_raises": "try:\n    store(db)\nexcept Exception:\n    pass",
    "helper": "store_quietly(db)",
    "helper_commits": f"{TAKEN}\ncommit_quietly(db)",
    "helper_reads": f"{TAKEN}\nusers(db)",
    "object": "Keeper(db).keep()",
}
FIXED = {
    "rolled_back": TRIED.format("commit()") + "\n    db.rollback()",
    "rolled_back_by_helper": "store_or_undo(db)",
    "savepoint": f"try:\n    with db.begin_nested():\n        {TAKEN}\nexcept Exception:\n    pass",
    "raised": TRIED.format("commit()") + "\n    raise",
    "committed": f"{TRIED.format('commit()')}\ndb.commit()",
    "only_read": "users(db)",
    "statement": "try:\n    db.execute(text('SELECT 1 FROM x'))\nexcept Exception:\n    pass",
    "written": (
        "try:\n    db.execute(insert(User).values(id=1))\nexcept Exception:\n    db.rollback()"
    ),
    "nothing_to_flush": "users(db)\ncommit_quietly(db)",
    "closure_that_undoes": (
        f"def save():\n{indent(TRIED.format('commit()'), '    ')}\n        db.rollback()\nsave()"
    ),
    "other_error": (
        f"{TAKEN.replace('1', '7')}\ntry:\n    db.query(User).all()\nexcept KeyError:\n    pass"
    ),
}


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("core", "core.models", "core.database"):
        monkeypatch.setitem(sys.modules, name, sys)


def _written(body: str) -> str:
    return HEAD + indent(dedent(body), " " * 8) + "\n"


@pytest.mark.filterwarnings("ignore:Session's state has been changed")
@pytest.mark.parametrize("case", HELD)
def test_a_new_error_is_foretold(case: str, tmp_path: Path) -> None:
    before = _written(HELD[case])
    held = repaired(tmp_path / "code", {**ACCEPTING, "work.py": before}, "work.py", "DBS102")
    (left,) = held.left
    assert Kind.ERROR_PATH in {doubt.kind for doubt in left.doubts}
    assert "`get_db_session` could not commit" in left.reason
    fixed = before.replace("SessionLocal", "get_db_session")
    with Stage(tmp_path, DATABASE) as stage:
        assert stage.run(before, "c").error == ""
        assert stage.run(fixed, "c").error.startswith("PendingRollbackError")


def test_what_cannot_be_followed_may_flush(tmp_path: Path) -> None:
    before = _written("try:\n    self.store(db)\nexcept Exception:\n    pass")
    held = repaired(tmp_path / "code", {**ACCEPTING, "work.py": before}, "work.py", "DBS102")
    assert not held.fixed
    alone = _written("self.store(db)")
    assert repaired(tmp_path / "code", {**ACCEPTING, "work.py": alone}, "work.py", "DBS102").fixed


@pytest.mark.parametrize("case", ["query", "helper_reads"])
def test_a_query_that_flushes_nothing_breaks_nothing(case: str, tmp_path: Path) -> None:
    database = DATABASE.replace("bind=engine)", "bind=engine, autoflush=False)")
    files = {**ACCEPTING, "core/database.py": database, "work.py": _written(HELD[case])}
    assert repaired(tmp_path / "code", files, "work.py", "DBS102").fixed


@pytest.mark.parametrize("case", FIXED)
def test_what_gives_up_the_failed_work_is_fixed(case: str, tmp_path: Path) -> None:
    before = _written(FIXED[case])
    fixed = repaired(tmp_path / "code", {**ACCEPTING, "work.py": before}, "work.py", "DBS102")
    assert fixed.fixed
    with Stage(tmp_path, DATABASE) as stage:
        old, new = (stage.run(text, "c") for text in (before, fixed.text.content))
        assert new.error.split(":")[0] == old.error.split(":")[0]
