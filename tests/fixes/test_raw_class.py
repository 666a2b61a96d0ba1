"""DBS103: ``Session(engine)`` becomes the house's provider."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from tests.fixes.house import HOUSE
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


def test_it_is_never_safe(tmp_path: Path) -> None:
    files = {**HOUSE, "work.py": BEFORE}
    assert reasons(tmp_path, files, "work.py", CODES) == [
        "7: DBS103 the house's sessions may have other options than `Session(engine)`",
        "11: DBS103 the house's sessions may have other options than `Session(bind=engine)`",
        "15: DBS301 the house's sessions may have other options than `Session(bind=engine)`",
    ]
    fixed = repaired(tmp_path, files, "work.py", CODES, unsafe=True)
    assert fixed.text.content == dedent(AFTER)


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
