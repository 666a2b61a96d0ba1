"""DBS211: requests' sessions handed to background tasks."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS211"}
SOURCE = """
    from typing import Annotated

    from fastapi import BackgroundTasks, Depends
    from sqlalchemy.orm import Session
    from starlette.background import BackgroundTask

    from core.database import SessionLocal, get_db

    SessionDep = Annotated[Session, Depends(get_db)]

    def create(tasks: BackgroundTasks, db: Session = Depends(get_db)):
        tasks.add_task(send, db)  # DBS211
        tasks.add_task(send, session=db)  # DBS211
        tasks.add_task(db.commit)  # DBS211
        tasks.add_task(lambda: db.commit())  # DBS211
        tasks.add_task(send, load(db))

    def respond(db: SessionDep):
        return Response(background=BackgroundTask(send, db))  # DBS211

    def own(tasks: BackgroundTasks):
        db = SessionLocal()
        tasks.add_task(send, db)
        tasks.add_task(send)

    def other(scheduler, db: Session):
        scheduler.add_task(send, db)
"""


def test_sessions_given_to_background_tasks(tmp_path: Path) -> None:
    assert_cases(tmp_path, {"app.py": SOURCE}, CODES, selected=frozenset(CODES))


def test_it_is_off_unless_asked_for(tmp_path: Path) -> None:
    write_project(tmp_path, {"app.py": SOURCE})
    assert not [code for _, _, code, _ in lint(tmp_path, "app.py") if code in CODES]


def test_a_policy_turns_it_on(tmp_path: Path) -> None:
    policy = 'enable = ["DBS211"]\n'
    assert_cases(tmp_path, {"app.py": SOURCE, "dbsession.toml": policy}, CODES)
