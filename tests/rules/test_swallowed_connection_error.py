"""DBS611: handlers that go on in a transaction which a statement's error has aborted."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from tests.cases import assert_cases, lint, write_project

CODES = {"DBS611"}
PSYCOPG2 = "import psycopg2\nimport psycopg2.extras\nfrom contextlib import closing\n"
SIMPLE = """
    def save(rows, log):
        conn = psycopg2.connect("x")
        cur = conn.cursor()
        cur.execute("UPDATE a SET b = 1")
        try:
            cur.execute("UPDATE c SET d = 1")
        except Exception as error:  # {code}
            {handler}
        {after}
"""


def check(tmp_path: Path, text: str, **others: str) -> None:
    files = {f"{name}.py": dedent(other) for name, other in others.items()}
    assert_cases(tmp_path, {"app.py": PSYCOPG2 + dedent(text), **files}, CODES)


def simple(tmp_path: Path, code: str, handler: str = "print(error)", after: str = "") -> None:
    check(tmp_path, SIMPLE.format(code=code, handler=handler, after=after or "conn.commit()"))


@pytest.mark.parametrize(
    "after",
    [
        "conn.commit()",
        "cur.execute('SELECT 1')",
        "conn.cursor().execute('SELECT 1')",
        "cur.executemany('INSERT INTO x VALUES (%s)', rows)",
        "psycopg2.extras.execute_values(cur, 'INSERT INTO x VALUES %s', rows)",
        "cur.copy_expert('COPY x FROM STDIN', rows)",
        "with conn.cursor() as other: other.execute('SELECT 1')",
        "cur.execute('COMMIT')",
        "if rows: conn.commit()",
    ],
)
def test_what_goes_on(tmp_path: Path, after: str) -> None:
    simple(tmp_path, "DBS611", after=after)


@pytest.mark.parametrize(
    "after",
    [
        "conn.close()",
        "conn.rollback()",
        "cur.fetchone()",
        "return rows",
        "conn = None",
        "log(rows)",
    ],
)
def test_what_does_not(tmp_path: Path, after: str) -> None:
    simple(tmp_path, "silent", after=after)


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        ("pass", "DBS611"),
        ("log(error)", "DBS611"),
        ("cur.close()", "DBS611"),
        ("cur = conn.cursor()", "DBS611"),
        ("cur.execute('INSERT INTO log VALUES (1)')", "DBS611"),
        ("raise", "silent"),
        ("return None", "silent"),
        ("conn.rollback()", "silent"),
        ("cur.connection.rollback()", "silent"),
        ("log(error); cur.connection.rollback()", "silent"),
        ("log(error); undo_and_rollback()", "silent"),
        ("cur.execute('ROLLBACK')", "silent"),
        ("cur.execute('ROLLBACK TO SAVEPOINT s')", "silent"),
        ("cur.execute(f'rollback to savepoint {rows}')", "silent"),
        ("cur.execute(rows)", "silent"),
        ("log(conn)", "silent"),
        ("log.undo(conn)", "silent"),
        ("conn.close()", "silent"),
        ("conn = psycopg2.connect('y')", "silent"),
        ("if 'x' in str(error): conn.rollback()", "silent"),
        ("if 'x' in str(error): cur.execute('SELECT 1')", "DBS611"),
    ],
)
def test_handlers(tmp_path: Path, handler: str, code: str) -> None:
    simple(tmp_path, code, handler)


@pytest.mark.parametrize(
    ("classes", "code"),
    [
        ("psycopg2.Error", "DBS611"),
        ("psycopg2.DatabaseError", "DBS611"),
        ("(ValueError, psycopg2.IntegrityError)", "DBS611"),
        ("psycopg2.errors.UniqueViolation", "DBS611"),
        ("BaseException", "DBS611"),
        ("ValueError", "silent"),
        ("psycopg2.InterfaceError", "silent"),
        ("psycopg2.pool.PoolError", "silent"),
        ("sqlalchemy.exc.SQLAlchemyError", "silent"),
    ],
)
def test_what_is_caught(tmp_path: Path, classes: str, code: str) -> None:
    text = SIMPLE.replace("Exception as error", f"{classes} as error")
    text = text.format(code=code, handler="pass", after="conn.commit()")
    check(tmp_path, "import sqlalchemy.exc\n" + dedent(text))


def test_a_handler_that_leaves_nothing_for_the_next(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        def save(rows):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            for row in rows:
                try:
                    cur.execute("INSERT INTO a VALUES (%s)", row)
                except psycopg2.IntegrityError:  # DBS611
                    pass
                except psycopg2.Error:
                    conn.rollback()
                except Exception:
                    print("no row")
            conn.commit()
        """,
    )


