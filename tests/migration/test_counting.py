"""What counts as sanctioned, as by hand, and as neither."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flake8_dbsession.checking.files.discovery import discover
from flake8_dbsession.linter import Settings
from flake8_dbsession.migration.counting import migration_of
from flake8_dbsession.migration.model import Migration
from tests.cases import expected_codes, write_project

EXAMPLES = Path(__file__).parents[2] / "examples"
BY_HAND = {
    *("DBS101", "DBS102", "DBS103", "DBS104", "DBS105", "DBS107"),
    *("DBS201", "DBS202", "DBS203", "DBS204", "DBS205", "DBS302", "DBS303", "DBS304"),
    *("DBS401", "DBS403", "DBS601", "DBS602", "DBS603", "DBS605", "DBS608", "DBS609"),
}
HOUSE = """
from contextlib import contextmanager

from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker()


@contextmanager
def get_db_session():
    with SessionLocal() as db:
        yield db
"""


def migration(folder: Path) -> Migration:
    return migration_of(discover([str(folder)], []), Settings())


def count(folder: Path, text: str, policy: str = "", name: str = "app.py") -> Migration:
    """Count what stands in one file, the house's own module beside it."""
    files = {"house.py": HOUSE, name: f"from house import SessionLocal, get_db_session\n{text}"}
    write_project(folder, files | {"dbsession.toml": policy})
    return migration(folder)


@pytest.mark.parametrize("name", sorted(path.parent.name for path in EXAMPLES.glob("*/README.md")))
def test_by_hand_is_what_the_examples_mark(name: str) -> None:
    """A line that is marked with a code for by-hand acquisitions is a place, and no other line."""
    folder = EXAMPLES / name
    found = {
        (state.path, place.line)
        for state in migration(folder).files
        for place in state.by_hand
        if place.codes != ("DBS106",)  # a use of what is retired; the import of it is marked
    }
    marked = {
        (str(path), line)
        for path in folder.rglob("*.py")
        if "tests" not in path.parts
        for line, code in expected_codes(path.read_text(encoding="utf-8"))
        if code in BY_HAND
    }
    assert found == marked


def test_sanctioned_in_an_example_is_what_its_text_shows() -> None:
    folder = EXAMPLES / "fastapi_service"
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in folder.rglob("*.py")
        if "tests" not in path.parts and path.name != "database.py"
    )
    patterns = dict(migration(folder).patterns)
    assert patterns["Depends(get_db)"] == len(re.findall(r"Depends\(get_db\)", text))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("with get_db_session() as db: pass", (1, 0, 0)),
        ("def f():\n    with SessionLocal() as db: pass", (0, 1, 0)),
        ("def f():\n    with get_db_session() as a, SessionLocal() as b: pass", (1, 1, 0)),
        ("db = SessionLocal()", (0, 1, 0)),  # DBS101 and DBS201 are one place
        ("db = get_db_session()", (0, 0, 1)),
        ("def f(): pass", (0, 0, 0)),
    ],
)
def test_counts(tmp_path: Path, text: str, numbers: tuple[int, int, int]) -> None:
    found = count(tmp_path, text)
    total = found.total
    assert (total.sanctioned, total.by_hand, len(found.unjudged)) == numbers


def test_tests_and_owners_are_left_out(tmp_path: Path) -> None:
    found = count(tmp_path, "db = SessionLocal()", name="test_app.py")
    assert found == Migration(())
    assert found.total.share is None


def test_what_the_policy_allows_in_a_block_is_sanctioned(tmp_path: Path) -> None:
    found = count(tmp_path, "with SessionLocal() as db: pass", 'preset = "sqlalchemy"')
    assert found.patterns == [("with SessionLocal()", 1)]


def test_a_retired_provider_is_by_hand(tmp_path: Path) -> None:
    policy = '[retired]\n"house.get_db_session" = "better.get_db_session"'
    (place,) = count(tmp_path, "with get_db_session() as db: pass", policy).files[0].by_hand
    assert place.codes == ("DBS106",)
    assert "better.get_db_session" in place.message


