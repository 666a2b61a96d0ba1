"""DBS403: ``Depends(SessionLocal)`` becomes ``Depends(get_db)``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.house import DATABASE, HOUSE
from tests.fixes.repairs import assert_fixed, reasons, repaired

ROUTE = """
    from fastapi import Depends
    from core.database import SessionLocal

    def users(db=Depends(SessionLocal), other=Depends(SessionLocal())):
        return db.query(1).all()
"""
FIXED = """
    from fastapi import Depends
    from core.database import get_db

    def users(db=Depends(get_db), other=Depends(get_db)):
        return db.query(1).all()
"""
POLICY = """
    [[layers]]
    name = "routes"
    paths = ["api/"]
    use = "{use}"
    style = "dependency"
"""


def test_the_dependency_is_named_and_imported(tmp_path: Path) -> None:
    files = {**HOUSE, "api/routes.py": ROUTE}
    assert_fixed(tmp_path, files, "api/routes.py", FIXED, "DBS403", "DBS403")


def test_the_policy_names_it(tmp_path: Path) -> None:
    policy = POLICY.format(use="core.sessions:get_session")
    sessions = (
        "from core.database import SessionLocal\n\n"
        "def get_session():\n    with SessionLocal() as db:\n        yield db\n"
    )
    files = {**HOUSE, "core/sessions.py": sessions, "api/routes.py": ROUTE}
    files["dbsession.toml"] = policy
    after = FIXED.replace("get_db", "get_session").replace("core.database", "core.sessions")
    repair = repaired(tmp_path, files, "api/routes.py", "DBS403")
    assert "Depends(get_session), other=Depends(get_session)" in repair.text.content
    assert sorted(repair.text.content.split()) == sorted(after.split())


REST, _, DEPENDENCY = DATABASE.rpartition("def get_db()")
HIDDEN = f"{REST}def _get_db(){DEPENDENCY}"
COMMITTING = f"{REST}def get_db(){DEPENDENCY.replace('yield db', 'yield db; db.commit()')}"
OTHER = (
    f"{REST}Other = sessionmaker()\n\n    def get_db(){DEPENDENCY.replace('SessionLocal', 'Other')}"
)


@pytest.mark.parametrize(
    ("database", "reason"),
    [
        (HIDDEN, "the project has no session dependency"),
        (COMMITTING, "`get_db` may commit what the handler leaves uncommitted"),
        (OTHER, "`get_db` opens another database"),
    ],
)
def test_what_is_left_and_why(database: str, reason: str, tmp_path: Path) -> None:
    assert database != DATABASE
    files = {**HOUSE, "core/database.py": database, "api/routes.py": ROUTE}
    found = reasons(tmp_path, files, "api/routes.py", "DBS403")
    assert [each.partition(" DBS403 ")[2] for each in found] == [reason, reason]


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        (
            "get_session",
            "`get_session` is not known here; the policy's `use` can say `module:get_session`",
        ),
        (
            "elsewhere:get_session",
            "`get_session` is not found, and may do more than open and close a session",
        ),
    ],
)
def test_what_the_policy_names_has_to_be_a_dependency(
    use: str, reason: str, tmp_path: Path
) -> None:
    files = {**HOUSE, "api/routes.py": ROUTE, "dbsession.toml": POLICY.format(use=use)}
    found = reasons(tmp_path, files, "api/routes.py", "DBS403")
    assert {each.partition(" DBS403 ")[2] for each in found} == {reason}
