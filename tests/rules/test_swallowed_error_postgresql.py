"""DBS308: when a project is known to work with PostgreSQL, where no engine of the session tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases
from tests.rules.test_swallowed_error import QUERIED

ENGINE = """
    from sqlalchemy import create_engine

    {before}
    engine = create_engine({url})
"""
BOTH = {"requirements.txt": "asyncpg\naiosqlite\n"}
POSTGRESQL = {"requirements.txt": "psycopg2\n"}
SQLITE = 'URL = "sqlite:///dev.db"\n'


def engine(url: str, before: str = "from settings import settings") -> str:
    return ENGINE.format(url=url, before=before)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"db.py": engine('"postgresql://x/y"')}, "DBS308"),
        ({"db.py": engine('"sqlite:///y.db"')}, "silent"),
        ({"db.py": engine("settings.url")}, "silent"),
        ({"db.py": engine('"postgresql+asyncpg://x/y"'), **BOTH}, "DBS308"),
        ({"db.py": engine('"postgresql://x/y"'), "old.py": SQLITE}, "DBS308"),
        ({"db.py": engine('"postgresql://x/y"'), "old.py": engine('"sqlite:///o.db"')}, "silent"),
        ({"db.py": engine('"postgresql://x/y"'), "old.py": engine("settings.old")}, "DBS308"),
        (
            {
                "db.py": engine('"postgresql://x/y"'),
                "old.py": engine("settings.old"),
                "settings.py": SQLITE,
            },
            "silent",
        ),
        ({"db.py": engine('settings.url.replace("postgresql:", "postgresql+asyncpg:")')}, "DBS308"),
        (
            {"db.py": engine('settings.url.replace("postgres:", "postgresql+psycopg:")'), **BOTH},
            "DBS308",
        ),
        ({"db.py": engine('settings.url.replace("postgres:", "postgresql:")'), **BOTH}, "silent"),
        (
            {
                "db.py": engine('settings.url.replace("postgresql:", "postgresql+asyncpg:")'),
                "settings.py": 'class Settings:\n    url: str = "sqlite:///dev.db"\n',
            },
            "silent",
        ),
        ({"db.py": engine('URL.create("postgresql+psycopg", host=host)'), **BOTH}, "DBS308"),
        (
            {
                "db.py": engine('URL.create("postgresql+psycopg", host=host)'),
                "local.py": engine('URL.create("sqlite+pysqlite", database=path)'),
            },
            "silent",
        ),
    ],
)
def test_what_its_engines_say(tmp_path: Path, files: dict[str, str], code: str) -> None:
    assert_cases(tmp_path, {"service.py": QUERIED.format(code=code), **files}, {"DBS308"})


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"db.py": '# URL = "sqlite:///dev.db"\n'}, "DBS308"),
        ({"db.py": '"""Once sqlite:///dev.db."""\n'}, "DBS308"),
        ({"db.py": 'def f():\n    """Such as sqlite:///dev.db."""\n'}, "DBS308"),
        ({"db.py": SQLITE}, "silent"),
        ({"db.py": 'def f(name):\n    return f"sqlite:///{name}"\n'}, "silent"),
        ({"db.py": 'DRIVER = "sqlite+aiosqlite"\n'}, "silent"),
        ({"scripts/check.py": 'URL = "sqlite+aiosqlite:///:memory:"\n'}, "DBS308"),
        ({"conftest.py": SQLITE}, "DBS308"),
        ({"tests/conftest.py": SQLITE}, "DBS308"),
        ({"app/test_db.py": SQLITE}, "DBS308"),
        ({"app/db_test.py": SQLITE}, "DBS308"),
        ({"tests_pg/setup.py": SQLITE}, "DBS308"),
        ({"latest/contest.py": SQLITE}, "silent"),
    ],
)
def test_which_urls_of_another_database_count(
    tmp_path: Path, files: dict[str, str], code: str
) -> None:
    service = {"service.py": QUERIED.format(code=code)}
    assert_cases(tmp_path, {**service, **POSTGRESQL, **files}, {"DBS308"})
