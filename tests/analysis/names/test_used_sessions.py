"""A parameter that nothing annotates is a session where nothing else has what is called on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases

SYNC = """
    def store(session, row):
        {work}
        try:
            session.commit()
        except Exception:  {code}
            print("not stored")
        session.commit()
"""
ASYNC = """
    async def store(session, row):
        {work}
        try:
            await session.commit()
        except Exception:  {code}
            print("not stored")
        await session.commit()
"""


@pytest.mark.parametrize(
    "work",
    [
        "session.add(row)",
        "session.query(row).all()",
        "session.flush()",
        "session.refresh(row)",
        "session.scalars(row).all()",
    ],
)
def test_what_only_a_session_has_tells_it(work: str, tmp_path: Path) -> None:
    assert_cases(tmp_path, {"work.py": SYNC.format(work=work, code="# DBS308")}, {"DBS308"})


@pytest.mark.parametrize(
    "work",
    [
        "session.execute(row)",
        "session.add_node(row)",
        'session.query("SELECT 1")',
        "row.query(session)",
    ],
)
def test_what_others_have_as_well_does_not(work: str, tmp_path: Path) -> None:
    assert_cases(tmp_path, {"work.py": SYNC.format(work=work, code="")}, {"DBS308"})


def test_it_is_asynchronous_where_it_is_awaited(tmp_path: Path) -> None:
    assert_cases(
        tmp_path, {"work.py": ASYNC.format(work="session.add(row)", code="# DBS308")}, {"DBS308"}
    )
    mixed = ASYNC.replace(
        "await session.commit()\n        except", "session.commit()\n        except"
    )
    assert_cases(tmp_path, {"work.py": mixed.format(work="session.add(row)", code="")}, {"DBS308"})


def test_an_annotation_says_more(tmp_path: Path) -> None:
    said = SYNC.replace("session, row", "session: Index, row").replace(
        "    def", "    class Index: ...\n\n    def"
    )
    assert_cases(tmp_path, {"work.py": said.format(work="session.add(row)", code="")}, {"DBS308"})
