"""Factories, engines and pools that are kept in containers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases

IMPORTS = """
    from collections import defaultdict
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker
"""


@pytest.mark.parametrize(
    "getting",
    [
        """
        if url not in kept:
            kept[url] = sessionmaker(bind=create_engine(url))
        make = kept[url]
        return make()
        """,
        """
        make = kept.get(url)
        if make is None:
            make = kept[url] = sessionmaker(bind=create_engine(url))
        return make()
        """,
        """
        return kept.setdefault(url, sessionmaker(bind=create_engine(url)))()
        """,
    ],
)
def test_a_factory_in_a_dictionary_of_the_module(getting: str, tmp_path: Path) -> None:
    database = f"{IMPORTS}\n    kept = {{}}\n\n    def get_session(url='sqlite:///x.db'):{getting}"
    app = """
        from base import get_session
        from models import Node

        def labels():
            session = get_session()  # DBS302
            return [node.label for node in session.query(Node).all()]

        def closed():
            session = get_session()
            try:
                return [node.label for node in session.query(Node).all()]
            finally:
                session.close()
    """
    assert_cases(tmp_path, {"base.py": database, "app.py": app}, {"DBS302", "DBS303"})


def test_containers_of_objects_and_of_other_modules(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "base.py": f"""{IMPORTS}
    makers = {{"main": sessionmaker(), "log": sessionmaker()}}
    mixed = {{"main": sessionmaker(), "log": print}}
    filled = {{"main": sessionmaker()}}
    filled.update(others())
    """,
            "app.py": """
                import base
                from base import filled, makers, mixed
                from sqlalchemy.orm import sessionmaker

                class Shards:
                    shared: dict[str, object] = {}

                    def __init__(self, urls):
                        self.makers = {url: sessionmaker() for url in urls}

                    def add(self, url, engine):
                        self.makers[url] = sessionmaker(engine)
                        self.shared[url] = engine.connect

                    def count(self, url):
                        session = self.makers[url]()  # DBS302
                        return session.scalar("select 1")

                    def other(self, url):
                        session = self.shared[url]()
                        return session.scalar("select 1")

                def of_a_name(key):
                    session = makers[key]()  # DBS302
                    return session.scalar("select 1")

                def of_a_module(key):
                    session = base.makers[key]()  # DBS302
                    return session.scalar("select 1")

                def of_what_else(key):
                    session = mixed[key]()
                    session.scalar("select 1")
                    session = filled[key]()
                    session.scalar("select 1")
            """,
        },
        {"DBS302"},
    )


def test_an_engine_and_a_pool_in_a_dictionary(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from psycopg_pool import ConnectionPool
                from sqlalchemy import create_engine

                engines = {}
                pools = {}

                def engine_for(url):
                    if url not in engines:
                        engines[url] = create_engine(url)
                    return engines[url]

                def rows(url):
                    conn = engine_for(url).connect()  # DBS602
                    return conn.execute("select 1").all()

                def of_a_pool(url):
                    pool = pools.setdefault(url, ConnectionPool(url))
                    conn = pool.getconn()  # DBS605
                    return conn.execute("select 1").fetchall()
            """
        },
        {"DBS602", "DBS605"},
    )
