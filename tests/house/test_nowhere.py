"""Names in a policy that lead nowhere: an error at the policy's own line."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_dbsession.house.nowhere import look_up_names
from flake8_dbsession.policy.loading import load, sources_of
from tests.cases import write_project

PROJECT = {
    "core/__init__.py": "from core.manager import manager\n",
    "core/database.py": """
        from contextlib import contextmanager

        engine = None

        @contextmanager
        def get_db_session():
            yield 1

        def connect():
            global SessionLocal
            SessionLocal = object
    """,
    "core/manager.py": """
        from somewhere import Base

        class Manager:
            def __init__(self):
                self.factory = object

            def get_session(self):
                return 1

            @classmethod
            def shared(cls):
                return 1

        class Child(Manager):
            pass

        class Foreign(Base):
            pass

        manager = Manager()
        child = Child()
        foreign = Foreign()
    """,
    "core/star.py": "from elsewhere import *\n",
    "core/broken.py": "def get_db():\n    yield )\n",
    "src/shop/__init__.py": "",
    "src/shop/db.py": "def session(): ...\n",
}
LAYER = '[[layers]]\nname = "a"\npaths = ["a/"]\n'


def nowhere(folder: Path, policy: str) -> list[str]:
    """The names that lead nowhere, each with its line."""
    write_project(folder, {**PROJECT, "dbsession.toml": ""})
    file = folder / "dbsession.toml"
    file.write_text(policy)
    found = look_up_names(load(file), sources_of(file)).errors
    return [f"{error.line}: {error.problem.rpartition('nowhere: ')[2]}" for error in found]


@pytest.mark.parametrize(
    "use",
    [
        "core.database:get_db_session",
        "core.database:SessionLocal",
        "core.database:engine.begin",
        "core:database.get_db_session",
        "core:manager.get_session",
        "core.manager:child.get_session",
        "core.manager:child.factory",
        "core.manager:foreign.anything",
        "core.manager:Manager.shared",
        "core.star:anything",
        "shop.db:session",
        # of other packages
        "acme_db:get_session",
        "flask:current_app.manager.get_session",
        # expressions
        "core.nothing",
        "self.manager.get_session",
        "get_db",
    ],
)
def test_what_leads_somewhere_or_is_taken_on_trust(use: str, tmp_path: Path) -> None:
    assert nowhere(tmp_path, f'{LAYER}use = "{use}"') == []


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        (f'{LAYER}use = "core.database:get_db"', "4: `core.database` has no `get_db`"),
        (f'{LAYER}use = [\n"core.gone:x"]', "5: there is no module `core.gone`"),
        (f'{LAYER}use = "core.manager:child.get"', "4: `Child` has no `get`"),
        (
            f'{LAYER}use = "core.manager:Manager.get_session"',
            "4: `get_session` is a method, and needs an object of `Manager`",
        ),
        (f'{LAYER}use = "shop.database:session"', "4: there is no module `shop.database`"),
        (f'{LAYER}use = "core.broken:get_db"', "4: `core.broken` does not parse (line 2)"),
        ('connections = "core.broken.get_db"', "1: `core.broken` does not parse (line 2)"),
        (f'{LAYER}decorator = "core.base.safe"', "4: `core` has no `base`"),
        ('factories = ["core.database.Session"]', "1: `core.database` has no `Session`"),
        ('connections = "core:db.connect"', "1: `core` has no `db`"),
        ('connections = "core.database.conect"', "1: `core.database` has no `conect`"),
        ('\n[retired]\n"old.thing" = "core.new"', "3: `core` has no `new`"),
        ('[legacy]\n"*.get" = "core.database:get"', "2: `core.database` has no `get`"),
        ('[[ways]]\nname = "core.database:get"', "2: `core.database` has no `get`"),
    ],
)
def test_what_leads_nowhere(policy: str, fault: str, tmp_path: Path) -> None:
    assert nowhere(tmp_path, policy) == [fault]


@pytest.mark.parametrize(
    "policy",
    [
        '[retired]\n"core.old" = "the provider of core.new"\n"core.older.Thing" = "Thing"',
        'factories = ["SessionLocal", "acme.db.make"]',
        'preset = "dbapi"',
    ],
)
def test_words_bare_names_and_presets_are_not_looked_up(policy: str, tmp_path: Path) -> None:
    assert nowhere(tmp_path, policy) == []


def test_the_files_that_were_read_are_told(tmp_path: Path) -> None:
    write_project(tmp_path, {**PROJECT, "dbsession.toml": f'{LAYER}use = "core.database:engine"'})
    file = tmp_path / "dbsession.toml"
    assert tmp_path / "core/database.py" in look_up_names(load(file), sources_of(file)).files
