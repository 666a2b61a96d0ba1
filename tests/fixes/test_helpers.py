"""Helpers that are given the session: what they leave uncommitted, and what they give back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.house import HOUSE
from tests.fixes.repairs import reasons, repaired

HEAD = """
    from core.database import SessionLocal
    from core.models import User

    def count_of(db, name):
        return db.query(User).filter(User.name == name).count()

    def save(db, name):
        db.add(User(name=name))

    def store(db, name):
        save(db, name)
        db.commit()

    def names_of(users):
        return [user.name for user in users]

    def refuse(db, name):
        save(db, name)
        raise ValueError(name)

    def renamed(user):
        user.name = "new"
        return user

    def first_of(db):
        return db.query(User).first()

    class Repository:
        def __init__(self, session):
            self.session = session

        def count(self):
            return self._count("a")

        def _count(self, name):
            return count_of(self.session, name)

        def add(self, name):
            self.session.add(User(name=name))

        def store(self, name):
            self.add(name)
            self.session.commit()

    def work(name):
        with SessionLocal() as db:
            {}
"""


def is_fixed(folder: Path, template: str, body: str) -> bool:
    """Tell whether a block is fixed safely that holds statements, written on one line here."""
    text = template.format(body.replace("; ", "\n            "))
    return bool(repaired(folder, {**HOUSE, "work.py": text}, "work.py", "DBS102").fixed)


SAFE = {
    "only_reads": "return count_of(db, name)",
    "reads_what_no_class_declares": "print(getattr(db.query(User).first(), 'rate', None))",
    "commits_itself": "store(db, name)",
    "gives_values": "return names_of(db.query(User).all())",
    "object_that_reads": "repository = Repository(db)\n            return repository.count()",
    "object_that_commits": "repository = Repository(db)\n            repository.store(name)",
}
DOUBTED = {
    "save(db, name)": "what `save()` on line 48 leaves uncommitted",
    "store(db, name)\n            save(db, name)": "what `save()` on line 49 leaves uncommitted",
    "renamed(db.get(User, 1))": "what `renamed()` on line 48 leaves uncommitted",
    "r = Repository(db)\n            r.add(name)": "what `r.add()` on line 49 leaves uncommitted",
    "try: refuse(db, name)\n            except ValueError: pass": "line 48 may leave uncommitted",
    "rate = getattr(first_of(db), 'rate'); rate(1)": "`rate()` on line 48 may leave work",
    "getattr(first_of(db), 'rate')(1)": "on line 48 may leave work",
    "return first_of(db)": "line 48 may let one out of the block",
    "unknown(db)": "`unknown()` on line 48 may leave work that `get_db_session` would commit",
}


@pytest.mark.parametrize("body", SAFE.values(), ids=SAFE)
def test_a_helper_that_leaves_nothing_is_no_doubt(body: str, tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": HEAD.format(body)}
    assert repaired(tmp_path, files, "work.py", "DBS102").fixed


@pytest.mark.parametrize(("body", "reason"), DOUBTED.items())
def test_a_helper_that_leaves_work_is_named(body: str, reason: str, tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": HEAD.format(body)}
    (found,) = reasons(tmp_path, files, "work.py", "DBS102")
    assert reason in found


def test_who_accepts_the_commit_accepts_it_of_a_helper(tmp_path: Path) -> None:
    accepting = {"dbsession.toml": 'preset = "standard"\naccept = ["commit"]\n'}
    files = {**HOUSE, **accepting, "work.py": HEAD.format("unknown(db)")}
    assert repaired(tmp_path, files, "work.py", "DBS102").fixed


FAILING = """
    from core.database import SessionLocal
    from core.models import User

    def store(db, name, log):
        {}

    def work(name, log):
        with SessionLocal() as db:
            try:
                store(db, name, log)
                return db.query(User).count()
            except Exception:
                return 0
