"""Provisions: what counts as being given a session, and what does not."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.facts.acquisition.provisions import Provision
from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.project import Project
from tests.cases import write_project

HOUSE = """
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends
from flask import g
from sqlalchemy.orm import Session, sessionmaker

SessionLocal = sessionmaker()


@contextmanager
def get_db_session():
    with SessionLocal() as db:
        yield db


def get_db():
    with SessionLocal() as db:
        yield db


def get_request_db_session():
    if "db" not in g:
        g.db = SessionLocal()
    return g.db


SessionDep = Annotated[Session, Depends(get_db)]
UserDep = Annotated[str, Depends(get_user)]
"""
IMPORTS = """
from contextlib import ExitStack
from fastapi import APIRouter, Depends
from house import (
    SessionDep, SessionLocal, UserDep, get_db, get_db_session, get_request_db_session
)
from house import get_db_session as scope
"""


def facts(folder: Path, text: str) -> list[Provision]:
    """Give the provisions of a file."""
    write_project(folder, {"house.py": HOUSE})
    text = IMPORTS + dedent(text)
    file = SourceFile(folder / "app.py", text, ast.parse(text), Project(folder), Vocabulary())
    return file.facts(Provision)


def provisions(folder: Path, text: str) -> list[tuple[str, str]]:
    """Give the role and the name of the giver of each provision of a file."""
    return [(found.known.role.value, found.known.name) for found in facts(folder, text)]


PROVIDER = ("provider", "get_db_session")
DEPENDENCY = ("dependency", "get_db")
LENDER = ("lender", "get_request_db_session")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("with get_db_session() as db: pass", [PROVIDER]),
        ("with scope() as db: pass", [PROVIDER]),
        ("def f(stack: ExitStack):\n    return stack.enter_context(get_db_session())", [PROVIDER]),
        ("def f():\n    db = get_request_db_session()", [LENDER]),
        ("def f(db=Depends(get_db)): pass", [DEPENDENCY]),
        ("def f(db: SessionDep): pass\ndef g(*, db: SessionDep): pass", [DEPENDENCY] * 2),
        ("class C:\n    db: object = Depends(get_db)", [DEPENDENCY]),
        ("def f(user: UserDep): pass", []),
        ("router = APIRouter(dependencies=[Depends(get_db)])", []),
        ("with SessionLocal() as db: pass", []),
        ("db = next(get_db())", []),
    ],
)
def test_provisions(tmp_path: Path, text: str, expected: list[tuple[str, str]]) -> None:
    assert provisions(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "entered"),
    [
        ("with get_db_session() as db: pass", [True]),
        ("def f(db):\n    with (db or get_db_session()) as db: pass", [True]),
        ("def f():\n    block = get_db_session()\n    with block as db: pass", [True]),
        ("def f():\n    db = get_db_session().__enter__()", [False]),
        ("def f(db):\n    db = db or get_db_session()\n    db.query(User)", [False]),
        ("def f():\n    return get_db_session()", []),
    ],
)
def test_entered(tmp_path: Path, text: str, entered: list[bool]) -> None:
    assert [found.is_entered for found in facts(tmp_path, text)] == entered
