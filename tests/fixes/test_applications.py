"""The example applications after their fixes: what is left is known, and they still work."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flake8_dbsession.fixes.registry import fixers
from flake8_dbsession.fixes.repair import Repair, Wishes, repair
from flake8_dbsession.linter import Linter, Settings
from flake8_dbsession.rewriting.text import decode
from tests.test_examples import APPLICATIONS, EXAMPLES

SHARED = "the request's session is shared, and outside of a request there is none"
# What is left of the codes that have a fix: why, and where.
LEFT = {
    "fastapi_service": {
        "`shop.core.database` has no `DatabaseManager`": "old_catalog DBS106",
        "it is held by a class attribute, not by a local name": "shared_sessions DBS101",
        "it is held by a global name, not by a local name": "shared_sessions DBS101",
        "it is held by a module-level name, not by a local name": "shared_sessions DBS101",
        "it is held by a parameter's default, not by a local name": "shared_sessions DBS101",
        "it is held by a return, not by a local name": "shared_sessions DBS101",
        "it is held by an attribute of self, not by a local name": "shared_sessions DBS101",
        "it is held by nothing, not by a local name": "old_catalog DBS101",
        "its engine is made on the spot": "old_catalog DBS103",
        "its factory is made on the spot": "old_catalog DBS103",
        "`log_product` is given a session already, `db`": "old_products DBS102",
        "unsafe: a doctest's option would hold for the whole block": "auth_helpers DBS110",
        "unsafe: a caller may count on it to be closed here": "old_catalog DBS306",
    },
    "flask_requests": {
        "it is held by a global name, not by a local name": "old_verification_service DBS101",
        "it is held by an attribute of another object, not by a local name": ("access_log DBS101"),
        "it is held by an attribute of self, not by a local name": (
            "old_patient_repository DBS101"
        ),
        "unsafe: a caller may count on it to be closed here": "old_patient_repository DBS306",
        f"unsafe: {SHARED}": (
            "old_auth_routes DBS101 DBS102 DBS301 DBS302 DBS401, "
            "old_patient_repository DBS102, "
            "old_verification_service DBS101 DBS102 DBS103 DBS301 DBS303"
        ),
    },
    "psycopg_pool": {
        "`assistant.database.unified_db_service` has no `DatabaseManagerService`": (
            "chatbot DBS106"
        ),
        "`assistant.database.unified_db_service` has no `DatabaseManager`": (
            "database_service DBS106"
        ),
        "`assistant.session.enhanced_session_manager` has no `MemorySessionStore`": (
            "test_assistant_old_code DBS106"
        ),
        "`assistant.session.enhanced_session_manager` has no `RedisSessionManager`": (
            "chatbot DBS106, test_assistant_old_code DBS106"
        ),
    },
    "sqlite_manager": {
        "only the modules that own the connections set pragmas": (
            "old_session_store DBS606, repair DBS606"
        ),
    },
    "unified_manager": {
        "`console.unified_session_manager` has no `count_users`": "web_app DBS106",
        "it is held by a global name, not by a local name": (
            "session_performance_optimizer DBS104"
        ),
        "it is held by a module-level name, not by a local name": (
            "session_performance_optimizer DBS104"
        ),
        "it is held by an attribute of self, not by a local name": (
            "session_performance_optimizer DBS104"
        ),
        "it is held by nothing, not by a local name": "web_app DBS104",
        (
            "unsafe: the house's sessions may have another engine than "
            "`Session(current_app.db_manager.engine)`"
        ): ("user_management DBS103"),
    },
}
# Tests that fail after unsafe fixes, each with the doubt that foretells it.
FORETOLD = {
    "fastapi_service": {
        "test_second_and_borrowed_sessions": "a caller may count on it to be closed here",
    },
    "flask_requests": {
        "test_commands": SHARED,
        "test_services": SHARED,
    },
}


@pytest.fixture(params=APPLICATIONS)
def application(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an application."""
    folder = tmp_path / request.param
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(EXAMPLES / request.param, folder, ignore=ignored)
    return folder


def test_an_application_passes_its_tests_before_and_after(application: Path) -> None:
    assert _failing_tests(application) == []
    repairs = _repaired(application, unsafe=False)
    assert any(repair.fixed for repair in repairs.values())
    assert _left(repairs) == LEFT[application.name]
    assert not any(again.fixed for again in _repaired(application, unsafe=False).values())
    assert _failing_tests(application) == []


def test_what_unsafe_fixes_break_was_foretold(application: Path) -> None:
    foretold = FORETOLD.get(application.name, {})
    left = LEFT[application.name]
    assert {f"unsafe: {doubt}" for doubt in foretold.values()} <= left.keys()
    safely = {reason: where for reason, where in left.items() if not reason.startswith("unsafe: ")}
    assert _left(_repaired(application, unsafe=True)) == safely
    assert sorted(_failing_tests(application)) == sorted(foretold)


def _repaired(folder: Path, *, unsafe: bool) -> dict[Path, Repair]:
    """Repair all files of an application."""
    repairs = {}
    for path in folder.rglob("*.py"):
        text = decode(path.read_bytes())
        repairs[path] = repair(str(path), text, Linter(Settings()), Wishes(unsafe=unsafe))
    for path, done in repairs.items():
        path.write_bytes(done.text.encode())
    return repairs


def _left(repairs: dict[Path, Repair]) -> dict[str, str]:
    """Give the reasons why something was left, and where that is: the files with their codes."""
    places: dict[str, dict[str, set[str]]] = {}
    for path, done in repairs.items():
        for left in done.left:
            if left.code in fixers():
                reason = f"unsafe: {left.reason}" if left.is_unsafe else left.reason
                places.setdefault(reason, {}).setdefault(path.stem, set()).add(left.code)
    return {
        reason: ", ".join(f"{name} {' '.join(sorted(files[name]))}" for name in sorted(files))
        for reason, files in places.items()
    }


def _failing_tests(folder: Path) -> list[str]:
    """Run an application's tests; give the names of those that fail."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    failed = re.findall(r"^(?:FAILED|ERROR) \S+::(\w+)", run.stdout, re.MULTILINE)
    assert bool(failed) == bool(run.returncode), run.stdout
    return failed