"""
WRITTEN = "try: db.add(User(name=name)); db.commit()\n        "


@pytest.mark.parametrize(
    "body",
    [
        "except Exception: log(name); db.rollback(); raise",
        "except ValueError as error: db.rollback(); return str(error)\n"
        "        except BaseException: db.rollback(); raise",
        "finally: db.close()",
    ],
)
def test_a_helper_that_gives_up_what_failed_leaves_nothing(body: str, tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": FAILING.format(WRITTEN + body)}
    assert repaired(tmp_path, files, "work.py", "DBS102").fixed


@pytest.mark.parametrize(
    "body",
    [
        WRITTEN + "except ValueError: db.rollback(); raise",
        WRITTEN + "except ValueError: raise\n        except Exception: db.rollback(); raise",
        WRITTEN + "except Exception: db.flush(); db.rollback(); raise",
        WRITTEN + "except Exception:\n            if name: db.rollback()\n            raise",
        WRITTEN + "except Exception: db.rollback(); db.add(User(name=name)); db.commit()",
        "db.add(User(name=name))\n        try: db.commit()\n"
        "        except Exception: db.rollback(); raise",
    ],
)
def test_a_helper_that_may_fail_with_work_is_a_doubt(body: str, tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": FAILING.format(body)}
    (found,) = reasons(tmp_path, files, "work.py", "DBS102")
    assert "would commit what line" in found


HOLDERS = """
    from core.database import SessionLocal
    from core.models import User

    class Repository:
        def __init__(self, session):
            self.session = session
            self.found = None

        def add(self, name):
            self.session.add(User(name=name))

        def count(self):
            return self.session.query(User).count()

        def find(self):
            self.found = self.session.query(User).first()

        def rename(self, name):
            self.found.name = name

        def touch(self, user):
            self.session.add(User(name="touched"))
            return user.name

        def itself(self):
            return self

        def its_session(self):
            return self.session

        @property
        def first(self):
            return self.session.query(User).first()

    class Lazy:
        def __init__(self, session):
            self.session = session
            self._repository = None

        def prepare(self):
            self._repository = Repository(self.session)

        def add(self, name):
            self._repository.add(name)

    class Indirect:
        def __init__(self, session):
            setattr(self, "session", session)

        def add(self, name):
            self.session.add(User(name=name))

    class Base:
        def __init__(self, session):
            self._use(session)

        def _use(self, session):
            self.session = session

        def keep(self, name):
            pass

        def add(self, name):
            self.keep(name)

    class Below(Base):
        def __init__(self, session, name):
            super().__init__(session)
            self.name = name

        def keep(self, name):
            self.session.add(User(name=name))

        def store(self):
            self.session.add(User(name=self.name))
            self.session.commit()

    class Service:
        def __init__(self, session):
            self.session = session
            self.repository = Repository(session)
            self.other = Repository(self.session)

        def add(self, name):
            self.repository.add(name)

        def store(self, name):
            self.repository.add(name)
            self.session.commit()

        def count(self):
            return self.repository.count() + self.other.count()

        def hand(self, name):
            put(self.repository, name)

    def put(service, name):
        service.add(name)

    def put_all(session):
        session.add(User(name="all"))

    def put_by_session(service, name):
        service.session.add(User(name=name))

    def count_of(service):
        return service.session.query(User).count()

    def work(name):
        with SessionLocal() as db:
            {}
