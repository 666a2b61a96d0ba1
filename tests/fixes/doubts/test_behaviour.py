"""Fixed code behaves as it did: both run, with and without an error at each call."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.fixes.blocks.test_local_session import FORMS
from tests.fixes.house import DATABASE, HOUSE, LOADED_DATABASE, READING_DATABASE
from tests.fixes.repairs import repaired
from tests.fixes.stage import Stage, same_commits
from tests.fixes.test_raw_factory_context import OUTLIVING, SAFE, UNSAFE

CODES = "DBS101 DBS102 DBS301 DBS302 DBS303"
HOUSES = {"commits": DATABASE, "reads": READING_DATABASE, "keeps": LOADED_DATABASE}
BLOCKS = {**SAFE, **OUTLIVING, **UNSAFE}
TASKS = {
    **{
        f"block_{name}": f"with SessionLocal() as db:\n{indent(dedent(body), '    ')}"
        for name, body in BLOCKS.items()
    },
    **{
        f"local_{name}": f"db = SessionLocal()\ntry:\n{indent(dedent(body), '    ')}\n"
        "finally:\n    db.close()"
        for name, body in BLOCKS.items()
    },
    **{
        f"caught_{name}": f"db = SessionLocal()\ntry:\n{indent(dedent(body), '    ')}\n"
        "except Exception as error:\n    db.rollback()\n    cache['error'] = str(error)\n"
        "finally:\n    db.close()"
        for name, body in BLOCKS.items()
    },
    **{f"form_{name}": before for name, (before, _) in FORMS.items()},
}
HEAD = """\
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from core.database import SessionLocal
from core.models import Post, User


def rename(*given):
    probe()


def work(self, name, cache: dict):
"""


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("core", "core.models", "core.database"):
        monkeypatch.setitem(sys.modules, name, sys)


@pytest.mark.parametrize("house", HOUSES)
def test_safe_fixes_change_nothing(house: str, tmp_path: Path) -> None:
    fixed = 0
    with Stage(tmp_path, HOUSES[house]) as stage:
        for task, body in TASKS.items():
            before = HEAD + indent(dedent(body).strip("\n"), "    ") + "\n"
            files = {**HOUSE, "core/database.py": HOUSES[house], "work.py": before}
            repair = repaired(tmp_path / "code", files, "work.py", CODES)
            if repair.fixed:
                fixed += 1
                assert_same(stage, before, repair.text.content, task)
    assert fixed > len(TASKS) / 3


def test_a_commit_of_the_provider_fails_where_the_own_one_did(tmp_path: Path) -> None:
    body = """
        db = SessionLocal()
        try:
            db.add(User(id=1, name=name))
            db.commit()
            cache["done"] = True
            return "done"
        except Exception as error:
            db.rollback()
            return type(error).__name__
        finally:
            db.close()
    """
    before = HEAD + indent(dedent(body).strip("\n"), "    ") + "\n"
    files = {**HOUSE, "work.py": before}
    after = repaired(tmp_path / "code", files, "work.py", CODES).text.content
    assert "db.commit()" not in after
    with Stage(tmp_path, HOUSE["core/database.py"]) as stage:
        old, new = (stage.run(text, "a", commits=False) for text in (before, after))
        assert new == old
        assert new.result == "IntegrityError"


def assert_same(stage: Stage, before: str, after: str, task: str) -> None:
    commits = same_commits(before, after)
    for name in ("a", ""):
        failing = 0
        while True:
            old = stage.run(before, name, failing, commits=commits)
            new = stage.run(after, name, failing, commits=commits)
            assert new == old, f"{task}({name!r}), error at call {failing}\n{after}"
            assert not new.leaks, task
            failing += 1
            if failing > old.calls:
                break


@pytest.mark.parametrize(
    "task", ["block_written", "block_changed", "local_returned", "local_lazily"]
)
def test_unsafe_fixes_do(task: str, tmp_path: Path) -> None:
    before = HEAD + indent(dedent(TASKS[task]), "    ") + "\n"
    files = {**HOUSE, "work.py": before}
    assert not repaired(tmp_path / "code", files, "work.py", CODES).fixed
    after = repaired(tmp_path / "code", files, "work.py", CODES, unsafe=True).text.content
    with Stage(tmp_path, DATABASE) as stage:
        assert stage.run(after, "c") != stage.run(before, "c")


@pytest.mark.parametrize(("end", "leaks"), [("return db", 1), ("pass", 1), ("db.close()", 0)])
def test_the_stage_sees_leaks(end: str, leaks: int, tmp_path: Path) -> None:
    body = f"    db = SessionLocal()\n    db.query(User).count()\n    {end}\n"
    with Stage(tmp_path, DATABASE) as stage:
        assert len(stage.run(HEAD + body, "a").leaks) == leaks
