"""DBS405: a dependency that returns a session yields it, and closes it afterwards."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from tests.fixes.repairs import reasons, repaired

TOP = "from fastapi import Depends\nfrom core.database import AsyncSessionLocal, SessionLocal\n"
ROUTE = "\n\ndef users(db=Depends(get_db)):\n    return db.query(1).all()\n"

FORMS = {
    "named": (
        "db = SessionLocal()\nprint(1)\nreturn db  # new",
        """
        db = SessionLocal()
        try:
            print(1)
            yield db  # new
        finally:
            db.close()
        """,
    ),
    "at_once": (
        "return SessionLocal()",
        """
        db = SessionLocal()
        try:
            yield db
        finally:
            db.close()
        """,
    ),
    "closed_too_early": (
        "with SessionLocal() as db:\n    return db",
        "with SessionLocal() as db:\n    yield db",
    ),
    "closed_too_early_by_hand": (
        "db = SessionLocal()\ntry:\n    return db\nfinally:\n    db.close()",
        "db = SessionLocal()\ntry:\n    yield db\nfinally:\n    db.close()",
    ),
}


def routes(body: str, head: str = "def get_db():", top: str = TOP) -> str:
    return f"{top}\n\n{head}\n{indent(dedent(body).strip(chr(10)), '    ')}\n{ROUTE}"


@pytest.mark.parametrize(("before", "after"), FORMS.values(), ids=FORMS)
def test_forms(before: str, after: str, tmp_path: Path) -> None:
    files = {"routes.py": routes(before), "test_routes.py": "app.dependency_overrides[get_db] = 1"}
    repair = repaired(tmp_path, files, "routes.py", "DBS405")
    assert repair.left == ()
    assert repair.text.content == routes(after)


def test_asynchronous_with_its_annotation(tmp_path: Path) -> None:
    before = routes("return AsyncSessionLocal()", "async def get_db() -> AsyncSession:")
    body = "db = AsyncSessionLocal()\ntry:\n    yield db\nfinally:\n    await db.close()"
    head = "async def get_db() -> AsyncIterator[AsyncSession]:"
    after = routes(body, head, f"from collections.abc import AsyncIterator\n\n{TOP}")
    repair = repaired(tmp_path, {"routes.py": before}, "routes.py", "DBS405")
    assert sorted(repair.text.content.splitlines()) == sorted(after.splitlines())


LEFT = {
    "several": (
        "if 1:\n    return SessionLocal()\nreturn SessionLocal()",
        "`get_db` returns in several places",
    ),
    "within": ("if 1:\n    return SessionLocal()", "it is returned from within another statement"),
    "taken": ("db = 1\nreturn SessionLocal()", "`db` is taken"),
}


@pytest.mark.parametrize(("body", "reason"), LEFT.values(), ids=LEFT)
def test_what_is_left_and_why(body: str, reason: str, tmp_path: Path) -> None:
    (found,) = reasons(tmp_path, {"routes.py": routes(body)}, "routes.py", "DBS405")
    assert found.endswith(reason)


def test_only_an_async_function_closes_an_asynchronous_session(tmp_path: Path) -> None:
    files = {"routes.py": routes("return AsyncSessionLocal()")}
    (found,) = reasons(tmp_path, files, "routes.py", "DBS405")
    assert found.endswith("only an `async def` can close it")


@pytest.mark.parametrize(
    "other",
    ["from routes import get_db\ndb = get_db()\n", "import routes\njobs.run(routes.get_db)\n"],
)
def test_what_is_called_by_others_stays(other: str, tmp_path: Path) -> None:
    files = {"routes.py": routes("return SessionLocal()"), "other.py": other}
    (found,) = reasons(tmp_path, files, "routes.py", "DBS405")
    assert found.endswith("`get_db` is used otherwise too, in other.py on line 2")
    files["other.py"] = f"def get_db():\n    return 1\n\n{other}"
    assert repaired(tmp_path, files, "routes.py", "DBS405").fixed


def test_what_taskiq_injects_is_injected_as_well(tmp_path: Path) -> None:
    tasks = "from taskiq import TaskiqDepends\n\ndef work(db=TaskiqDepends(get_db)):\n    pass\n"
    files = {"routes.py": routes("return SessionLocal()"), "tasks.py": tasks}
    assert repaired(tmp_path, files, "routes.py", "DBS405").fixed


def test_the_session_is_closed_after_use(tmp_path: Path) -> None:
    class Session:
        is_open = True

        def close(self) -> None:
            self.is_open = False

    for before, _ in FORMS.values():
        if not before.startswith("with"):
            code = repaired(tmp_path, {"routes.py": routes(before)}, "routes.py", "DBS405")
            names: dict[str, Any] = {"SessionLocal": Session, "Depends": print}
            exec(code.text.content.partition("\n\n")[2], names)
            generator = names["get_db"]()
            session = next(generator)
            assert session.is_open
            with pytest.raises(KeyError):
                generator.throw(KeyError())
            assert not session.is_open