"""


@pytest.mark.parametrize(
    "body",
    [
        "service = Service(db); service.store(name)",
        "service = Service(db); return service.count()",
        "service = Service(db); return count_of(service.repository)",
        "return count_of(Repository(db))",
        "service = Below(db, name); service.store()",
        "service = Below(db, name); getattr(service, 'name', None); service.store()",
    ],
)
def test_objects_that_keep_the_session_are_followed(body: str, tmp_path: Path) -> None:
    assert is_fixed(tmp_path, HOLDERS, body)


@pytest.mark.parametrize(
    "body",
    [
        "put(Repository(db), name)",
        "service = Repository(db); put(service, name)",
        "service = Repository(db); put_by_session(service, name)",
        "services = [Repository(db)]; services[0].add(name)",
        "service = Repository(db); other = service; other.add(name)",
        "service = Repository(db); other = service.itself(); other.add(name)",
        "service = Repository(db); service.its_session().add(User(name=name))",
        "service = Repository(db); add = service.add; add(name)",
        "service = Repository(db); list(map(service.add, name))",
        "service = Repository(db); service.find(); service.rename(name)",
        "service = Repository(db); service.first.name = name",
        "service = Repository(db); user = service.first; user.name = name",
        "getattr(db, 'add')(User(name=name))",
        "getattr(Repository(db), 'add')(name)",
        "service = Repository(db); getattr(service, 'add', None)(name)",
        "service = Repository(db); getattr(service, name)(name)",
        "services = {1: db}; services[1].add(User(name=name))",
        "list(map(put_all, [db]))",
        "print(max(db.query(User).all(), key=Repository(db).touch))",
        "service = Repository(db); print(max(db.query(User).all(), key=service.touch))",
        "service = Service(db); service.add(name)",
        "service = Service(db); service.hand(name)",
        "service = Service(db); service.other.add(name)",
        "service = Lazy(db); service.prepare(); service.add(name)",
        "service = Indirect(db); service.add(name)",
        "service = Below(db, name); service.add(name)",
    ],
)
def test_what_is_reached_by_an_object_that_keeps_the_session_counts(
    body: str, tmp_path: Path
) -> None:
    assert not is_fixed(tmp_path, HOLDERS, body)


OTHERS = """
    import asyncio
    from collections import defaultdict
    from dataclasses import dataclass
    from core.database import SessionLocal
    from core.models import Post, User

    @dataclass
    class Kept:
        user: object

    @dataclass
    class Renamed:
        user: object

        def __post_init__(self):
            self.user.name = "new"

    async def count_of(db):
        return db.query(User).count()

    async def put(db, name):
        db.add(User(name=name))

    def by_name(user):
        return user.name.lower().lstrip("a")

    def renamed(user):
        user.name = "new"
        return user

    def shown(user):
        settings = getattr(user, "name", None) or ""
        try:
            return str(settings)
        except ValueError:
            return ""

    {}def work(name):
        with SessionLocal() as db:
            {}
"""


@pytest.mark.parametrize(
    ("kind", "body", "is_safe"),
    [
        ("async ", "return await asyncio.wait_for(count_of(db), timeout=1)", True),
        ("", "return asyncio.run(count_of(db))", True),
        ("", "return sorted(db.query(User).all(), key=by_name)[0].name", True),
        ("", "return shown(db.query(User).first())", True),
        ("", "assert isinstance(db, object); return db.query(User).count()", True),
        ("", "kept = Kept(db.query(User).first()); return kept is None", True),
        (
            "",
            "found = defaultdict(list)"
            "; for user in db.query(User): found[user.name].append(user)"
            "; return len(found)",
            True,
        ),
        (
            "",
            "found = {}"
            "; for user in db.query(User): found.setdefault(user.name, []).append(user)"
            "; return len(found)",
            True,
        ),
        (
            "",
            "found = {}; found[1] = db.query(User).first().posts; found[1].append(Post())",
            False,
        ),
        (
            "",
            "found = {}; user = db.query(User).first()"
            "; found.setdefault(1, user.posts).append(Post())",
            False,
        ),
        ("", "found = [db.query(User).first().posts]; found[0].append(Post())", False),
        ("", "Renamed(db.query(User).first())", False),
        ("async ", "await asyncio.wait_for(put(db, name), timeout=1)", False),
        ("", "asyncio.run(put(db, name))", False),
        ("async ", "asyncio.create_task(put(db, name))", False),
        ("async ", "asyncio.wait_for(put(db, name), timeout=1)", False),
        ("", "list(map(renamed, db.query(User).all()))", False),
        ("", "print(sorted(db.query(User).all(), key=renamed))", False),
    ],
)
def test_what_runs_a_function_that_it_is_given(
    kind: str, body: str, is_safe: bool, tmp_path: Path
) -> None:
    lines = body.replace("; ", "\n            ")
    text = OTHERS.format(kind, lines)
    files = {**HOUSE, "work.py": text}
    assert bool(repaired(tmp_path, files, "work.py", "DBS102").fixed) is is_safe


CLOSED = """
    from core.database import SessionLocal
    from core.models import User
    from elsewhere import registered

    kept = []

    class Repository:
        def __init__(self, session):
            self.session = session

        def count(self):
            return self.session.query(User).count()

    class Service:
        def __init__(self, session):
            self.parts = {{"users": Repository(session)}}
            self.repository = Repository(session)

        def count(self):
            return self.repository.count()

        def late(self):
            kept.append(self.repository.session)
            return self.repository.count()

    def work(name):
        {}
        db = SessionLocal()
        try:
            {}
        finally:
            db.close()