def test_a_commit_that_loses_nothing(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        def alone():
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            try:
                cur.execute("ALTER TABLE a ADD b int")
            except Exception:
                pass
            conn.commit()
            conn.close()

        def after_a_commit():
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            cur.execute("CREATE TABLE a (b int)")
            conn.commit()
            try:
                cur.execute("ALTER TABLE a ADD b int")
            except Exception:
                pass
            conn.commit()

        def after_a_read():
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            cur.execute("SELECT 1")
            try:
                cur.execute("UPDATE a SET b = 1")
                cur.execute("UPDATE a SET c = 1")
            except Exception:
                pass
            conn.commit()

        def after_a_helper_that_commits():
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            cur.execute("UPDATE a SET b = 1")
            committed(conn)
            try:
                cur.execute("UPDATE a SET c = 1")
            except Exception:
                pass
            conn.commit()

        def after_a_helper_that_is_not_seen(helper):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            cur.execute("UPDATE a SET b = 1")
            helper(conn)
            try:
                cur.execute("UPDATE a SET c = 1")
            except Exception:
                pass
            conn.commit()

        def committed(conn):
            conn.cursor().execute("UPDATE a SET d = 1")
            conn.commit()

        def committed_in_it():
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            cur.execute("UPDATE a SET b = 1")
            try:
                conn.commit()
            except Exception:
                pass
            conn.commit()
        """,
    )


def test_a_commit_that_loses_a_setting_or_a_lock(tmp_path: Path) -> None:
    text = SIMPLE.replace("UPDATE a SET b = 1", "SELECT 1 FROM a FOR UPDATE")
    check(tmp_path, text.format(code="silent", handler="pass", after="conn.commit()"))


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT 1", "silent"),
        ("SELECT version()", "silent"),
        ("SELECT to_regclass(%s) IS NOT NULL AS there", "silent"),
        ("SET LOCAL statement_timeout = '3s'", "silent"),
        ("SELECT EXISTS (SELECT 1 FROM information_schema.tables WHERE name = %s)", "silent"),
        ("SELECT a FROM pg_class c JOIN pg_namespace n ON true", "silent"),
        ("SELECT a FROM pg_class c JOIN other n ON true", "DBS611"),
        ("SELECT 1 FROM a", "DBS611"),
        ("SELECT create_hypertable('a', 'b')", "DBS611"),
        ("SET ROLE other", "DBS611"),
    ],
)
def test_statements_that_hardly_fail(tmp_path: Path, statement: str, code: str) -> None:
    text = SIMPLE.replace('"UPDATE c SET d = 1"', f'"{statement}"')
    check(tmp_path, text.format(code=code, handler="pass", after="conn.commit()"))


def test_loops(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        def one_commit(rows):
            with closing(psycopg2.connect("x")) as conn, conn.cursor() as cur:
                for row in rows:
                    try:
                        cur.execute("INSERT INTO log VALUES (%s)", (row,))
                    except Exception:  # DBS611
                        print("not saved", row)
                conn.commit()

        def a_commit_each(rows):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            for row in rows:
                try:
                    cur.execute("INSERT INTO log VALUES (%s)", (row,))
                except Exception:
                    print("not saved", row)
                conn.commit()

        def a_connection_each(rows):
            for row in rows:
                conn = psycopg2.connect(row)
                cur = conn.cursor()
                try:
                    cur.execute("INSERT INTO log VALUES (%s)", (row,))
                except Exception:
                    print("not saved", row)

        def left(rows):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            for row in rows:
                try:
                    cur.execute("INSERT INTO log VALUES (%s)", (row,))
                except Exception:
                    break

        def gone_on_with(rows):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            for row in rows:
                try:
                    cur.execute("SELECT %s::int", (row,))
                except Exception:  # DBS611
                    continue

        def rolled_back_in_the_end(rows):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            errors = 0
            for row in rows:
                try:
                    cur.execute("INSERT INTO log VALUES (%s)", (row,))
                except Exception:
                    errors += 1
            if errors:
                conn.rollback()
            else:
                conn.commit()
        """,
    )


