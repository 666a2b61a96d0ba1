"""DBS104, and layers of style ``request``: what the layer uses comes in."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.fixes.doubts.test_behaviour import assert_same
from tests.fixes.house import DATABASE
from tests.fixes.repairs import reasons, repaired
from tests.fixes.stage import Stage

POLICY = {
    "dbsession.toml": 'preset = "unified"\n',
    "application.py": "app.unified_session_manager = UnifiedSessionManager()\n",
}
REQUEST = """
    [[layers]]
    name = "all"
    paths = ["*"]
    use = "core.database:get_request_db_session"
    style = "request"
"""
CODES = "DBS101 DBS102 DBS104 DBS301 DBS302 DBS303"

LAYERS = {
    "web": (
        "web.py",
        """
        from managers import db_manager, unified_session_manager

        def count():
            session = db_manager.get_session()
            try:
                return session.query(User).count()
            finally:
                session.close()

        def again():
            with db_manager.get_session() as session:
                return session.query(User).count()
        """,
        """
        from managers import unified_session_manager

        def count():
            with unified_session_manager.get_db_session() as session:
                return session.query(User).count()

        def again():
            with unified_session_manager.get_db_session() as session:
                return session.query(User).count()
        """,
    ),
    "admin_routes": (
        "app/admin/routes/users.py",
        """
        from flask import Blueprint
        from managers import db_manager

        def count():
            '''Count.'''
            if not User:
                return 0
            session = db_manager.get_session()
            number = session.query(User).count()
            session.close()
            return number
        """,
        """
        from flask import Blueprint, current_app

        def count():
            '''Count.'''
            unified_session_manager = current_app.unified_session_manager
            if not User:
                return 0
            with unified_session_manager.get_db_session() as session:
                number = session.query(User).count()
            return number
        """,
    ),
    "request": (
        "work.py",
        """
        from core.database import SessionLocal

        def by_hand(name):
            db = SessionLocal()  # why
            try:
                db.add(name)
                db.commit()
            except Exception:
                db.rollback()
                raise
            finally:
                db.close()

        def block():
            with SessionLocal() as db:
                number = db.query(1).count()
                return number
        """,
        """
        from core.database import get_request_db_session

        def by_hand(name):
            db = get_request_db_session()  # why
            try:
                db.add(name)
                db.commit()
            except Exception:
                db.rollback()
                raise

        def block():
            db = get_request_db_session()
            number = db.query(1).count()
            return number
        """,
    ),
}


@pytest.mark.parametrize(("name", "before", "after"), LAYERS.values(), ids=LAYERS)
def test_each_layer_has_its_own(name: str, before: str, after: str, tmp_path: Path) -> None:
    policy = {"dbsession.toml": REQUEST} if name == "work.py" else POLICY
    is_unsafe = name == "work.py"
    repair = repaired(tmp_path, {**policy, name: before}, name, CODES, unsafe=is_unsafe)
    assert repair.text.content == dedent(after)
    assert repair.left == ()


SERVICE = """
class Users:
    def __init__(self, db_manager, unified_session_manager=None):
        self.db_manager = db_manager
        self.unified_session_manager = unified_session_manager

    def work(self, name, cache: dict):
{body}
"""
WITH_FALLBACK = {
    "finally": (
        """
        session = self.db_manager.get_session()
        try:
            return session.query(User).count()
        finally:
            session.close()
        """,
        """
        if self.unified_session_manager:
            with self.unified_session_manager.get_db_session() as session:
                return session.query(User).count()
        else:
            session = self.db_manager.get_session()
            try:
                return session.query(User).count()
            finally:
                session.close()
        """,
    ),
    "rollback": (
        """
        session = self.db_manager.get_session()
        try:
            session.add(User(name=name))
            session.commit()
        except Exception:
            session.rollback()
            raise
        finally:
            session.close()
        """,
        """
        if self.unified_session_manager:
            with self.unified_session_manager.get_db_session() as session:
                session.add(User(name=name))
                session.commit()
        else:
            session = self.db_manager.get_session()
            try:
                session.add(User(name=name))
                session.commit()
            except Exception:
                session.rollback()
                raise
            finally:
                session.close()
        """,
    ),
    "straight": (
        """
        session = self.db_manager.get_session()

        # how many
        number = session.query(User).count()
        session.close()
        return number
        """,
        """
        if self.unified_session_manager:
            with self.unified_session_manager.get_db_session() as session:
                # how many
                number = session.query(User).count()
        else:
            session = self.db_manager.get_session()
            # how many
            try:
                number = session.query(User).count()
            finally:
                session.close()
        return number
        """,
    ),
    "never_closed": (
        """
        session = self.db_manager.get_session()
        if not name:
            return 0
        return session.query(User).count()
        """,
        """
        if not name:
            return 0
        if self.unified_session_manager:
            with self.unified_session_manager.get_db_session() as session:
                return session.query(User).count()
        else:
            session = self.db_manager.get_session()
            try:
                return session.query(User).count()
            finally:
                session.close()
        """,
    ),
    "block": (
        """
        with self.db_manager.get_session() as session:
            if name:
                cache[name] = session.query(User).count()
        return len(cache)
        """,
        """
        if self.unified_session_manager:
            with self.unified_session_manager.get_db_session() as session:
                if name:
                    cache[name] = session.query(User).count()
        else:
            with self.db_manager.get_session() as session:
                if name:
                    cache[name] = session.query(User).count()
        return len(cache)
        """,
    ),
}
ADMIN_SERVICE = "app/admin/services/users.py"


def service(body: str) -> str:
    return SERVICE.format(body=indent(dedent(body).strip("\n"), " " * 8))


@pytest.mark.parametrize(("before", "after"), WITH_FALLBACK.values(), ids=WITH_FALLBACK)
def test_a_service_keeps_its_fallback(before: str, after: str, tmp_path: Path) -> None:
    files = {**POLICY, ADMIN_SERVICE: service(before)}
    repair = repaired(tmp_path, files, ADMIN_SERVICE, CODES)
    assert repair.text.content == service(after)
    assert repair.left == ()
    files[ADMIN_SERVICE] = repair.text.content
    assert not repaired(tmp_path, files, ADMIN_SERVICE, CODES).fixed


MANAGERS = """
    from core.database import SessionLocal, get_db_session

    class Manager:
        def get_session(self):
            return SessionLocal()

        def get_db_session(self):
            return get_db_session()

    db_manager = unified_session_manager = Manager()
