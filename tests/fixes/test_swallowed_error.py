"""DBS308: a handler that goes on with a failed transaction rolls it back first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.house import HOUSE
from tests.fixes.repairs import assert_fixed, reasons

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


def test_earlier_turns_are_not_undone(tmp_path: Path) -> None:
    (reason,) = reasons(tmp_path, {**HOUSE, "work.py": TURNS}, "work.py", "DBS308")
    assert reason.endswith(
        "a rollback would undo more than what failed; `begin_nested()` would not"
    )