def test_blocks_that_roll_back(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        def its_own(rows):
            conn = psycopg2.connect("x")
            for row in rows:
                try:
                    with conn, conn.cursor() as cur:
                        cur.execute("INSERT INTO log VALUES (%s)", (row,))
                except Exception:
                    print("not saved", row)

        def opened_inside(rows):
            for row in rows:
                try:
                    with closing(psycopg2.connect("x")) as conn:
                        conn.cursor().execute("INSERT INTO log VALUES (%s)", (row,))
                except Exception:
                    print("not saved", row)

        def of_others(rows, savepoint):
            conn = psycopg2.connect("x")
            for row in rows:
                try:
                    with savepoint(conn):
                        conn.cursor().execute("INSERT INTO log VALUES (%s)", (row,))
                except Exception:
                    print("not saved", row)

        def around(rows):
            conn = psycopg2.connect("x")
            with conn:
                cur = conn.cursor()
                cur.execute("UPDATE a SET b = 1")
                try:
                    cur.execute("UPDATE a SET c = 1")
                except Exception:  # DBS611
                    print("not saved")

        def around_and_left(rows):
            conn = psycopg2.connect("x")
            with conn:
                cur = conn.cursor()
                cur.execute("UPDATE a SET b = 1")
                try:
                    cur.execute("UPDATE a SET c = 1")
                except Exception:  # DBS611
                    return False

        def finally_rolled_back(rows):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            for row in rows:
                try:
                    try:
                        cur.execute("UPDATE a SET b = 1")
                    finally:
                        conn.rollback()
                except Exception:
                    pass
        """,
    )


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("", "DBS611"),
        ("conn.autocommit = True", "silent"),
        ("conn.set_session(autocommit=True)", "silent"),
        ("conn.set_isolation_level(0)", "silent"),
        ("conn.set_session(readonly=True)", "DBS611"),
    ],
)
def test_autocommit(tmp_path: Path, setting: str, code: str) -> None:
    text = SIMPLE.replace("cur = conn.cursor()", f"cur = conn.cursor(); {setting}")
    check(tmp_path, text.format(code=code, handler="pass", after="conn.commit()"))


@pytest.mark.parametrize(
    ("made", "code"),
    [
        ("psycopg2.connect('x')", "DBS611"),
        ("psycopg2.connect('x', options='-c autocommit=on')", "silent"),
        ("plain()", "DBS611"),
        ("hidden()", "silent"),
        ("deeper()", "silent"),
    ],
)
def test_who_opens_it(tmp_path: Path, made: str, code: str) -> None:
    openers = """
        def plain():
            return psycopg2.connect("x")

        def hidden():
            conn = psycopg2.connect("x")
            conn.autocommit = True
            return conn

        def deeper():
            return hidden()
    """
    text = (
        dedent(SIMPLE).replace("psycopg2.connect('x')", made).replace('psycopg2.connect("x")', made)
    )
    check(
        tmp_path,
        dedent(openers) + text.format(code=code, handler="pass", after="conn.commit()"),
    )


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("", "DBS611"),
        ("kwargs={'row_factory': rows}", "DBS611"),
        ("kwargs={'autocommit': True}", "silent"),
        ("kwargs=OPTIONS", "silent"),
        ("configure=configure", "silent"),
    ],
)
def test_pools(tmp_path: Path, options: str, code: str) -> None:
    assert_cases(
        tmp_path,
        {
            "pool.py": f"""
                from psycopg_pool import ConnectionPool

                OPTIONS = {{"autocommit": True}}

                def make():
                    return ConnectionPool("x", {options})

                pool = make()

                def get_conn():
                    return pool.connection()
            """,
            "app.py": f"""
                from pool import get_conn

                def save(rows):
                    with get_conn() as conn:
                        for row in rows:
                            try:
                                conn.execute("INSERT INTO log VALUES (%s)", (row,))
                            except Exception:  # {code}
                                print("not saved", row)
            """,
        },
        CODES,
    )


HELPERS = """
    def default(cur):
        try:
            cur.execute("SELECT b FROM a")
            return cur.fetchone()
        except Exception:  # {default}
            return None

    def told(conn):
        try:
            conn.cursor().execute("SELECT b FROM a")
            return True
        except Exception:
            return False

    def default_of_condition(cur):
        try:
            cur.execute("SELECT b FROM a")
            return cur.fetchone()[0]
        except Exception:  # {default}
            return False

    def true_of_condition(cur):
        try:
            cur.execute("SELECT b FROM a")
            return cur.fetchone()[0]
        except Exception:
            return True

    def default_of_statement(cur):
        try:
            cur.execute("SELECT b FROM a")
            return cur.fetchone()[0]
        except Exception:  # {default}
            return 6

    def default_of_text(cur):
        try:
            cur.execute("SELECT b FROM a")
            return cur.fetchone()[0]
        except Exception:
            return 6

    def default_of_another(cur):
        try:
            cur.execute("SELECT b FROM a")
            return cur.fetchone()
        except Exception:  # {default}
            return []

    def handed_on(cur):
        return len(default_of_another(cur))

    def failing(cur):
        cur.execute("UPDATE a SET b = 1")

    def swallowing(conn):
        cur = conn.cursor()
        cur.execute("UPDATE a SET b = 1")
        try:
            cur.execute("UPDATE a SET b = 1")
        except Exception:  # {swallowing}
            pass
        conn.commit()

    def undoing(conn):
        try:
            conn.cursor().execute("SELECT b FROM a")
        except Exception:
            conn.rollback()
            raise

    def nobodys(cur):
        try:
            cur.execute("SELECT b FROM a")
        except Exception:
            pass
"""
CALLERS = """
    from helpers import default, default_of_condition, default_of_statement, default_of_text
    from helpers import failing, handed_on, swallowing, told, true_of_condition, undoing

    def one():
        conn = psycopg2.connect("x")
        with conn.cursor() as cur:
            number = default(cur)
            cur.execute("UPDATE a SET b = %s", (number,))
        conn.commit()

    def two():
        conn = psycopg2.connect("x")
        if not told(conn):
            return
        conn.cursor().execute("SELECT 1")

    def in_a_statement():
        conn = psycopg2.connect("x")
        cur = conn.cursor()
        cur.execute("SELECT %s", (default_of_statement(cur),))

    def in_another():
        conn = psycopg2.connect("x")
        with conn.cursor() as cur:
            number = handed_on(cur)
            cur.execute("UPDATE a SET b = %s", (number,))
        conn.commit()

    def in_what_is_printed():
        conn = psycopg2.connect("x")
        cur = conn.cursor()
        print((default_of_text(cur),))

    def in_a_condition(number):
        conn = psycopg2.connect("x")
        cur = conn.cursor()
        if number is None and default_of_condition(cur):
            return
        cur.execute("SELECT 1")

    def in_another_condition(number):
        conn = psycopg2.connect("x")
        cur = conn.cursor()
        if number is None and true_of_condition(cur):
            return
        cur.execute("SELECT 1")

    def three():
        conn = psycopg2.connect("x")
        cur = conn.cursor()
        cur.execute("UPDATE a SET b = 1")
        try:
            failing(cur)
        except Exception:  # DBS611
            pass
        conn.commit()

    def four():
        conn = psycopg2.connect("x")
        swallowing(conn)
        try:
            undoing(conn)
        except Exception:
            pass
        conn.cursor().execute("SELECT 1")
"""


def test_functions_that_are_given_one(tmp_path: Path) -> None:
    helpers = HELPERS.format(default="DBS611", swallowing="DBS611")
    check(tmp_path, CALLERS, helpers=helpers)


def test_functions_of_which_each_is_given_a_cursor(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        def run(checks):
            conn = psycopg2.connect("x")
            with conn.cursor() as cur:
                for name, each in checks:
                    try:
                        each(cur)
                    except Exception:  # DBS611
                        print(name)

        def run_by_connection(checks):
            conn = psycopg2.connect("x")
            for name, each in checks:
                try:
                    each(conn)
                except Exception:
                    print(name)

        def run_another(check):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            try:
                check(cur)
            except Exception:
                print("wrong")
            cur.execute("SELECT 1")
        """,
    )


