"""What functions hand out: always a new session, another's, or either."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import indent

import pytest

from flake8_dbsession.analysis.file import SourceFile
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.values import FunctionValue, Role

HEADER = (
    "import sqlite3\nfrom sqlalchemy.orm import sessionmaker\nMake = sessionmaker()\nCACHE = {}\n"
)


def part_of(folder: Path, body: str) -> Role | None:
    text = f"{HEADER}class Store:\n    def get(self, given=None):\n{indent(body, ' ' * 8)}\n"
    file = SourceFile(folder / "x.py", text, ast.parse(text), Project(folder), Vocabulary())
    assert file.module.tree is not None
    cls = file.module.tree.body[-1]
    assert isinstance(cls, ast.ClassDef)
    (method,) = cls.body
    assert isinstance(method, ast.FunctionDef)
    return file.inference.result(FunctionValue(method, file.module.scope.child(cls))).role


@pytest.mark.parametrize(
    "body",
    [
        "return Make()",
        "db = Make()\ndb.autoflush = False\nreturn db",
        "db = None\nfor n in range(3):\n    db = Make()\nreturn db",
        "if given:\n    return None\nreturn Make()",
        "return Make() if given else sqlite3.connect(given)",
        "conn = sqlite3.connect('x')\nconn = configured(conn)\nreturn conn",
    ],
)
def test_always_new(tmp_path: Path, body: str) -> None:
    assert part_of(tmp_path, body) is Role.ACCESSOR


@pytest.mark.parametrize(
    "body",
    [
        "return given or Make()",
        "return self.db if self.db is not None else Make()",
        "if given:\n    return given\nreturn Make()",
        "db = given\nif db is None:\n    db = Make()\nreturn db",
        "conn = CACHE.get(given)\nif conn is None:\n    conn = sqlite3.connect(given)\nreturn conn",
        "conn = sqlite3.connect(given)\nCACHE[given] = conn\nreturn conn",
        "return CACHE.get(given) or sqlite3.connect(given)",
        "if self._db is None:\n    self._db = Make()\nreturn self._db",
    ],
)
def test_what_may_be_another_s_is_not_new(tmp_path: Path, body: str) -> None:
    assert part_of(tmp_path, body) is Role.LENDER
