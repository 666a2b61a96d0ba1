"""DBS606: SQLite connections without the pragmas that the policy requires."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import assert_cases, lint, write_project

POLICY = """
    [sqlite]
    pragmas = { foreign_keys = "ON", synchronous = "NORMAL" }
"""
IMPORTS = """
import sqlite3
from contextlib import closing, contextmanager
"""
KEYS = "conn.execute('PRAGMA foreign_keys = ON')"
BOTH = f"{KEYS}; conn.execute('PRAGMA synchronous = NORMAL')"
USE = "conn.execute('DELETE FROM sessions')"


def assert_connections(tmp_path: Path, code: str, policy: str = POLICY) -> None:
    assert_cases(tmp_path, {"dbsession.toml": policy, "store.py": IMPORTS + code}, {"DBS606"})


def message(tmp_path: Path, code: str, policy: str = POLICY) -> str:
    write_project(tmp_path, {"dbsession.toml": policy, "store.py": IMPORTS + code})
    return next(text for *_, found, text in lint(tmp_path, "store.py") if found == "DBS606")


def test_silent_without_a_policy_that_requires_pragmas(tmp_path: Path) -> None:
    code = "def f(path):\n    conn = sqlite3.connect(path)\n    " + USE
    assert_connections(tmp_path, code, "preset = 'standard'")


def test_the_sqlite_preset_requires_some(tmp_path: Path) -> None:
    code = "def f(path):\n    conn = sqlite3.connect(path)  # DBS606\n    " + USE
    assert_connections(tmp_path, code, "preset = 'sqlite'")


@pytest.mark.parametrize(
    "setting",
    [
        "conn.execute('PRAGMA foreign_keys = ON')",
        "conn.execute('pragma foreign_keys=on;')",
        "conn.execute('PRAGMA main.foreign_keys = 1')",
        "conn.execute('PRAGMA foreign_keys(true)')",
        "conn.execute(\"PRAGMA foreign_keys = 'yes'\")",
        "conn.execute('PRAGMA foreign_keys = OFF'); conn.execute('PRAGMA foreign_keys = ON')",
        "conn.execute(f'PRAGMA foreign_keys = {keys}')",
        "conn.execute(f'PRAGMA {pragma} = {keys}')",
        "conn.execute(FOREIGN_KEYS)",
        "conn.executescript('-- first of all\\nPRAGMA foreign_keys = ON; SELECT 1; VACUUM')",
        "cursor = conn.cursor(); cursor.execute('PRAGMA foreign_keys = ON'); cursor.close()",
        "conn.cursor().execute('PRAGMA foreign_keys = ON').fetchone()",
        "same = conn; same.execute('PRAGMA foreign_keys = ON')",
    ],
)
def test_ways_to_set_one(tmp_path: Path, setting: str) -> None:
    code = f"""
FOREIGN_KEYS = "PRAGMA foreign_keys = ON"

def change(path, keys, pragma):
    conn = sqlite3.connect(path)
    conn.row_factory = sqlite3.Row
    conn.create_function("upper", 1, str.upper)
    {setting}
    {USE}
"""
    assert_connections(tmp_path, code, "[sqlite]\npragmas = { foreign_keys = true }")


@pytest.mark.parametrize(
    "setting",
    [
        "conn.row_factory = sqlite3.Row",
        "conn.execute('PRAGMA foreign_keys')",
        "conn.execute('PRAGMA foreign_keys = OFF')",
        "conn.execute('PRAGMA foreign_keys = ON'); conn.execute('PRAGMA foreign_keys = OFF')",
        "conn.execute('PRAGMA synchronous = NORMAL')",
        "conn.executescript('BEGIN; PRAGMA foreign_keys = ON')",
        "other.execute('PRAGMA foreign_keys = ON')",
    ],
)
def test_what_does_not_set_it(tmp_path: Path, setting: str) -> None:
    code = f"""
def change(path, other):
    conn = sqlite3.connect(path)  # DBS606
    {setting}
    {USE}
