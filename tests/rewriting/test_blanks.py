"""Blank lines beside what a fix takes go with it, and all others stay."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

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
