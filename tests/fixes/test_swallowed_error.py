"""DBS308: a handler that goes on with a failed transaction rolls it back first."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fixes.house import DATABASE, HOUSE
from tests.fixes.repairs import assert_fixed, reasons
from tests.fixes.stage import Stage

HEAD = """
    from core.database import get_db_session
    from core.models import User

    def work(name):
        with get_db_session() as db:
            try:
                db.add(User(name=name))
                db.commit()
            except Exception:
"""
HANDLERS = {
    "logged": ("print(name)", "db.rollback()\n                print(name)"),
    "passed": ("pass  # why", "db.rollback()  # why"),
}


@pytest.mark.parametrize(("before", "after"), HANDLERS.values(), ids=HANDLERS)
def test_the_handler_rolls_back(before: str, after: str, tmp_path: Path) -> None:
    end = "\n            db.add(User(name='x'))\n            db.commit()\n"
    code = f"{HEAD}                {before}{end}"
    files = {**HOUSE, "work.py": code}
    fixed = f"{HEAD}                {after}{end}"
    assert len(reasons(tmp_path, files, "work.py", "DBS308")) == 1
    assert_fixed(tmp_path, files, "work.py", fixed, "DBS308", unsafe=True)


TURNS = """
    from core.database import get_db_session
    from core.models import User

    def work(names):
        with get_db_session() as db:
            for name in names:
                try:
                    db.add(User(name=name))
                    db.flush()
                except Exception:
                    print(name)
            db.commit()
"""


SAVED = TURNS.replace(
    """                    db.add(User(name=name))
                    db.flush()
""",
    """                    with db.begin_nested():
                        db.add(User(name=name))
                        db.flush()
""",
)


def test_earlier_turns_are_not_undone(tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": TURNS}
    (reason,) = reasons(tmp_path, files, "work.py", "DBS308")
    assert reason.endswith("SQLite's savepoints need two hooks")
    assert_fixed(tmp_path, files, "work.py", SAVED, "DBS308", unsafe=True)


BY_HAND = {
    "what is added before": (
        "db.add(User(name=name))\n                try:\n                    db.flush()\n",
        "line 8 has to move into the savepoint's block",
    ),
}


@pytest.mark.parametrize(("work", "reason"), BY_HAND.values(), ids=BY_HAND)
def test_what_is_to_be_done_by_hand(work: str, reason: str, tmp_path: Path) -> None:
    before = TURNS[TURNS.index("try:") : TURNS.index("                except")]
    files = {**HOUSE, "work.py": TURNS.replace(before, work)}
    assert reasons(tmp_path, files, "work.py", "DBS308") == [f"11: DBS308 {reason}"]


GIVEN = """
    from sqlalchemy.ext.asyncio import AsyncSession
    from core.models import User

    async def helper(db: AsyncSession, user):
        user.age = 1
        await db.flush()

    async def sometimes(db: AsyncSession, user):
        if not user:
            return
        db.add(user)
        await db.commit()

    async def work(db: AsyncSession, user: User, other):
        {before}
        try:
            {work}
        except Exception:
            print({read})
        await db.get(User, 1)
