"""Tests that patch what a fix takes away: they pass before it and after it, or it is not made."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from flake8_dbsession.command.group import main
from tests.cases import write_project
from tests.fixes.house import HOUSE, LOADED_DATABASE

OPENED = """
    from core.database import SessionLocal
    from core.models import User

    def add(name):
        db = SessionLocal()
        try:
            db.add(User(name=name))
            db.commit()
            return True
        except ValueError:
            db.rollback()
            return False
        finally:
            db.close()
"""
LATE = """
    from core.models import User

    def add(name):
        from core.database import SessionLocal

        db = SessionLocal()
        try:
            db.add(User(name=name))
            db.commit()
        finally:
            db.close()
"""
EARLY = LATE.replace(
    "            db.add(", "            if not name:\n                return\n            db.add("
)
EARLY_OWN = EARLY.replace("        from core.database import SessionLocal\n\n", "").replace(
    "\n", "\n    from core.database import SessionLocal\n", 1
)
EARLY_KEPT = EARLY_OWN.rstrip(" ") + "        return SessionLocal\n"
ENTERED = """
    from core.database import SessionLocal
    from core.models import User

    def count():
        with SessionLocal() as db:
            return db.query(User).count()

    class Keeper:
        def keep(self):
            return SessionLocal

    def both():
        return count(), Keeper().keep()
"""
ENTERED_LATE = """
    from core.models import User

    def add(name):
        from core.database import SessionLocal

        with SessionLocal() as db:
            db.add(User(name=name))
            db.commit()
            return True
"""
WHOLE = """
    import sys

    def replaced(modules):
        return patch.dict(sys.modules, modules)

    def test_it():
        db = MagicMock()
        db.__enter__.return_value = db
        {}
            assert work.add("a")
        db.commit.assert_called_once()
"""
KEPT = """
    from core.database import SessionLocal
    from core.models import User

    def add(name):
        db = SessionLocal()
        try:
            db.add(User(name=name))
            db.commit()
        finally:
            db.close()
        return SessionLocal
"""
UNUSED = """
    def told(name):
        try:
            from core.database import SessionLocal

            db = SessionLocal()
            name = name.upper()
            db.close()
            return name
        except ValueError:
            return ""
"""
UNUSED_OWN = UNUSED.replace("            from core.database import SessionLocal\n\n", "").replace(
    "\n", "\n    from core.database import SessionLocal\n", 1
)
UNUSED_RENAMED = UNUSED.replace("SessionLocal\n", "SessionLocal as Opened\n").replace(
    "SessionLocal()", "Opened()"
)
LATE_RENAMED = LATE.replace("SessionLocal\n", "SessionLocal as Opened\n").replace(
    "SessionLocal()", "Opened()"
)
EARLY_RENAMED = EARLY.replace("SessionLocal\n", "SessionLocal as Opened\n").replace(
    "SessionLocal()", "Opened()"
)
MADE = """
    from core.database import SessionLocal
    from core.models import User

    class Keeper:
        def __init__(self):
            self.count = self.counted()

        def counted(self):
            with SessionLocal() as db:
                return db.query(User).count()

        def again(self):
            return type(self)()

        def kept(self):
            return SessionLocal

        def kept_of(self, kind):
            return getattr(self, f"kept{kind}")()

    class Second(Keeper):
        pass

    def lazily():
        return lambda: Keeper()
"""
LATE_ENTERED = """
    from core.models import User

    def add(name):
        from core.database import SessionLocal

        with SessionLocal() as db:
            db.add(User(name=name))
            db.commit()

    def tell():
        from core.database import get_db_session

        with get_db_session() as db:
            return db.query(User).count()
"""
LATE_BOTH = (
    EARLY
    + """
    def count():
        from core.database import SessionLocal

        with SessionLocal() as db:
            return db.query(User).count()
"""
)
QUIET = OPENED.replace(
    "            db.close()",
    """            try:
                db.close()
            except Exception:
                pass""",
)
ASKED_BESIDE = """
    from core.database import SessionLocal
    from core.models import User
    from core.teller import count as told

    def tell():
        try:
            told()
        except Exception:
            pass

    def count():
        tell()
        db = SessionLocal()
        try:
            return db.query(User).count()
        finally:
            db.close()
"""
TELLER = """
    from core.models import User

    def count():
        from core.database import get_db_session

        with get_db_session() as db:
            return db.query(User).count()

    def title():
        return "users"
"""
COUNTER = """
    from core.models import User

    class Counter:
        def counted(self):
            from core.database import get_db_session

            with get_db_session() as db:
                return db.query(User).count()

        def title(self):
            return "users"

    counter = Counter()
"""
TELLING = (
    LATE_ENTERED.partition("    def tell()")[0]
    + """
    def tell():
        from core.teller import count, title

        return title(), count()

    def tell_all():
        from core.counter import counter

        return counter.title(), counter.counted()
"""
)
TOLD = """
    import logging
    from core.models import User

    log = logging.getLogger(__name__)

    def add(name):
        try:
            from core.database import SessionLocal

            db = SessionLocal()
            try:
                db.add(User(name=name))
                db.commit()
            except Exception as error:
                log.error("not added")
                db.rollback()
                return {"done": False, "error": "not added"}
            finally:
                db.close()
            return {"done": True, "error": ""}
        except Exception as error:
            log.error(error)
            return {"done": False, "error": str(error)}
