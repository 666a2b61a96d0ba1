"""DBS309: writes that nothing commits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import HOUSE, assert_cases, expected_codes, lint, write_project

CODES = {"DBS309"}
ON_2 = {"requirements.txt": "sqlalchemy>=2\n"}


def test_connections_of_an_engine(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            **ON_2,
            "app/fix.py": """
                from sqlalchemy import MetaData, Table, create_engine, delete, text, update
                from sqlalchemy.dialects.postgresql import insert
                from sqlalchemy.ext.asyncio import create_async_engine

                engine = create_engine("postgresql://localhost/shop")
                other = create_async_engine("postgresql+asyncpg://localhost/shop")
                issues = Table("issues", MetaData())

                def by_construct():
                    with engine.connect() as conn:
                        conn.execute(update(issues).values(closed=True))  # DBS309

                def by_dialect(rows):
                    with engine.connect() as conn:
                        conn.execute(insert(issues).values(rows).on_conflict_do_nothing())  # DBS309

                def by_table():
                    with engine.connect() as conn:
                        conn.execute(issues.delete().where(issues.c.id == 1))  # DBS309

                def by_name(name):
                    statement = text("UPDATE issues SET name = :name")
                    with engine.connect() as conn:
                        conn.execute(statement, {"name": name})  # DBS309

                def by_chain(closed):
                    statement = delete(issues)
                    if closed:
                        statement = statement.where(issues.c.closed)
                    with engine.connect() as conn:
                        conn.execute(statement)  # DBS309

                def by_driver():
                    with engine.connect() as conn:
                        conn.exec_driver_sql("DELETE FROM issues")  # DBS309

                def by_hand():
                    conn = engine.connect()
                    try:
                        conn.execute(text("DELETE FROM issues"))  # DBS309
                    finally:
                        conn.close()

                def without_a_name():
                    engine.connect().execute(text("DELETE FROM issues"))  # DBS309

                async def asynchronous():
                    async with other.connect() as conn:
                        await conn.execute(text("DELETE FROM issues"))  # DBS309
            """,
        },
        CODES,
    )


def test_sessions(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app/fix.py": """
                from sqlalchemy import create_engine, text
                from sqlalchemy.ext.asyncio import async_sessionmaker
                from sqlalchemy.orm import Session, sessionmaker
                from sqlmodel import Session as ModelSession

                engine = create_engine("postgresql://localhost/shop")
                SessionLocal = sessionmaker(engine, autocommit=False, autoflush=False)
                AsyncSessionLocal = async_sessionmaker()

                def add(issue):
                    with Session(engine) as db:
                        db.add(issue)  # DBS309
                        db.flush()

                def number(issue):
                    with Session(engine) as db:
                        db.add(issue)  # DBS309
                        db.flush()
                        return issue.id

                def add_model(issue):
                    with ModelSession(engine) as db:
                        db.add(issue)  # DBS309

                def by_hand(issue):
                    db = SessionLocal()
                    try:
                        db.add(issue)  # DBS309
                    finally:
                        db.close()

                def remove():
                    with SessionLocal() as db:
                        db.query(Issue).filter(Issue.closed).delete()  # DBS309

                def rename():
                    with SessionLocal() as db:
                        db.execute(text("UPDATE issues SET name = 'x'"))  # DBS309

                async def asynchronous(issue):
                    async with AsyncSessionLocal() as db:
                        db.add(issue)  # DBS309
                        await db.flush()
            """,
        },
        CODES,
    )


def test_connections_of_drivers(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app/fix.py": """
                import aiosqlite
                import oracledb
                import psycopg2
                import pymysql
                import sqlite3
                from contextlib import closing
                from psycopg2 import sql
                from psycopg2.pool import SimpleConnectionPool

                pool = SimpleConnectionPool(1, 4)

                def remember(dsn, value):
                    with closing(psycopg2.connect(dsn)) as conn:
                        conn.cursor().execute("INSERT INTO memory VALUES (%s)", (value,))  # DBS309

                def by_cursor(path, rows):
                    conn = sqlite3.connect(path)
                    cursor = conn.cursor()
                    cursor.executemany("INSERT INTO memory VALUES (?)", rows)  # DBS309
                    cursor.close()
                    conn.close()

                def by_cursor_block(dsn, table):
                    conn = psycopg2.connect(dsn)
                    with conn.cursor() as cur:
                        cur.execute(sql.SQL("DELETE FROM {}").format(table))  # DBS309
                    conn.close()

                def by_block(value):
                    with pymysql.connect(host="localhost") as conn:
                        conn.cursor().execute("INSERT INTO memory VALUES (%s)", (value,))  # DBS309

                def oracle(value):
                    with oracledb.connect(dsn="x") as conn:
                        conn.cursor().execute("INSERT INTO memory VALUES (:1)", (value,))  # DBS309

                async def waits(path):
                    async with aiosqlite.connect(path) as db:
                        await db.execute("DELETE FROM memory")  # DBS309

                def pooled(value):
                    conn = pool.getconn()
                    try:
                        conn.cursor().execute("UPDATE memory SET value = %s", (value,))  # DBS309
                    finally:
                        pool.putconn(conn)
            """,
        },
        CODES,
    )


def test_what_commits(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            **ON_2,
            "app/fix.py": """
                import psycopg
                import sqlite3
                from contextlib import closing
                from sqlalchemy import create_engine, text
                from sqlalchemy.orm import Session, sessionmaker

                engine = create_engine("postgresql://localhost/shop")
                SessionLocal = sessionmaker(engine)
                INSERT = "INSERT INTO issues VALUES (1)"

                def committed():
                    with engine.connect() as conn:
                        conn.execute(text(INSERT))
                        conn.commit()

                def on_some_path(wanted):
                    with engine.connect() as conn:
                        conn.execute(text(INSERT))
                        if wanted:
                            conn.commit()

                def begun():
                    with engine.begin() as conn:
                        conn.execute(text(INSERT))

                def begun_later():
                    with engine.connect() as conn, conn.begin():
                        conn.execute(text(INSERT))

                def by_transaction():
                    conn = engine.connect()
                    transaction = conn.begin()
                    conn.execute(text(INSERT))
                    transaction.commit()
                    conn.close()

                def session_begun(issue):
                    with Session(engine) as db, db.begin():
                        db.add(issue)

                def factory_begun(issue):
                    with SessionLocal.begin() as db:
                        db.add(issue)

                def dry_run():
                    with engine.connect() as conn:
                        conn.execute(text(INSERT))
                        conn.rollback()

                def by_its_block(path):
                    with closing(sqlite3.connect(path)) as conn, conn:
                        conn.execute(INSERT)

                def by_psycopg(dsn):
                    with psycopg.connect(dsn) as conn:
                        conn.execute(INSERT)

                def in_sql(path):
                    conn = sqlite3.connect(path)
                    conn.execute("BEGIN")
                    conn.execute(INSERT)
                    conn.execute("COMMIT")
                    conn.close()

                def script(path):
                    with closing(sqlite3.connect(path)) as conn:
                        conn.executescript("INSERT INTO issues VALUES (1); DELETE FROM issues;")
            """,
        },
        CODES,
    )


def test_what_autocommits(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            **ON_2,
            "app/fix.py": """
                import asyncpg
                import duckdb
                import psycopg2
                import pymysql
                import sqlite3
                from contextlib import closing
                from sqlalchemy import create_engine, text
                from sqlalchemy.orm import Session, sessionmaker

                INSERT = "INSERT INTO issues VALUES (1)"
                engine = create_engine("postgresql://localhost/shop")
                autocommitting = create_engine("postgresql://x/y", isolation_level="AUTOCOMMIT")
                optioned = create_engine(
                    "postgresql://x/y", execution_options={"isolation_level": "AUTOCOMMIT"}
                )
                OldSession = sessionmaker(engine, autocommit=True)

                def by_option():
                    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
                        conn.execute(text(INSERT))

                def by_the_engine():
                    with autocommitting.connect() as conn:
                        conn.execute(text(INSERT))

                def by_its_options():
                    with optioned.connect() as conn:
                        conn.execute(text(INSERT))

                def old(issue):
                    with OldSession() as db:
                        db.add(issue)

                def session():
                    with Session(autocommitting) as db:
                        db.execute(text(INSERT))

                def attribute(dsn):
                    with closing(psycopg2.connect(dsn)) as conn:
                        conn.autocommit = True
                        conn.cursor().execute(INSERT)

                def keyword():
                    with pymysql.connect(host="x", autocommit=True) as conn:
                        conn.cursor().execute(INSERT)

                def unseen(config):
                    with pymysql.connect(**config) as conn:
                        conn.cursor().execute(INSERT)

                def lite(path):
                    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
                        conn.execute(INSERT)

                def opener(path):
                    conn = sqlite3.connect(path)
                    conn.isolation_level = None
                    return conn

                def by_opener(path):
                    with closing(opener(path)) as conn:
                        conn.execute(INSERT)

                def duck(path):
                    with duckdb.connect(path) as conn:
                        conn.execute(INSERT)

                async def driver(dsn):
                    conn = await asyncpg.connect(dsn)
                    try:
                        await conn.execute(INSERT)
                    finally:
                        await conn.close()
            """,
        },
        CODES,
    )


def test_what_is_no_loss(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            **ON_2,
            "app/fix.py": """
                import sqlite3
                from contextlib import closing
                from sqlalchemy import create_engine, delete, select, text
                from sqlalchemy.orm import Session

                engine = create_engine("postgresql://localhost/shop")

                def ddl():
                    with engine.connect() as conn:
                        conn.execute(text("CREATE INDEX issues_closed ON issues (closed)"))

                def read():
                    with engine.connect() as conn:
                        return conn.execute(text("SELECT count(*) FROM issues")).scalar()

                def memory():
                    with closing(sqlite3.connect(":memory:")) as conn:
                        conn.execute("INSERT INTO issues VALUES (1)")

                def temporary(rows):
                    with engine.connect() as conn:
                        conn.execute(text("CREATE TEMP TABLE wanted (id int)"))
                        conn.execute(text("INSERT INTO wanted VALUES (1)"))
                        return conn.execute(text("SELECT * FROM wanted")).all()

                def handed_on(issue):
                    with Session(engine) as db:
                        db.add(issue)
                        finish(db)

                def helper(db):
                    db.commit()

                def by_a_helper(issue):
                    with Session(engine) as db:
                        db.add(issue)
                        helper(db)

                def returned(issue):
                    db = Session(engine)
                    db.add(issue)
                    return db

                def kept(self, path):
                    conn = sqlite3.connect(path)
                    conn.execute("INSERT INTO issues VALUES (1)")
                    self.conn = conn

                def in_turns(path):
                    conn = sqlite3.connect(path)
                    conn.execute("INSERT INTO issues VALUES (1)")
                    conn.commit()
                    conn = sqlite3.connect(path)
                    return conn.execute("SELECT * FROM issues").fetchall()

                def two_blocks(path):
                    with engine.begin() as conn:
                        conn.execute(text("DELETE FROM issues"))
                    with engine.connect() as conn:
                        return conn.execute(text("SELECT * FROM issues")).all()

                def lazy(issue, name):
                    with Session(engine) as db:
                        db.add(issue)
                        return getattr(issue, name)

                def by_turns(issues):
                    statement = delete(issues)
                    with engine.begin() as conn:
                        conn.execute(statement)
                    statement = select(issues)
                    with engine.connect() as conn:
                        return conn.execute(statement).all()

                def by_method(path):
                    conn = sqlite3.connect(path)
                    conn.execute("INSERT INTO issues VALUES (1)")
                    register(conn.commit)
            """,
        },
        CODES,
    )


def test_a_helper_that_writes(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app/fix.py": """
                from sqlalchemy import create_engine
                from sqlalchemy.orm import Session

                engine = create_engine("postgresql://localhost/shop")

                def save(db, issue):
                    db.add(issue)
                    db.flush()

                def add(issue):
                    with Session(engine) as db:
                        save(db, issue)  # DBS309
            """
        },
        CODES,
    )


CONNECT = """
    from sqlalchemy import {imports}create_engine, text

    engine = create_engine("postgresql://localhost/shop"{options})

    def rename(name):
        with engine.connect() as conn:
            conn.execute(text("UPDATE issues SET name = :name"), {{"name": name}}){mark}
