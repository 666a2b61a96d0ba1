"""DBS604: connections closed by hand, where that is asked for."""

from __future__ import annotations

from pathlib import Path

from tests.cases import assert_cases, lint, write_project

SERVICE = """
    import sqlite3

    class Store:
        def __init__(self, path):
            self.conn = sqlite3.connect(path)

        def close(self):
            self.conn.close()

    def count(path):
        conn = sqlite3.connect(path)
        try:
            return conn.execute("select 1")
        finally:
            conn.close()  # DBS604

    def borrowed(conn: sqlite3.Connection):
        conn.close()
"""


def test_it_is_off_unless_asked_for(tmp_path: Path) -> None:
    write_project(tmp_path, {"service.py": SERVICE})
    assert "DBS604" not in [code for *_, code, _ in lint(tmp_path, "service.py")]
    assert_cases(tmp_path, {"service.py": SERVICE}, {"DBS604"}, selected=frozenset({"DBS604"}))


def test_tests_are_silent_and_the_policys_provider_is_named(tmp_path: Path) -> None:
    policy = 'enable = ["DBS604"]\nconnections = "db.get_connection"\n'
    write_project(
        tmp_path, {"dbsession.toml": policy, "service.py": SERVICE, "test_it.py": SERVICE}
    )
    assert "DBS604" not in [code for *_, code, _ in lint(tmp_path, "test_it.py")]
    (message,) = [m for *_, code, m in lint(tmp_path, "service.py") if code == "DBS604"]
    assert message.endswith("use `with db.get_connection() as conn:`")


def test_what_no_block_closes_is_closed_by_hand_unless_there_is_a_provider(tmp_path: Path) -> None:
    service = """
        import asyncpg

        async def names(dsn):
            conn = await asyncpg.connect(dsn)
            try:
                return await conn.fetch("select name from agents")
            finally:
                await conn.close()
    """
    write_project(
        tmp_path,
        {
            "service.py": service,
            "house/dbsession.toml": 'connections = "db.get_connection"\n',
            "house/service.py": service,
        },
    )
    selected = frozenset({"DBS604"})
    assert not lint(tmp_path, "service.py", selected=selected)
    found = lint(tmp_path, "house/service.py", selected=selected)
    assert "DBS604" in [code for *_, code, _ in found]
