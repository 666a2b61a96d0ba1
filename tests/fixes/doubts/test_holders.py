"""Tests that replace an attribute of an object that is no module."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.doubts.test_handed import HEAD, WORK, left_for
from tests.fixes.house import HOUSE


@pytest.mark.parametrize(
    ("made", "is_fixed"),
    [
        ("made = MagicMock()", True),
        ("made = helper()", True),
        ("made = helper() if other else work", False),
        ("made = find()", False),
        ("made = module()", False),
        ("for made in (work,): pass", False),
        ("made = MagicMock(); made = work", False),
        ("made = MagicMock(); run(lambda made: setattr(made, 'SessionLocal', f), work)", False),
    ],
)
def test_what_is_replaced_in_a_mock_is_no_name_of_the_module(
    made: str, is_fixed: bool, tmp_path: Path
) -> None:
    head = HEAD.replace("from app.work import Store, count, first", "from app import work")
    test = f"""{head}
    def helper():
        made = MagicMock()
        return made

    def module():
        return work

    def test_it():
        {made}
        setattr(made, "SessionLocal", MagicMock())
        work.count()
    """
    found = left_for(tmp_path, {**HOUSE, "app/work.py": WORK, "tests/test_work.py": test})
    told = "`tests/test_work.py` may patch `SessionLocal` in this module"
    assert found == ([] if is_fixed else [told])
