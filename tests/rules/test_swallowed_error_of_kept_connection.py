"""DBS611 for connections that an object or a module keeps, and works in again."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS611"}
STORE = """
    import psycopg2


    class Store:
        def __init__(self):
            self.conn = psycopg2.connect("x")
            self.cur = self.conn.cursor()

        def put(self, row):
            {first}
            try:
                self.cur.execute("INSERT INTO rows VALUES (%s)", (row,))
                self.conn.commit()
            except psycopg2.Error as error:  # {code}
                {handler}
            {after}

        def connect(self):
            self.conn = psycopg2.connect("x")

        def close(self):
            self.conn.close()
"""


def store(
    code: str, handler: str = "print(error)", first: str = "pass", after: str = "return None"
) -> str:
    text = dedent(STORE).format(code=code, handler="{handler}", first="{first}", after="{after}")
    inner = {"handler": 12, "first": 8, "after": 8}
    parts = {"handler": handler, "first": first, "after": after}
    return text.format(**{k: indent(v, " " * inner[k]).lstrip() for k, v in parts.items()})


def message(tmp_path: Path, text: str) -> str:
    write_project(tmp_path, {"app.py": text})
    (found,) = [text for _, _, code, text in lint(tmp_path, "app.py") if code in CODES]
    return found


@pytest.mark.parametrize(
    ("code", "handler"),
    [
        ("DBS611", "print(error)"),
        ("DBS611", "return False"),
        ("DBS611", "self.cur.close()"),
        ("DBS611", "self.cur = self.conn.cursor()"),
        ("silent", "raise"),
        ("silent", "self.conn.rollback()"),
        ("silent", "self.cur.execute('ROLLBACK')"),
        ("silent", "self.conn.commit()"),
        ("silent", "self.close()"),
        ("silent", "self.connect()"),
        ("silent", "self.conn = psycopg2.connect('x')"),
    ],
)
def test_what_a_handler_does(tmp_path: Path, code: str, handler: str) -> None:
    assert_cases(tmp_path, {"app.py": store(code, handler)}, CODES)


@pytest.mark.parametrize(
    "first",
    [
        "self.conn.rollback()",
        "self.connect()",
        "if self.conn.closed: self.connect()",
        "self.conn = psycopg2.connect('x')",
    ],
)
def test_a_method_that_begins_anew(tmp_path: Path, first: str) -> None:
    assert_cases(tmp_path, {"app.py": store("silent", first=first)}, CODES)


@pytest.mark.parametrize(
    "after", ["self.conn.rollback()", "self.close()", "if row: self.conn.rollback()"]
)
def test_a_method_that_ends_it(tmp_path: Path, after: str) -> None:
    assert_cases(tmp_path, {"app.py": store("silent", after=after)}, CODES)


@pytest.mark.parametrize(
    ("code", "user"),
    [
        ("silent", "def save(row):\n    store = Store()\n    store.put(row)\n    store.close()"),
        ("silent", "def save(row):\n    Store().put(row)"),
        ("silent", "def save(rows):\n    for row in rows:\n        its = Store()\n"
         "        its.put(row)"),
        ("silent", "store = Store()\nstore.put(1)\nstore.close()"),
        ("silent", "def save(row, store: Store):\n    store.conn.rollback()\n    store.put(row)"),
        ("DBS611", "def save(rows):\n    store = Store()\n    for row in rows: store.put(row)"),
        ("DBS611", "def save(a, b):\n    store = Store()\n    store.put(a)\n    store.put(b)"),
        ("DBS611", "store = Store()\ndef save(row):\n    store.put(row)"),
        ("DBS611", "store = Store()\nfor row in range(9):\n    store.put(row)"),
        ("DBS611", "class App:\n    def __init__(self):\n        self.store = Store()\n"
         "    def save(self, row):\n        self.store.put(row)"),
        ("DBS611", "def save(store: Store, a, b):\n    store.put(a)\n    store.cur.execute(b)"),
        ("DBS611", "def save(a, b):\n    with Store() as store: pass\n    s = Store()\n"
         "    s.put(a)\n    s.put(b)"),
    ],
)  # fmt: skip
def test_who_uses_the_object(tmp_path: Path, code: str, user: str) -> None:
    files = {"store.py": store(code), "app.py": f"from store import Store\n{user}\n"}
    assert_cases(tmp_path, files, CODES)


def test_a_caller_that_sees_the_answer(tmp_path: Path) -> None:
    user = """
        from store import Store

        def save(a, b):
            store = Store()
            if store.put(a):
                store.put(b)
    """
    files = {"store.py": store("silent", "return False", after="return True"), "app.py": user}
    assert_cases(tmp_path, files, CODES)


def test_methods_of_the_same_object(tmp_path: Path) -> None:
    text = """
        import psycopg

        class Store:
            def __init__(self):
                self.conn = psycopg.connect("x")

            def _log(self, text):
                try:
                    self.conn.execute("INSERT INTO log VALUES (%s)", (text,))
                except psycopg.Error:  # DBS611
                    pass

            def _note(self, text):
                try:
                    self.conn.execute("INSERT INTO log VALUES (%s)", (text,))
                except psycopg.Error:
                    pass

            def save(self, row):
                self._log(row)
                self.conn.execute("INSERT INTO rows VALUES (%s)", (row,))
                self.conn.commit()

            def remove(self, row):
                self.conn.execute("DELETE FROM rows")
                self.conn.commit()
                self._note(row)
                self.conn.rollback()
    """
    assert_cases(tmp_path, {"app.py": text}, CODES)


@pytest.mark.parametrize(
    ("code", "opening"),
    [
        ("DBS611", "self.conn = psycopg2.connect('x')\nself.cur = self.conn.cursor()"),
        ("DBS611", "conn = psycopg2.connect('x')\nself.conn = conn\nself.cur = conn.cursor()"),
        ("DBS611", "conn = psycopg2.connect('x')\ncur = conn.cursor()\nself.conn = conn\n"
         "self.cur = cur"),
        ("silent", "self.conn = psycopg2.connect('x')\nself.conn.autocommit = True\n"
         "self.cur = self.conn.cursor()"),
        ("silent", "self.conn = psycopg2.connect('x')\nself.conn.set_session(autocommit=True)\n"
         "self.cur = self.conn.cursor()"),
        ("silent", "self.conn = psycopg2.connect('x')\nother = psycopg2.connect('y')\n"
         "self.cur = other.cursor()"),
        ("silent", "import sqlite3\nself.conn = sqlite3.connect('x')\n"
         "self.cur = self.conn.cursor()"),
    ],
)  # fmt: skip
def test_how_the_cursor_is_kept(tmp_path: Path, code: str, opening: str) -> None:
    text = f"""
