"""Names of packages that stand for their own modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases

CODES = {"DBS101", "DBS302"}
DATABASE = """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    Make = sessionmaker(create_engine("sqlite://"))
"""
WORK = """
    import shop
    from shop import database

    def claim(job):
        db = database.Make()  # DBS101 DBS302
        db.execute(job)

    def settle(job):
        db = shop.database.Make()  # DBS101 DBS302
        db.execute(job)
"""


@pytest.mark.parametrize(
    "imports",
    [
        "from shop import database",
        "from . import database",
        "from shop import other, database as database",
        "from shop.core import database",
        "from .core import database",
        "import shop.database as database",
        "try:\n    from shop import database\nexcept ImportError:\n    database = None",
    ],
)
def test_a_package_imports_its_own_module(tmp_path: Path, imports: str) -> None:
    inside = "\ndef inside(job):\n    db = database.Make()  # DBS101 DBS302\n    db.execute(job)\n"
    files = {
        "shop/__init__.py": imports + inside,
        "shop/core.py": "from shop import database",
        "shop/database.py": DATABASE,
        "work.py": WORK,
    }
    assert_cases(tmp_path, files, CODES)


@pytest.mark.parametrize("imports", ["from shop.core import database", "database = load()"])
def test_a_package_gives_a_modules_name_to_something_else(tmp_path: Path, imports: str) -> None:
    files = {
        "shop/__init__.py": imports,
        "shop/core.py": "database = load()",
        "shop/database.py": DATABASE,
        "work.py": WORK.replace("DBS", ""),
    }
    assert_cases(tmp_path, files, CODES)
