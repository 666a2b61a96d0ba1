"""A session that is given or opened by hand becomes a block that closes only what it opened."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent, indent
from types import ModuleType
from typing import Any

import pytest

from tests.fixes.house import HOUSE
from tests.fixes.repairs import repaired
from tests.fixes.stage import read

HEAD = """
from core.database import SessionLocal
from core.models import User
"""
WORK = """
try:
    session.add(User(name="new"))
    session.commit()
    return session.query(User).count() / len(name)
except ZeroDivisionError:
    session.rollback()
    return -1
finally:
    if own:
        session.close()
"""
BLOCK = """
    with nullcontext(db) if {test} else get_db_session() as session:
        try:
            session.add(User(name="new"))
            session.commit()
            return session.query(User).count() / len(name)
        except ZeroDivisionError:
            session.rollback()
            return -1
"""
CHOICES = {
    "or": ("own = db is None\nsession = db or SessionLocal()", "db is not None"),
    "falsy": ("own = not db\nsession = db or SessionLocal()", "db"),
    "either": ("own = db is None\nsession = SessionLocal() if own else db", "db is not None"),
    "if": (
        "session = db\nown = session is None\nif own:\n    session = SessionLocal()",
        "db is not None",
    ),
    "flag": (
        "own: bool = False\nsession = db\n"
        "if session is None:\n    session = SessionLocal()\n    own = True",
        "db is not None",
    ),
    "else": (
        "if db is not None:\n    session = db\n    own = False\n"
        "else:\n    session = SessionLocal()\n    own = True",
        "db is not None",
    ),
}


def _function(choice: str, work: str = WORK) -> str:
    body = indent(dedent(choice) + work, "    ")
    return f"{HEAD}\ndef work(name, db=None):\n{body}"


@pytest.fixture
def _house(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "core", ModuleType("core"))
    for name in ("core.models", "core.database"):
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(dedent(HOUSE[f"{name.replace('.', '/')}.py"]), module.__dict__)


def _outcomes(source: str) -> list[Any]:
    """Run a function that is given a session, and one that is not; read what becomes of it."""
    database, models = sys.modules["core.database"], sys.modules["core.models"]
    module: dict[str, Any] = {}
    exec(compile(source, "work", "exec"), module)
    found: list[Any] = []
    for name in ("ab", "", None):
        for is_given in (False, True):
            models.Base.metadata.drop_all(database.engine)
            models.Base.metadata.create_all(database.engine)
            given = database.SessionLocal() if is_given else None
            user = models.User(name="given")
            if given is not None:
                given.add(user)
            try:
                found.append(module["work"](name, given))
            except Exception as error:
                found.append(str(error))
            found.append(given is not None and (user in given, given.in_transaction()))
            if given is not None:
                given.close()
            with database.SessionLocal() as db:
                found.append(read(db.query(models.User).all()))
    return found


@pytest.mark.usefixtures("_house")
@pytest.mark.parametrize("choice", CHOICES)
def test_a_block_closes_only_what_it_opened(choice: str, tmp_path: Path) -> None:
    written, test = CHOICES[choice]
    before = _function(written)
    files = {**HOUSE, "services/users.py": before}
    repair = repaired(tmp_path, files, "services/users.py")
    after = repair.text.content
    assert after.endswith("def work(name, db=None):" + BLOCK.format(test=test))
    assert "from contextlib import nullcontext\n" in after
    assert "from core.database import get_db_session\n" in after
    assert repair.left == ()
    assert _outcomes(before) == _outcomes(after)
    again = repaired(tmp_path, {**files, "services/users.py": after}, "services/users.py")
    assert again.text.content == after


def test_the_parameter_itself_may_be_the_name(tmp_path: Path) -> None:
    choice = "own = session is None\nif own:\n    session = SessionLocal()"
    handler = WORK[WORK.index("except") : WORK.index("finally")]
    before = _function(choice, WORK.replace(handler, "")).replace("db=None", "session=None")
    repair = repaired(tmp_path, {**HOUSE, "services/users.py": before}, "services/users.py")
    new = "with nullcontext(session) if session is not None else get_db_session() as session:"
    assert new in repair.text.content


def test_a_flag_that_is_read_elsewhere_stays(tmp_path: Path) -> None:
    work = WORK.replace("    session.commit()", "    if own:\n        session.commit()")
    before = _function(CHOICES["or"][0], work)
    repair = repaired(
        tmp_path, {**HOUSE, "services/users.py": before}, "services/users.py", unsafe=True
    )
    assert "    own = db is None\n    with nullcontext(db) if db" in repair.text.content


@pytest.mark.parametrize(
    ("choice", "work"),
    [
        ("own = db is not None\nsession = db or SessionLocal()", WORK),
        ("own = ready(db)\nsession = db or SessionLocal()", WORK),
        ("own = True\nsession = db or SessionLocal()", WORK),
        ("own = db is None\nsession = db or SessionLocal()", WORK + "print(session)\n"),
        (
            "own = db is None\nsession = db or SessionLocal()",
            WORK.replace("    session.rollback()", "    session.close()"),
        ),
        (
            "own = db is None\nsession = db or SessionLocal()",
            WORK.replace("    session.rollback()", "    session = None"),
        ),
    ],
)
def test_what_may_be_the_callers_is_left(choice: str, work: str, tmp_path: Path) -> None:
    before = _function(choice, work)
    repair = repaired(
        tmp_path, {**HOUSE, "services/users.py": before}, "services/users.py", unsafe=True
    )
    assert "nullcontext" not in repair.text.content


@pytest.mark.usefixtures("_house")
def test_what_stands_between_stays(tmp_path: Path) -> None:
    choice = "own = db is None\nsession = db or SessionLocal()\nfound = []"
    work = WORK.replace("    if own:", "    if own and session is not None:").replace(
        "return session.query(User).count()",
        "found.append(session.query(User).count())\n    return found[0]",
    )
    before = _function(choice, work)
    repair = repaired(tmp_path, {**HOUSE, "services/users.py": before}, "services/users.py")
    after = repair.text.content
    assert (
        "    found = []\n    with nullcontext(db) if db is not None else get_db_session()" in after
    )
    assert _outcomes(before) == _outcomes(after)


@pytest.mark.usefixtures("_house")
def test_a_handler_that_needs_no_session_gets_the_errors_of_the_block(tmp_path: Path) -> None:
    work = (
        WORK.replace("    session.rollback()\n", "")
        .replace("except ZeroDivisionError", "except Exception")
        .replace('add(User(name="new"))', "add_all([User(id=3), User(id=len(name or 'new'))])")
    )
    before = _function(CHOICES["or"][0], work)
    accepting = {**HOUSE, "dbsession.toml": 'preset = "standard"\naccept = ["commit"]\n'}
    repair = repaired(tmp_path, {**accepting, "work.py": before}, "work.py", "DBS101")
    after = repair.text.content
    block = "with nullcontext(db) if db is not None else get_db_session() as session:"
    assert f"    try:\n        {block}\n            session.add_all(" in after
    assert after.endswith("    except Exception:\n        return -1\n")
    assert _outcomes(before) == _outcomes(after)


def test_a_handler_of_what_is_imported_in_the_try_stays_in_the_block(tmp_path: Path) -> None:
    work = """
        from core.database import SessionLocal
        from core.models import User

        def work(db=None):
            is_own = db is None
            if is_own:
                db = SessionLocal()
            try:
                import httpx

                return httpx.get(db.query(User.name).scalar())
            except httpx.HTTPError:
                return None
            finally:
                if is_own:
                    db.close()
    """
    after = repaired(tmp_path, {**HOUSE, "work.py": work}, "work.py", "DBS101").text.content
    block = "with nullcontext(db) if db is not None else get_db_session() as db:"
    assert f"    {block}\n        try:\n            import httpx\n" in after


UNUSED = "\ntry:\n    return len(name)\nfinally:\n    if own:\n        session.close()\n"


def test_a_session_that_nothing_uses_goes(tmp_path: Path) -> None:
    source = _function(f"{CHOICES['or'][0]}\nfound = []", UNUSED)
    done = repaired(tmp_path, {**HOUSE, "work.py": source}, "work.py", "DBS101")
    body = "def work(name, db=None):\n    found = []\n    return len(name)\n"
    assert done.text.content == f"\nfrom core.models import User\n\n{body}"


def test_a_session_that_nothing_uses_stays_where_its_opening_may_do_more(tmp_path: Path) -> None:
    choice = CHOICES["or"][0].replace("db", "self.db")
    source = f"{_function(choice, UNUSED)}\ndef db(self):\n    return connect()\n"
    done = repaired(tmp_path, {**HOUSE, "work.py": source}, "work.py", "DBS101", unsafe=True)
    assert [left.reason for left in done.left] == ["its block does not use it"]


IMPORTING = """
    session = db
    own = False
    if session is None:
        from core.database import SessionLocal
        session = SessionLocal()
        own = True"""


def _importing(work: str = WORK) -> str:
    return _function(IMPORTING, work).replace("from core.database import SessionLocal\n", "", 1)


def test_an_import_beside_the_opening_goes_with_it(tmp_path: Path) -> None:
    done = repaired(tmp_path, {**HOUSE, "work.py": _importing()}, "work.py", "DBS101")
    assert "\nfrom core.database import get_db_session\n" in done.text.content
    assert BLOCK.format(test="db is not None") in done.text.content


@pytest.mark.parametrize(
    "work",
    [
        WORK.replace("len(name)", "len(SessionLocal.kw)"),
        f"\nfrom core.database import get_db_session{WORK}",
    ],
)
def test_an_import_that_more_depends_on_is_left(work: str, tmp_path: Path) -> None:
    source = _importing(work)
    done = repaired(tmp_path, {**HOUSE, "work.py": source}, "work.py", "DBS101", unsafe=True)
    assert done.left
    assert "nullcontext" not in done.text.content