import psycopg2

class Store:
    def __init__(self):
{indent(opening, " " * 8)}

    def all(self):
        try:
            self.cur.execute("SELECT * FROM rows")
            return self.cur.fetchall()
        except psycopg2.Error:  # {code}
            return None

    def close(self):
        self.conn.close()
"""
    assert_cases(tmp_path, {"app.py": text}, CODES)


def test_a_base_class_that_opens(tmp_path: Path) -> None:
    files = {
        "base.py": """
            import psycopg2

            class Base:
                def __init__(self):
                    self.connection = psycopg2.connect("x")
                    self.cursor = self.connection.cursor()
        """,
        "users.py": """
            import base

            class Users(base.Base):
                def all(self):
                    try:
                        self.cursor.execute("SELECT * FROM users")
                        return self.cursor.fetchall()
                    except Exception as error:  # DBS611
                        print(error)
        """,
    }
    assert_cases(tmp_path, files, CODES)


MODULE = """
    import psycopg2

    conn = psycopg2.connect("x")
    {setting}
    cur = conn.cursor()

    def put(row):
        try:
            cur.execute("INSERT INTO rows VALUES (%s)", (row,))
            conn.commit()
        except psycopg2.Error as error:  # {code}
            print(error)

    {user}
"""


@pytest.mark.parametrize(
    ("code", "setting", "user"),
    [
        ("DBS611", "", ""),
        ("DBS611", "", "for row in range(3): put(row)"),
        ("DBS611", "", "def main():\n        put(1)\n        put(2)\n    main()"),
        ("silent", "", "put(1)\n    conn.close()"),
        ("silent", "", "def main():\n        put(1)\n    main()"),
        ("silent", "conn.autocommit = True", ""),
        ("silent", "conn.set_isolation_level(0)", ""),
    ],
)
def test_a_connection_of_a_module(tmp_path: Path, code: str, setting: str, user: str) -> None:
    text = MODULE.format(code=code, setting=setting, user=user)
    assert_cases(tmp_path, {"app.py": dedent(text)}, CODES)


def test_a_command_runs_once(tmp_path: Path) -> None:
    text = """
        import click
        import psycopg2

        conn = psycopg2.connect("x")

        @click.command()
        def load():
            try:
                conn.cursor().execute("INSERT INTO rows VALUES (1)")
            except psycopg2.Error as error:
                print(error)
    """
    assert_cases(tmp_path, {"app.py": text}, CODES)


def test_the_message(tmp_path: Path) -> None:
    assert message(tmp_path, store("DBS611")) == (
        "`except psycopg2.Error` swallows an error of `self.cur.execute()`, after which PostgreSQL "
        "refuses all that is done by `self.conn` next; call `self.conn.rollback()` in it"
    )


ADDING = """
import psycopg2


