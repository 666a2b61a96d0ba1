"""What functions do with a session or connection that they are given, and how calls end."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.effects.effects import Effects
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.lifetimes import Fate, Outcome
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.project import Project

UNTOUCHED, ADDED_TO, USED = Outcome.UNTOUCHED, Outcome.ADDED_TO, Outcome.USED
CLOSED, ONLY_CLOSED, KEPT, GIVEN_BACK, UNKNOWN = (
    Outcome.CLOSED,
    Outcome.ONLY_CLOSED,
    Outcome.KEPT,
    Outcome.GIVEN_BACK,
    Outcome.UNKNOWN,
)
HELPERS = """
import asyncio
from contextlib import contextmanager
from functools import partial

def end(it):
    it.close()

def end_unless(it, keep=False):
    if not keep:
        it.close()

def end_all(*them):
    for it in them:
        it.close()

async def end_slowly(it):
    await it.close()

class Repository:
    def __init__(self, db, name=None):
        self.db = db
        self.name = name

    def find(self):
        return self.db.query(1)

    def finish(self):
        self.db.close()

    def through(self):
        self.finish()

class Base:
    def work(self, db):
        raise NotImplementedError
"""


def fate_in(folder: Path, call: str, body: str = "pass", **options: bool) -> Fate:
    """What becomes of the first argument of a call, in a module with a function ``given``."""
    text = HELPERS + f"\ndef given(db, flag=False):\n    {body}\n\n{call}\n"
    file = SourceFile(folder / "x.py", text, ast.parse(text), Project(folder), Vocabulary())
    assert file.module.tree is not None
    last = file.module.tree.body[-1]
    assert isinstance(last, ast.Expr)
    assert isinstance(last.value, ast.Call)
    return Effects(file.inference).fate(last.value, 0, file.module.scope, **options)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("pass", UNTOUCHED),
        ("print(db)", UNTOUCHED),
        ("db.add(1)", ADDED_TO),
        ("db.query(1)", USED),
        ("db.close()", ONLY_CLOSED),
        ("if db is not None:\n        db.close()", ONLY_CLOSED),
        ("try:\n        db.query(1)\n    finally:\n        db.close()", CLOSED),
        ("with db:\n        db.query(1)", CLOSED),
        ("end(db)", ONLY_CLOSED),
        ("end_unless(db)", ONLY_CLOSED),
        ("end_unless(db, keep=True)", UNTOUCHED),
        ("end_all(db)", KEPT),
        ("other = db\n    other.close()", ONLY_CLOSED),
        ("if unknown:\n        db.close()", KEPT),
        ("yield 1\n    db.close()", KEPT),
        ("items.append(db)", KEPT),
        ("app.db = db", KEPT),
        ("return db", GIVEN_BACK),
        ("return {'db': Repository(db)}", GIVEN_BACK),
        ("return lambda: db.query(1)", GIVEN_BACK),
        ("return partial(end, db)", GIVEN_BACK),
        ("return db.query(1)", USED),
        ("yield db.query(1)", GIVEN_BACK),
        ("registry.work(db)", UNKNOWN),
        ("Base().work(db)", UNKNOWN),
        ("Repository(db).find()", USED),
        ("Repository(db).finish()", ONLY_CLOSED),
        ("Repository(db).through()", ONLY_CLOSED),
        ("asyncio.run(end_slowly(db))", ONLY_CLOSED),
        ("end_slowly(db)", UNTOUCHED),
        ("if unknown:\n        given(db)\n    db.query(1)", USED),
        ("if unknown:\n        return given(db)\n    db.close()", ONLY_CLOSED),
    ],
)
def test_what_a_function_does_with_its_argument(
    tmp_path: Path, body: str, outcome: Outcome
) -> None:
    assert fate_in(tmp_path, "given(1)", body).on_return == {outcome}


@pytest.mark.parametrize(
    ("call", "outcome"),
    [
        ("given(1)", UNTOUCHED),
        ("given(1, True)", ONLY_CLOSED),
        ("given(1, flag=None)", UNTOUCHED),
        ("given(1, flag=unknown)", KEPT),
    ],
)
def test_flags_that_the_call_gives_decide(tmp_path: Path, call: str, outcome: Outcome) -> None:
    assert fate_in(tmp_path, call, "if flag:\n        db.close()").on_return == {outcome}


def test_what_is_open_when_a_function_raises(tmp_path: Path) -> None:
    late = fate_in(tmp_path, "given(1)", "db.query(1)\n    db.close()")
    assert late == Fate(frozenset({CLOSED}), frozenset({USED}))
    guarded = fate_in(
        tmp_path, "given(1)", "try:\n        db.query(1)\n    finally:\n        db.close()"
    )
    assert guarded == Fate(frozenset({CLOSED}), frozenset({CLOSED}))


def test_a_function_that_never_returns_has_no_way_that_returns(tmp_path: Path) -> None:
    assert fate_in(tmp_path, "given(1)", "given(db)").on_return == frozenset()


def test_a_block_over_a_connection_that_it_does_not_close(tmp_path: Path) -> None:
    body = "with db:\n        db.execute(1)"
    assert fate_in(tmp_path, "given(1)", body, block_closes=False).on_return == {USED}


def test_functions_that_lead_to_each_other_have_one_answer(tmp_path: Path) -> None:
    text = dedent(
        """
        def even(db, n):
            if n == 0:
                db.close()
                return
            odd(db, n - 1)

        def odd(db, n):
            if n == 1:
                db.close()
                return
            even(db, n - 1)

        odd(1, n)
        even(1, n)
        """
    )
    for backwards in (False, True):
        file = SourceFile(tmp_path / "x.py", text, ast.parse(text), Project(tmp_path), Vocabulary())
        effects = Effects(file.inference)
        assert file.module.tree is not None
        calls = [each.value for each in file.module.tree.body[-2:]]  # type: ignore[attr-defined]
        for call in reversed(calls) if backwards else calls:
            assert effects.fate(call, 0, file.module.scope).on_return == {ONLY_CLOSED}
