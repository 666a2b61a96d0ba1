"""Endings: which functions are followed, and what is known of the calls in them."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.facts.lifetime import endings as module
from flake8_dbsession.analysis.facts.lifetime.endings import Ending
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
