"""DBS502: in-memory SQLite databases that threads are to share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project


def test_in_memory_databases(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "settings.py": """
                MEMORY = "sqlite:///:memory:"
                THREADS = {"check_same_thread": False}
            """,
            "db.py": """
                import settings
                from settings import THREADS
                from sqlalchemy import URL, create_engine
                from sqlalchemy.engine import make_url
                from sqlalchemy.pool import NullPool, StaticPool
                from sqlmodel import create_engine as create_sqlmodel_engine

                path = ":memory:"
                off = {"check_same_thread": False}

                create_engine("sqlite://", connect_args=off)  # DBS502
                create_engine("sqlite:///", connect_args=dict(check_same_thread=False))  # DBS502
                create_engine(f"sqlite:///{path}", connect_args=off)  # DBS502
                create_engine("sqlite+pysqlite:///:memory:", connect_args=off)  # DBS502
                create_engine(settings.MEMORY, connect_args=THREADS)  # DBS502
                create_engine(url=URL.create("sqlite"), connect_args=off)  # DBS502
                create_engine(make_url("sqlite://"), connect_args=off)  # DBS502
                create_engine("sqlite:///:memory:?check_same_thread=false")  # DBS502
                create_engine("sqlite:///file:a?mode=memory&uri=true", connect_args=off)  # DBS502
                create_engine("sqlite://", connect_args=off, poolclass=NullPool)  # DBS502
                create_sqlmodel_engine("sqlite://", connect_args=off)  # DBS502
            """,
        },
        {"DBS502"},
    )


def test_silent_where_the_database_is_shared_or_not_to_be(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "db.py": """
                import sqlalchemy.pool
                from sqlalchemy import URL, create_engine
                from sqlalchemy.ext.asyncio import create_async_engine
                from sqlalchemy.pool import StaticPool

                off = {"check_same_thread": False}

                create_engine("sqlite://")
                create_engine("sqlite://", connect_args={"check_same_thread": True})
                create_engine("sqlite://", connect_args={"check_same_thread": threads})
                create_engine("sqlite://", connect_args=off, poolclass=StaticPool)
                create_engine("sqlite://", connect_args=off, poolclass=sqlalchemy.pool.StaticPool)
                create_engine("sqlite://", connect_args=off, poolclass=pool_of(kind))
                create_engine("sqlite://", connect_args=off, **options)
                create_engine("sqlite://", connect_args=off, creator=connect)
                create_engine("sqlite:///file:a?mode=memory&cache=shared", connect_args=off)
                create_engine("sqlite:///shop.db", connect_args=off)
                create_engine(f"sqlite:///{path}", connect_args=off)
                create_engine(f"sqlite://{rest}", connect_args=off)
                create_engine(URL.create("sqlite", database=path), connect_args=off)
                create_engine(URL.create("sqlite", database="shop.db"), connect_args=off)
                create_engine(url, connect_args=off)
                create_async_engine("sqlite+aiosqlite://", connect_args=off)
                create_engine("sqlite+pysqlcipher:///:memory:", connect_args=off)
            """,
        },
        {"DBS502"},
    )


def test_a_url_that_is_bound_twice_stays_open(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "db.py": """
                from sqlalchemy import create_engine

                url = "sqlite://"
                if production:
                    url = "postgresql://db/shop"
                create_engine(url, connect_args={"check_same_thread": False})
            """,
        },
        {"DBS502"},
    )


@pytest.mark.parametrize(
    ("use", "code"),
    [
        ("Session = sessionmaker(engine)", ""),
        ("skip('without TestClient')", ""),
        ("app.dependency_overrides[get_db] = lambda: Session()", "  # DBS502"),
        ("threading.Thread(target=work).start()", "  # DBS502"),
        ("await asyncio.to_thread(work)", "  # DBS502"),
    ],
)
def test_in_tests_only_where_threads_come_in(tmp_path: Path, use: str, code: str) -> None:
    text = f"""
from sqlalchemy import create_engine

engine = create_engine("sqlite://", connect_args={{"check_same_thread": False}}){code}

async def use():
    {use}
"""
    assert_cases(tmp_path, {"tests/test_shop.py": text}, {"DBS502"})


def test_a_test_that_hands_out_one_connection_shares_that(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "tests/conftest.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import sessionmaker

                def engine():
                    return create_engine(
                        "sqlite:///:memory:", connect_args={"check_same_thread": False}
                    )

                def client(engine):
                    connection = engine.connect()
                    session = sessionmaker(bind=connection)()
                    app.dependency_overrides[get_db] = lambda: session
                    return TestClient(app)
            """
        },
        {"DBS502"},
    )


def test_an_import_alone_makes_no_threads(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "tests/test_load.py": """
                import threading
                from concurrent.futures import ThreadPoolExecutor
                from sqlalchemy import create_engine

                def engine():
                    return create_engine(
                        "sqlite:///:memory:", connect_args={"check_same_thread": False}
                    )
            """
        },
        {"DBS502"},
    )


def test_message_says_which_options_have_to_go(tmp_path: Path) -> None:
    text = """
        from sqlalchemy import create_engine

        off = {"check_same_thread": False}
        create_engine("sqlite://", connect_args=off, pool_size=3)
    """
    write_project(tmp_path, {"db.py": text})
    (message,) = (m for *_, code, m in lint(tmp_path, "db.py") if code == "DBS502")
    assert message.endswith(
        "pass `poolclass=StaticPool` in the place of `pool_size`, which it does not take"
    )
