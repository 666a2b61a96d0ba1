"""What a test hands the code, or looks for in its text, that a fix would change unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_dbsession.rewriting.edits import Kind
from tests.fixes.house import HOUSE, LOADED_DATABASE
from tests.fixes.repairs import repaired

FACTORY = """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker(create_engine("sqlite://"))
"""
ALONE = {"core/models.py": HOUSE["core/models.py"], "core/database.py": FACTORY}
WORK = """
    from core.database import SessionLocal
    from core.models import User

    def count():
        db = SessionLocal()
        try:
            return db.query(User).count()
        finally:
            db.close()
"""
STORE = """
    from core.database import SessionLocal
    from core.models import User

    class Store:
        def __init__(self, name, factory=SessionLocal):
            self._factory = factory

        def count(self):
            db = self._factory()
            try:
                return db.query(User).count()
            finally:
                db.close()
"""
LENDING = """
    from core.models import User

    def first():
        from core.database import SessionLocal

        db = SessionLocal()
        try:
            user = db.query(User).first()
            return {}
        finally:
            db.close()
"""
HEAD = """
    from unittest.mock import MagicMock, Mock, patch
    from sqlalchemy.orm import sessionmaker
    from app.work import Store, count, first

"""


def left_for(folder: Path, files: dict[str, str]) -> list[str]:
    """Give why what the tests hold is left, and check that it is for them alone."""
    done = repaired(folder, files, "app/work.py", "DBS301")
    assert all(doubt.kind is Kind.PATCHED for left in done.left for doubt in left.doubts)
    return [left.reason for left in done.left]


@pytest.mark.parametrize(
    ("test", "is_fixed"),
    [
        ("Store('a')._factory = Mock(return_value=MagicMock())", False),
        ("patch.object(Store('a'), '_factory', Mock())", False),
        ("patch.object(Store('a'), '_factory')", False),
        ("Store('a', Mock())", False),
        ("Store('a', factory=lambda: MagicMock())", False),
        ("Store(Mock())", True),
        ("Store('a', sessionmaker())", True),
        ("Store('a')._other = Mock()", True),
    ],
)
def test_what_is_handed_to_an_object_is_not_entered(
    test: str, is_fixed: bool, tmp_path: Path
) -> None:
    text = f"{HEAD}    def test_it():\n        {test}\n"
    found = left_for(tmp_path, {**ALONE, "app/work.py": STORE, "tests/test_work.py": text})
    told = "`tests/test_work.py` gives `_factory`, which would be entered"
    assert found == ([] if is_fixed else [told])


@pytest.mark.parametrize(
    ("given", "is_fixed"),
    [("Mock()", False), ("lambda: MagicMock()", False), ("sessionmaker()", True)],
)
def test_a_double_of_the_factory_is_not_entered(given: str, is_fixed: bool, tmp_path: Path) -> None:
    test = f"{HEAD}    def test_it():\n        with patch('app.work.SessionLocal', {given}):\n"
    test += "            count()\n"
    found = left_for(tmp_path, {**ALONE, "app/work.py": WORK, "tests/test_work.py": test})
    told = "`tests/test_work.py` patches `SessionLocal` in this module"
    assert found == ([] if is_fixed else [told])


def test_a_name_from_a_loop_may_be_any_that_the_test_has(tmp_path: Path) -> None:
    test = """
    def test_it():
        found = {"SessionLocal": Mock(), "User": Mock()}
        patches = [patch.object(work, name, each) for name, each in found.items()]
        run(patches, work.count)
    """
    head = HEAD.replace("from app.work import Store, count, first", "from app import work")
    files = {**HOUSE, "app/work.py": WORK, "tests/test_work.py": head + test}
    (found,) = left_for(tmp_path, files)
    assert found == "`tests/test_work.py` may patch `SessionLocal` in this module"
    files["tests/test_work.py"] = files["tests/test_work.py"].replace('"SessionLocal"', '"Post"')
    assert not left_for(tmp_path, files)


@pytest.mark.parametrize(
    ("looks", "is_fixed"),
    [
        ("'finally:' in inspect.getsource(count)", False),
        ("inspect.getsource(count).count('finally:') == 1", False),
        ("re.search(r'final+y:', inspect.getsource(count))", False),
        ("'query(' in inspect.getsource(count)", True),
        ("'finally:' in inspect.getsource(other)", True),
        ("'finally:' in inspect.getsource(elsewhere)", True),
    ],
)
def test_a_test_that_looks_into_the_source_is_held(
    looks: str, is_fixed: bool, tmp_path: Path
) -> None:
    head = HEAD.replace("first", "first, other\n    from app.more import elsewhere")
    test = f"{head}    def test_it():\n        assert {looks}\n        count()\n"
    work = f"{WORK}\n    def other():\n        pass\n"
    found = left_for(tmp_path, {**HOUSE, "app/work.py": work, "tests/test_work.py": test})
    told = "`tests/test_work.py` looks into the source of this module"
    assert found == ([] if is_fixed else [told])


@pytest.mark.parametrize(("given", "is_fixed"), [("user", False), ("user.name", True)])
def test_no_commit_of_the_provider_s_own_expires_what_a_test_s_session_loaded(
    given: str, is_fixed: bool, tmp_path: Path
) -> None:
    test = f"""{HEAD}    def test_it():
        with patch("core.database.SessionLocal", sessionmaker()):
            assert first()
    """
    lending = LENDING.format(given)
    files = {**HOUSE, "core/database.py": LOADED_DATABASE, "app/work.py": lending}
    found = left_for(tmp_path, files | {"tests/test_work.py": test})
    told = "`tests/test_work.py` patches `SessionLocal`"
    assert [reason.partition(";")[0] for reason in found] == ([] if is_fixed else [told])


MADE = """
    from app.engines import manager
    from sqlalchemy import Engine, create_engine, text
    from sqlalchemy.orm import sessionmaker

    engine = create_engine("sqlite://")

    def keyed():
        factory = manager.factory_for("a")
        db = factory()
        try:
            return db.execute(text("SELECT 1")).scalar()
        finally:
            db.close()

    def count():
        factory = sessionmaker(bind=engine)
        db = factory()
        try:
            return db.execute(text("SELECT 1")).scalar()
        finally:
            db.close()

    def connected():
        conn = engine.connect()
        found = conn.execute(text("SELECT 1")).scalar()
        conn.close()
        return found

    def made():
        own = create_engine("sqlite://")
        conn = own.connect()
        found = conn.execute(text("SELECT 1")).scalar()
        conn.close()
        return found

    def late():
        import app.engines
        conn = app.engines.engine.connect()
        found = conn.execute(text("SELECT 1")).scalar()
        conn.close()
        return found

    def given(engine: Engine):
        conn = engine.connect()
        found = conn.execute(text("SELECT 1")).scalar()
        conn.close()
        return found

    class Router:
        def __init__(self):
            self._reading = sessionmaker(engine)
            self._writing = sessionmaker(engine)

        def routed(self, writes=False):
            factory = self._writing if writes else self._reading
            db = factory()
            try:
                return db.execute(text("SELECT 1")).scalar()
            finally:
                db.close()