def test_functions_that_others_give_another(tmp_path: Path) -> None:
    helpers = HELPERS.format(default="silent", swallowing="silent")
    callers = (
        dedent(CALLERS).replace("  # DBS611", "").replace("psycopg2.connect", "sqlite3.connect")
    )
    check(tmp_path, "import sqlite3\n" + callers, helpers=helpers)


def test_connections_that_are_given_where_others_turn_autocommit_on(tmp_path: Path) -> None:
    text = """
        def save(conn: psycopg2.extensions.connection):
            cur = conn.cursor()
            cur.execute("UPDATE a SET b = 1")
            try:
                cur.execute("UPDATE a SET c = 1")
            except Exception:  # {code}
                pass
            conn.commit()
    """
    check(tmp_path / "off", text.format(code="DBS611"), other="conn.autocommit = False")
    check(tmp_path / "on", text.format(code="silent"), other="conn.autocommit = True")
    check(tmp_path / "test", text.format(code="DBS611"), test_it="conn.autocommit = True")


def test_psycopg(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                import psycopg
                from psycopg_pool import AsyncConnectionPool

                pool = AsyncConnectionPool("x", open=False)

                def plain(rows):
                    with psycopg.connect("x") as conn:
                        for row in rows:
                            try:
                                conn.execute("INSERT INTO log VALUES (%s)", (row,))
                            except psycopg.Error:  # DBS611
                                print("not saved", row)

                def ends_with_the_block(rows):
                    with psycopg.connect("x") as conn:
                        conn.execute("UPDATE a SET b = 1")
                        try:
                            conn.execute("UPDATE a SET c = 1")
                        except psycopg.Error:  # DBS611
                            print("not saved")

                def savepoints(rows):
                    with psycopg.connect("x") as conn:
                        for row in rows:
                            try:
                                with conn.transaction():
                                    conn.execute("INSERT INTO log VALUES (%s)", (row,))
                            except psycopg.Error:
                                print("not saved", row)

                def permanent(rows):
                    with psycopg.connect("x", autocommit=True) as conn:
                        for row in rows:
                            try:
                                conn.execute("INSERT INTO log VALUES (%s)", (row,))
                            except psycopg.Error:
                                print("not saved", row)

                async def asynchronous(rows):
                    conn = await psycopg.AsyncConnection.connect("x")
                    async with conn.cursor() as cur:
                        for row in rows:
                            try:
                                await cur.execute("INSERT INTO log VALUES (%s)", (row,))
                            except Exception:  # DBS611
                                print("not saved", row)
                    await conn.commit()
                    await conn.close()

                async def asynchronous_and_rolled_back(rows):
                    conn = await psycopg.AsyncConnection.connect("x")
                    async with conn.cursor() as cur:
                        for row in rows:
                            try:
                                await cur.execute("INSERT INTO log VALUES (%s)", (row,))
                            except Exception:
                                await conn.rollback()
                    await conn.commit()
                    await conn.close()
            """
        },
        CODES,
    )


@pytest.mark.parametrize(
    ("url", "block", "code"),
    [
        ("postgresql+psycopg2://u@h/d", "engine.connect()", "DBS611"),
        ("postgresql+psycopg2://u@h/d", "engine.begin()", "DBS611"),
        ("sqlite:///x.db", "engine.connect()", "silent"),
        (
            "postgresql+psycopg2://u@h/d",
            'engine.connect().execution_options(isolation_level="AUTOCOMMIT")',
            "silent",
        ),
    ],
)
@pytest.mark.parametrize("inner", ["if True", "with conn.begin_nested()"])
def test_sqlalchemy(tmp_path: Path, url: str, block: str, code: str, inner: str) -> None:
    code = "silent" if "nested" in inner else code
    assert_cases(
        tmp_path,
        {
            "requirements.txt": "sqlalchemy>=2\n",
            "app.py": f"""
                from sqlalchemy import create_engine, text
                from sqlalchemy.exc import SQLAlchemyError

                engine = create_engine("{url}")

                def save(rows):
                    with {block} as conn:
                        for row in rows:
                            try:
                                {inner}:
                                    conn.execute(text("INSERT INTO log VALUES (:x)"), {{"x": row}})
                            except SQLAlchemyError:  # {code}
                                print("not saved", row)
                        conn.commit()
            """,
        },
        CODES,
    )


def test_tables_that_an_asynchronous_connection_makes(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "requirements.txt": "sqlalchemy>=2\n",
            "app.py": """
                from sqlalchemy import text
                from sqlalchemy.ext.asyncio import create_async_engine

                engine = create_async_engine("postgresql+asyncpg://u@h/d")

                async def make(Base):
                    async with engine.begin() as conn:
                        await conn.run_sync(Base.metadata.create_all)
                        try:
                            await conn.execute(text("SELECT create_hypertable('a', 'b')"))
                        except Exception:  # DBS611
                            print("no hypertable")

                async def make_by_others(fill):
                    async with engine.begin() as conn:
                        await conn.execute(text("CREATE TABLE a (b int)"))
                        await conn.run_sync(fill)
                        try:
                            await conn.execute(text("SELECT create_hypertable('a', 'b')"))
                        except Exception:
                            print("no hypertable")
            """,
        },
        CODES,
    )


def test_other_databases(tmp_path: Path) -> None:
    for driver in ("sqlite3", "pymysql", "asyncpg"):
        text = dedent(SIMPLE).replace("psycopg2", driver)
        text = text.format(code="silent", handler="pass", after="conn.commit()")
        assert_cases(tmp_path / driver, {"app.py": f"import {driver}\n{text}"}, CODES)


def test_tests_are_spared(tmp_path: Path) -> None:
    text = SIMPLE.format(code="silent", handler="pass", after="conn.commit()")
    assert_cases(tmp_path, {"tests/test_app.py": PSYCOPG2 + dedent(text)}, CODES)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            """
            cur.execute("SELECT 1")
            try:
                cur.execute("SELECT b FROM c")
            except Exception:
                pass
            cur.execute("SELECT 3")
            """,
            "`except Exception` swallows an error of `cur.execute()`, after which PostgreSQL "
            "refuses `cur.execute()` on line 10; call `conn.rollback()` in it",
        ),
        (
            """
            cur.execute("SET statement_timeout = '3s'")
            try:
                cur.execute("SELECT b FROM c")
            except Exception:
                pass
            cur.execute("SELECT 3")
            """,
            "`except Exception` swallows an error of `cur.execute()`, after which PostgreSQL "
            "refuses `cur.execute()` on line 10; roll back in it to a `SAVEPOINT` that begins "
            "before the `try`, for a rollback may undo line 5 as well",
        ),
        (
            """
            cur.execute("UPDATE a SET b = 1")
            try:
                cur.execute("SELECT b FROM c")
            except:
                pass
            cur.execute("SELECT 3")
            """,
            "`except` swallows an error of `cur.execute()`, after which PostgreSQL refuses "
            "`cur.execute()` on line 10; roll back in it to a `SAVEPOINT` that begins before the "
            "`try`, for a rollback may undo line 5 as well",
        ),
        (
            """
            cur.execute("UPDATE a SET b = 1")
            try:
                cur.execute("SELECT b FROM c")
            except Exception:
                pass
            conn.commit()
            """,
            "`except Exception` swallows an error of `cur.execute()`, after which PostgreSQL makes "
            "`conn.commit()` on line 10 a rollback, which loses line 5; roll back in it to a "
            "`SAVEPOINT` that begins before the `try`",
        ),
        (
            """
            for row in "ab":
                try:
                    cur.execute("INSERT INTO a VALUES (1)")
                except Exception:
                    pass
            conn.commit()
            """,
            "`except Exception` swallows an error of `cur.execute()`, after which PostgreSQL "
            "refuses `cur.execute()` on line 7; roll back in it to a `SAVEPOINT` that begins "
            "before the `try`, for a rollback may undo earlier iterations",
        ),
    ],
)
def test_messages(tmp_path: Path, body: str, message: str) -> None:
    head = 'import psycopg2\ndef run():\n    conn = psycopg2.connect("x")\n    cur = conn.cursor()'
    write_project(tmp_path, {"app.py": head + indent(dedent(body), "    ")})
    found = [text for *_, code, text in lint(tmp_path, "app.py") if code == "DBS611"]
    assert found == [message]


def test_messages_name_the_block_of_the_library(tmp_path: Path) -> None:
    text = """
        import psycopg

        async def run():
            conn = await psycopg.AsyncConnection.connect("x")
            await conn.execute("UPDATE a SET b = 1")
            try:
                await conn.execute("UPDATE a SET c = 1")
            except Exception:
                pass
            await conn.commit()
            await conn.close()
    """
    write_project(tmp_path, {"app.py": dedent(text)})
    (found,) = [text for *_, code, text in lint(tmp_path, "app.py") if code == "DBS611"]
    assert found.endswith("; put what the `try` does in `async with conn.transaction():`")


def test_connections_of_objects(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        class Store:
            def __init__(self):
                self.conn = psycopg2.connect("x")

            def again(self):
                self.conn = psycopg2.connect("x")

            def undo(self):
                self.conn.rollback()

            def save(self, rows):
                cur = self.conn.cursor()
                for row in rows:
                    try:
                        cur.execute("INSERT INTO log VALUES (%s)", (row,))
                    except psycopg2.Error:  # DBS611
                        print("not saved", row)
                self.conn.commit()

            def save_anew(self, rows):
                for row in rows:
                    try:
                        self.conn.cursor().execute("INSERT INTO log VALUES (%s)", (row,))
                    except psycopg2.Error:
                        self.again()

            def save_others(self, rows):
                for row in rows:
                    try:
                        self.conn.cursor().execute("INSERT INTO log VALUES (%s)", (row,))
                    except psycopg2.Error:
                        self.undo()
        """,
    )