def test_a_place_has_all_its_codes_and_its_column_in_characters(tmp_path: Path) -> None:
    (state,) = count(tmp_path, "größe = SessionLocal()").files
    (place,) = state.by_hand
    assert (place.line, place.column, place.codes) == (2, 9, ("DBS101", "DBS201"))


def test_a_file_that_does_not_parse_is_named(tmp_path: Path) -> None:
    write_project(tmp_path, {"broken.py": "def f(:\n", "app.py": "from sqlalchemy import text\n"})
    ((path, reason),) = migration(tmp_path).unread
    assert path.endswith("broken.py")
    assert reason.startswith("cannot be parsed: line 1: ")


def test_several_processes_count_the_same(tmp_path: Path) -> None:
    by_hand = "from house import SessionLocal\ndb = SessionLocal()\n"
    files = {f"app_{number}.py": by_hand for number in range(40)}
    write_project(tmp_path, {"house.py": HOUSE, "z.py": "def f(:\n", **files})
    found = discover([str(tmp_path)], [])
    assert migration_of(found, Settings(), jobs=2) == migration(tmp_path)
    assert len(migration(tmp_path).files) == 40


def test_connections_count_as_sessions_do(tmp_path: Path) -> None:
    text = """
import sqlite3
from contextlib import closing


def right(path):
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute("SELECT 1").fetchone()


def wrong(path):
    with sqlite3.connect(path) as conn:
        return conn.execute("SELECT 1").fetchone()
"""
    found = count(tmp_path, text)
    assert (found.total.sanctioned, found.total.by_hand) == (1, 1)
    assert found.files[0].by_hand[0].codes == ("DBS601",)


def test_what_is_left_has_its_cause(tmp_path: Path) -> None:
    text = """
db = SessionLocal()


def local():
    db = SessionLocal()
    db.query(1)


def discarded():
    SessionLocal().query(1)
"""
    found = count(tmp_path, text)
    assert sorted(found.causes) == [
        ("held by a local name", 1),
        ("held by a module-level name", 1),
        ("held by nothing", 1),
    ]


def test_the_block_that_is_advised_is_sanctioned(tmp_path: Path) -> None:
    """A helper's connection in a block that closes it, as the bare one; the block is shown."""
    text = """
import sqlite3
from contextlib import closing


def connect(path):
    return sqlite3.connect(path)


def by_helper(path):
    with closing(connect(path)) as conn:
        return conn.execute("SELECT 1").fetchone()


def bare(path):
    with closing(sqlite3.connect(path)) as conn:
        return conn.execute("SELECT 1").fetchone()
"""
    found = count(tmp_path, text)
    assert found.patterns == [
        ("with closing(connect())", 1),
        ("with closing(sqlite3.connect())", 1),
    ]
    assert (found.unjudged, found.total.by_hand) == ([], 0)


def test_an_accessors_block_is_none_beside_a_provider(tmp_path: Path) -> None:
    text = """
def session():
    return SessionLocal()


def work():
    with session() as db:
        db.execute("x")
"""
    found = count(tmp_path, text)
    assert (found.total.sanctioned, found.unjudged) == (0, [("with session()", 1)])
    alone = HOUSE.partition("@contextmanager")[0] + text
    write_project(tmp_path / "other", {"house.py": alone})
    assert migration(tmp_path / "other").patterns == [("with session()", 1)]


def test_the_causes_add_up(tmp_path: Path) -> None:
    text = """
from fastapi import Depends


def get_db():
    with SessionLocal() as db:
        yield db


def taken():
    db = next(get_db())
    db.execute("x")


def local():
    db = SessionLocal()
    db.execute("x")
"""
    found = count(tmp_path, text)
    assert ("taken out of a dependency by hand", 1) in found.causes
    assert sum(times for _, times in found.causes) == found.total.by_hand == 2


def test_the_share_is_rounded_down(tmp_path: Path) -> None:
    text = "with get_db_session() as db: pass\n" * 199 + "db = SessionLocal()"
    assert count(tmp_path, text).total.percentage == "99 %"
