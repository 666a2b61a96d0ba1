"""What functions hand out: always a new session, another's, or either."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import indent

import pytest

from flake8_dbsession.analysis.effects.results import gives_new
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


NEW = {
    "plain": "return sqlite3.connect(path)",
    "by_a_name": "conn = sqlite3.connect(path)\n    conn.total = 1\n    return conn",
    "by_another": "return opened(path)",
    "either_new": "return sqlite3.connect(path) if path else opened('')",
}
NOT_NEW = {
    "none": "if not path:\n        return None\n    return sqlite3.connect(path)",
    "first_none": "conn = None\n    if path:\n        conn = opened(path)\n    return conn",
    "given": "return path or sqlite3.connect('')",
    "kept": "conn = sqlite3.connect(path)\n    kept.append(conn)\n    return conn",
    "set": "conn = sqlite3.connect(path)\n    current.set(conn)\n    return conn",
    "shared": "global conn\n    conn = sqlite3.connect(path)\n    return conn",
    "boxed": "conn = sqlite3.connect(path)\n    box = [conn]\n    return conn",
    "reworked": "conn = sqlite3.connect(path)\n    conn = same(conn)\n    return conn",
    "unknown": "return unknown(path)",
    "nothing": "sqlite3.connect(path)",
}


def gives_new_in(folder: Path, body: str) -> bool:
    text = (
        "import sqlite3\ndef opened(path):\n    return sqlite3.connect(path)\n"
        f"def same(conn):\n    return conn\ndef given(path):\n    {body}\n"
    )
    file = SourceFile(folder / "x.py", text, ast.parse(text), Project(folder), Vocabulary())
    assert file.module.tree is not None
    last = file.module.tree.body[-1]
    assert isinstance(last, ast.FunctionDef)
    return gives_new(FunctionValue(last, file.module.scope), file.inference)


@pytest.mark.parametrize("body", NEW.values(), ids=NEW)
def test_what_is_new_each_time(tmp_path: Path, body: str) -> None:
    assert gives_new_in(tmp_path, body)


@pytest.mark.parametrize("body", NOT_NEW.values(), ids=NOT_NEW)
def test_what_may_be_another_s(tmp_path: Path, body: str) -> None:
    assert not gives_new_in(tmp_path, body)