class Store:
    def __init__(self):
        self.conn = psycopg2.connect("x")
        self.cur = self.conn.cursor()

    def {name}(self, row):
        try:
            self.cur.execute("INSERT INTO rows VALUES (%s)", (row,))
            {commit}
        except psycopg2.Error as error:
            print(error)

    def prepare(self):
        self.cur.execute("DELETE FROM rows")
        {prepared}

    def close(self):
        self.conn.commit()
        self.conn.close()
"""
ROLLBACK = "call `self.conn.rollback()` in it"
SAVEPOINT = "roll back in it to a `SAVEPOINT` that begins before the `try`"


@pytest.mark.parametrize(
    ("commit", "prepared", "advice"),
    [
        ("self.conn.commit()", "self.conn.commit()", ROLLBACK),
        ("self.conn.commit()", "pass", ROLLBACK),
        ("pass", "self.conn.commit()", SAVEPOINT),
        ("pass", "pass", SAVEPOINT),
    ],
)
def test_what_a_rollback_would_undo(
    tmp_path: Path, commit: str, prepared: str, advice: str
) -> None:
    text = ADDING.format(name="add", commit=commit, prepared=prepared)
    assert message(tmp_path, text).endswith(advice)


def test_reading_undoes_the_work_of_others(tmp_path: Path) -> None:
    reading = """
    def all(self):
        try:
            self.cur.execute("SELECT * FROM rows")
            return self.cur.fetchall()
        except psycopg2.Error as error:
            print(error)
"""
    text = ADDING.format(name="add", commit="self.conn.rollback()", prepared="pass") + reading
    write_project(tmp_path, {"app.py": text})
    (_, found) = [text for _, _, code, text in lint(tmp_path, "app.py") if code in CODES]
    assert found.endswith(SAVEPOINT)


def test_a_method_called_as_those_of_cursors_are(tmp_path: Path) -> None:
    text = ADDING.format(name="execute", commit="pass", prepared="pass")
    assert message(tmp_path, text).endswith(SAVEPOINT)


OTHERS = {
    "setting": """
        import psycopg2

        def fix(dsn):
            conn = psycopg2.connect(dsn)
            conn.autocommit = True
            conn.cursor().execute("VACUUM")
    """,
    "of_store": """
        from app import Store

        def fix():
            Store().conn.autocommit = True
    """,
}


@pytest.mark.parametrize(("code", "other"), [("DBS611", "setting"), ("silent", "of_store")])
def test_autocommit_elsewhere(tmp_path: Path, code: str, other: str) -> None:
    text = store(code).replace("        self.cur = self.conn.cursor()\n", "", 1)
    text = text.replace("self.cur.", "self.conn.cursor().")
    assert_cases(tmp_path, {"app.py": text, "other.py": OTHERS[other]}, CODES)


def test_autocommit_turned_off(tmp_path: Path) -> None:
    text = store("DBS611").replace(
        'self.conn = psycopg2.connect("x")',
        'self.conn = psycopg2.connect("x")\n        self.conn.autocommit = False',
        1,
    )
    assert_cases(tmp_path, {"app.py": text}, CODES)


@pytest.mark.parametrize(
    ("code", "user"),
    [
        ("DBS611", "from db import put\n@route\ndef add(row):\n    put(row)"),
        ("DBS611", "import db\ndef add(rows):\n    for row in rows: db.put(row)"),
        ("DBS611", "from db import put, count\ndef main():\n    put(1)\n    count()\nmain()"),
        ("silent", "from db import put\ndef main():\n    put(1)\nmain()"),
        ("silent", "from db import put, conn\ndef main():\n    put(1)\n    conn.close()\nmain()"),
        ("silent", "from db import put, undo\ndef main():\n    put(1)\n    undo()\n    put(2)\n"
         "    undo()\nmain()"),
    ],
)  # fmt: skip
def test_another_module_calls(tmp_path: Path, code: str, user: str) -> None:
    db = f"""
        import psycopg2

        conn = psycopg2.connect("x")
        cur = conn.cursor()

        def put(row):
            try:
                cur.execute("INSERT INTO rows VALUES (%s)", (row,))
                conn.commit()
            except psycopg2.Error as error:  # {code}
                print(error)

        def count():
            cur.execute("SELECT count(*) FROM rows")
            return cur.fetchone()

        def undo():
            conn.rollback()
    """
    assert_cases(tmp_path, {"db.py": db, "app.py": user + "\n"}, CODES)


HANDLERS_AROUND = """
    import psycopg2

    conn = psycopg2.connect("x")
    cur = conn.cursor()


    def put(row):
        cur.execute("INSERT INTO rows VALUES (%s)", (row,))
        conn.commit()


    def put_or_undo(row):
        try:
            put(row)
        except Exception:
            conn.rollback()
            raise


    class Store:
        def __init__(self):
            self.conn = psycopg2.connect("x")
            self.cur = self.conn.cursor()

        def add(self, row):
            self.cur.execute("INSERT INTO rows VALUES (%s)", (row,))
            self.conn.commit()

        def add_or_undo(self, row):
            try:
                self.add(row)
            except Exception:
                self.conn.rollback()
                raise

        def delete(self, row):
            self.cur.execute("DELETE FROM rows WHERE id = %s", (row,))
            if self.cur.rowcount:
                self.conn.commit()
            else:
                self.conn.rollback()

        def run(self, rows):
            for row in rows:
                try:
                    self.{method}(row)
                except Exception as error:  # {code}
                    print(error)


    def by_object(rows):
        store = Store()
        for row in rows:
            try:
                store.{method}(row)
            except Exception as error:  # {code}
                print(error)


    def by_module(rows):
        for row in rows:
            try:
                {function}(row)
            except Exception as error:  # {of_module}
                print(error)
