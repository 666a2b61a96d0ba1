"""DBS211: requests' sessions handed to background tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS211"}
DEPENDENCY = """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker(create_engine("postgresql://x/y"))

    def get_db():
        with SessionLocal() as db:
            yield db
"""
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


@pytest.mark.parametrize(
    ("injection", "requires", "fate"),
    [
        ("Depends(get_db)", "fastapi", "may be closed before the task runs"),
        ("Depends(get_db)", "fastapi==0.110.0", "is closed before the task runs"),
        ("Depends(get_db)", "fastapi>=0.120", "keeps its connection until the task has ended"),
        ("Depends(get_db)", "fastapi<0.106", "keeps its connection until the task has ended"),
        ('Depends(get_db, scope="function")', "fastapi", "is closed before the task runs"),
        ('Depends(get_db, scope="request")', "fastapi", "keeps its connection until the task"),
    ],
)
def test_the_message_says_which_harm_is_done(
    tmp_path: Path, injection: str, requires: str, fate: str
) -> None:
    app = f"""
        from core.database import get_db
        from fastapi import APIRouter, BackgroundTasks, Depends
        from sqlalchemy.orm import Session

        router = APIRouter()

        @router.post("/")
        def create(tasks: BackgroundTasks, db: Session = {injection}):
            tasks.add_task(send, db)
    """
    files = {"app.py": app, "requirements.txt": requires, "core/database.py": DEPENDENCY}
    write_project(tmp_path, files)
    found = lint(tmp_path, "app.py", selected=frozenset(CODES))
    (message,) = [m for *_, code, m in found if code in CODES]
    assert f"the request's session, which {fate}" in message


def test_a_scope_elsewhere_in_the_file_tells_the_version(tmp_path: Path) -> None:
    app = """
        from core.database import get_db
        from fastapi import BackgroundTasks, Depends
        from sqlalchemy.orm import Session

        def read(db: Session = Depends(get_db, scope="function")):
            return db.query(1).all()

        def create(tasks: BackgroundTasks, db: Session = Depends(get_db)):
            tasks.add_task(send, db)
    """
    write_project(tmp_path, {"app.py": app, "core/database.py": DEPENDENCY})
    found = lint(tmp_path, "app.py", selected=frozenset(CODES))
    (message,) = [m for *_, code, m in found if code in CODES]
    assert "keeps its connection until the task has ended" in message
