"""DBS601: ``with connect(p) as c`` becomes ``with closing(connect(p)) as c, c``."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from tests.fixes.repairs import reasons, repaired

TOP = "import sqlite3\n"
IMPORTED = "import sqlite3\nfrom contextlib import closing\n"
CLOSING = "with closing(sqlite3.connect(path)) as c, c:"

FORMS = {
    "plain": (
        "with sqlite3.connect(path) as c:\n    c.execute(sql)",
        f"{CLOSING}\n    c.execute(sql)",
    ),
    "fetched": (
        """
        with sqlite3.connect(path) as c:
            cursor = c.cursor()
            rows = cursor.execute(sql).fetchall()
            count = cursor.rowcount
        return rows, count
        """,
        f"""
        {CLOSING}
            cursor = c.cursor()
            rows = cursor.execute(sql).fetchall()
            count = cursor.rowcount
        return rows, count
        """,
    ),
    "what is aligned to its bracket": (
        """
        with sqlite3.connect(path,
                             timeout=1) as c:
            c.execute(sql)
        """,
        """
        with closing(sqlite3.connect(path,
                                     timeout=1)) as c, c:
            c.execute(sql)
        """,
    ),
    "too_long": (
        """
        with sqlite3.connect(path, timeout=1, isolation_level="IMMEDIATE") as connection:
            connection.execute(sql)
        """,
        """
        with closing(
            sqlite3.connect(path, timeout=1, isolation_level="IMMEDIATE")
        ) as connection, connection:
            connection.execute(sql)
        """,
    ),
    "two_that_are_too_long": (
        """
        with sqlite3.connect(path) as source, sqlite3.connect(sql) as target:
            source.backup(target)
        """,
        """
        with closing(
            sqlite3.connect(path)
        ) as source, source, closing(
            sqlite3.connect(sql)
        ) as target, target:
            source.backup(target)
        """,
    ),
    "in_a_loop_below_another": (
        """
        with sqlite3.connect(path) as c:
            rows = c.execute(sql).fetchall()
        for row in rows:
            with sqlite3.connect(path) as c:
                c.execute(sql, row)
                c.commit()
        """,
        f"""
        {CLOSING}
            rows = c.execute(sql).fetchall()
        for row in rows:
            {CLOSING}
                c.execute(sql, row)
                c.commit()
        """,
    ),
    "another_in_the_same_loop": (
        """
        for each in path:
            with sqlite3.connect(each) as c:
                c.execute(sql)
            with sqlite3.connect(each) as c:
                c.commit()
        """,
        """
        for each in path:
            with closing(sqlite3.connect(each)) as c, c:
                c.execute(sql)
            with closing(sqlite3.connect(each)) as c, c:
                c.commit()
        """,
    ),
    "no_name": (
        "with sqlite3.connect(path):\n    return 1",
        "with closing(sqlite3.connect(path)) as conn, conn:\n    return 1",
    ),
    "several": (
        """
        with open(path) as f, (
            sqlite3.connect(
                path,  # here
                timeout=1,
            )
        ) as c:
            c.executemany(sql, f)
        """,
        """
        with open(path) as f, (
            closing(sqlite3.connect(
                path,  # here
                timeout=1,
            ))
        ) as c, c:
            c.executemany(sql, f)
        """,
    ),
    "in_brackets": (
        "with (\n    sqlite3.connect(path) as c,\n    open(path) as f,\n):\n"
        "    c.executemany(sql, f)",
        "with (\n    closing(sqlite3.connect(path)) as c, c,\n    open(path) as f,\n):\n"
        "    c.executemany(sql, f)",
    ),
}

UNSAFE = {
    "cursor_returned": "with sqlite3.connect(path) as c:\n    return c.execute(sql)",
    "cursor_read_later": (
        "with sqlite3.connect(path) as c:\n    rows = c.execute(sql)\nreturn rows.fetchall()"
    ),
    "iterator_read_later": (
        "with sqlite3.connect(path) as c:\n    rows = (row[0] for row in c.execute(sql))\n"
        "return list(rows)"
    ),
    "connection_used_later": (
        "with sqlite3.connect(path) as c:\n    c.execute(sql)\nprint(c.total_changes)"
    ),
    "read_in_the_next_turn": (
        "c = None\nwhile True:\n    print(c and c.total_changes)\n"
        "    with sqlite3.connect(path) as c:\n        c.execute(sql)"
    ),
    "read_in_the_next_turn_of_an_inner_loop": (
        "while True:\n    c = sqlite3.connect(sql)\n    for each in path:\n        print(c)\n"
        "        with sqlite3.connect(path) as c:\n            c.execute(sql)"
    ),
    "wrapped": "with sqlite3.connect(path) as c:\n    found = wrap(c)\nreturn found",
    "yielded": "with sqlite3.connect(path) as c:\n    yield c",
}


def function(body: str, top: str = TOP) -> str:
    return f"{top}\n\ndef work(path, sql):\n{indent(dedent(body).strip(chr(10)), '    ')}\n"


@pytest.mark.parametrize(("before", "after"), FORMS.values(), ids=FORMS)
def test_forms(before: str, after: str, tmp_path: Path) -> None:
    repair = repaired(tmp_path, {"work.py": function(before)}, "work.py", "DBS601")
    assert repair.left == ()
    assert repair.text.content == function(after, IMPORTED)


@pytest.mark.parametrize("body", UNSAFE.values(), ids=UNSAFE)
def test_what_may_be_needed_later_is_unsafe(body: str, tmp_path: Path) -> None:
    (reason,) = reasons(tmp_path, {"work.py": function(body)}, "work.py", "DBS601")
    assert reason.endswith("may need the connection after the block")


@pytest.mark.parametrize(
    ("top", "call"),
    [
        ("import contextlib\nimport sqlite3\n", "contextlib.closing"),
        ("import sqlite3\nfrom contextlib import closing as shut\n", "shut"),
    ],
)
def test_closing_is_reached_as_it_is_imported(top: str, call: str, tmp_path: Path) -> None:
    before = function("with sqlite3.connect(path) as c:\n    c.execute(sql)", top)
    after = before.replace("sqlite3.connect(path) as c", f"{call}(sqlite3.connect(path)) as c, c")
    repair = repaired(tmp_path, {"work.py": before}, "work.py", "DBS601")
    assert repair.text.content == after


def test_names_that_are_taken_are_left(tmp_path: Path) -> None:
    code = function("with sqlite3.connect(path) as c:\n    pass", f"{TOP}closing = 1\n")
    (reason,) = reasons(tmp_path, {"work.py": code}, "work.py", "DBS601")
    assert reason.endswith("`closing` means something else here")


INSERT = "INSERT INTO t VALUES (1)"


@pytest.mark.parametrize("sql", [INSERT, "INSERT INTO nowhere VALUES (1)"])
def test_the_fixed_block_does_the_same_and_closes(sql: str, tmp_path: Path) -> None:
    body = "with sqlite3.connect(path) as c:\n    known.append(c.execute(%r))\n    c.execute(sql)"
    before = f"known = []\n{function(body % INSERT)}"
    after = repaired(tmp_path, {"work.py": before}, "work.py", "DBS601", unsafe=True)
    results = []
    for name, code in (("old", before), ("new", after.text.content)):
        path = str(tmp_path / f"{name}.db")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE t (n)")
            names: dict[str, Any] = {}
            exec(code, names)
            raised = None
            try:
                names["work"](path, sql)
            except sqlite3.Error as error:
                raised = repr(error)
            results.append((raised, connection.execute("SELECT count(*) FROM t").fetchone()))
    assert results[0] == results[1]
    for cursor in names["known"]:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            cursor.fetchall()


STORE = """
import sqlite3


