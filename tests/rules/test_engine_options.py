"""DBS503: engines without the options that the policy requires."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project

POLICY = """
    [engine]
    any = { echo = false }
    server = { pool_recycle = 3600 }
    postgresql = { pool_pre_ping = true }
    sqlite-file = { poolclass = "NullPool" }
    sqlite-memory = { poolclass = "StaticPool" }
"""
IMPORTS = """
    from sqlalchemy import URL, create_engine
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool, QueuePool, StaticPool
"""


def assert_engines(tmp_path: Path, engines: str, policy: str = POLICY) -> None:
    files = {"dbsession.toml": policy, "db.py": IMPORTS + engines}
    assert_cases(tmp_path, files, {"DBS503"})


def test_options_by_kind_of_url(tmp_path: Path) -> None:
    assert_engines(
        tmp_path,
        """
    hour = 3600
    create_engine("postgresql+psycopg2://db/shop")  # DBS503
    create_engine("postgresql://db/shop", pool_pre_ping=True)  # DBS503
    create_engine("postgresql://db/shop", pool_pre_ping=True, pool_recycle=3600)
    create_engine("postgresql://db/shop", pool_pre_ping=True, pool_recycle=hour)
    create_engine(f"postgresql+{driver}://{host}/shop", pool_recycle=3600)  # DBS503
    create_engine(URL.create("postgresql", host=host), pool_recycle=3600)  # DBS503
    create_engine("mysql+pymysql://db/shop")  # DBS503
    create_engine("mariadb://db/shop", pool_recycle=3600)
    create_engine("oracle://db/shop")  # DBS503
    create_engine("sqlite:///shop.db")  # DBS503
    create_engine("sqlite:///" + path)  # DBS503
    create_engine("sqlite:///%s" % path, poolclass=QueuePool)  # DBS503
    create_engine("sqlite:///shop.db", poolclass=NullPool)
    create_engine("sqlite://")  # DBS503
    create_engine("sqlite://", poolclass=StaticPool)
    create_async_engine("sqlite+aiosqlite://")
    create_engine(url)
    create_engine(url, echo=True)  # DBS503
""",
    )


def test_other_values_are_not_those_required(tmp_path: Path) -> None:
    assert_engines(
        tmp_path,
        """
    create_engine("mysql://db/shop", pool_recycle=60)  # DBS503
    create_engine("mysql://db/shop", pool_recycle=-1)  # DBS503
""",
    )


def test_what_the_text_does_not_show_is_taken_for_right(tmp_path: Path) -> None:
    assert_engines(
        tmp_path,
        """
    options = {"pool_recycle": 60}
    create_engine("mysql://db/shop", pool_recycle=settings.recycle)
    create_engine("mysql://db/shop", **given)
    create_engine("mysql://db/shop", **options)  # DBS503
    create_engine("sqlite:///shop.db", poolclass=pool_of(kind))
""",
    )


def test_defaults_count(tmp_path: Path) -> None:
    assert_engines(
        tmp_path,
        """
    create_engine("mysql://db/shop")
    create_engine("mysql://db/shop", pool_size=6)  # DBS503
    create_engine("sqlite:///shop.db")
    create_engine("sqlite:///shop.db", poolclass=NullPool)  # DBS503
    create_async_engine("mysql+asyncmy://db/shop")  # DBS503
""",
        '[engine]\nany = { poolclass = "QueuePool" }\nserver = { pool_size = 5 }\n',
    )


def test_a_pool_is_not_asked_for_what_it_does_not_take(tmp_path: Path) -> None:
    assert_engines(
        tmp_path,
        """
    create_engine("postgresql://db/shop", poolclass=NullPool)
    create_engine("postgresql://db/shop", poolclass=NullPool, echo=True)  # DBS503
    create_engine("postgresql://db/shop", poolclass=StaticPool, pool_pre_ping=True)
    create_engine("postgresql://db/shop", poolclass=StaticPool)  # DBS503
    create_engine("postgresql://db/shop", poolclass=QueuePool, pool_pre_ping=True)  # DBS503
""",
        "[engine]\nserver = { echo = false, pool_pre_ping = true, pool_size = 10 }",
    )


def test_the_static_pool_is_left_to_the_rule_on_memory(tmp_path: Path) -> None:
    files = {
        "dbsession.toml": POLICY,
        "db.py": IMPORTS
        + """
    off = {"check_same_thread": False}
    create_engine("sqlite://", connect_args=off)  # DBS502
    create_engine("sqlite://", connect_args=off, echo=True)  # DBS502 DBS503
""",
    }
    assert_cases(tmp_path, files, {"DBS502", "DBS503"})


def test_silent_without_a_policy(tmp_path: Path) -> None:
    assert_engines(tmp_path, '    create_engine("postgresql://db/shop")\n', "")


def test_message_lists_what_is_missing(tmp_path: Path) -> None:
    text = IMPORTS + '    create_engine("postgresql://db")\n    create_engine("sqlite:///a")\n'
    write_project(tmp_path, {"dbsession.toml": POLICY, "db.py": text})
    assert [m for *_, code, m in lint(tmp_path, "db.py") if code == "DBS503"] == [
        "`create_engine('postgresql://db')` lacks what the policy requires: "
        "`pool_recycle=3600`, `pool_pre_ping=True`",
        "`create_engine('sqlite:///a')` lacks what the policy requires: `poolclass=NullPool`",
    ]


def test_message_says_which_options_a_required_pool_does_not_take(tmp_path: Path) -> None:
    text = IMPORTS + '    create_engine("sqlite:///a", pool_size=2, echo=True)\n'
    write_project(tmp_path, {"dbsession.toml": POLICY, "db.py": text})
    (message,) = (m for *_, code, m in lint(tmp_path, "db.py") if code == "DBS503")
    ending = "`poolclass=NullPool` in the place of `pool_size`, which it does not take"
    assert message.endswith(ending)