def test_retries(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        def again(cur, number):
            for attempt in range(3):
                try:
                    cur.execute("INSERT INTO log VALUES (1)")
                    break
                except psycopg2.OperationalError:  # DBS611
                    print("once more")

        def run():
            conn = psycopg2.connect("x")
            with conn.cursor() as cur:
                again(cur, 1)
            conn.commit()

        def asked(conn):
            try:
                conn.cursor().execute("SELECT a FROM b")
            except Exception as error:
                if "gone" in str(error):
                    conn.cursor().execute("SELECT 1")
            return 1

        def told(conn):
            try:
                conn.cursor().execute("SELECT a FROM b")
            except Exception as error:  # DBS611
                conn.cursor().execute("INSERT INTO log VALUES (%s)", (str(error),))
                raise

        def ask():
            conn = psycopg2.connect("x")
            told(conn)
            asked(conn)
            conn.close()
        """,
    )


def test_classes_of_the_project_may_roll_back_by_themselves(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        class Cursor:
            def __init__(self, cur):
                self.cur = cur

            def execute(self, sql):
                try:
                    self.cur.execute(sql)
                except Exception:
                    self.cur.connection.rollback()
                    raise

        class Connection:
            def __init__(self, conn):
                self.conn = conn

            def cursor(self):
                return Cursor(self.conn.cursor())

            def commit(self):
                self.conn.commit()

        def connect():
            return Connection(psycopg2.connect("x"))

        def save(rows):
            conn = connect()
            cur = conn.cursor()
            for row in rows:
                try:
                    cur.execute("INSERT INTO log VALUES (1)")
                except Exception:
                    print("not saved", row)
            conn.commit()
        """,
    )


