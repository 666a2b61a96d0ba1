"""A fix that a test would notice, for it patches what the module uses no more, is unsafe."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixes.house import HOUSE
from tests.fixes.repairs import reasons, repaired

WORK = """
    from core.database import SessionLocal
    from core.models import User

    def work(name):
        with SessionLocal() as db:
            return db.query(User).count()
"""
PATCHES = [
    '@patch("app.work.SessionLocal")',
    "mocker.patch(\n    'app.work.SessionLocal', autospec=True)",
    'monkeypatch.setattr("app.work.SessionLocal", None)',
    'from app import other, work\nmonkeypatch.setattr(work, "SessionLocal", None)',
    "import app.work\npatch.object(app.work, 'SessionLocal')",
    'from app import other, work as it\nmonkeypatch.setattr(it, "SessionLocal", None)',
    'import app.work as it\nmonkeypatch.setattr(it, "SessionLocal", None)',
]
OTHERS = [
    '@patch("app.other.SessionLocal")',
    '@patch("core.database.SessionLocal")',
    '@patch("app.work.get_db_session")',
    'from app import other as work\nmonkeypatch.setattr(work, "SessionLocal", None)',
    'work.SessionLocal("app.work.SessionLocal")',
]


@pytest.mark.parametrize("test", PATCHES)
def test_what_a_test_patches_is_a_doubt(test: str, tmp_path: Path) -> None:
    files = {**HOUSE, "app/work.py": WORK, "tests/test_work.py": test}
    found = reasons(tmp_path, files, "app/work.py", "DBS102")
    assert found == ["6: DBS102 `test_work.py` patches `SessionLocal` in this module"]
    assert repaired(tmp_path, files, "app/work.py", "DBS102", unsafe=True).fixed


@pytest.mark.parametrize("test", OTHERS)
def test_what_it_patches_elsewhere_is_none(test: str, tmp_path: Path) -> None:
    files = {**HOUSE, "app/work.py": WORK, "tests/test_work.py": test}
    assert repaired(tmp_path, files, "app/work.py", "DBS102").fixed
    not_a_test = {**HOUSE, "app/work.py": WORK, "app/tool.py": PATCHES[0]}
    assert repaired(tmp_path, not_a_test, "app/work.py", "DBS102").fixed


LATE = """
    from core.models import User

    def work(name):
        from core.database import SessionLocal

        with SessionLocal() as db:
            return db.query(User).count()
"""
BY_HOME = '@patch("core.database.SessionLocal")\ndef test_it(): from app.work import work'


def test_what_is_imported_when_called_is_patched_where_it_is_defined(tmp_path: Path) -> None:
    files = {**HOUSE, "app/work.py": LATE, "tests/test_work.py": BY_HOME}
    found = reasons(tmp_path, files, "app/work.py", "DBS102")
    assert found == ["7: DBS102 `test_work.py` patches `core.database.SessionLocal`"]


@pytest.mark.parametrize(
    ("work", "test"),
    [(WORK, BY_HOME), (LATE, '@patch("core.database.SessionLocal")\ndef test_it(): other()')],
)
def test_who_imports_early_or_is_not_tested_there_does_not_notice(
    work: str, test: str, tmp_path: Path
) -> None:
    files = {**HOUSE, "app/work.py": work, "tests/test_other.py": test}
    assert repaired(tmp_path, files, "app/work.py", "DBS102").fixed