"""
    assert_connections(tmp_path, code, "[sqlite]\npragmas = { foreign_keys = true }")


def test_every_way_counts(tmp_path: Path) -> None:
    assert_connections(
        tmp_path,
        f"""
def on_one_branch(path, strict):
    conn = sqlite3.connect(path)  # DBS606
    if strict:
        {BOTH}
    {USE}

def on_both(path, strict):
    conn = sqlite3.connect(path)
    if strict:
        {BOTH}
    else:
        {BOTH}
    {USE}

def tried(path):
    conn = sqlite3.connect(path)
    try:
        {KEYS}
    except sqlite3.OperationalError:
        pass
    conn.execute("PRAGMA synchronous = 1")
    {USE}

def given_up(path):
    conn = sqlite3.connect(path)
    try:
        {BOTH}
    except sqlite3.Error:
        conn.rollback()
        conn.close()
        raise
    return conn

def in_turn(path):
    conn = sqlite3.connect(path)
    for pragma in ("PRAGMA foreign_keys = ON", "PRAGMA synchronous = NORMAL"):
        conn.execute(pragma)
    {USE}

def by_name(path, pragmas):
    conn = sqlite3.connect(path)
    for name, value in pragmas.items():
        conn.execute(f"PRAGMA {{name}} = {{value}}")
    return conn

def rebound(path):
    conn = sqlite3.connect(path)
    conn = sqlite3.connect(path)  # DBS606
    {USE}

def only_opened(path):
    conn = sqlite3.connect(path)
    conn.close()
""",
    )


def test_handed_on(tmp_path: Path) -> None:
    assert_connections(
        tmp_path,
        f"""
def returned(path):
    return sqlite3.connect(path)  # DBS606

def with_its_cursor(path):
    conn = sqlite3.connect(path)  # DBS606
    return conn, conn.cursor()

opener = lambda path: sqlite3.connect(path)  # DBS606

@contextmanager
def yielded(path):
    with closing(sqlite3.connect(path)) as conn:  # DBS606
        yield conn

@contextmanager
def made_ready(path):
    with closing(sqlite3.connect(path)) as conn, conn:
        {BOTH}
        yield conn

def put_away(path, pool):
    conn = sqlite3.connect(path)  # DBS606
    pool[path] = conn

def given_away(path):
    return unknown(sqlite3.connect(path))  # DBS606

def backed_up(path, other):
    with closing(sqlite3.connect(path)) as conn, closing(sqlite3.connect(other)) as copy:
        conn.backup(copy)

shared = sqlite3.connect("app.db")  # DBS606
ready = sqlite3.connect("app.db")
ready.executescript("PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL;")
""",
    )


def test_helpers_are_followed(tmp_path: Path) -> None:
    assert_connections(
        tmp_path,
        f"""
def _configure(conn, level="NORMAL"):
    _check_keys(conn)
    conn.execute(f"PRAGMA synchronous = {{level}}")
    return conn

def _check_keys(conn):
    {KEYS}

def _fill(conn):
    {USE}

def helped(path):
    conn = sqlite3.connect(path)
    _configure(conn)
    {USE}

def on_the_spot(path):
    conn = _configure(sqlite3.connect(path))
    return conn

def used_by_a_helper(path):
    conn = sqlite3.connect(path)  # DBS606
    _fill(conn)
    _configure(conn)

class Store:
    def __init__(self, path):
        self.conn = sqlite3.connect(path)
        self._set_up()

    def _set_up(self):
        self.conn.execute("PRAGMA foreign_keys = ON")
        self.conn.execute("PRAGMA synchronous = NORMAL")

class OwnExecute:
    def __init__(self, path):
        self.conn = sqlite3.connect(path)
        self.execute("PRAGMA foreign_keys = ON")
        self.execute("PRAGMA synchronous = NORMAL")

    def execute(self, sql):
        return self.conn.execute(sql)

