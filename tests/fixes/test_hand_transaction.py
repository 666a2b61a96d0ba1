"""DBS307: a commit or rollback that the provider's block makes by itself goes."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.fixes.house import HOUSE
from tests.fixes.repairs import reasons, repaired

FORMS = {
    "commit": (
        """
        db.add(User(name=name))
        db.commit()
        """,
        """
        db.add(User(name=name))
        """,
    ),
    "commit_before_return": (
        """
        user = db.get(User, name)
        user.name = name
        db.commit()

        return True
        """,
        """
        user = db.get(User, name)
        user.name = name

        return True
        """,
    ),
    "branches": (
        """
        if name:
            db.add(User(name=name))
            db.commit()
        else:
            db.commit()
        """,
        """
        if name:
            db.add(User(name=name))
        else:
            pass
        """,
    ),
    "rollback": (
        """
        try:
            db.add(User(name=name))
        except ValueError:
            db.rollback()
            print("failed")
            raise
        """,
        """
        try:
            db.add(User(name=name))
        except ValueError:
            print("failed")
            raise
        """,
    ),
}

LEFT = {
    "commit_with_handlers": (
        """
        try:
            db.add(User(name=name))
            db.commit()
        except ValueError:
            print("failed")
            raise
        """,
        "an error of the commit would pass the handlers by",
    ),
    "rollback_before_work": (
        """
        user = User(name=name)
        try:
            db.add(user)
        except ValueError:
            db.rollback()
            print(user.id)
            raise
        """,
        "the handler goes on with the session, or with what was loaded in it",
    ),
    "finally_further_out": (
        """
        try:
            try:
                db.add(User(name=name))
            except ValueError:
                db.rollback()
                raise
        finally:
            print(db.query(User).count())
        """,
        "a `try` further out may go on with the session",
    ),
    "comment": ("db.add(name)\ndb.commit()  # now", "a comment beside it would be lost"),
}


def service(body: str) -> str:
    return (
        "from core.database import get_db_session\n"
        "from core.models import User\n"
        "\n\ndef work(name):\n    with get_db_session() as db:\n"
        f"{indent(dedent(body).strip(chr(10)), '        ')}\n"
    )


@pytest.mark.parametrize(("before", "after"), FORMS.values(), ids=FORMS)
def test_forms(before: str, after: str, tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": service(before)}
    repair = repaired(tmp_path, files, "work.py", "DBS307")
    assert repair.left == ()
    assert repair.text.content == service(after)


@pytest.mark.parametrize(("body", "reason"), LEFT.values(), ids=LEFT)
def test_what_is_left_and_why(body: str, reason: str, tmp_path: Path) -> None:
    found = reasons(tmp_path, {**HOUSE, "work.py": service(body)}, "work.py", "DBS307")
    assert [each.partition(" DBS307 ")[2] for each in found] == [reason]