"""
HEAD = """
    import pytest
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session, sessionmaker
    from unittest.mock import MagicMock, Mock, patch

    import core.database
    from core.models import Base, User
    from app import work

    class Fake:
        def __init__(self, fails=False):
            self.added = []
            self.commits = 0
            self.committed = self.rolled_back = False
            self.closed = False

        def add(self, row):
            self.added.append(row)

        def commit(self):
            self.commits += 1
            self.committed = True

        def rollback(self):
            self.rolled_back = True

        def close(self):
            self.closed = True

    class Failing(Fake):
        def commit(self):
            raise ValueError("down")

    def broken():
        raise ValueError("down")

    @pytest.fixture
    def factory():
        engine = create_engine("sqlite://")
        Base.metadata.create_all(engine)
        return sessionmaker(bind=engine)
"""
READY = """
    @pytest.fixture(autouse=True)
    def tables():
        Base.metadata.create_all(core.database.engine)

    def made():
        return work.Keeper()

    def opening(count):
        db = MagicMock()
        db.__enter__.return_value.query.return_value.count.return_value = count
        return lambda: db

"""
CONFTEST = """
    import pytest
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker
    from core.models import Base

    @pytest.fixture
    def shared_factory():
        engine = create_engine("sqlite://")
        Base.metadata.create_all(engine)
        return sessionmaker(bind=engine)
"""
OPENED_FOR_ALL = """
    @pytest.fixture(autouse=True)
    def opened(monkeypatch):
        block = MagicMock()
        block.__enter__.return_value = Mock()
        block.query.return_value.count.return_value = 2
        monkeypatch.setattr("core.database.SessionLocal", lambda: block)
        return block

    def test_it(opened):
        work.add("a")
        opened.__enter__.return_value.commit.assert_called_once()
"""
OF_OBJECT = """
    def test_it():
        db = MagicMock()
        with patch.object(work, "SessionLocal", return_value=db):
            assert work.add("a")
        assert db.commit.called
        db.close.assert_called_once()
"""
TELLING_EARLY = OPENED + "\n    def tell()" + TELLING.partition("    def tell()")[2]
ADDING_TOLD = TELLING_EARLY.replace("return True\n", "return tell()\n")
BESIDE_LATE = (
    OPENED
    + """
    def count():
        from core.database import SessionLocal

        db = SessionLocal()
        try:
            return db.query(User).count()
        finally:
            db.close()
"""
)
OWN_LATE = """
    from core.database import SessionLocal
    from core.models import User

    def add(name):
        with SessionLocal() as db:
            return db.query(User).count()

    class Keeper:
        db = None

        def count(self):
            db = self.db
            is_own = False
            if db is None:
                from core.database import SessionLocal
                db = SessionLocal()
                is_own = True
            try:
                return db.query(User).count()
            finally:
                if is_own:
                    db.close()
"""
LENDING = """
    from core.models import User

    def first():
        from core.database import SessionLocal

        with SessionLocal() as db:
            return db.query(User).first()
"""
OF_ONE_THAT_EXPIRES = """
    def test_it(factory, monkeypatch):
        made = sessionmaker(bind=factory.kw["bind"])
        with made.begin() as db:
            db.add(User(name="a"))
        monkeypatch.setattr("core.database.SessionLocal", made)
        assert work.first().name == "a"
