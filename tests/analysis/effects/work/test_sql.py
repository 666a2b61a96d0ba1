"""SQL by the first words of its statements."""

from __future__ import annotations

import pytest

from flake8_dbsession.analysis.effects.work.reading import filled, only_reads
from flake8_dbsession.analysis.effects.work.sql import (
    Pragma,
    is_write,
    pragma_of,
    sql_statements,
)
from flake8_dbsession.analysis.names.texts import HOLE


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        (" ; -- nothing\n;", []),
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';' ; SELECT \";--\"", ["SELECT ';'", 'SELECT ";--"']),
        ("/* one;\ntwo */ SELECT 1 -- three;", ["SELECT 1"]),
        ("SELECT 'it''s'; SELECT 2", ["SELECT 'it''s'", "SELECT 2"]),
        ("SELECT 'open; SELECT 2", ["SELECT 'open", "SELECT 2"]),
    ],
)
def test_statements(text: str, statements: list[str]) -> None:
    assert sql_statements(text) == statements


@pytest.mark.parametrize(
    ("statement", "pragma"),
    [
        ("PRAGMA foreign_keys = ON", Pragma("foreign_keys", "1")),
        ("pragma main.Foreign_Keys='off'", Pragma("foreign_keys", "0")),
        ("PRAGMA synchronous(NORMAL)", Pragma("synchronous", "1")),
        ("PRAGMA synchronous = 2", Pragma("synchronous", "2")),
        ("PRAGMA journal_mode = WAL", Pragma("journal_mode", "wal")),
        (f"PRAGMA {HOLE} = {HOLE}", Pragma(HOLE, HOLE)),
        ("PRAGMA foreign_keys", None),
        ("SELECT 'PRAGMA foreign_keys = ON'", None),
    ],
)
def test_pragmas(statement: str, pragma: Pragma | None) -> None:
    assert pragma_of(statement) == pragma


@pytest.mark.parametrize(
    ("statement", "writes"),
    [
        ("insert into t values (1)", True),
        ("REPLACE INTO t VALUES (1)", True),
        ("TRUNCATE t", True),
        ("WITH a AS (SELECT 1) INSERT OR IGNORE INTO t SELECT * FROM a", True),
        ("WITH a AS (SELECT 1)\nUPDATE t SET b = 1", True),
        ("WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone", True),
        ("WITH a AS (SELECT 1) SELECT replace(b, 'c', 'd') FROM a", False),
        ("SELECT * FROM inserted", False),
        ("updates", False),
        ("BEGIN", False),
    ],
)
def test_writes(statement: str, writes: bool) -> None:
    assert is_write(statement) is writes


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        (f"SELECT part FROM {HOLE} GROUP BY part", True),
        (f"SELECT count(*) FROM {HOLE}.items JOIN {HOLE} USING (id)", True),
        (f'SELECT * FROM "{HOLE}" WHERE a = {HOLE} AND b >= {HOLE} LIMIT {HOLE}', True),
        (f"SELECT * FROM items WHERE name LIKE '%{HOLE}%'", True),
        (f"SELECT {HOLE} FROM items", False),
        (f"SELECT * FROM {HOLE}(1)", False),
        (f"SELECT * FROM items {HOLE}", False),
        (f"DELETE FROM {HOLE}", False),
        (HOLE, False),
    ],
)
def test_what_only_reads_though_not_all_of_it_is_written_out(text: str, reads: bool) -> None:
    whole = filled(text)
    assert (HOLE not in whole and only_reads(whole)) is reads
