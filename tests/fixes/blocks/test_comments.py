"""Comments that say no more than what a fix takes away go with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.house import HOUSE
from tests.fixes.repairs import repaired

UNUSED = """
    from core.database import SessionLocal

    def work(steps):
        print(steps)

        {above}
        db = SessionLocal()

        steps.sort()
        {below}
        db.close()
"""
USED = """
    from core.database import SessionLocal
    from core.models import User

    def work():
        # Create a database session
        db = SessionLocal()
        try:
            return db.query(User).count()
        finally:
            {below}
            db.close()
"""


def test_a_comment_that_only_says_it_goes(tmp_path: Path) -> None:
    source = UNUSED.format(above="# Create a session", below="# Close the database session.")
    done = repaired(tmp_path, {**HOUSE, "work.py": source}, "work.py", "DBS101")
    assert done.text.content.lstrip() == "def work(steps):\n    print(steps)\n\n    steps.sort()\n"


@pytest.mark.parametrize("below", ["# Close it before the report", "# Never close the session"])
def test_a_comment_that_says_more_is_a_doubt(below: str, tmp_path: Path) -> None:
    source = UNUSED.format(above="# Create a session", below=below)
    (left,) = repaired(tmp_path, {**HOUSE, "work.py": source}, "work.py", "DBS101").left
    assert left.reason == f"the comment `{below}` would be lost"


@pytest.mark.parametrize(
    ("above", "beside", "doubted"),
    [
        ("# We use SessionLocal\n        # here directly.", "", "# We use SessionLocal"),
        ("", "  # as SessionLocal is ours", "# as SessionLocal is ours"),
        ("# Open a SessionLocal", "", ""),
        ("# Why by SessionLocal?\n", "", ""),
        ("# Our LegacySessionLocal is gone", "", ""),
    ],
)
def test_a_comment_that_names_what_is_not_called_any_more_is_a_doubt(
    above: str, beside: str, doubted: str, tmp_path: Path
) -> None:
    source = f"""
    from core.database import SessionLocal
    from core.models import User

    def work():
        {above}
        with SessionLocal() as db:{beside}
            return db.query(User).count()
    """
    left = repaired(tmp_path, {**HOUSE, "work.py": source}, "work.py", "DBS102").left
    why = "names `SessionLocal`, which is not called any more"
    assert [each.reason for each in left] == [f"the comment `{doubted}` {why}"] * bool(doubted)


@pytest.mark.parametrize("above", ["# One for all steps", "# Why?\n        # Open a session"])
def test_a_comment_above_that_says_more_stays(above: str, tmp_path: Path) -> None:
    source = UNUSED.format(above=above, below="# Close")
    done = repaired(tmp_path, {**HOUSE, "work.py": source}, "work.py", "DBS101")
    assert not done.left
    assert above.splitlines()[0] in done.text.content


@pytest.mark.parametrize(
    ("below", "stays"),
    [
        ("# Close db", False),
        ("# Make sure that the session is always closed", False),
        ("# Give it back", True),
    ],
)
def test_a_comment_of_the_close_comes_above_a_block_where_it_says_more(
    below: str, stays: bool, tmp_path: Path
) -> None:
    source = USED.format(below=below)
    done = repaired(tmp_path, {**HOUSE, "work.py": source}, "work.py", "DBS101")
    above = "# Create a database session\n" + (f"    {below}\n" if stays else "")
    assert f"    {above}    with get_db_session() as db:" in done.text.content


@pytest.mark.parametrize(
    "below",
    [
        "# .close() is the session's",
        "# Has to close(), or we leak",
        "# DB \uc138\uc158 \uc815\ub9ac",  # "clean up the session"
        "# Cierra la sesi\u00f3n",
    ],
)
def test_a_comment_of_the_close_that_may_name_it_is_a_doubt(below: str, tmp_path: Path) -> None:
    source = USED.format(below=below)
    (left,) = repaired(tmp_path, {**HOUSE, "work.py": source}, "work.py", "DBS101").left
    assert left.reason == f"the comment `{below}` would be lost"


def test_the_blank_line_below_a_commit_parts_what_follows(tmp_path: Path) -> None:
    source = """
    from core.database import SessionLocal
    from core.models import User

    def work():
        db = SessionLocal()
        try:
            db.add(User())
            db.commit()

            return 1
        finally:
            db.close()
    """
    done = repaired(tmp_path, {**HOUSE, "work.py": source}, "work.py", "DBS101")
    assert done.text.content.endswith("        db.add(User())\n\n    return 1\n")


def test_the_blank_line_above_a_close_parts_what_follows(tmp_path: Path) -> None:
    source = """
    from core.database import SessionLocal
    from core.models import User

    def work():
        db = SessionLocal()
        count = db.query(User).count()
        if not count:
            print("none")

            db.close()
            return 0
        count += 1

        db.close()
        return count
    """
    done = repaired(tmp_path, {**HOUSE, "work.py": source}, "work.py", "DBS101")
    assert '            print("none")\n\n            return 0\n' in done.text.content
    assert done.text.content.endswith("        count += 1\n\n    return count\n")


APART = """
    from core.database import SessionLocal
    from core.models import User

    def work(total):
        total += 1

        # {}
        db = SessionLocal()

        # Add it up.
        total += 2

        found = db.query(User).count()
        db.close()
        return found + total
"""
PLAIN = """\
    total += 1

    # Add it up.
    total += 2

    with get_db_session() as db:
        found = db.query(User).count()
    return found + total
"""
TOLD = """\
    total += 1

    # The ledger's own session.
    with get_db_session() as db:
        # Add it up.
        total += 2

        found = db.query(User).count()
    return found + total
"""


@pytest.mark.parametrize(
    ("comment", "body"), [("Get database session", PLAIN), ("The ledger's own session.", TOLD)]
)
def test_a_comment_of_an_opening_that_moves_down_does_not_stay_behind(
    comment: str, body: str, tmp_path: Path
) -> None:
    files = {**HOUSE, "work.py": APART.format(comment)}
    content = repaired(tmp_path, files, "work.py", "DBS101 DBS301").text.content
    assert content.partition("def work(total):\n")[2] == body