"""
FLASK = """
    from types import SimpleNamespace
    from managers import unified_session_manager

    current_app = SimpleNamespace(unified_session_manager=unified_session_manager)
"""
HEADS = {
    "web": "from managers import db_manager, unified_session_manager",
    "app/admin/routes/users": "from managers import db_manager",
    "app/admin/services/users": "from managers import db_manager, unified_session_manager",
}
GIVEN = ("", ", unified_session_manager")
WORK = """

def work(self, name, cache: dict):
    return Users(db_manager{manager}).work(name, cache)
"""


@pytest.mark.parametrize("layer", HEADS)
@pytest.mark.parametrize(
    "body", [before for before, _ in WITH_FALLBACK.values()], ids=WITH_FALLBACK
)
def test_each_layer_does_the_same_as_before(
    layer: str, body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("core", "core.models", "core.database", "managers", "flask"):
        monkeypatch.setitem(sys.modules, name, sys)
    code = f"{HEADS[layer]}\nfrom core.models import User\n"
    if "services" in layer:
        befores = [code + service(body) + WORK.format(manager=manager) for manager in GIVEN]
    else:
        plain = indent(dedent(body).replace("self.", ""), "    ")
        befores = [f"{code}\n\ndef work(self, name, cache: dict):{plain}"]
    with Stage(tmp_path, DATABASE) as stage:
        stage.load("managers", MANAGERS)
        stage.load("flask", FLASK)
        for before in befores:
            repair = repaired(tmp_path / "code", {**POLICY, f"{layer}.py": before}, f"{layer}.py")
            assert repair.left == ()
            assert "unified_session_manager.get_db_session()" in repair.text.content
            assert_same(stage, before, repair.text.content, layer)


def test_long_code_does_not_stand_twice(tmp_path: Path) -> None:
    before = service(
        "with self.db_manager.get_session() as session:\n"
        + "    print(session.query(User).count())\n" * 11
    )
    files = {**POLICY, ADMIN_SERVICE: before}
    assert reasons(tmp_path, files, ADMIN_SERVICE, CODES) == [
        "8: DBS104 the layer's fallback is for where `self.unified_session_manager` is missing"
    ]
    repair = repaired(tmp_path, files, ADMIN_SERVICE, CODES, unsafe=True)
    assert repair.text.content == before.replace(
        "with self.db_manager.get_session()", "with self.unified_session_manager.get_db_session()"
    )


IN_PLACE = """
if self.unified_session_manager:
    with self.unified_session_manager.get_db_session() as session:
        return session.query(User).count()
else:
    {}
"""
CLOSED = """session = self.db_manager.get_session()
    try:
        return session.query(User).count()
    finally:
        session.close()
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "session = self.db_manager.get_session()\n    return session.query(User).count()",
            "DBS302",
        ),
        (
            "session = self.db_manager.get_session()\n    number = session.query(User).count()\n"
            "    session.close()\n    return number",
            "DBS303",
        ),
    ],
)
def test_a_fallback_is_closed_in_its_place(code: str, expected: str, tmp_path: Path) -> None:
    files = {**POLICY, ADMIN_SERVICE: service(IN_PLACE.format(code))}
    repair = repaired(tmp_path, files, ADMIN_SERVICE, CODES)
    closed = CLOSED
    if expected == "DBS303":
        closed = closed.replace("return session", "number = session") + "    return number\n"
    assert repair.text.content == service(IN_PLACE.format(closed))
    assert [fixed.code for fixed in repair.fixed] == [expected]


def test_what_a_fallback_lets_out_is_a_doubt(tmp_path: Path) -> None:
    code = "session = self.db_manager.get_session()\n    return session.query(User).first()"
    files = {**POLICY, ADMIN_SERVICE: service(IN_PLACE.format(code))}
    (reason,) = reasons(tmp_path, files, ADMIN_SERVICE, CODES)
    assert reason.endswith("may let a loaded object out of the block, whose session stays open now")


def test_a_shared_session_is_a_doubt(tmp_path: Path) -> None:
    name, before, _ = LAYERS["request"]
    found = reasons(tmp_path, {"dbsession.toml": REQUEST, name: before}, name, "DBS102")
    reason = "the request's session is shared, and outside of a request there is none"
    assert found == [f"16: DBS102 {reason}"]


def test_what_is_not_within_reach_is_left(tmp_path: Path) -> None:
    code = """
        from managers import db_manager

        def count():
            with db_manager.get_session() as session:
                return session.query(User).count()
    """
    assert reasons(tmp_path, {**POLICY, "web.py": code}, "web.py", "DBS104") == [
        "5: DBS104 the project has no session provider"
    ]