"""


@pytest.mark.parametrize(
    ("before", "work", "read", "reason"),
    [
        (
            "db.add(other)",
            "await helper(db, other)",
            "1",
            "line 16 has to be flushed before the savepoint begins",
        ),
        (
            "db.add(other); await db.flush()",
            "await sometimes(db, other)\n            await db.flush()",
            "1",
            "line 18 may commit, and has to stay outside of a savepoint",
        ),
        (
            "print(other)",
            "await helper(db, user)",
            "user.age",
            "`user` has to be loaded again after a savepoint that failed",
        ),
    ],
)
def test_what_a_savepoint_needs_besides(
    before: str, work: str, read: str, reason: str, tmp_path: Path
) -> None:
    text = GIVEN.format(before=before, work=work, read=read)
    files = {**HOUSE, "work.py": text}
    (found,) = reasons(tmp_path, files, "work.py", "DBS308")
    assert found.endswith(f": DBS308 {reason}")


SAVEPOINTS = """
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def leave_transactions_alone(connection, record):
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN")
"""


def test_what_failed_is_undone_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ("def work(names):", "def work(this, names, cache):")
    flushed = (
        "db.flush()",
        "db.flush()\n{0}if name == 'y':\n{0}    db.add(User(id=1))\n{0}    db.flush()",
    )
    for name in ("core", "core.models", "core.database", "core.helpers"):
        monkeypatch.setitem(sys.modules, name, sys)
    with Stage(tmp_path, DATABASE + SAVEPOINTS) as stage:
        runs = [
            stage.run(code.replace(*given).replace(flushed[0], flushed[1].format(indent)), "xyz")
            for code, indent in ((TURNS, " " * 20), (SAVED, " " * 24))
        ]
    assert "PendingRollbackError" in runs[0].error
    assert not runs[1].error
    added = [{name for _, name in run.rows} & {*"xyz"} for run in runs]
    assert added[1] - added[0] == {"x", "z"}


USERS = """

    class Users:
        def __init__(self, session):
            self.session = session

        def add(self, name, number=None):
            self.session.add(User(id=number, name=name))
            self.session.flush()
"""
BY_OBJECT = (
    TURNS.replace(
        "            for name", "            users = Users(db)\n            for name"
    ).replace("db.add(User(name=name))\n                    db.flush()", "users.add(name)")
    + USERS
)
SAVED_BY_OBJECT = BY_OBJECT.replace(
    "                    users.add(name)\n",
    "                    with db.begin_nested():\n                        users.add(name)\n",
)


def test_an_objects_work_is_put_into_a_savepoint(tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": BY_OBJECT}
    assert len(reasons(tmp_path, files, "work.py", "DBS308")) == 1
    assert_fixed(tmp_path, files, "work.py", SAVED_BY_OBJECT, "DBS308", unsafe=True)


def test_only_what_an_object_failed_at_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("core", "core.models", "core.database", "core.helpers"):
        monkeypatch.setitem(sys.modules, name, sys)
    failing = ("users.add(name)", "users.add(name, 1 if name == 'y' else None)")
    given = ("def work(names):", "def work(this, names, cache):")
    with Stage(tmp_path, DATABASE + SAVEPOINTS) as stage:
        runs = [
            stage.run(code.replace(*given).replace(*failing), "xyz")
            for code in (BY_OBJECT, SAVED_BY_OBJECT)
        ]
    assert "PendingRollbackError" in runs[0].error
    assert not runs[1].error
    added = [{name for _, name in run.rows} & {*"xyz"} for run in runs]
    assert added[1] - added[0] == {"x", "z"}


RETURNS = """
    from core.database import get_db_session
    from core.models import User

    def work(name):
        with get_db_session() as db:
            try:
                db.add(User(name=name))
                db.flush()
            except Exception:
                return "exists"
        return "new"
"""


def test_a_handler_that_leaves_a_committing_block_rolls_back(tmp_path: Path) -> None:
    fixed = RETURNS.replace(
        """                return "exists"
""",
        """                db.rollback()
                return "exists"
""",
    )
    files = {**HOUSE, "work.py": RETURNS}
    assert len(reasons(tmp_path, files, "work.py", "DBS308")) == 1
    assert_fixed(tmp_path, files, "work.py", fixed, "DBS308", unsafe=True)


HANDED = """
    from core.database import get_db_session
    from core.models import User

    def work(name):
        with get_db_session() as db:
            try:
                add(db, name)
            except Exception:
                add(db, "failed")
                raise

    def add(db, name):
        db.add(User(name=name))
        db.commit()
"""


def test_a_handler_that_has_a_function_work_rolls_back_first(tmp_path: Path) -> None:
    fixed = HANDED.replace(
        """                add(db, "failed")
""",
        """                db.rollback()
                add(db, "failed")
""",
    )
    files = {**HOUSE, "work.py": HANDED}
    assert len(reasons(tmp_path, files, "work.py", "DBS308")) == 1
    assert_fixed(tmp_path, files, "work.py", fixed, "DBS308", unsafe=True)