"""
FITTING = {
    "its own name, beside a place whose import would stand at the top": (
        OWN_LATE,
        """
    def test_it(monkeypatch, factory):
        home = MagicMock()
        home.return_value.query.return_value.count.return_value = 7
        monkeypatch.setattr(work, "SessionLocal", factory)
        monkeypatch.setattr("core.database.SessionLocal", home)
        assert work.add("a") == 0
        assert work.Keeper().count() == 7
        """,
        'monkeypatch.setattr(work, "get_db_session", factory)',
    ),
    "a factory that is imported by another name, and replaced by its own": (
        LATE_RENAMED,
        """
    def test_it(monkeypatch, factory):
        monkeypatch.setattr("core.database.SessionLocal", factory)
        work.add("a")
        with factory() as db:
            assert db.query(User).count() == 1
        """,
        "",
    ),
    "a session that nothing uses, nor the test": (
        ENTERED + UNUSED,
        """
    def test_it():
        with patch("core.database.SessionLocal"):
            assert work.told("a") == "A"
        """,
        "",
    ),
    "a module as a whole": (
        ENTERED_LATE,
        WHOLE.format('with replaced({"core.database": MagicMock(SessionLocal=lambda: db)}):'),
        "SessionLocal=lambda: db, get_db_session=lambda: db",
    ),
    "a module as a whole, in a line that has room": (
        ENTERED_LATE,
        WHOLE.format(
            'new = lambda: db\n        with replaced({"core.database": Mock(SessionLocal=new)}):'
        ),
        "Mock(SessionLocal=new, get_db_session=new)",
    ),
    "a module as a whole, in lines of their own": (
        ENTERED_LATE,
        WHOLE.format(
            """fakes = {"core.database": MagicMock(
            SessionLocal=lambda: db,
        )}
        with replaced(fakes):"""
        ),
        "SessionLocal=lambda: db,\n        get_db_session=lambda: db,",
    ),
    "its own name, beside a place that reads the home": (
        BESIDE_LATE,
        """
    @pytest.fixture(autouse=True)
    def own(monkeypatch, factory):
        monkeypatch.setattr(work, "SessionLocal", factory)

    def test_it(monkeypatch):
        db = MagicMock()
        db.query.return_value.count.return_value = 7
        monkeypatch.setattr("core.database.SessionLocal", lambda: db)
        assert work.count() == 7
        assert work.add("a")
        """,
        'monkeypatch.setattr(work, "get_db_session", lambda: closing(factory()))',
    ),
    "a double that the patch makes, where other code uses the provider": (
        TELLING_EARLY,
        READY
        + """
    def test_it(monkeypatch):
        monkeypatch.setattr("core.teller.title", lambda: "all")
        with patch("app.work.SessionLocal"):
            assert work.add("a")
            assert work.tell() == ("all", 0)
        """,
        'patch("app.work.get_db_session")',
    ),
    "its own name, where other code uses the provider": (
        TELLING_EARLY,
        READY
        + """
    def test_it(monkeypatch):
        db = MagicMock()
        monkeypatch.setattr(work, "SessionLocal", lambda: db)
        monkeypatch.setattr("core.teller.title", lambda: "all")
        assert work.add("a")
        assert work.tell() == ("all", 0)
        """,
        'monkeypatch.setattr(work, "get_db_session", lambda: closing(db))',
    ),
    "its own name, where what it calls uses the provider": (
        ADDING_TOLD,
        READY
        + """
    def test_it(monkeypatch):
        db = MagicMock()
        monkeypatch.setattr(work, "SessionLocal", lambda: db)
        assert work.add("a") == ("users", 0)
        """,
        'monkeypatch.setattr(work, "get_db_session", lambda: closing(db))',
    ),
    "an object of a module": (OPENED, OF_OBJECT, 'patch("core.database.SessionLocal"'),
    "a fixture's setattr": (
        OPENED,
        """
    def test_it(monkeypatch, factory):
        monkeypatch.setattr(work, "SessionLocal", factory)
        assert work.add("a")
        with factory() as db:
            assert db.query(User).count() == 1
        """,
        'monkeypatch.setattr("core.database.SessionLocal", factory)',
    ),
    "a factory of another file": (
        OPENED,
        """
    def test_it(monkeypatch, shared_factory):
        monkeypatch.setattr("app.work.SessionLocal", shared_factory)
        assert work.add("a")
        """,
        'monkeypatch.setattr("core.database.SessionLocal", shared_factory)',
    ),
    "a class that notes its ends": (
        LATE,
        """
    def test_it(monkeypatch):
        db = Fake()
        monkeypatch.setattr(core.database, "SessionLocal", lambda: db)
        work.add("a")
        assert db.committed is True
        assert db.closed
        """,
        "",
    ),
    "an opening that fails": (
        LATE,
        """
    def test_it(monkeypatch):
        monkeypatch.setattr("core.database.SessionLocal", broken)
        with pytest.raises(ValueError):
            work.add("a")
        """,
        "",
    ),
    "an opening that fails, of which the test sees no more than that": (
        TOLD,
        """
    def test_it(monkeypatch):
        monkeypatch.setattr("core.database.SessionLocal", MagicMock(side_effect=ValueError("no")))
        assert work.add("a")["done"] is False
        """,
        "",
    ),
    "a name that the test does not need": (
        ENTERED,
        """
    def test_it(factory):
        with patch("app.work.SessionLocal", factory):
            assert work.count() == 0
        """,
        'patch("app.work.get_db_session", factory)',
    ),
    "a name that the test reads by itself": (
        ENTERED,
        """
    def test_it(factory):
        with patch.object(work, "SessionLocal", factory):
            with work.SessionLocal() as db:
                db.add(User(name="a"))
                db.commit()
            assert work.count() == 1
        """,
        '"SessionLocal", factory), \\\n         patch.object(work, "get_db_session", factory):',
    ),
    "a name that the test puts back": (
        ENTERED,
        """
    def test_it(monkeypatch, factory):
        original = work.SessionLocal
        monkeypatch.setattr(work, "SessionLocal", broken)
        with pytest.raises(ValueError):
            work.count()
        monkeypatch.setattr(work, "SessionLocal", original)
        assert work.Keeper().keep() is original
        """,
        'monkeypatch.setattr(work, "get_db_session", original)',
    ),
    "answers that are used up, for which other code would ask": (
        ASKED_BESIDE,
        """
    def test_it():
        db = MagicMock()
        db.query.return_value.count.side_effect = [1]
        with patch.object(work, "SessionLocal", return_value=db):
            assert work.count() == 1
        """,
        '"get_db_session", return_value=closing(db)',
    ),
    "a name that only the test needs": (
        ENTERED,
        """
    def test_it(factory):
        with patch("app.work.SessionLocal", factory):
            assert work.Keeper().keep() is factory
        """,
        'patch("app.work.SessionLocal", factory)',
    ),
    "a name that stands for both": (
        ENTERED,
        """
    def test_it(factory):
        with patch("app.work.SessionLocal", factory):
            assert work.both() == (0, factory)
        """,
        'SessionLocal", factory), \\\n         patch("app.work.get_db_session", factory):',
    ),
    "a name that stays, and a factory beside it": (
        KEPT,
        """
    def test_it(monkeypatch, factory):
        monkeypatch.setattr("app.work.SessionLocal", factory)  # for both
        assert work.add("a") is factory
        with factory() as db:
            assert db.query(User).count() == 1
        """,
        'factory)  # for both\n    monkeypatch.setattr("core.database.SessionLocal", factory)\n',
    ),
    "an object of a module that stays": (
        ENTERED,
        """
    def test_it(factory):
        with patch.object(work, "SessionLocal", factory):
            assert work.both() == (0, factory)
        """,
        '"SessionLocal", factory), \\\n         patch.object(work, "get_db_session", factory):',
    ),
    "a block that the test prepares": (
        LATE_ENTERED,
        """
    def test_it():
        db = MagicMock()
        with patch("core.database.SessionLocal") as made:
            made.return_value.__enter__.return_value = db
            work.add("a")
        db.commit.assert_called_once()
        db.close.assert_not_called()
        """,
        'SessionLocal") as made, \\\n         patch("core.database.get_db_session", made):',
    ),
    "a class that only its own test knows": (
        LATE_ENTERED,
        """
    class Strange:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return False

        def __getattr__(self, name):
            return lambda *given: None

    def test_it(monkeypatch):
        monkeypatch.setattr(core.database, "SessionLocal", Strange)
        work.add("a")
        """,
        'monkeypatch.setattr(core.database, "get_db_session", Strange)',
    ),
    "what gives itself when it is entered": (
        LATE_ENTERED,
        """
    class TestIt:
        @pytest.fixture(autouse=True)
        def opened(self):
            self.db = Mock(spec=Session)
            self.db.__enter__ = Mock(return_value=self.db)
            self.db.__exit__ = Mock(return_value=False)
            with patch("core.database.SessionLocal", return_value=self.db):
                yield

        def test_it(self):
            work.add("a")
            assert self.db.commit.called
        """,
        "",
    ),
    "a real session beside a double whose commits fail": (
        LATE,
        """
    @pytest.fixture
    def opened(factory):
        with patch("core.database.SessionLocal", factory):
            yield factory

    def test_it(opened):
        work.add("a")
        with opened() as db:
            assert db.query(User).count() == 1

    def test_that_nothing_is_added(opened):
        broken = MagicMock()
        broken.commit.side_effect = ValueError("down")
        with pytest.raises(ValueError):
            broken.commit()
        """,
        "",
    ),
    "a double for all tests, of which others replace what uses the provider": (
        TELLING,
        OPENED_FOR_ALL
        + """
    def test_that_it_tells(monkeypatch):
        monkeypatch.setattr("core.teller.count", lambda: 3)
        assert work.tell() == ("users", 3)
        monkeypatch.setattr("core.teller.count", lambda: 4)
        assert work.tell() == ("users", 4)

    def test_that_it_tells_all(monkeypatch):
        import core.counter as module

        monkeypatch.setattr(module.counter, "counted", lambda: 3)
        monkeypatch.setattr(module.counter, "title", lambda: "all")
        assert work.tell_all() == ("all", 3)
        """,
        'monkeypatch.setattr("core.database.get_db_session", lambda: block)',
    ),
    "a factory that is put back": (
        EARLY,
        """
    @pytest.fixture
    def opened(factory):
        original = core.database.SessionLocal
        core.database.SessionLocal = factory
        yield factory
        core.database.SessionLocal = original

    def test_it(opened):
        work.add("a")
        with opened() as db:
            assert db.query(User).count() == 1
        """,
        "",
    ),
    "a factory that says itself when it commits": (
        EARLY,
        """
    @pytest.fixture
    def opened(monkeypatch):
        engine = create_engine("sqlite://")
        Base.metadata.create_all(engine)
        made = sessionmaker(bind=engine, autocommit=False, expire_on_commit=False)
        monkeypatch.setattr("core.database.SessionLocal", made)
        return made

    def test_it(opened):
        work.add("a")
        with opened() as db:
            assert db.query(User).count() == 1
        """,
        "",
    ),
    "a factory that keeps what it loads, as that of the house does": (
        LENDING,
        OF_ONE_THAT_EXPIRES.replace('"bind"]', '"bind"], expire_on_commit=False'),
        "",
    ),
    "a factory that expires what it loads, as that of the house does not": (
        LENDING,
        OF_ONE_THAT_EXPIRES,
        'setattr("core.database.get_db_session", made)',
    ),
    "a parameter that is bound anew": (
        OPENED,
        """
    def shown(handler=None):
        handler = handler or str(1)
        return handler

    def test_it():
        db = Mock()
        with patch("app.work.SessionLocal", return_value=db):
            assert work.add(shown())
        """,
        'patch("core.database.SessionLocal", return_value=db)',
    ),
    "a fixture of the class beside a namesake that fails": (
        EARLY,
        """
    class TestIt:
        @pytest.fixture
        def given(self):
            return "a"

        def test_it(self, given, monkeypatch):
            db = Fake()
            monkeypatch.setattr(core.database, "SessionLocal", lambda: db)
            work.add(given)
            assert db.committed

    class TestOther:
        @pytest.fixture
        def given(self):
            made = MagicMock()
            made.commit.side_effect = ValueError("down")
            return made

        def test_it(self, given):
            with pytest.raises(ValueError):
                given.commit()
        """,
        "",
    ),
    "commits that are counted": (
        EARLY,
        """
    def test_it(monkeypatch):
        db = Fake()
        monkeypatch.setattr(core.database, "SessionLocal", lambda: db)
        work.add("a")
        assert db.commits == 1
        """,
        'monkeypatch.setattr(core.database, "get_db_session", lambda: closing(db))',
    ),
    "commits that fail and are counted": (
        EARLY,
        """
    def opening(db):
        return lambda: db

    def test_it(monkeypatch):
        db = MagicMock()
        db.commit.side_effect = ValueError("down")
        monkeypatch.setattr("core.database.SessionLocal", opening(db))
        with pytest.raises(ValueError):
            work.add("a")
        assert [db.commit.call_count, db.close.call_count] == [1, 1]
        work.add("")
        assert [db.commit.call_count, db.close.call_count] == [1, 2]
        """,
        '        "core.database.get_db_session", lambda: closing(session_factory())\n    )\n',
    ),
    "a double that only the patch knows": (
        EARLY,
        """
    def made():
        return Mock(spec=["add", "commit", "close"])

    def test_it():
        with patch("core.database.SessionLocal", return_value=made()):
            work.add("a")
        """,
        "made()) as session_factory, \\\n"
        '         patch("core.database.get_db_session", lambda: closing(session_factory())):',
    ),
    "a mock that the test prepares": (
        EARLY_OWN,
        """
    def test_it():
        db = Mock(spec=["add", "commit", "close"])
        with patch("app.work.SessionLocal") as made:
            made.return_value = db
            work.add("a")
        db.commit.assert_called_once()
        db.close.assert_called_once()
        made.assert_called_once()
        """,
        'patch(\n        "app.work.get_db_session", '
        "side_effect=lambda: closing(made.return_value)\n    ) as made:",
    ),
    "a double of which the commits are counted": (
        EARLY_OWN,
        """
    def test_it():
        db = MagicMock()
        with patch("app.work.SessionLocal", return_value=db) as made:
            work.add("a")
            work.add("")
        assert db.commit.call_count == 1
        assert db.close.call_count == 2
        assert made.called
        """,
        'patch("app.work.get_db_session", return_value=closing(db)) as made:',
    ),
    "a double of a module's object": (
        EARLY_OWN,
        """
    def test_it(monkeypatch):
        db = MagicMock()
        monkeypatch.setattr(work, "SessionLocal", lambda: db)
        work.add("a")
        db.commit.assert_called_once()
        """,
        'monkeypatch.setattr(work, "get_db_session", lambda: closing(db))',
    ),
    "commits and rollbacks that only the code makes": (
        TOLD,
        """
    def test_it(monkeypatch):
        monkeypatch.setattr("core.database.SessionLocal", broken)
        assert "down" in work.add("a")["error"]
        db = MagicMock()
        db.commit.side_effect = ValueError("down")
        monkeypatch.setattr("core.database.SessionLocal", lambda: db)
        assert work.add("a")["error"] == "not added"
        db.rollback.assert_called_once()
        """,
        'monkeypatch.setattr("core.database.get_db_session", lambda: closing(broken()))',
    ),
    "a double that gives itself beside another patch that prepares its block": (
        LATE_BOTH,
        """
    @pytest.fixture(autouse=True)
    def opened():
        db = MagicMock()
        db.__enter__ = Mock(return_value=db)
        db.__exit__ = Mock(return_value=False)
        with patch("core.database.SessionLocal", return_value=db):
            yield db

    def test_it(opened):
        opened.query.return_value.count.return_value = 2
        work.add("a")
        assert work.count() == 2
        opened.commit.assert_called_once()
        with patch("core.models.User") as made:
            made.return_value.__enter__.return_value = 3
            with made() as entered:
                assert entered == 3
        """,
        'patch("core.database.get_db_session", return_value=closing(db)):',
    ),
    "a module that nothing else names": (
        OPENED,
        """
    def test_it():
        from app import work as module
        from app.work import add

        with patch.object(module, "SessionLocal", return_value=MagicMock()):
            assert add("a")
        """,
        'patch.object(module, "get_db_session", return_value=closing(MagicMock())):',
    ),
    "an opening that fails before a handler": (
        OPENED.replace("\n    from core.database import SessionLocal\n", "\n").replace(
            "def add(name):", "def add(name):\n        from core.database import SessionLocal\n"
        ),
        """
    def test_it(monkeypatch):
        monkeypatch.setattr("core.database.SessionLocal", MagicMock(side_effect=ValueError("no")))
        with pytest.raises(ValueError):
            work.add("a")
        """,
        "",
    ),
    "another patch beside it": (
        OPENED,
        """
    def test_it():
        one, other = MagicMock(), MagicMock()
        with patch("core.database.SessionLocal", one), patch("app.work.SessionLocal", other):
            assert work.add("a")
        assert not one.called
        """,
        'patch("app.work.get_db_session", lambda: closing(other())):',
    ),
    "a factory that stays, and a double that is closed": (
        EARLY_KEPT,
        """
    def test_it(monkeypatch):
        db = MagicMock()
        monkeypatch.setattr(work, "SessionLocal", MagicMock(return_value=db))
        assert work.add("a")() is db
        db.commit.assert_called_once()
        """,
        'monkeypatch.setattr(work, "get_db_session", MagicMock(return_value=closing(db)))',
    ),
    "a class of which the objects give sessions": (
        OPENED,
        """
    class Opening:
        def __init__(self, engine):
            self._factory = sessionmaker(bind=engine)

        def __call__(self, *given, **options):
            return self._factory()

    def opening(factory):
        engine = factory.kw["bind"]
        return patch("app.work.SessionLocal", side_effect=Opening(engine))

    def test_it(factory):
        with opening(factory):
            assert work.add("a")
        with factory() as db:
            assert db.query(User).count() == 1
        """,
        'patch("core.database.SessionLocal", side_effect=Opening(engine))',
    ),
    "an object that is made before the block": (
        MADE,
        READY
        + """
    def test_it(factory):
        keeper = work.Keeper()
        with patch("app.work.SessionLocal", factory):
            assert keeper.kept() is factory
        """,
        "",
    ),
    "an object of which a method is read by a text": (
        MADE,
        READY
        + """
    def test_it(factory):
        keeper = made()
        with patch("app.work.SessionLocal", factory):
            assert keeper.kept_of("") is factory
        """,
        "",
    ),
    "an object of a fixture": (
        MADE,
        READY
        + """
    @pytest.fixture
    def keeper():
        yield made()

    def test_it(keeper, monkeypatch, factory):
        monkeypatch.setattr(work, "SessionLocal", factory)
        assert keeper.kept() is factory
        """,
        "",
    ),
    "an object that is not begun": (
        MADE,
        READY
        + """
    @pytest.fixture
    def keeper():
        return object.__new__(work.Keeper)

    def test_it(factory, keeper):
        # No work.Keeper() stands here.
        mock = Mock(spec=work.Keeper)
        with patch("app.work.SessionLocal", factory), patch.object(work.Keeper, "again"):
            assert isinstance(keeper, (work.Keeper, Mock)) and isinstance(mock, work.Keeper)
            assert work.Keeper.__new__(work.Keeper).kept() is keeper.kept() is factory
        """,
        "",
    ),
    "an object that is begun later": (
        MADE,
        READY
        + """
    def test_it():
        keeper = object.__new__(work.Keeper)
        with patch("app.work.SessionLocal", opening(3)):
            keeper.__init__()
            assert keeper.count == 3
        """,
        'patch("app.work.get_db_session", opening(3))',
    ),
    "an object that another one's class makes": (
        MADE,
        READY
        + """
    def test_it():
        keeper = work.Keeper()
        with patch("app.work.SessionLocal", opening(3)):
            assert type(keeper)().count == 3
        """,
        'patch("app.work.get_db_session", opening(3))',
    ),
    "an object that is called, and not begun": (
        MADE.replace("def again(self)", "def __call__(self)"),
        READY
        + """
    def test_it():
        keeper = object.__new__(work.Keeper)
        with patch("app.work.SessionLocal", opening(3)):
            assert keeper().count == 3
        """,
        'patch("app.work.get_db_session", opening(3))',
    ),
    "a method that is only replaced": (
        MADE,
        READY
        + """
    @pytest.fixture
    def keeper(monkeypatch, factory):
        \"\"\"Does without `counted`.\"\"\"
        monkeypatch.setattr(work, "SessionLocal", factory)
        return object.__new__(work.Keeper)

    def test_it(keeper, monkeypatch, factory):
        monkeypatch.setattr(keeper, "counted", lambda: 3, raising=False)
        with patch.object(work.Keeper, "counted"):
            assert keeper.kept() is factory
        """,
        "",
    ),
    "a method that is replaced by itself": (
        MADE,
        READY
        + """
    def test_it(monkeypatch):
        keeper = object.__new__(work.Keeper)
        monkeypatch.setattr(work, "SessionLocal", opening(3))
        monkeypatch.setattr(keeper, "again", keeper.counted)
        assert keeper.again() == 3
        """,
        'monkeypatch.setattr(work, "get_db_session", opening(3))',
    ),
    "an object that is made in the block": (
        MADE,
        READY
        + """
    def test_it():
        with patch("app.work.SessionLocal", opening(3)):
            assert made().count == 3
        """,
        'patch("app.work.get_db_session", opening(3))',
    ),
    "an object that the block has made again": (
        MADE,
        READY
        + """
    def test_it():
        keeper = work.Keeper()
        with patch("app.work.SessionLocal", opening(3)):
            assert keeper.again().count == 3
        """,
        'patch("app.work.get_db_session", opening(3))',
    ),
    "an object that is made when it is asked for": (
        MADE,
        READY
        + """
    def test_it():
        keeper = work.lazily()
        with patch("app.work.SessionLocal", opening(3)):
            assert keeper().count == 3
        """,
        'patch("app.work.get_db_session", opening(3))',
    ),
    "an object that the test makes when it is asked for": (
        MADE,
        READY
        + """
    def test_it():
        keeper = lambda: made()
        with patch("app.work.SessionLocal", opening(3)):
            assert keeper().count == 3
        """,
        'patch("app.work.get_db_session", opening(3))',
    ),
    "an object of a class below": (
        MADE,
        READY
        + """
    def test_it():
        with patch("app.work.SessionLocal", opening(3)):
            assert work.Second().count == 3
        """,
        'patch("app.work.get_db_session", opening(3))',
    ),
    "an object that a later fixture makes at its end": (
        MADE,
        READY
        + """
    @pytest.fixture
    def ended(monkeypatch):
        yield
        assert work.Keeper().count == 3

    def test_it(monkeypatch, ended):
        monkeypatch.setattr(work, "SessionLocal", opening(3))
        """,
        'monkeypatch.setattr(work, "get_db_session", opening(3))',
    ),
    "an object by another name": (
        MADE,
        "    from app.work import Keeper as Kept\n"
        + READY
        + """
    def test_it():
        with patch("app.work.SessionLocal", opening(3)):
            assert Kept().count == 3
        """,
        'patch("app.work.get_db_session", opening(3))',
    ),
    "a decorator's double that stands for both": (
        ENTERED,
        """
    @pytest.mark.parametrize("number", [2, 3])
    @patch("app.work.User")
    @patch("app.work.SessionLocal")
    def test_it(mock_session, mock_user, number):
        \"\"\"Counts, and gives the factory.\"\"\"
        # As many as there are.
        db = MagicMock()
        db.query.return_value.count.return_value = number
        mock_session.return_value.__enter__.return_value = db
        assert work.both() == (number, mock_session)
        db.query.assert_called_once_with(mock_user)
        assert mock_session.call_count == 1
        """,
        '@patch("app.work.get_db_session")\n@patch("app.work.SessionLocal")\ndef test_it('
        "mock_session, mock_get_db_session, mock_user, number):\n",
    ),
    "a decorator's double that a helper prepares": (
        LATE_ENTERED,
        """
    def prepare(factory, db):
        factory.side_effect = [db]

    class TestIt:
        @patch.object(core.database, "SessionLocal")
        def test_it(
            self,
            mock_session,
        ):
            db = MagicMock()
            prepare(mock_session, db)
            work.add("a")
            db.__enter__.return_value.commit.assert_called_once()
            with pytest.raises(StopIteration):
                work.add("b")
        """,
        "        mock_session,\n        mock_get_db_session,\n    ):\n"
        "        mock_get_db_session.side_effect = mock_session\n",
    ),
    "a decorator's double of which the commits are counted": (
        EARLY_OWN,
        """
    @patch("app.work.SessionLocal")
    def test_it(mock_session):
        db = mock_session.return_value = MagicMock(spec=["add", "commit", "close"])
        work.add("a")
        work.add("")
        assert [db.commit.call_count, db.close.call_count] == [1, 2]
        """,
        "    mock_session.side_effect = lambda: closing(mock_session.return_value)\n",
    ),
    "a decorator's double that stays, and is closed": (
        EARLY_KEPT,
        """
    @patch("app.work.SessionLocal")
    @patch("app.work.User")
    def test_it(mock_user_of_the_module, mock_session_of_the_module: Mock):
        db = mock_session_of_the_module.return_value
        assert work.add("a")() is db
        db.add.assert_called_once_with(mock_user_of_the_module.return_value)
        assert [db.commit.call_count, db.close.call_count] == [1, 1]
        """,
        "def test_it(\n    mock_user_of_the_module, mock_session_of_the_module: Mock, "
        "mock_get_db_session: Mock\n):\n    mock_get_db_session.side_effect = "
        "lambda: closing(mock_session_of_the_module())\n",
    ),
}
HELD = {
    "a module as a whole, of which the double is made elsewhere": (
        ENTERED_LATE,
        WHOLE.format(
            "fake = MagicMock(SessionLocal=lambda: db)\n"
            '        with replaced({"core.database": fake}):'
        ),
    ),
    "a module as a whole, of which nothing is entered": (
        LATE,
        WHOLE.format(
            'with replaced({"core.database": MagicMock(SessionLocal=lambda: db)}):'
        ).replace("assert work", "work"),
    ),
    "a session that nothing uses, of which the closes are counted": (
        UNUSED,
        """
    def test_it():
        db = MagicMock()
        with patch("core.database.SessionLocal", return_value=db):
            assert work.told("a") == "A"
        db.close.assert_called_once()
        """,
    ),
    "a session that nothing uses, whose opening fails": (
        UNUSED,
        """
    def test_it(monkeypatch):
        monkeypatch.setattr("core.database.SessionLocal", broken)
        assert work.told("a") == ""
        """,
    ),
    "a session that nothing uses, and that is opened by another name": (
        UNUSED_RENAMED,
        """
    def test_it():
        with patch("core.database.SessionLocal") as opened:
            assert work.told("a") == "A"
        assert opened.return_value.close.call_count == 1
        """,
    ),
    "a session that nothing uses, with the only use of a name that is patched": (
        UNUSED_OWN,
        """
    def test_it():
        with patch("app.work.SessionLocal"):
            assert work.told("a") == "A"
        """,
    ),
    "a factory that is imported by another name": (
        EARLY_RENAMED,
        """
    def test_it():
        db = MagicMock()
        with patch("core.database.SessionLocal", return_value=db):
            work.add("")
        db.commit.assert_not_called()
        """,
    ),
    "a provider that the module has already, and another double of it": (
        """
    from core.database import SessionLocal, get_db_session
    from core.models import User

    def add(name):
        db = SessionLocal()
        try:
            db.add(User(name=name))
            db.commit()
        finally:
            db.close()
        with get_db_session() as db:
            return db.query(User).count()
        """,
        """
    def test_it(monkeypatch, factory):
        db = MagicMock()
        monkeypatch.setattr(work, "SessionLocal", lambda: db)
        monkeypatch.setattr(work, "get_db_session", factory)
        assert work.add("a") == 0
        """,
    ),
    "a close that fails": (
        QUIET,
        """
    def test_it():
        db = MagicMock()
        db.close.side_effect = RuntimeError("no")
        with patch.object(work, "SessionLocal", return_value=db):
            assert work.add("a")
        """,
    ),
    "a class of which the objects give themselves": (
        OPENED,
        """
    class Opening(Fake):
        def __call__(self):
            return self

    def test_it():
        opening = Opening()
        with patch("app.work.SessionLocal", side_effect=opening):
            assert work.add("a")
        assert opening.commits == 1
        """,
    ),
    "a decorator's double whose result is used by its name": (
        EARLY_OWN,
        """
    def opened(factory, db):
        factory.side_effect = lambda: db

    @patch("app.work.SessionLocal")
    def test_it(mock_session):
        db = MagicMock()
        opened(mock_session, db)
        work.add("a")
        db.commit.assert_called_once()
        """,
    ),
    "a decorator below one that may hand on anything": (
        KEPT,
        """
    from functools import wraps

    def with_name(test):
        @wraps(test)
        def run(*given):
            return test("a", *given)

        del run.__wrapped__
        return run

    @with_name
    @patch("app.work.SessionLocal", spec=["__call__"])
    def test_it(name, mock_session):
        db = mock_session.return_value = MagicMock()
        assert work.add(name) is mock_session
        db.commit.assert_called_once()
        """,
    ),
    "a mock that a patch gives when it is started": (
        EARLY_OWN,
        """
    def test_it():
        patcher = patch("app.work.SessionLocal", return_value=MagicMock())
        made = patcher.start()
        work.add("a")
        made.return_value.commit.assert_called_once()
        patcher.stop()
        """,
    ),
    "a mock of which the side effect is prepared": (
        EARLY_OWN,
        """
    def test_it():
        db = MagicMock()
        with patch("app.work.SessionLocal") as made:
            made.side_effect = lambda: db
            work.add("a")
        db.commit.assert_called_once()
        """,
    ),
    "a provider that the module itself enters, too": (
        EARLY_OWN
        + """
    from core.database import get_db_session

    def both():
        with get_db_session() as db:
            db.add(User(name="b"))
            db.flush()
        return add("a")
        """,
        """
    def test_it(factory, monkeypatch):
        db = MagicMock()
        monkeypatch.setattr(core.database, "SessionLocal", factory)
        with patch("app.work.SessionLocal", return_value=db):
            work.both()
        db.commit.assert_called_once()
        """,
    ),
    "a provider that other code is given, too": (
        LATE_ENTERED,
        """
    def test_it():
        db = MagicMock()
        with patch("core.database.SessionLocal", return_value=db):
            db.__enter__.return_value.query.return_value.count.return_value = 2
            work.add("a")
            work.tell()
        db.query.assert_called_once()
        db.__enter__.return_value.commit.assert_called_once()
        """,
    ),
    "a provider that another test runs, and replaces something beside it": (
        TELLING,
        OPENED_FOR_ALL
        + """
    def test_that_it_tells(monkeypatch):
        monkeypatch.setattr("core.teller.title", lambda: "all")
        assert work.tell() == ("all", 2)
        """,
    ),
    "a provider that another test runs before it replaces that": (
        TELLING,
        OPENED_FOR_ALL
        + """
    def test_that_it_tells(monkeypatch):
        assert work.tell() == ("users", 2)
        monkeypatch.setattr("core.teller.count", lambda: 3)
        assert work.tell() == ("users", 3)
        """,
    ),
    "a provider that another test runs, for which a fixture replaced that no longer": (
        TELLING,
        OPENED_FOR_ALL
        + """
    @pytest.fixture
    def told():
        with patch("core.teller.count", lambda: 3):
            first = work.tell()
        yield first

    def test_that_it_tells(told):
        assert told == ("users", 3)
        assert work.tell() == ("users", 2)
        """,
    ),
    "a provider that another test runs by what it does not replace": (
        TELLING,
        OPENED_FOR_ALL
        + """
    def test_that_it_tells_all(monkeypatch):
        import core.counter as module

        monkeypatch.setattr(module.counter, "title", lambda: "all")
        assert work.tell_all() == ("all", 2)
        """,
    ),
}
HELD |= {
    f"a provider that other code reads as {name}": (
        LATE_ENTERED.replace("import get_db_session", read).replace("with get_db_session", name),
        HELD["a provider that other code is given, too"][1],
    )
    for read, name in [
        ("import get_db_session as opened", "with opened"),
        ("import engine\n        import core.database as house", "with house.get_db_session"),
    ]
}


class _Project:
    """A project with a module and a test for each form, which all tests of this file share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files = {**HOUSE, "tests/conftest.py": CONFTEST, "core/database.py": LOADED_DATABASE}
        files |= {"core/teller.py": TELLER, "core/counter.py": COUNTER}
        for number, (work, test, *_) in enumerate([*FITTING.values(), *HELD.values()]):
            text = dedent(HEAD) + dedent(test)
            for old in ("import work", "app.work", "patch.object(work"):
                text = text.replace(old, old.replace("work", f"work_{number}"))
            text = text.replace(f"import work_{number}\n", f"import work_{number} as work\n")
            text = text.replace(f"patch.object(work_{number}", "patch.object(work")
            files |= {f"app/work_{number}.py": work, f"tests/test_work_{number}.py": text}
        write_project(folder, files)
        (folder / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
        self.before = self._texts()
        self.passed_before = self._passed()
        self.fixed = self._fix()
        self.after, self.passed_after = self._texts(), self._passed()
        self._fix("--accept=patched")
        self.passed_without_doubt = self._passed()

    def _fix(self, *options: str) -> str:
        arguments = ["fix", "--select=DBS101,DBS102", "app", "tests", "--verbose", *options]
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            return CliRunner().invoke(main, arguments).stdout

    def _texts(self) -> dict[str, str]:
        return {path.stem: path.read_text() for path in self.folder.glob("*/*work_*.py")}

    def _passed(self) -> set[str]:
        command = [sys.executable, "-m", "pytest", "-rA", "-q", "-p", "no:cacheprovider", "tests"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, check=False, text=True)
        found = re.findall(r"^(PASSED|FAILED|ERROR) tests/(\w+)\.py", done.stdout, re.MULTILINE)
        return {test for _, test in found} - {test for how, test in found if how != "PASSED"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> _Project:
    return _Project(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("number", range(len(FITTING)), ids=FITTING)
def test_a_test_passes_as_before(number: int, project: _Project) -> None:
    *_, moved = list(FITTING.values())[number]
    work, test = f"work_{number}", f"test_work_{number}"
    assert test in project.passed_before
    assert "get_db_session() as db" in project.after[work], project.fixed
    assert moved.replace("app.work", f"app.{work}") in project.after[test]
    assert bool(moved) or project.after[test] == project.before[test]
    assert ("import closing" in project.after[test]) is ("closing(" in project.after[test])
    assert test in project.passed_after


@pytest.mark.parametrize("number", range(len(HELD)), ids=HELD)
def test_a_fix_that_a_test_would_notice_is_not_made(number: int, project: _Project) -> None:
    work, test = f"work_{len(FITTING) + number}", f"test_work_{len(FITTING) + number}"
    assert test in project.passed_before & project.passed_after
    assert project.after[work] == project.before[work]
    assert re.search(rf"app/{work}\.py.* left \(patched\)", project.fixed)
    assert test not in project.passed_without_doubt
