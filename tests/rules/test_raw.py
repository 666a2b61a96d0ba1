"""DBS101, DBS102 and DBS103: where a session may be opened."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases

CODES = {"DBS101", "DBS102", "DBS103"}
DATABASE = """
    from contextlib import contextmanager
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    engine = create_engine("sqlite://")
    new_session = sessionmaker(engine)

    @contextmanager
    def get_db_session():
        db = new_session()
        try:
            yield db
            db.commit()
        except Exception:
            db.rollback()
            raise
        finally:
            db.close()
"""


def test_a_factory_under_any_name_is_followed_to_its_module(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "core/database.py": DATABASE,
            "core/service.py": """
                from .database import new_session as open_it
                from core import database

                def local():
                    db = open_it()  # DBS101
                    return db.query(1)

                def block():
                    with database.new_session() as db:  # DBS102
                        db.query(1)
            """,
        },
        CODES,
    )


def test_other_libraries_sessions_are_none(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "client.py": """
                import aiohttp
                import boto3
                import requests
                from requests import Session

                def fetch():
                    with requests.Session() as session, Session() as other:
                        session.get("")
                    boto3.Session().client("s3")
                    return aiohttp.ClientSession()
            """
        },
        CODES,
    )
