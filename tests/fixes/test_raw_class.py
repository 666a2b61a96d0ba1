"""DBS103: ``Session(engine)`` becomes the house's provider."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.fixes.house import DATABASE, HOUSE
from tests.fixes.repairs import reasons, repaired

BEFORE = """
    from sqlalchemy.orm import Session
    from core.database import engine
    from core.models import User

    def block():
        with Session(engine) as db:
            return db.query(User).count()

    def by_hand():
        db = Session(bind=engine)
        try:
            return db.query(User).count()
        finally:
            db.close()
"""
AFTER = """
    from core.database import get_db_session
    from core.models import User

    def block():
        with get_db_session() as db:
            return db.query(User).count()

    def by_hand():
        with get_db_session() as db:
            return db.query(User).count()
"""
CODES = "DBS103 DBS301"


def test_the_same_engine_and_options_are_safe(tmp_path: Path) -> None:
    fixed = repaired(tmp_path, {**HOUSE, "work.py": BEFORE}, "work.py", CODES)
    assert fixed.text.content == dedent(AFTER)


@pytest.mark.parametrize(
    ("database", "reason"),
    [
        (DATABASE.replace("bind=engine)", "engine, autoflush=False)"), "other options"),
        (DATABASE.replace("bind=engine)", "engine, class_=Own)"), "other options"),
        (DATABASE.replace("bind=engine)", "bind=engines[0])"), "another engine"),
    ],
)
def test_other_sessions_are_a_doubt(database: str, reason: str, tmp_path: Path) -> None:
    files = {**HOUSE, "core/database.py": database, "work.py": BEFORE}
    assert reasons(tmp_path, files, "work.py", CODES) == [
        f"7: DBS103 the house's sessions may have {reason} than `Session(engine)`",
        f"11: DBS103 the house's sessions may have {reason} than `Session(bind=engine)`",
        f"15: DBS301 the house's sessions may have {reason} than `Session(bind=engine)`",
    ]
    fixed = repaired(tmp_path, files, "work.py", CODES, unsafe=True)
    assert fixed.text.content == dedent(AFTER)


def test_a_session_of_sqlmodel_is_a_doubt(tmp_path: Path) -> None:
    code = """
        from sqlmodel import Session
        from core.database import engine

        def block():
            with Session(engine) as db:
                return db.query(1).count()
    """
    assert reasons(tmp_path, {**HOUSE, "work.py": code}, "work.py", CODES) == [
        "6: DBS103 the house's sessions may have other options than `Session(engine)`"
    ]


def test_what_is_left_and_why(tmp_path: Path) -> None:
    code = """
        from sqlalchemy.orm import Session, sessionmaker
        from core.database import engine

        def options():
            with Session(engine, autoflush=False) as db:
                return db.info

        def made():
            make = sessionmaker(engine)
            db = make()
            db.commit()
    """
    assert reasons(tmp_path, {**HOUSE, "work.py": code}, "work.py", CODES) == [
        "6: DBS103 the session is opened with arguments of its own",
        "11: DBS103 its factory is made on the spot",
    ]


def test_an_engine_made_on_the_spot_is_left(tmp_path: Path) -> None:
    policy = """
        [[layers]]
        name = "all"
        paths = ["*"]
        use = "core.database:get_db_session"
        style = "context"
    """
    code = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session

        def count(url):
            replica = create_engine(url)
            with Session(replica) as db:
                return db.query(1).count()

        def once(url):
            with Session(create_engine(url)) as db:
                return db.query(1).count()
    """
    files = {**HOUSE, "dbsession.toml": policy, "work.py": code}
    assert reasons(tmp_path, files, "work.py", CODES) == [
        "7: DBS103 its engine is made on the spot",
        "11: DBS103 its engine is made on the spot",
    ]
