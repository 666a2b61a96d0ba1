"""DBS106: names that the policy retires, by import and by use."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project

POLICY = """
    [retired]
    "core.database_manager" = "core.database"
    "core.models.OldBase" = "core.models.Base"
    "core.work.open_db" = "the provider of core.database"
    "MemorySessionManager" = "EnhancedSessionManager"
"""
PROJECT = {
    "dbsession.toml": POLICY,
    "core/models.py": """
        class OldBase: pass
        class Base: pass

        def old():
            return OldBase()
    """,
    "core/work.py": """
        def open_db(): pass
    """,
    "core/database.py": "",
}


def assert_retired(folder: Path, files: dict[str, str]) -> None:
    assert_cases(folder, {**PROJECT, **files}, {"DBS106"})


def test_imports(tmp_path: Path) -> None:
    assert_retired(
        tmp_path,
        {
            "core/database_manager.py": "class DatabaseManager: pass\n",
            "app.py": """
                import core.database_manager  # DBS106
                import core.database_manager.pool as pool  # DBS106
                from core import database_manager  # DBS106
                from core import database, database_manager as dm  # DBS106
                from core.database_manager import (
                    DatabaseManager,  # DBS106
                    get_manager,  # DBS106
                )
                from core.database_manager import *  # DBS106
                from core.models import Base, OldBase as Old  # DBS106
                from core.database_manager_next import something
                import core.database
                import other.core

                def later():
                    from core.work import open_db  # DBS106
            """,
        },
    )


def test_relative_imports(tmp_path: Path) -> None:
    assert_retired(
        tmp_path,
        {
            "src/core/__init__.py": """
                from .database_manager import DatabaseManager  # DBS106
                from . import database_manager  # DBS106
                from . import database
            """,
            "src/core/api/routes.py": """
                from ..database_manager import DatabaseManager  # DBS106
                from .. import database_manager as dm  # DBS106
                from .database_manager import other
                from ..... import too_far
            """,
        },
    )


def test_imports_that_a_package_passes_on(tmp_path: Path) -> None:
    assert_retired(
        tmp_path,
        {
            "core/__init__.py": """
                from core.models import OldBase, Base  # DBS106
            """,
            "app.py": """
                from core import Base, OldBase  # DBS106
            """,
        },
    )


def test_uses_where_no_import_was_reported(tmp_path: Path) -> None:
    assert_retired(
        tmp_path,
        {
            "core/__init__.py": "",
            "core/database_manager.py": "class DatabaseManager: pass\n",
            "modules.py": """
                import core
                from core import models as m, work

                manager = core.database_manager.DatabaseManager()  # DBS106
                again = core.database_manager  # DBS106

                class Child(m.OldBase):  # DBS106
                    base = m.Base

                work.open_db()  # DBS106
            """,
            "stars.py": """
                from core.models import *

                class Child(OldBase): pass  # DBS106
                class Other(Base): pass
            """,
            "reported.py": """
                import core.database_manager  # DBS106
                import core

                manager = core.database_manager.DatabaseManager()
                base = core.models.OldBase  # DBS106
            """,
        },
    )


def test_the_retired_module_may_use_its_own_names(tmp_path: Path) -> None:
    assert_retired(
        tmp_path,
        {
            "core/database_manager/__init__.py": """
                from .pool import Pool
                from core.database_manager.pool import Pool as Again
            """,
            "core/database_manager/pool.py": "class Pool: pass\n",
        },
    )


def test_a_bare_name_counts_where_its_import_leads_nowhere(tmp_path: Path) -> None:
    assert_retired(
        tmp_path,
        {
            "nowhere.py": """
                import stores
                from elsewhere import MemorySessionManager  # DBS106
            """,
            "uses.py": """
                import stores

                store = stores.MemorySessionManager()  # DBS106
            """,
            "sessions.py": """
                class MemorySessionManager: pass

                store = MemorySessionManager()
            """,
            "app.py": """
                from sessions import MemorySessionManager
            """,
            "parameters.py": """
                def make(MemorySessionManager, stores):
                    return MemorySessionManager(), stores.MemorySessionManager()
            """,
        },
    )


def test_messages(tmp_path: Path) -> None:
    text = (
        "import core.database_manager.pool\nfrom core.work import other\n"
        "from core.work import open_db\n"
    )
    write_project(tmp_path, {**PROJECT, "app.py": text})
    assert lint(tmp_path, "app.py") == [
        (
            1,
            7,
            "DBS106",
            "`core.database_manager` is retired by the policy; use `core.database`, "
            "which has no `pool`",
        ),
        (
            3,
            22,
            "DBS106",
            "`core.work.open_db` is retired by the policy; use the provider of core.database",
        ),
    ]


def test_the_message_says_what_the_replacement_does_not_have(tmp_path: Path) -> None:
    policy = '[retired]\n"core.legacy_db" = "core.db"\n"core.words" = "core.db or so"\n'
    files = {
        "dbsession.toml": policy,
        "core/__init__.py": "",
        "core/db.py": "def session_scope(): ...\n",
        "a.py": "from core.legacy_db import get_session\n",
        "b.py": "from core.legacy_db import session_scope\n",
        "c.py": "import core.legacy_db\n",
        "d.py": "from core.words import get_session\n",
    }
    write_project(tmp_path, files)
    found = [lint(tmp_path, f"{name}.py")[0][3].partition("; ")[2] for name in "abcd"]
    plain = "use `core.db`"
    assert found == [f"{plain}, which has no `get_session`", plain, plain, "use core.db or so"]
