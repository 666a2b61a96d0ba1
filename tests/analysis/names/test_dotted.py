"""The dotted names by which something goes."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.names.dotted import imported_names, module_names, names_of
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.scopes import Imported
from flake8_dbsession.analysis.nodes import dotted_name

ROOT = Path("/repo")


def names_of_last(text: str) -> tuple[str, ...]:
    """The names of what the last statement of a module, or of its last function, says."""
    tree = ast.parse(dedent(text))
    scope = Module(ROOT / "src" / "app" / "work.py", dedent(text), tree).scope
    node: ast.stmt = tree.body[-1]
    while isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        scope, node = scope.child(node), node.body[-1]
    assert isinstance(node, ast.Expr)
    return names_of(node.value, scope, ROOT)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("db.get", ("db.get",)),
        ("import app.db\napp.db.get", ("app.db.get",)),
        ("import app.db as d\nd.get", ("d.get", "app.db.get")),
        ("from app import db as d\nd.get", ("d.get", "app.db.get")),
        ("import db\nold = db\nolder = old\nolder.x", ("older.x", "old.x", "db.x")),
        ("from ..core import db\ndb.get", ("db.get", "src.core.db.get", "core.db.get")),
        ("from . import db\ndb", ("db", "src.app.db", "app.db")),
        ("db = make()\ndb.get", ("db.get",)),
        ("a = b\nb = a\na", ("a", "b")),
        ("make().get", ()),
    ],
)
def test_names_of_an_expression(text: str, names: tuple[str, ...]) -> None:
    assert names_of_last(text) == names


def test_attributes_of_self_are_followed() -> None:
    text = """
        from app import db

        class Work:
            def __init__(self, given):
                self.db = db
                self.given = given

            def run(self, other):
                self.db.get
    """
    assert names_of_last(text) == ("self.db.get", "db.get", "app.db.get")
    assert names_of_last(text.replace("self.db.get", "other.db.get")) == ("other.db.get",)
    assert names_of_last(text.replace("self.db.get", "self.given.get")) == (
        "self.given.get",
        "given.get",
    )


def test_dotted_name_is_empty_for_anything_else() -> None:
    assert dotted_name(ast.parse("a.b[0].c", mode="eval").body) == ""


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/repo/src/core/db.py", ("src.core.db", "core.db", "db")),
        ("/repo/src/core/__init__.py", ("src.core", "core")),
        ("/elsewhere/db.py", ()),
    ],
)
def test_module_names(path: str, names: tuple[str, ...]) -> None:
    assert module_names(Path(path), ROOT) == names


def test_an_import_above_the_root_has_no_name() -> None:
    assert imported_names(Imported("core", "db", level=9), ROOT / "app.py", ROOT) == ()