"""


@pytest.mark.parametrize(
    ("code", "method", "of_module", "function"),
    [
        ("DBS611", "add", "DBS611", "put"),
        ("silent", "add_or_undo", "silent", "put_or_undo"),
        ("DBS611", "delete", "silent", "print"),
    ],
)
def test_a_handler_around_a_function(
    tmp_path: Path, code: str, method: str, of_module: str, function: str
) -> None:
    text = HANDLERS_AROUND.format(code=code, method=method, of_module=of_module, function=function)
    assert_cases(tmp_path, {"app.py": dedent(text)}, CODES)


@pytest.mark.parametrize(
    ("code", "after", "first"),
    [
        ("DBS611", "pass", "pass"),
        ("silent", "self.conn.rollback()", "pass"),
        ("silent", "pass", "self.conn.rollback()"),
    ],
)
def test_a_constructor(tmp_path: Path, code: str, after: str, first: str) -> None:
    text = f"""
        import psycopg2

        class Store:
            def __init__(self):
                self.conn = psycopg2.connect("x")
                try:
                    self.conn.cursor().execute("CREATE TABLE rows (id int)")
                    self.conn.commit()
                except psycopg2.errors.DuplicateTable:  # {code}
                    print("it is there")
                {after}

            def put(self, row):
                {first}
                self.conn.cursor().execute("INSERT INTO rows VALUES (%s)", (row,))
                self.conn.commit()
    """
    assert_cases(tmp_path, {"app.py": text}, CODES)


def test_a_decorator_that_may_see_to_it(tmp_path: Path) -> None:
    text = store("silent").replace("    def put(", "    @ending\n    def put(", 1)
    ending = """
        def ending(method):
            def run(self, *given):
                try:
                    return method(self, *given)
                finally:
                    self.conn.rollback()
            return run
    """
    assert_cases(tmp_path, {"app.py": dedent(ending) + text}, CODES)


@pytest.mark.parametrize(
    ("code", "after"),
    [("DBS611", ""), ("silent", "        conn.rollback()"), ("silent", "        break")],
)
def test_a_script(tmp_path: Path, code: str, after: str) -> None:
    text = f"""
import psycopg2

conn = psycopg2.connect("x")
cur = conn.cursor()
for row in open("rows"):
    try:
        cur.execute("INSERT INTO rows VALUES (%s)", (row,))
        conn.commit()
    except Exception:  # {code}
        print("no row")
{after}
conn.close()
"""
    assert_cases(tmp_path, {"app.py": text}, CODES)
