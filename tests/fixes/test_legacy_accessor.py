"""DBS104, and layers of style ``request``: what the layer uses comes in."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.fixes.repairs import reasons, repaired

POLICY = {"dbsession.toml": 'preset = "unified"\n'}
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

        def count(self):
            if self.unified_session_manager:
                with self.unified_session_manager.get_db_session() as session:
                    return session.query(User).count()
            else:
                session = self.db_manager.get_session()
                return session.query(User).count()

        def again(self):
            with self.db_manager.get_session() as session:
                return session.query(User).count()
"""


def test_a_fallback_is_a_doubt_and_stays(tmp_path: Path) -> None:
    name = "app/admin/services/users.py"
    assert reasons(tmp_path, {**POLICY, name: SERVICE}, name, CODES) == [
        "12: DBS302 it is the layer's fallback for where the sanctioned object is missing",
        "16: DBS104 the layer's fallback is for where `self.unified_session_manager` is missing",
    ]
    repair = repaired(tmp_path, {**POLICY, name: SERVICE}, name, CODES, unsafe=True)
    assert repair.text.content == dedent(SERVICE).replace(
        "with self.db_manager.get_session()", "with self.unified_session_manager.get_db_session()"
    )


def test_a_shared_session_is_a_doubt(tmp_path: Path) -> None:
    name, before, _ = LAYERS["request"]
    found = reasons(tmp_path, {"dbsession.toml": REQUEST, name: before}, name, "DBS102")
    assert found == ["16: DBS102 the request's session is shared: its work ends with the request"]


def test_what_is_not_within_reach_is_left(tmp_path: Path) -> None:
    code = """
        from managers import db_manager

        def count():
            with db_manager.get_session() as session:
                return session.query(User).count()
    """
    assert reasons(tmp_path, {**POLICY, "web.py": code}, "web.py", "DBS104") == [
        "5: DBS104 `unified_session_manager` is not known here; "
        "the policy's `use` can say `module:unified_session_manager`"
    ]