class BareStore:
    def __init__(self, path):
        self.conn = sqlite3.connect(path)  # DBS606
        self._set_up()

    def _set_up(self):
        self.conn.row_factory = sqlite3.Row
""",
    )


def test_connections_that_are_opened_when_first_wanted(tmp_path: Path) -> None:
    assert_connections(
        tmp_path,
        """
class Store:
    def ready(self):
        if self._conn is None:
            self._conn = sqlite3.connect(self.path)
            self._conn.execute("PRAGMA foreign_keys = ON")
            self._conn.execute("PRAGMA synchronous = NORMAL")
        return self._conn

    def of_the_thread(self):
        if not hasattr(self.local, "conn"):
            self.local.conn = sqlite3.connect(self.path)  # DBS606
            self.local.conn.execute("PRAGMA foreign_keys = ON")
        return self.local.conn
""",
    )


def test_asynchronous_connections(tmp_path: Path) -> None:
    assert_connections(
        tmp_path,
        """
import aiosqlite

async def bare(path):
    async with aiosqlite.connect(path) as db:  # DBS606
        await db.execute("DELETE FROM sessions")

async def ready(path):
    db = await aiosqlite.connect(path)
    await db.execute("PRAGMA foreign_keys = ON")
    await db.execute("PRAGMA synchronous = NORMAL")
    return db
""",
    )


def test_what_the_file_keeps_is_set_once(tmp_path: Path) -> None:
    policy = "[sqlite]\npragmas = { journal_mode = 'WAL' }"
    use = "def f(path):\n    conn = sqlite3.connect(path)\n    " + USE
    create = "\ndef create(conn):\n    conn.execute('PRAGMA journal_mode=wal')\n"
    assert_connections(tmp_path, use + create, policy)
    assert_connections(tmp_path, use.replace("(path)\n", "(path)  # DBS606\n"), policy)


def test_databases_in_memory_have_no_log_and_no_disk(tmp_path: Path) -> None:
    code = "def f():\n    conn = sqlite3.connect(':memory:')\n    " + USE
    keys = code.replace("\n    conn.e", "  # DBS606\n    conn.e")
    for name, text, pragma in [
        ("log", code, "journal_mode = 'WAL'"),
        ("disk", code, "synchronous = 'NORMAL'"),
        ("keys", keys, "foreign_keys = 'ON'"),
    ]:
        folder = tmp_path / name
        folder.mkdir()
        assert_connections(folder, text, f"[sqlite]\npragmas = {{ {pragma} }}")


def test_silent_in_tests(tmp_path: Path) -> None:
    code = IMPORTS + "conn = sqlite3.connect('app.db')"
    files = {"dbsession.toml": POLICY, "tests/test_store.py": code}
    assert_cases(tmp_path, files, {"DBS606"})


def test_read_only_connections_and_those_of_an_own_class(tmp_path: Path) -> None:
    assert_connections(
        tmp_path,
        """
def read(path):
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        return conn.execute("SELECT 1").fetchall()

def own(path):
    return sqlite3.connect(path, factory=Strict)
""",
    )


def test_messages(tmp_path: Path) -> None:
    opened = "def f(path):\n    conn = sqlite3.connect(path)\n"
    assert message(tmp_path, opened + f"    {KEYS}\n    {USE}") == (
        "`sqlite3.connect(path)` lacks `PRAGMA synchronous = NORMAL` when line 7 uses it; "
        "execute it first"
    )
    assert message(tmp_path, opened + "    return conn") == (
        "`sqlite3.connect(path)` lacks `PRAGMA foreign_keys = ON` and `PRAGMA synchronous = NORMAL`"
        " when line 6 hands it on; execute them first"
    )
    assert message(tmp_path, "conn = sqlite3.connect('app.db')").startswith(
        "`sqlite3.connect('app.db')` lacks `PRAGMA foreign_keys = ON` and "
        "`PRAGMA synchronous = NORMAL` when it is kept; "
    )
