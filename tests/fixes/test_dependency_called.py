"""DBS402: ``Depends(get_db())`` becomes ``Depends(get_db)``."""

from __future__ import annotations

from pathlib import Path

from tests.fixes.repairs import assert_fixed, reasons


def test_the_call_goes_wherever_the_injection_stands(tmp_path: Path) -> None:
    before = """
        from typing import Annotated
        from fastapi import APIRouter, Depends
        from core import database
        from core.database import get_db

        router = APIRouter(dependencies=[Depends(get_db())])
        Db = Annotated[object, Depends(database.get_db  (  ), use_cache=False)]

        @router.get("/é")
        def agents(é: str, db=Depends(get_db())):  # keep
            return "é", db
    """
    after = before.replace("get_db()", "get_db").replace("get_db  (  )", "get_db")
    codes = ["DBS402"] * 3
    assert_fixed(tmp_path, {"api/routes.py": before}, "api/routes.py", after, *codes)


def test_what_would_be_lost_is_a_reason_to_leave_it(tmp_path: Path) -> None:
    code = """
        from fastapi import Depends
        from core.database import get_db

        def agents(db=Depends(get_db(read_only=True)), other=Depends(get_db(
            # the main one
        ))):
            return db, other
    """
    assert reasons(tmp_path, {"api/routes.py": code}, "api/routes.py", "DBS402") == [
        "5: DBS402 the call has arguments, which the framework would not pass",
        "5: DBS402 a comment in it would be lost",
    ]
