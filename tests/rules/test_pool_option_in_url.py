"""DBS504: pool options in a URL's query."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project


def test_pool_options_in_literal_urls(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "settings.py": 'HOST = "db"\nURL = f"postgresql://{HOST}/shop?pool_recycle=3600"\n',
            "db.py": """
                from settings import URL as DATABASE
                from sqlalchemy import URL, create_engine
                from sqlalchemy.engine.url import make_url
                from sqlalchemy.ext.asyncio import create_async_engine

                class Store:
                    url = "mysql://db/shop?pool_timeout=30"

                    def open(self):
                        return create_engine(self.url)  # DBS504

                create_engine("postgresql://db/shop?pool_size=20&max_overflow=10")  # DBS504
                create_engine("sqlite:///shop.db?pool_size=20")  # DBS504
                create_engine(f"postgresql://{user}@{host}/shop?pool_pre_ping=true")  # DBS504
                create_engine("mysql://{}/shop?max_overflow=1".format(host))  # DBS504
                create_engine(DATABASE)  # DBS504
                create_engine(make_url(DATABASE))  # DBS504
                create_async_engine("postgresql+asyncpg://db/shop?ssl=1&pool_size=5")  # DBS504
                create_engine(URL.create("postgresql", query={"pool_size": "5"}))  # DBS504
                create_engine("mysql+mysqlconnector://db/shop?max_overflow=1")  # DBS504
            """,
        },
        {"DBS504"},
    )


def test_silent_for_what_is_the_drivers(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "db.py": """
                from sqlalchemy import create_engine

                create_engine("postgresql://db/shop?sslmode=require")
                create_engine("postgresql://db/pool_size")
                create_engine("mysql+mysqlconnector://db/shop?pool_size=5")
                create_engine("postgresql://db/shop", pool_size=5)
                create_engine(f"postgresql://db/shop?{options}")
                create_engine(url)
            """,
        },
        {"DBS504"},
    )


def test_message_names_the_options_and_the_function(tmp_path: Path) -> None:
    text = (
        "from sqlalchemy.ext.asyncio import create_async_engine\n"
        "create_async_engine('mysql+asyncmy://db/shop?pool_size=1&pool_timeout=2')\n"
    )
    write_project(tmp_path, {"db.py": text})
    assert [m for *_, m in lint(tmp_path, "db.py")] == [
        "`pool_size`, `pool_timeout` in a URL is passed to the driver, which does not know it; "
        "pass it to `create_async_engine` as an argument"
    ]


def test_urls_that_are_defaults(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "settings.py": """
                import os
                from os import environ, getenv
                from decouple import config
                from sqlalchemy import create_engine

                URL = getenv("URL", "postgresql://localhost/shop?max_overflow=5")
                create_engine(os.getenv("URL", "postgresql://localhost/shop?pool_size=5"))  # DBS504
                create_engine(environ.get("URL", "mysql://localhost/shop?pool_size=5"))  # DBS504
                create_engine(config("URL", default="mysql://localhost/shop?pool_size=5"))  # DBS504
                create_engine(getenv("URL") or "mysql://localhost/shop?pool_size=5")  # DBS504
                create_engine(URL)  # DBS504
                create_engine(os.getenv("URL", "postgresql://localhost/shop?connect_timeout=5"))
                create_engine(os.getenv("URL"))
            """
        },
        {"DBS504"},
    )