DEEP = """
    import psycopg2

    def undone(cur, sql):
        try:
            cur.execute(sql)
            return cur.fetchone()
        except Exception:
            cur.connection.rollback()
            return None

    def left(cur, sql):
        try:
            cur.execute(sql)
            return cur.fetchone()
        except Exception:  # DBS611
            return None

    def passing(cur, sql):
        cur.execute(sql)
        return cur.fetchone()

    def by_undone(cur):
        row = undone(cur, "SELECT max(a) FROM b")
        return {"x": row}

    def by_left(cur):
        row = left(cur, "SELECT max(a) FROM b")
        return {"x": row}

    def by_passing(cur):
        row = passing(cur, "SELECT max(a) FROM b")
        return {"x": row}

    def deeper(conn):
        return [by_undone(conn.cursor()), by_undone(conn.cursor())]

    def by_cursor(conn):
        with conn.cursor() as cur:
            return by_undone(cur)

    def of_catalogue(cur):
        cur.execute("SELECT 1 FROM information_schema.tables")
        return by_undone(cur)

    def both(cur):
        return by_undone(cur), by_passing(cur)

    class Store:
        def __init__(self):
            self.conn = psycopg2.connect("x")

        def _undone(self):
            try:
                self.conn.cursor().execute("UPDATE a SET b = 1")
            except Exception:
                self.conn.rollback()

        def _by_undone(self):
            self._undone()

        def _passing(self):
            self.conn.cursor().execute("UPDATE a SET b = 1")

        def save(self):
            try:
                self._by_undone()
                self.conn.cursor()
            except Exception:
                print("not saved")
            self.conn.cursor().execute("UPDATE a SET c = 1")

        def save_passing(self):
            try:
                self._passing()
                self.conn.cursor()
            except Exception:  # DBS611
                print("not saved")
            self.conn.cursor().execute("UPDATE a SET c = 1")
"""


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("by_undone(cur)", "silent"),
        ("by_left(cur)", "silent"),
        ("by_cursor(conn)", "silent"),
        ("of_catalogue(cur)", "silent"),
        ("by_passing(cur)", "DBS611"),
        ("both(cur)", "DBS611"),
        ("both(cur=cur)", "DBS611"),
        ("by_undone(cur=cur)", "silent"),
    ],
)
def test_functions_of_which_others_swallow_the_errors(tmp_path: Path, call: str, code: str) -> None:
    check(
        tmp_path,
        f"""
        import deep
        from deep import both, by_cursor, by_left, by_passing, by_undone, of_catalogue

        def run():
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            try:
                print({call})
            except Exception:  # {code}
                print("none")
            cur.execute("SELECT a FROM b")

        def gone_on_with():
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            deep.by_left(cur)
            cur.execute("SELECT a FROM b")
        """,
        deep=DEEP,
    )


