"""Names that are imported from modules of the project that do not have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

_WORK = """


def dependency():
    db = next(get_db())
    return db.execute(1)


def factory():
    db = SessionLocal()
    db.execute(1)
    db.close()


def provider():
    with get_db_session() as db:
        pass
    db.execute(1)
"""
_USED = (
    _WORK.replace("next(get_db())", "next(get_db())  # DBS105")
    .replace("SessionLocal()", "SessionLocal()  # DBS101")
    .replace("    db.execute(1)\n", "    db.execute(1)  # DBS207\n")
    .replace("    db.execute(1)  # DBS207\n    db.close()", "    db.execute(1)\n    db.close()")
)
_CODES = {"DBS101", "DBS105", "DBS207"}
_NAMES = "SessionLocal, get_db, get_db_session"
_IMPORT = f"from app.db import {_NAMES}\n"
_OTHER = "def other():\n    pass\n"


@pytest.mark.parametrize(
    ("head", "files"),
    [
        (_IMPORT, {"app/db.py": _OTHER}),
        (_IMPORT, {"app/db.py": f"from app.far import {_NAMES}\n", "app/far.py": _OTHER}),
        (
            f"try:\n    {_IMPORT}except ImportError:\n    SessionLocal = get_db = None\n"
            "    get_db_session = None\n",
            {"app/db.py": _OTHER},
        ),
    ],
)
def test_what_its_module_does_not_have_is_nothing(
    tmp_path: Path, head: str, files: dict[str, str]
) -> None:
    assert_cases(tmp_path, {"app/__init__.py": "", **files, "app/work.py": head + _WORK}, _CODES)


def test_an_attribute_that_a_module_does_not_have_is_nothing(tmp_path: Path) -> None:
    work = _WORK
    for name in _NAMES.split(", "):
        work = work.replace(f"{name}()", f"db_module.{name}()")
    head = "from app import db as db_module\n"
    files = {"app/__init__.py": "", "app/db.py": _OTHER, "app/work.py": head + work}
    assert_cases(tmp_path, files, _CODES)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"app/db.py": "from elsewhere import *\n"},
        {"app/db.py": "def __getattr__(name):\n    return make(name)\n"},
        {"app/db.py": "globals().update(make())\n"},
        {"app/db.py": f"from elsewhere import {_NAMES}\n"},
        {"app/db.py": ""},
        {"app/db/sql.txt": ""},
        {
            "app/db.py": _OTHER,
            "app/main.py": "from app import db\n"
            + "".join(f"db.{name} = make()\n" for name in _NAMES.split(", ")),
        },
    ],
)
def test_what_cannot_be_followed_is_known_by_its_name(
    tmp_path: Path, files: dict[str, str]
) -> None:
    assert_cases(tmp_path, {"app/__init__.py": "", **files, "app/work.py": _IMPORT + _USED}, _CODES)


def test_a_module_of_the_same_name_may_be_meant(tmp_path: Path) -> None:
    """Where none lies above, each folder beside may be the one on the path."""
    files = {
        "a/app/db.py": _OTHER,
        "b/app/db.py": f"from elsewhere import {_NAMES}\n",
        "work.py": _IMPORT + _USED,
    }
    assert_cases(tmp_path, files, _CODES)


def test_a_policys_way_that_the_file_imports_from_where_it_is_not_is_not_advised(
    tmp_path: Path,
) -> None:
    policy = """
        [[layers]]
        name = "all"
        paths = ["app/**"]
        use = "get_db_session"
    """
    work = """
        from app.db import get_db_session
        from app.far import SessionLocal

        def work():
            db = SessionLocal()
            db.close()
    """
    far = "from sqlalchemy.orm import sessionmaker\nSessionLocal = sessionmaker(ENGINE)\n"
    files = {"dbsession.toml": policy, "app/db.py": _OTHER, "app/far.py": far, "app/work.py": work}
    write_project(tmp_path, {"app/__init__.py": "", **files})
    (message,) = [m for *_, code, m in lint(tmp_path, "app/work.py") if code == "DBS101"]
    assert message.endswith("use `with SessionLocal() as db:`")
