"""Injections: what code hands to a framework, as facts."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

from flake8_dbsession.analysis.facts.framework.injections import Injection
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.values import Role


def facts(folder: Path, text: str) -> list[Injection]:
    text = dedent(text)
    file = SourceFile(folder / "app.py", text, ast.parse(text), Project(folder), Vocabulary())
    return file.facts(Injection)


def test_the_part_of_what_is_handed(tmp_path: Path) -> None:
    found = facts(
        tmp_path,
        """
        from fastapi import Depends
        from sqlalchemy.orm import sessionmaker
        from elsewhere import get_session

        SessionLocal = sessionmaker()

        def get_db():
            with SessionLocal() as db:
                yield db

        def handler(
            a=Depends(SessionLocal),
            b=Depends(get_db),
            c=Depends(get_db()),
            d=Depends(get_session),
        ): ...
        """,
    )
    assert [(i.known.role if i.known else None, i.is_found) for i in found] == [
        (Role.FACTORY, True),
        (Role.DEPENDENCY, True),
        (Role.GENERATOR, True),
        (None, False),
    ]


def test_a_function_of_the_file_and_what_it_returns(tmp_path: Path) -> None:
    found = facts(
        tmp_path,
        """
        from fastapi import Depends
        from sqlalchemy.orm import sessionmaker

        session_maker = sessionmaker()

        def get_db():
            return session_maker()

        def one(db=Depends(get_db)): ...
        def two(db=Depends(get_db)): ...
        """,
    )
    assert [i.is_here for i in found] == [True, True]
    returned = found[0].returned
    assert returned is not None
    assert ast.unparse(returned.node) == "return session_maker()"