class Store:
    def __init__(self, path):
        self.path = path

    def _connect(self):
        return sqlite3.connect(self.path, timeout=1)
{}
    def make(self):
        with self.{}() as conn:
            conn.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER CHECK (n > 0))")

    def add(self, *numbers):
        with self.{}() as conn:
            for number in numbers:
                conn.execute("INSERT INTO t VALUES (?)", (number,))

    def clear(self):
        with self.{}() as conn:
            conn.execute("DELETE FROM t")
            raise KeyError("cleared")

    def count(self):
        with self.{}() as conn:
            return conn.execute("SELECT count(*) FROM t").fetchone()[0]
"""
BLOCK = """
    @contextmanager
    def _connected(self):
        with closing(self._connect()) as conn, conn:
            yield conn
"""


def _counts(source: str, path: Path) -> list[object]:
    names: dict[str, Any] = {}
    exec(source, names)
    store = names["Store"](str(path))
    found: list[object] = []
    for step in ("make", "add", "add", "clear", "count"):
        given = (1, 2) if len(found) == 1 else (3, 0) if len(found) == 2 else ()
        try:
            found.append(getattr(store, step)(*given))
        except (KeyError, sqlite3.Error) as error:
            found.append(repr(error))
    return found


def test_many_blocks_of_a_helper_get_one_beside_it(tmp_path: Path) -> None:
    before = STORE.format("", *["_connect"] * 4)
    repair = repaired(tmp_path, {"store.py": before}, "store.py", "DBS601")
    after = STORE.format(BLOCK, *["_connected"] * 4)
    imported = "import sqlite3\nfrom contextlib import closing, contextmanager\n"
    assert repair.text.content == after.replace("import sqlite3\n", imported, 1)
    assert repair.left == ()
    again = repaired(tmp_path, {"store.py": repair.text.content}, "store.py")
    assert again.text.content == repair.text.content
    old, new = (
        _counts(text, tmp_path / f"{name}.db")
        for name, text in (("old", before), ("new", repair.text.content))
    )
    assert old == new
    assert old[-1] == 2


def test_the_block_stands_as_far_below_as_what_follows(tmp_path: Path) -> None:
    helper = "def _open():\n    return sqlite3.connect('x')\n"
    use = "def use{}():\n    with _open() as c:\n        c.execute('x')\n"
    before = "\n".join([TOP, helper, *map(use.format, range(4))])
    after = repaired(tmp_path, {"work.py": before}, "work.py", "DBS601").text.content
    block = "@contextmanager\ndef _open_closing():\n    with closing(_open()) as conn, conn:\n"
    assert f"{helper}\n{block}        yield conn\n\ndef use0():\n" in after


def test_the_block_is_annotated_as_the_helper_is(tmp_path: Path) -> None:
    before = STORE.format("", *["_connect"] * 4).replace(
        "_connect(self):", "_connect(self) -> sqlite3.Connection:"
    )
    after = repaired(tmp_path, {"store.py": before}, "store.py", "DBS601").text.content
    assert "def _connected(self) -> Iterator[sqlite3.Connection]:" in after
    assert "from collections.abc import Iterator\n" in after


@pytest.mark.parametrize(
    "files",
    [
        {"other.py": "class Mine(Store):\n    _connected = True\n"},
        {"store.py": STORE.format("", *["_connect"] * 4).replace("(self):", "(self, n=1):")},
        {"store.py": STORE.format("", *["_connect"] * 2, *["other"] * 2)},
    ],
)
def test_few_blocks_or_what_is_taken_close_by_themselves(
    files: dict[str, str], tmp_path: Path
) -> None:
    files = {"store.py": STORE.format("", *["_connect"] * 4), **files}
    after = repaired(tmp_path, files, "store.py", "DBS601").text.content
    assert "with closing(self._connect()) as conn, conn:" in after
    assert "contextmanager" not in after


LAZY_STORE = """
class Store:
    def __init__(self, connection):
        self.connection = connection

    def all(self):
        return self.connection.execute("SELECT 1")

    fetchall = all