"""


@pytest.mark.parametrize(
    ("requirements", "options", "more", "is_reported"),
    [
        ("sqlalchemy>=2", "", "", True),
        ("sqlalchemy>=1.4,<2", "", "", False),
        ("sqlalchemy>=1.4,<2", ", future=True", "", True),
        ("sqlalchemy>=1.4", "", "", False),
        ("sqlalchemy>=1.4", "", "from sqlalchemy.orm import DeclarativeBase", True),
        ("sqlmodel>=0.0.22", "", "", True),
        ("sqlmodel==0.0.8", "", "", False),
        ("flask", "", "", False),
        ("flask", "", "from sqlalchemy.ext.asyncio import async_sessionmaker", True),
        ("flask", "", "from sqlalchemy import MetaData, Engine", True),
        ("flask", "", "from sqlalchemy.engine import Engine", False),
    ],
)
def test_the_version_decides_about_an_engine_s_connection(
    requirements: str, options: str, more: str, is_reported: bool, tmp_path: Path
) -> None:
    mark = "  # DBS309" if is_reported else ""
    source = CONNECT.format(imports="", options=options, mark=mark)
    write_project(tmp_path, {"requirements.txt": requirements, "fix.py": source})
    text = (tmp_path / "fix.py").read_text() + more + "\n"
    (tmp_path / "fix.py").write_text(text)
    found = [(line, code) for line, _, code, _ in lint(tmp_path, "fix.py") if code == "DBS309"]
    assert found == expected_codes(text)


def test_an_old_pymysql_commits_in_its_block(tmp_path: Path) -> None:
    source = """
        import pymysql

        def add(value):
            with pymysql.connect(host="localhost") as cursor:
                cursor.execute("INSERT INTO memory VALUES (%s)", (value,))
    """
    assert_cases(tmp_path, {"requirements.txt": "pymysql==0.9.3", "app.py": source}, CODES)


def test_a_script_loses_its_rows_too(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "load.py": """
                import sqlite3

                conn = sqlite3.connect("x.db")
                conn.execute("INSERT INTO a VALUES (1)")  # DBS309
                conn.close()
            """
        },
        CODES,
    )


def test_a_merge_that_only_copies_writes_nothing(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "models.py": """
                from sqlalchemy import orm

                class Base:
                    def __copy__(self):
                        session = orm.Session()
                        copy = session.merge(self, load=False)
                        session.expunge(copy)
                        return copy

                    def by_position(self):
                        session = orm.Session()
                        return session.merge(self, False)

                    def merged(self):
                        session = orm.Session()
                        return session.merge(self)  # DBS309
            """
        },
        {"DBS309"},
    )


def test_the_message_speaks_of_a_trial_run_too(tmp_path: Path) -> None:
    text = """
        from core.database import SessionLocal

        def draft(item):
            with SessionLocal() as db:
                db.add(item)
                db.flush()
    """
    write_project(tmp_path, {**HOUSE, "work.py": text})
    (message,) = (m for *_, code, m in lint(tmp_path, "work.py") if code == "DBS309")
    assert message.endswith(
        "call `db.commit()` after the last write, or `db.rollback()` where nothing is to stay"
    )


def test_a_session_class_of_the_project_may_commit(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            "app.py": """
                from elsewhere import Found
                from models import Item
                from sqlalchemy import create_engine
                from sqlalchemy.orm import Session, sessionmaker

                class Committing(Session):
                    def __exit__(self, kind, value, trace):
                        self.commit() if kind is None else self.rollback()
                        super().__exit__(kind, value, trace)

                class Heir(Committing):
                    pass

                class Plain(Session):
                    def newest(self):
                        return self.query(Item).first()

                engine = create_engine("postgresql://localhost/app")
                Make = sessionmaker(engine, class_=Committing)
                MakeHeir = sessionmaker(engine, class_=Heir)
                MakeFound = sessionmaker(engine, class_=Found)
                MakePlain = sessionmaker(engine, class_=Plain)

                def add(name):
                    with Make() as session:
                        session.add(Item(name=name))

                def add_by_heir(name):
                    with MakeHeir() as session:
                        session.add(Item(name=name))

                def add_by_found(name):
                    with MakeFound() as session:
                        session.add(Item(name=name))

                def add_by_class(name):
                    with Committing(engine) as session:
                        session.add(Item(name=name))

                def add_by_plain(name):
                    with MakePlain() as session:
                        session.add(Item(name=name))  # DBS309
            """
        },
        CODES,
    )


def test_a_function_that_only_sqlalchemy_1_runs(tmp_path: Path) -> None:
    assert_cases(
        tmp_path,
        {
            **ON_2,
            "app/sync.py": """
                from select import select as wait
                from sqlalchemy import MetaData, Table, create_engine, select

                engine = create_engine("postgresql://localhost/shop")
                users = Table("users", MetaData())

                def of_a_list(rows):
                    with engine.connect() as conn:
                        known = conn.execute(select([users])).fetchall()
                        conn.execute(users.insert(), rows)

                def by_the_engine(rows):
                    known = engine.execute(users.select()).fetchall()
                    with engine.connect() as conn:
                        conn.execute(users.insert(), rows)

                def of_today(rows, sockets):
                    wait([sockets], [], [])
                    with engine.connect() as conn:
                        known = conn.execute(select(users)).fetchall()
                        conn.execute(users.insert(), rows)  # DBS309
            """,
        },
        CODES,
    )


def test_work_on_the_drivers_own_connection_beneath(tmp_path: Path) -> None:
    files = {
        **ON_2,
        "swap.py": """
            from sqlalchemy import create_engine, text

            engine = create_engine("postgresql+psycopg2://localhost/shop")
            QUERY = text("DELETE FROM covers")

            def by_a_method():
                with engine.connect() as conn:
                    conn.connection.set_isolation_level(0)
                    conn.execute(QUERY)

            def by_an_attribute():
                with engine.connect() as conn:
                    conn.connection.autocommit = True
                    conn.execute(QUERY)

            def by_a_name():
                with engine.connect() as conn:
                    driver = conn.connection.dbapi_connection
                    driver.autocommit = True
                    conn.execute(QUERY)

            def commits_beneath():
                with engine.connect() as conn:
                    conn.execute(QUERY)
                    conn.connection.commit()

            def reads_beneath():
                with engine.connect() as conn:
                    conn.execute(QUERY)  # DBS309
                    print(conn.connection.closed)
            """,
    }
    assert_cases(tmp_path, files, CODES)


def test_what_a_pool_gives_is_given_back(tmp_path: Path) -> None:
    text = """
    from psycopg_pool import ConnectionPool

    pool = ConnectionPool(dsn)

    def clear():
        conn = pool.getconn()
        try:
            conn.execute("DELETE FROM log")
        finally:
            pool.putconn(conn)
    """
    write_project(tmp_path, {"service.py": text})
    (message,) = [message for *_, code, message in lint(tmp_path, "service.py") if code == "DBS309"]
    assert "when `conn` is given back" in message


def test_an_engine_that_every_call_gives(tmp_path: Path) -> None:
    files = {
        **ON_2,
        "mark.py": """
            from sqlalchemy import create_engine, text

            engine = create_engine("postgresql://localhost/shop")
            UPDATE = text("UPDATE images SET marked = true")

            def mark(e):
                with e.connect() as conn:
                    conn.execute(UPDATE)  # DBS309

            def mark_somewhere(e):
                with e.connect() as conn:
                    conn.execute(UPDATE)

            def mark_all(other):
                mark(engine)
                mark(e=engine)
                mark_somewhere(engine)
                mark_somewhere(other)
            """,
    }
    assert_cases(tmp_path, files, CODES)
