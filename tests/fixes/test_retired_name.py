"""DBS106: a retired name is replaced, where its replacement is a plain other name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.repairs import assert_fixed, reasons, repaired

POLICY = """
    [retired]
    "core.database_manager" = "core.database"
    "core.tools.OldManager" = "core.database.DatabaseManager"
    "core.tools.words" = "ask the team"
    "core.tools.gone" = "elsewhere.nowhere.gone"
"""
DATABASE = """
    class DatabaseManager:
        pass

    def get_db_session():
        pass
"""
SHIM = "from core.database import DatabaseManager, get_db_session\n"
HOUSE = {
    "dbsession.toml": POLICY,
    "core/__init__.py": "",
    "core/database.py": DATABASE,
    "core/tools.py": "from core.database import DatabaseManager as OldManager\n",
    "core/database_manager.py": SHIM,
}

SAFE = {
    "module": (
        "from core.database_manager import (  # one\n"
        "    DatabaseManager,  # two\n    get_db_session as get,\n)\n"
        "DatabaseManager(), get\n",
        "from core.database import (  # one\n"
        "    DatabaseManager,  # two\n    get_db_session as get,\n)\n"
        "DatabaseManager(), get\n",
    ),
    "renamed": (
        "from core.tools import OldManager\n\ndef f(x=OldManager):\n    return OldManager()\n",
        "from core.database import DatabaseManager\n\n"
        "def f(x=DatabaseManager):\n    return DatabaseManager()\n",
    ),
    "aliased": (
        "from core.tools import OldManager as Manager\nManager()\n",
        "from core.database import DatabaseManager as Manager\nManager()\n",
    ),
}
UNSAFE = {
    "import": (
        "import core.database_manager\ncore.database_manager.DatabaseManager()\n",
        "import core.database\ncore.database.DatabaseManager()\n",
    ),
    "import_as": (
        "import core.database_manager as manager\nmanager.get_db_session()\n",
        "import core.database as manager\nmanager.get_db_session()\n",
    ),
    "from_package": (
        "from core import database_manager\ndatabase_manager.get_db_session()\n",
        "from core import database\ndatabase.get_db_session()\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), SAFE.values(), ids=SAFE)
def test_what_stands_for_the_same_is_safe(before: str, after: str, tmp_path: Path) -> None:
    repair = repaired(tmp_path, {**HOUSE, "app/work.py": before}, "app/work.py", "DBS106")
    assert repair.left == ()
    assert repair.text.content == after


@pytest.mark.parametrize(("before", "after"), UNSAFE.values(), ids=UNSAFE)
def test_another_module_is_unsafe_until_the_old_one_is_gone(
    before: str, after: str, tmp_path: Path
) -> None:
    files = {**HOUSE, "app/work.py": before}
    found = reasons(tmp_path, files, "app/work.py", "DBS106")
    assert found[0].endswith("`core.database` may do other things than `core.database_manager`")
    (tmp_path / "core/database_manager.py").unlink()
    del files["core/database_manager.py"]
    assert repaired(tmp_path, files, "app/work.py", "DBS106").text.content == after


def test_a_relative_import_stays_relative(tmp_path: Path) -> None:
    before = "from ..database_manager import DatabaseManager\nDatabaseManager()\n"
    files = {**HOUSE, "core/sub/__init__.py": "", "core/sub/work.py": before}
    after = before.replace("..database_manager", "..database")
    assert_fixed(tmp_path, files, "core/sub/work.py", after, "DBS106")


LEFT = {
    "words": ("from core.tools import words\n", "what replaces it is no plain name"),
    "not_there": (
        "from core.tools import gone\n",
        "`elsewhere.nowhere` is not found in the project",
    ),
    "missing": (
        "from core.database_manager import other\n",
        "`core.database` has no `other`",
    ),
    "missing_attribute": (
        "from core import database_manager as m\nm.other()\n",
        "`core.database` has no `other`",
    ),
    "star": ("from core.database_manager import *\n", "it imports whatever there is"),
    "with_others": (
        "from core.tools import OldManager, word\n",
        "the import names other things too",
    ),
    "taken": (
        "from core.tools import OldManager\nDatabaseManager = 1\n",
        "`DatabaseManager` means something else here",
    ),
    "bound_twice": (
        "try:\n    from core.tools import OldManager\nexcept ImportError:\n    OldManager = None\n",
        "`OldManager` is bound in several places",
    ),
    "passed_on": (
        "from core.tools import OldManager\n__all__ = ['OldManager']\n",
        "line 2 names `OldManager` in a text",
    ),
}


@pytest.mark.parametrize(("before", "reason"), LEFT.values(), ids=LEFT)
def test_what_is_left_and_why(before: str, reason: str, tmp_path: Path) -> None:
    (found, *_) = reasons(tmp_path, {**HOUSE, "app/work.py": before}, "app/work.py", "DBS106")
    assert found.endswith(reason)