def fetch(connection):
    return connection.execute("SELECT 1")
"""


@pytest.mark.parametrize("read", ["Store(c).all()", "Store(c).fetchall()", "fetch(c)"])
def test_no_name_of_the_projects_own_says_that_rows_are_fetched(read: str, tmp_path: Path) -> None:
    body = f"with sqlite3.connect(path) as c:\n    return {read}"
    files = {"work.py": function(body, f"import sqlite3\n{LAZY_STORE}")}
    (reason,) = reasons(tmp_path, files, "work.py", "DBS601")
    assert reason.endswith("may need the connection after the block")


def test_a_double_that_cannot_be_closed_is_a_doubt(tmp_path: Path) -> None:
    files = {
        "store.py": "import sqlite3\n\ndef get_connection():\n    return sqlite3.connect('a.db')\n",
        "work.py": """
            from store import get_connection

            def names():
                with get_connection() as conn:
                    return conn.execute("SELECT name FROM users").fetchall()
        """,
        "tests/test_work.py": """
            import sqlite3
            import work

            class Connection:
                def __enter__(self):
                    return sqlite3.connect("b.db")

                def __exit__(self, *error):
                    pass

            def test_names(monkeypatch):
                monkeypatch.setattr(work, "get_connection", lambda: Connection())
                with work.get_connection() as conn:
                    conn.execute("CREATE TABLE users (name)")
                assert work.names() == []
        """,
    }
    assert reasons(tmp_path, files, "work.py", "DBS601") == [
        "5: DBS601 `tests/test_work.py` patches `get_connection` in this module"
    ]
    assert reasons(tmp_path, files, "tests/test_work.py", "DBS601") == [
        "14: DBS601 the test may replace `get_connection`"
    ]
