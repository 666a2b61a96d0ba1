"""Helpers that are given the session: what they leave uncommitted, and what they give back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.house import HOUSE
from tests.fixes.repairs import reasons, repaired

HEAD = """
    from core.database import SessionLocal
    from core.models import User

    def count_of(db, name):
        return db.query(User).filter(User.name == name).count()

    def save(db, name):
        db.add(User(name=name))

    def store(db, name):
        save(db, name)
        db.commit()

    def names_of(users):
        return [user.name for user in users]

    def renamed(user):
        user.name = "new"
        return user

    def first_of(db):
        return db.query(User).first()

    class Repository:
        def __init__(self, session):
            self.session = session

        def count(self):
            return self._count("a")

        def _count(self, name):
            return count_of(self.session, name)

        def add(self, name):
            self.session.add(User(name=name))

        def store(self, name):
            self.add(name)
            self.session.commit()

    def work(name):
        with SessionLocal() as db:
            {}
"""
SAFE = {
    "only_reads": "return count_of(db, name)",
    "commits_itself": "store(db, name)",
    "gives_values": "return names_of(db.query(User).all())",
    "object_that_reads": "repository = Repository(db)\n            return repository.count()",
    "object_that_commits": "repository = Repository(db)\n            repository.store(name)",
}
DOUBTED = {
    "save(db, name)": "what `save()` on line 44 leaves uncommitted",
    "store(db, name)\n            save(db, name)": "what `save()` on line 45 leaves uncommitted",
    "renamed(db.get(User, 1))": "what `renamed()` on line 44 leaves uncommitted",
    "r = Repository(db)\n            r.add(name)": "what `r.add()` on line 45 leaves uncommitted",
    "return first_of(db)": "line 44 may let one out of the block",
    "unknown(db)": "`unknown()` on line 44 may leave work that `get_db_session` would commit",
}


@pytest.mark.parametrize("body", SAFE.values(), ids=SAFE)
def test_a_helper_that_leaves_nothing_is_no_doubt(body: str, tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": HEAD.format(body)}
    assert repaired(tmp_path, files, "work.py", "DBS102").fixed


@pytest.mark.parametrize(("body", "reason"), DOUBTED.items())
def test_a_helper_that_leaves_work_is_named(body: str, reason: str, tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": HEAD.format(body)}
    (found,) = reasons(tmp_path, files, "work.py", "DBS102")
    assert reason in found
