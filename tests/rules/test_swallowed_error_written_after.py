"""DBS308: what is changed after a failed statement, and flushed by the commit that comes next."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases

TURNS = """
    from dataclasses import dataclass

    from models import Failure
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session, sessionmaker

    SessionLocal = sessionmaker(create_engine("{url}://localhost/shop"))

    @dataclass
    class Result:
        error: str = ""

    def mark(message):
        message.status = "failed"

    def send(db: Session, result: Result):
        messages = db.query(Message).all()
        for message in messages:
            clinic = None
            try:
                clinic = db.query(Clinic).filter_by(id=message.clinic_id).first()
            except Exception as error:  # {code}
                {handler}
            {after}
            db.commit()
"""

WRITES = [
    'message.status = "failed"',
    "message.retries += 1",
    'setattr(message, "status", "failed")',
    "message.errors.append(str(error))",
    "mark(message)",
    "db.add(Failure(message=message))",
    "db.delete(message)",
    'print("failed"); message.status = "failed"',
]
HARMLESS = [
    "print(error)",
    "result.error = str(error)",
    'db.rollback(); message.status = "failed"',
    'if "unsent" in str(error): message.status = "unsent"',
]


def assert_turns(tmp_path: Path, code: str, **parts: str) -> None:
    parts = {"url": "postgresql", "handler": "print(error)", "after": "pass", **parts}
    assert_cases(tmp_path, {"send.py": TURNS.format(code=code, **parts)}, {"DBS308"})


@pytest.mark.parametrize("handler", WRITES)
def test_a_handler_that_changes_what_the_turn_commits(tmp_path: Path, handler: str) -> None:
    assert_turns(tmp_path, "DBS308", handler=handler)
    assert_turns(tmp_path, "silent", handler=handler, url="mysql+pymysql")


@pytest.mark.parametrize("handler", HARMLESS)
def test_a_handler_that_leaves_the_commit_nothing_to_flush(tmp_path: Path, handler: str) -> None:
    assert_turns(tmp_path, "silent", handler=handler)


@pytest.mark.parametrize(
    ("after", "code"),
    [
        ("message.seen = True", "DBS308"),
        ("db.add(message)", "DBS308"),
        ("result.error = ''", "silent"),
        ("if clinic: message.clinic_name = clinic.name", "silent"),
    ],
)
def test_what_the_turn_changes_after_its_handler(tmp_path: Path, after: str, code: str) -> None:
    assert_turns(tmp_path, code, after=after)


def test_a_block_that_commits_what_its_handler_changes(tmp_path: Path) -> None:
    text = """
        from contextlib import contextmanager

        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        SessionLocal = sessionmaker(create_engine("postgresql://localhost/shop"))

        @contextmanager
        def saved():
            db = SessionLocal()
            try:
                yield db
                db.commit()
            except Exception:
                db.rollback()
                raise
            finally:
                db.close()

        def by_a_provider(key):
            with saved() as db:
                message = db.get(Message, key)
                try:
                    db.query(Clinic).first()
                except Exception as error:  # DBS308
                    message.error = str(error)

        def by_itself(key):
            with SessionLocal() as db:
                message = db.get(Message, key)
                try:
                    db.query(Clinic).first()
                except Exception as error:  # DBS308
                    message.error = str(error)
                db.commit()

        def told(key):
            with saved() as db:
                message = db.get(Message, key)
                try:
                    db.query(Clinic).first()
                except Exception as error:
                    print(error)
    """
    assert_cases(tmp_path, {"send.py": text}, {"DBS308"})
