"""DBS202: sessions held by class bodies."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases

CODES = {"DBS202"}


def test_a_class_body_holds_a_session(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from sqlalchemy.ext.asyncio import AsyncSession
                from sqlalchemy.orm import Session

                class Service:
                    db = Session()  # DBS202
                    typed: AsyncSession = AsyncSession()  # DBS202

                    class Inner:
                        if True:
                            db = Session()  # DBS202

                def make():
                    class Local:
                        db = Session()  # DBS202
                    return Local
            """
        },
        CODES,
    )


def test_factories_methods_and_other_sessions_are_none(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import requests
                from sqlalchemy.orm import Session, scoped_session, sessionmaker

                class Service:
                    factory = sessionmaker()
                    registry = scoped_session(factory)
                    session_class = Session
                    web = requests.Session()
                    db: Session

                    def work(self):
                        db = Session()
                        db.close()
            """
        },
        CODES,
    )
