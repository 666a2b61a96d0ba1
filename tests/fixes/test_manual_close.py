"""DBS301: a close that the session's own block makes again goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.house import HOUSE
from tests.fixes.repairs import assert_fixed, reasons

HEAD = """
    from core.database import SessionLocal, get_db_session
    from core.models import User

    def work(name):
"""
CLOSED = {
    "in_a_finally": (
        """
        with get_db_session() as db:
            try:
                db.add(User(name=name))
                db.commit()
            finally:
                db.close()
""",
        """
        with get_db_session() as db:
            db.add(User(name=name))
            db.commit()
""",
    ),
    "at_the_end": (
        """
        with get_db_session() as db:
            count = db.query(User).count()
            db.close()
        return count
""",
        """
        with get_db_session() as db:
            count = db.query(User).count()
        return count
""",
    ),
}


@pytest.mark.parametrize(("before", "after"), CLOSED.values(), ids=CLOSED)
def test_the_block_closes(before: str, after: str, tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": HEAD + before.lstrip("\n")}
    assert_fixed(tmp_path, files, "work.py", HEAD + after.lstrip("\n"), "DBS301")


UNCOMMITTED = """
        with get_db_session() as db:
            db.add(User(name=name))
            db.close()
"""


def test_what_the_close_gives_up_the_provider_would_commit(tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": HEAD + UNCOMMITTED.lstrip("\n")}
    assert reasons(tmp_path, files, "work.py", "DBS301") == [
        "8: DBS301 `get_db_session` would commit what line 7 may leave uncommitted"
    ]
