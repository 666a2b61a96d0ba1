"""What the names in a policy stand for, where following them leads nowhere."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from flake8_dbsession.analysis.effects import inference_over
from flake8_dbsession.analysis.names.inference import Vocabulary
from flake8_dbsession.analysis.names.modules import Module
from flake8_dbsession.analysis.names.project import Project
from flake8_dbsession.analysis.names.values import Resource, Role, RoleValue
from flake8_dbsession.policy.loading import load
from flake8_dbsession.policy.vocabulary import vocabulary_of
from tests.cases import write_project

POLICY = """
preset = "sqlalchemy"
factories = ["make_session", "app.db.factory"]
connections = "storage.get_connection"

[retired]
"app.old" = "app.new"

[legacy]
"*manager.open" = "work"

[[layers]]
name = "a"
paths = ["a/"]
use = "app.db:work"
fallback = "self.spare()"

[[layers]]
name = "b"
paths = ["b/"]
use = "get_async_db"
style = "dependency"

[[layers]]
name = "c"
paths = ["c/"]
use = "g.session"
style = "request"
"""


def known(text: str, folder: Path) -> RoleValue | None:
    """What the last expression of a source stands for under the policy."""
    policy = folder / "dbsession.toml"
    policy.write_text(POLICY)
    inference = inference_over(Project(folder), vocabulary_of(load(policy)))
    tree = ast.parse(text)
    last = tree.body[-1]
    assert isinstance(last, ast.Expr)
    return inference.known(last.value, Module(folder / "code.py", text, tree).scope)


@pytest.mark.parametrize(
    ("text", "role", "resource"),
    [
        ("make_session", Role.FACTORY, Resource.SESSION),
        ("from app.db import factory\nfactory", Role.FACTORY, Resource.SESSION),
        ("self.db_manager.open", Role.ACCESSOR, Resource.SESSION),
        ("from app import manager as m\nm.open()", Role.OPENED, Resource.SESSION),
        ("self.spare", Role.ACCESSOR, Resource.SESSION),
        ("from app.db import work\nwork", Role.PROVIDER, Resource.SESSION),
        ("from app import db\ndb.work()", Role.MANAGER, Resource.SESSION),
        ("get_async_db()", Role.GENERATOR, Resource.SESSION),
        ("from app import db\ndb.get_async_db", Role.DEPENDENCY, Resource.SESSION),
        ("g.session()", Role.LENT, Resource.SESSION),
        ("storage.get_connection", Role.PROVIDER, Resource.CONNECTION),
    ],
)
def test_names(text: str, role: Role, resource: Resource, tmp_path: Path) -> None:
    found = known(text, tmp_path)
    assert found is not None
    assert (found.role, found.resource) == (role, resource)
    assert found.is_async == ("async" in text)


@pytest.mark.parametrize(
    "text",
    [
        "work",
        "from other.db import work\nwork",
        "manager.close",
        "self.session",
        "def get_async_db(): pass\nget_async_db",
        "class Manager:\n    def open(self): pass\nmanager = Manager()\nmanager.open",
    ],
)
def test_what_the_policy_does_not_name_or_the_code_defines(text: str, tmp_path: Path) -> None:
    assert known(text, tmp_path) is None


def test_what_calls_and_imports_are_watched_for(tmp_path: Path) -> None:
    policy = tmp_path / "dbsession.toml"
    policy.write_text(POLICY)
    vocabulary = vocabulary_of(load(policy))
    assert vocabulary.accessors == ("*manager.open",)
    assert vocabulary.watched == {"app.old"}


FACTORIES = {
    "asynchronous": """
        from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

        factory = async_sessionmaker(create_async_engine("sqlite+aiosqlite://"))
    """,
    "objects stay loaded": """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        factory = sessionmaker(create_engine("sqlite://"), expire_on_commit=False)
    """,
}


@pytest.mark.parametrize("made", FACTORIES)
@pytest.mark.parametrize(
    "use", ["from app.db import factory\nfactory", "import app.db\napp.db.factory"]
)
def test_naming_a_factory_that_the_code_defines_changes_nothing_of_it(
    made: str, use: str, tmp_path: Path
) -> None:
    write_project(tmp_path, {"app/__init__.py": "", "app/db.py": FACTORIES[made]})
    named = known(use, tmp_path)
    tree = ast.parse(use)
    module = Module(tmp_path / "code.py", use, tree)
    found = inference_over(Project(tmp_path), Vocabulary()).known(tree.body[-1].value, module.scope)  # type: ignore[attr-defined]
    assert found is not None
    assert named is not None
    kept = ("role", "resource", "is_async", "keeps_loaded", "library", "commits")
    assert [getattr(named, name) for name in kept] == [getattr(found, name) for name in kept]