"""


@pytest.mark.parametrize(
    ("body", "is_safe"),
    [
        ("return Service(db).count()", True),
        ("service = Service(db); return service.count()", True),
        ("yield db", False),
        ("return registered(db)", False),
        ("service = Service(db); registered(service)", False),
    ],
)
def test_a_session_closed_in_a_finally_may_be_kept(
    body: str, is_safe: bool, tmp_path: Path
) -> None:
    text = CLOSED.format("name = str(name)", body.replace("; ", "\n            "))
    files = {**HOUSE, "work.py": text}
    assert bool(repaired(tmp_path, files, "work.py", "DBS101").fixed) is is_safe


def test_what_keeps_a_session_that_is_closed_in_a_finally_is_asked_as_a_helper(
    tmp_path: Path,
) -> None:
    text = CLOSED.format("name = str(name)", "return Service(db).late()")
    (reason,) = reasons(tmp_path, {**HOUSE, "work.py": text}, "work.py", "DBS101")
    assert "`Service(db).late()` on line 31" in reason


def test_a_session_closed_in_a_finally_is_plain_in_any_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flake8_dbsession.analysis.lifetimes.solver._MAX_EVENTS", 1)
    text = CLOSED.format("name = str(name)", "return db.query(User).count()")
    assert repaired(tmp_path, {**HOUSE, "work.py": text}, "work.py", "DBS101").fixed
    text = CLOSED.format("name = str(name)", "yield db.query(User).count()")
    assert not repaired(tmp_path, {**HOUSE, "work.py": text}, "work.py", "DBS101").fixed


def test_a_commit_stays_where_nothing_else_uses_the_session(tmp_path: Path) -> None:
    body = "repository = str(name)\n            db.commit()\n            return repository"
    text = CLOSED.format("name = str(name)", body)
    fixed = repaired(tmp_path, {**HOUSE, "work.py": text}, "work.py", "DBS101").text.content
    assert "with get_db_session() as db:\n        repository = str(name)\n" in fixed
    assert "        db.commit()\n" in fixed


STORING = """
    from core.database import SessionLocal
    from core.models import User

    CACHE = {{}}

    def fill(db, cache):
        cache["user"] = db.query(User).first()

    def fill_name(db, cache):
        cache["name"] = db.query(User).first().name

    def note(db, seen):
        seen.append(db.query(User).first())

    def put(cache, user):
        cache["user"] = user

    def remember(db):
        CACHE["user"] = db.query(User).first()

    def pass_on(db, *, cache):
        fill(db, cache)

    def filled(db):
        found = {{}}
        fill(db, found)
        return found

    def counted_in(db):
        found = {{}}
        fill(db, found)
        return len(found)

    class Desk:
        def __init__(self, session):
            self.session = session
            self.users = []

        def fill(self, cache):
            cache["user"] = self.session.query(User).first()

        def take(self, db):
            self.users.append(db.query(User).first())

    def work(name, cache, desk: Desk):
        with SessionLocal() as db:
            {}
"""


@pytest.mark.parametrize(
    "body",
    [
        "fill(db, cache)",
        "note(db, cache)",
        "put(cache, db.query(User).first())",
        "remember(db)",
        "pass_on(db, cache=cache)",
        "Desk(db).fill(cache)",
        "desk.take(db)",
        "found = {}; fill(db, found); return found",
        "return filled(db)",
        "mine = cache; mine['user'] = db.query(User).first()",
    ],
)
def test_a_helper_that_stores_what_it_loads_is_a_doubt(body: str, tmp_path: Path) -> None:
    assert not is_fixed(tmp_path, STORING, body)


@pytest.mark.parametrize(
    "body",
    [
        "fill_name(db, cache)",
        "return counted_in(db)",
        "found = {}; fill(db, found); print(found['user'].name)",
    ],
)
def test_a_helper_that_stores_nothing_loaded_elsewhere_is_none(body: str, tmp_path: Path) -> None:
    assert is_fixed(tmp_path, STORING, body)