@pytest.mark.parametrize(
    ("functions", "code"),
    [
        ("[by_undone, undone_too]", "silent"),
        ("(by_undone,)", "silent"),
        ("[by_undone, by_passing]", "DBS611"),
        ("[by_undone, *others]", "DBS611"),
        ("others", "DBS611"),
    ],
)
def test_loops_over_functions_that_swallow_errors(
    tmp_path: Path, functions: str, code: str
) -> None:
    check(
        tmp_path,
        f"""
        def undone(cur, sql):
            try:
                cur.execute(sql)
                return cur.fetchone()
            except Exception:
                cur.connection.rollback()

        def by_undone(cur):
            return undone(cur, "SELECT a FROM b")

        def undone_too(cur):
            return undone(cur, "SELECT c FROM b")

        def by_passing(cur):
            cur.execute("SELECT d FROM b")

        def named(others):
            conn = psycopg2.connect("x")
            with conn.cursor() as cur:
                probes = {functions}
                for probe in probes:
                    try:
                        probe(cur)
                    except Exception:  # {code}
                        print("none")

        def written(others):
            conn = psycopg2.connect("x")
            with conn.cursor() as cur:
                for probe in {functions}:
                    try:
                        probe(cur)
                    except Exception:  # {code}
                        print("none")

        FUNCTIONS = [("first", by_undone), ("second", undone_too)]

        def with_names_of_the_module():
            conn = psycopg2.connect("x")
            with conn.cursor() as cur:
                for name, probe in FUNCTIONS:
                    try:
                        probe(cur)
                    except Exception:
                        print(name)

        def with_names():
            conn = psycopg2.connect("x")
            with conn.cursor() as cur:
                for name, probe in [("first", by_undone), ("second", by_passing)]:
                    try:
                        probe(cur)
                    except Exception:  # DBS611
                        print(name)
        """,
    )


