"""Blank lines beside what a fix takes go with it, and all others stay."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from flake8_dbsession.command.group import main
from tests.cases import write_project
from tests.fixes.house import HOUSE
from tests.fixes.repairs import repaired

UNUSED = '''
    def work(name):
        """Work."""

        from core.database import SessionLocal

        # Create a session
        db = SessionLocal()

        # Count the letters.


        count = len(name)
        db.close()

        text = """


        """
        return text, count
'''
LEFT = '''
    def work(name):
        """Work."""

        # Count the letters.


        count = len(name)

        text = """


        """
        return text, count
'''
FIRST = """
    def work(name):
        from core.database import SessionLocal
        db = SessionLocal()

        count = len(name)
        db.close()
        if name:

            count += 1
        return count
"""
FIRST_LEFT = """
    def work(name):
        count = len(name)
        if name:

            count += 1
        return count
"""


@pytest.mark.parametrize(("work", "left"), [(UNUSED, LEFT), (FIRST, FIRST_LEFT)])
def test_the_blank_lines_beside_what_goes_go_with_it(work: str, left: str, tmp_path: Path) -> None:
    files = {**HOUSE, "app/work.py": work}
    assert repaired(tmp_path, files, "app/work.py", "DBS101").text.content == dedent(left)


INDENTED = '''\
from core.database import SessionLocal
from core.models import User


def work(name):
    db = SessionLocal()
    found = db.query(User).count()
@@@@
    text = """
@@@@@@@@
    """
@@@@
    found += db.query(User).count()
@@@@
    db.close()
    return text, found
'''.replace("@", " ")
EMPTIED = '''\
from core.database import get_db_session
from core.models import User


def work(name):
    with get_db_session() as db:
        found = db.query(User).count()

        text = """
@@@@@@@@
    """

        found += db.query(User).count()

    return text, found
'''.replace("@", " ")


METHODS = """\
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker()


class Work:
    def count(self, name):
        db = SessionLocal()
        try:
            if name:
                db.query(name).count()
@@@@@@@@@@@@@@@@@@@@
        finally:
            db.close()
@@@@
    def text(self):
        pass


def count(name):
    db = SessionLocal()
    try:
        db.add(name)
        if name:
            return False
@@@@@@@@@@@@
    finally:
        db.close()


def text(name):
    try:
        db = SessionLocal()
@@@@@@@@
        try:
            if db.query(name).count():
                return False
@@@@@@@@@@@@@@@@
        finally:
            db.close()
@@@@
    except ValueError:
        return False


def more():
    pass
""".replace("@", " ")
METHODS_LEFT = """\
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker()


class Work:
    def count(self, name):
        with SessionLocal() as db:
            if name:
                db.query(name).count()
@@@@
    def text(self):
        pass


def count(name):
    with SessionLocal() as db:
        db.add(name)
        if name:
            return False


def text(name):
    try:
        with SessionLocal() as db:
            if db.query(name).count():
                return False
@@@@
    except ValueError:
        return False


def more():
    pass
""".replace("@", " ")


@pytest.mark.parametrize(
    ("house", "before", "after"), [(HOUSE, INDENTED, EMPTIED), ({}, METHODS, METHODS_LEFT)]
)
def test_blank_lines_that_are_indented(
    house: dict[str, str],
    before: str,
    after: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_project(tmp_path, house)
    work = tmp_path / "work.py"
    work.write_text(before)
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(main, ["fix", "--select=DBS101,DBS301", "work.py"])
    assert work.read_text() == after
