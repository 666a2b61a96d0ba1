"""Endings: which functions are followed, and what is known of the calls in them."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.facts import endings as module
from flake8_dbsession.analysis.facts.callees import Callees, Fate
from flake8_dbsession.analysis.facts.endings import Ending
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.project import Project

HEADER = "from sqlalchemy.orm import sessionmaker\nSessionLocal = sessionmaker()\n"


def source(folder: Path, text: str) -> SourceFile:
    text = HEADER + dedent(text)
    return SourceFile(folder / "x.py", text, ast.parse(text), Project(folder), Vocabulary())


def test_one_graph_a_function_and_none_without_an_acquisition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    build = module.build

    def counted(root: ast.FunctionDef, *args: object, **options: object) -> object:
        built.append(root.name)
        return build(root, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "build", counted)
    file = source(
        tmp_path,
        """
        def two():
            first, second = SessionLocal(), SessionLocal()
            first.query(second)

        def given(db_session):
            db_session.query(1)

        def settled(self):
            with SessionLocal() as db:
                self.db = SessionLocal()
            return SessionLocal()
        """,
    )
    found = file.facts(Ending)
    assert [ending.acquisition.name for ending in found] == ["first", "second"]
    assert built == ["two"]


@pytest.mark.parametrize(
    ("body", "fate"),
    [
        ("db.query(1)", Fate.USED),
        ("db.close()", Fate.CLOSED),
        ("if db is not None:\n        db.close()", Fate.CLOSED),
        ("try:\n        db.query(1)\n    finally:\n        db.close()", Fate.CLOSED),
        ("with db:\n        db.query(1)", Fate.CLOSED),
        ("end(db)", Fate.CLOSED),
        ("other = db\n    other.close()", Fate.CLOSED),
        ("if last:\n        db.close()", Fate.KEPT),
        ("yield 1\n    db.close()", Fate.KEPT),
        ("KEPT.append(db)", Fate.KEPT),
        ("app.db = db", Fate.KEPT),
        ("return db", Fate.GIVEN_BACK),
        ("return {'db': Repository(db)}", Fate.GIVEN_BACK),
        ("return lambda: db.query(1)", Fate.GIVEN_BACK),
        ("return db.query(1)", Fate.USED),
        ("itself(db)", Fate.USED),
    ],
)
def test_what_a_function_does_with_its_argument(tmp_path: Path, body: str, fate: Fate) -> None:
    text = (
        f"def end(it):\n    it.close()\n\ndef itself(db):\n    {body}\n\nitself(SessionLocal())\n"
    )
    file = source(tmp_path, text)
    assert file.module.tree is not None
    call = file.module.tree.body[-1].value  # type: ignore[attr-defined]
    callees = Callees(file.inference, blocks_close=True)
    assert callees.fate(call, 0, file.module.scope) is fate


def test_a_block_over_a_connection_that_it_does_not_close(tmp_path: Path) -> None:
    text = "def work(conn):\n    with conn:\n        conn.execute(1)\n\nwork(SessionLocal())\n"
    file = source(tmp_path, text)
    assert file.module.tree is not None
    call = file.module.tree.body[-1].value  # type: ignore[attr-defined]
    callees = Callees(file.inference, blocks_close=False)
    assert callees.fate(call, 0, file.module.scope) is Fate.USED