def test_callers_that_hand_on_an_aborted_transaction(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        def left(cur):
            try:
                cur.execute("SELECT a FROM b")
            except Exception:  # DBS611
                return None

        def between(cur):
            found = left(cur)
            return {"found": found}

        def run():
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            between(cur)
            cur.execute("SELECT a FROM b")

        def left_last(cur):
            try:
                cur.execute("SELECT a FROM b")
            except Exception:
                return None

        def between_last(cur):
            found = left_last(cur)
            return found

        def run_last():
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            between_last(cur)
            conn.close()

        def told(cur):
            try:
                cur.execute("SELECT a FROM b")
                return True
            except Exception:
                return False

        def between_told(cur):
            if not told(cur):
                raise ValueError
            return 1

        def run_told():
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            between_told(cur)
            cur.execute("SELECT a FROM b")
        """,
    )


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ("state == 'a'", "state == 'b'", "silent"),
        ("'a' == state", "state == 'b'", "silent"),
        ("state == 'a'", "state != 'a'", "silent"),
        ("state != 'a'", "state == 'a'", "silent"),
        ("state == 'a' and other", "other and state == 'b'", "silent"),
        ("state['x'] == 'a'", "state['x'] == 'b'", "silent"),
        ("other", "not other", "silent"),
        ("not other", "other", "silent"),
        ("state == 'a'", "state == 'a'", "DBS611"),
        ("state == 'a'", "state != 'b'", "DBS611"),
        ("state == 'a'", "other == 'b'", "DBS611"),
        ("state == 'a' or other", "state == 'b'", "DBS611"),
        ("state['x'] == 'a'", "state['y'] == 'b'", "DBS611"),
        ("changed == 'a'", "changed == 'b'", "DBS611"),
        ("state == 1", "state == 1.0", "DBS611"),
    ],
)
def test_ways_that_cannot_be(tmp_path: Path, first: str, second: str, code: str) -> None:
    check(
        tmp_path,
        f"""
        def victim(state, other, changed):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            if {first}:
                try:
                    cur.execute("UPDATE a SET b = 1")
                except Exception:  # {code}
                    print("not saved")
            changed = 'c'
            if other is None:
                print("none")
            elif {second}:
                cur.execute("SELECT a FROM b")

        def change(state, other, changed):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            if {second}:
                cur.execute("UPDATE a SET b = 1")
            changed = 'c'
            if {first}:
                try:
                    cur.execute("UPDATE a SET b = 1")
                except Exception:  # {code}
                    print("not saved")
            conn.commit()

        def inside(state, other, changed):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            try:
                if {first}:
                    cur.execute("UPDATE a SET b = 1")
            except Exception:  # {code}
                print("not saved")
            changed = 'c'
            try:
                if {second}:
                    cur.execute("UPDATE a SET b = 1")
            finally:
                conn.close()
        """,
    )


def test_names_that_change_in_a_loop(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        def save(rows):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            for state in rows:
                if state == "a":
                    try:
                        cur.execute("UPDATE a SET b = 1")
                    except Exception:  # DBS611
                        print("not saved")
                if state == "b":
                    cur.execute("SELECT a FROM b")

        def save_parts(rows, row):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            if row["x"] == "a":
                try:
                    cur.execute("UPDATE a SET b = 1")
                except Exception:  # DBS611
                    print("not saved")
            row["x"] = "b"
            if row["x"] == "b":
                cur.execute("SELECT a FROM b")
        """,
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("errors.append(1)", "DBS611"),
        ("note(errors)", "DBS611"),
        ("errors[0] = 1", "DBS611"),
        ("errors += [1]", "DBS611"),
        ("print(len(errors))", "silent"),
        ("print(errors.get('x'))", "silent"),
    ],
)
def test_what_a_name_stands_for_may_change(tmp_path: Path, change: str, code: str) -> None:
    check(
        tmp_path,
        f"""
        def save(note, errors):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            if not errors:
                try:
                    cur.execute("UPDATE a SET b = 1")
                except Exception:  # {code}
                    {change}
            if errors:
                cur.execute("SELECT a FROM b")

        def save_parts(note, errors):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            if errors[0] == 1:
                try:
                    cur.execute("UPDATE a SET b = 1")
                except Exception:  # {code}
                    {change}
            if errors[0] == 2:
                cur.execute("SELECT a FROM b")
        """,
    )


def test_code_that_no_way_leads_to(tmp_path: Path) -> None:
    check(
        tmp_path,
        """
        def save(rows):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            return cur
            for row in rows:
                try:
                    cur.execute("INSERT INTO a VALUES (1)")
                except Exception:
                    continue
        """,
    )


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("cur.execute('INSERT INTO a VALUES (1)'); conn.commit()", "call"),
        ("cur.execute('INSERT INTO a VALUES (1)'); cur.fetchone(); conn.commit()", "call"),
        ("cur.execute('INSERT INTO a VALUES (1)'); cur.fetchone()", "roll back in it"),
        ("cur.execute('INSERT INTO a VALUES (1)'); rows and conn.commit()", "roll back in it"),
        ("cur.execute('INSERT INTO a VALUES (1)'); print(1); conn.commit()", "call"),
    ],
)
def test_advice_for_a_loop_that_commits_each_turn(tmp_path: Path, body: str, advice: str) -> None:
    text = f"""
        import psycopg2
        def save(rows):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            for row in rows:
                try:
                    {body}
                except Exception:
                    print("not saved")
            conn.close()
    """
    write_project(tmp_path, {"app.py": dedent(text)})
    (found,) = [text for *_, code, text in lint(tmp_path, "app.py") if code == "DBS611"]
    assert f"; {advice}" in found


def test_advice_where_another_handler_leaves_what_is_done(tmp_path: Path) -> None:
    text = """
        import psycopg2
        def save(rows):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            for row in rows:
                try:
                    cur.execute("INSERT INTO a VALUES (1)")
                    int(row)
                    conn.commit()
                except ValueError:
                    print("no number")
                except psycopg2.Error:
                    print("not saved")
            conn.close()
    """
    write_project(tmp_path, {"app.py": dedent(text)})
    (found,) = [text for *_, code, text in lint(tmp_path, "app.py") if code == "DBS611"]
    assert found.endswith("for a rollback may undo earlier iterations")


def test_the_change_that_a_commit_loses_is_on_the_way(tmp_path: Path) -> None:
    text = """
        import psycopg2
        def save(kind):
            conn = psycopg2.connect("x")
            cur = conn.cursor()
            cur.execute("UPDATE a SET b = 1")
            if kind != "cash":
                cur.execute("UPDATE a SET b = 2")
            try:
                if kind == "cash":
                    cur.execute("UPDATE a SET b = 3")
            except Exception:
                print("not saved")
            conn.commit()
    """
    write_project(tmp_path, {"app.py": dedent(text)})
    (found,) = [text for *_, code, text in lint(tmp_path, "app.py") if code == "DBS611"]
    assert "which loses line 6;" in found
