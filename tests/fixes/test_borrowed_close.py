"""DBS306: the close of a borrowed session goes, and what stood there only for it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.fixes.house import HOUSE
from tests.fixes.repairs import reasons, repaired

# It works with the session after the route has closed it.
AUDIT = """
from core.database import SessionLocal

def get_db():
    db = SessionLocal()
    try:
        yield db
        db.execute("select 1")
    finally:
        db.close()
"""
FILES = {**HOUSE, "core/audit.py": AUDIT}
FORMS = {
    "statement": (
        """
        number = db.query(User).count()
        db.close()  # DBS306
        return number
        """,
        """
        number = db.query(User).count()
        return number
        """,
    ),
    "last": (
        """
        print(db.query(User).count())

        db.close()
        """,
        """
        print(db.query(User).count())
        """,
    ),
    "try_finally": (
        """
        # counts
        try:
            # all of them
            return db.query(User).count()
        finally:
            if db is not None:
                db.close()
        """,
        """
        # counts
        # all of them
        return db.query(User).count()
        """,
    ),
    "finally_of_handlers": (
        """
        try:
            return db.query(User).count()
        except ValueError:
            raise KeyError

        finally:
            db.close()
        """,
        """
        try:
            return db.query(User).count()
        except ValueError:
            raise KeyError
        """,
    ),
    "more_in_finally": (
        """
        try:
            return db.query(User).count()
        finally:
            db.close()
            print("done")
        """,
        """
        try:
            return db.query(User).count()
        finally:
            print("done")
        """,
    ),
    "twice_in_finally": (
        """
        try:
            return db.query(User).count()
        finally:
            db.close()
            db.close()
        """,
        """
        return db.query(User).count()
        """,
    ),
    "branch": (
        """
        if db.query(User).count():
            db.close()
        else:
            print("none")
        """,
        """
        if db.query(User).count():
            pass
        else:
            print("none")
        """,
    ),
}

LEFT = {
    "uncommitted": (
        "db.add(User())\ndb.close()",
        "the close gives up what line 9 may leave uncommitted",
    ),
    "comment": ("print(2)\ndb.close()  # give it back", "a comment beside it would be lost"),
    "part": ("return db.close()", "it is a part of another expression"),
    "shared_line": ("print(2); db.close()", "it shares a line with other code"),
    "one_line": ("try: print(2)\nfinally: db.close()", "it shares a line with other code"),
}


def route(body: str, parameter: str = "db: Session = Depends(get_db)") -> str:
    return (
        "from fastapi import Depends\n"
        "from sqlalchemy.orm import Session\n"
        "from core.audit import get_db\n"
        "from core.models import User\n"
        f"\n\ndef users({parameter}):\n"
        f"    print(1)\n{indent(dedent(body).strip(chr(10)), '    ')}\n"
    )


@pytest.mark.parametrize(("before", "after"), FORMS.values(), ids=FORMS)
def test_forms(before: str, after: str, tmp_path: Path) -> None:
    files = {**FILES, "routes.py": route(before)}
    repair = repaired(tmp_path, files, "routes.py", "DBS306")
    assert repair.left == ()
    assert repair.text.content == route(after)


@pytest.mark.parametrize(("body", "reason"), LEFT.values(), ids=LEFT)
def test_what_is_left_and_why(body: str, reason: str, tmp_path: Path) -> None:
    files = {**FILES, "routes.py": route(body)}
    (found,) = reasons(tmp_path, files, "routes.py", "DBS306")
    assert found.endswith(f"DBS306 {reason}")


@pytest.mark.parametrize(
    ("parameter", "reason"),
    [
        ("db: Session", "a caller may count on it to be closed here"),
        (
            "db: Session = Depends(somewhere)",
            "what injects `db` is not found, and may leave it open",
        ),
    ],
)
def test_who_else_closes_it_has_to_be_known(parameter: str, reason: str, tmp_path: Path) -> None:
    body = "number = db.query(User).count()\ndb.close()\nreturn number"
    files = {**FILES, "routes.py": route(body, parameter)}
    (found,) = reasons(tmp_path, files, "routes.py", "DBS306")
    assert found.endswith(reason)
    repair = repaired(tmp_path, files, "routes.py", "DBS306", unsafe=True)
    assert repair.text.content == route(body.replace("db.close()\n", ""), parameter)