"""
PATCHES = "`tests/test_work.py` patches `{}` in this module"
GIVES = "`tests/test_work.py` gives `engine`, of which `connect` would be entered"
ENGINES = """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    engine = create_engine("sqlite://")

    class Manager:
        def factory_for(self, key):
            return sessionmaker(engine)

    manager = Manager()
"""
KEYED = "`tests/test_work.py` patches `app.work.manager.factory_for`"
SOURCES = [
    ("with patch('app.work.manager.factory_for'): work.keyed()", KEYED),
    ("with patch('app.work.manager.other'): work.keyed()", ""),
    ("with patch('app.work.sessionmaker'): work.count()", PATCHES.format("sessionmaker")),
    ("with patch('app.work.engine'): work.connected()", PATCHES.format("engine")),
    ("with patch('app.work.create_engine'): work.made()", PATCHES.format("create_engine")),
    ("with patch('app.work.sessionmaker'): work.Router().routed()", PATCHES.format("sessionmaker")),
    ("work.given(Mock())", GIVES),
    ("with patch('app.work.text'): work.count()", ""),
    ("work.other.connect = Mock(); work.late()", ""),
    ("with patch('app.work.sessionmaker'): other()", ""),
    ("work.given(create_engine('sqlite://'))", ""),
    ("with patch('app.work.engine', create_engine('sqlite://')): work.connected()", ""),
]


@pytest.mark.parametrize(("test", "told"), SOURCES)
def test_what_it_is_opened_of_may_be_a_double(test: str, told: str, tmp_path: Path) -> None:
    head = HEAD.replace("from app.work import Store, count, first", "from app import work")
    text = f"{head}    def test_it():\n        {test}\n"
    files = {"app/work.py": MADE, "app/engines.py": ENGINES, "tests/test_work.py": text}
    done = repaired(tmp_path, files, "app/work.py", "DBS301 DBS603 DBS604")
    assert {left.reason for left in done.left} == ({told} if told else set())
