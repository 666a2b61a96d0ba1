"""DBS309."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.endings import taking_of
from flake8_dbsession.analysis.facts.lifetime.uncommitted_writes import UncommittedWrite
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.analysis.nodes import shown
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register

_LONGEST = 60  # characters of the write that the message repeats


@register
class UncommittedWriteRule(Rule[UncommittedWrite]):
    """Something is written, and nothing commits it.

    ## What it does
    Reports the first write on a session or connection that the function opened itself, where
    nothing in the function commits, and nothing that it hands it to may: `add` and the like on a
    session, an `insert`, `update` or `delete` whose text or construct can be read. That is so for
    sessions; for connections of drivers that do not autocommit, also in the block of one that
    closes without a commit (pymysql, mysql.connector, oracledb, aiosqlite); and for
    `engine.connect()`, where the requirements, a lock file, `future=True` or the code's own use of
    2.0's names say that it is SQLAlchemy 2, and the function does nothing that 2.0 refuses
    (`select([table])`).

    Left alone are connections and engines that autocommit, by their driver (asyncpg, DuckDB, apsw,
    Snowflake) or by an option; `begin()` blocks; the block of `with conn:` where that commits
    (sqlite3, psycopg, psycopg2, pyodbc); a `rollback()`, which says that nothing is to stay;
    databases in memory and temporary tables; statements that only define tables; `executescript`,
    which commits; and tests.

    ## Why is this bad?
    No error tells of it. The rows are there for whoever reads on the same connection, and are gone
    as soon as that is closed.

    There is no fix: what belongs into one transaction, and where it ends, is for the author to say.

    ## Example
    ```python
    import sqlite3
    from contextlib import closing

    from core.database import SessionLocal
    from sqlalchemy import Engine, text
    from sqlalchemy.orm import mapped_column


    def rename(engine: Engine, number, name):
        with engine.connect() as conn:
            conn.execute(  # DBS309
                text("UPDATE items SET name = :name WHERE id = :id"),
                {"name": name, "id": number},
            )


    def add(item):
        with SessionLocal() as db:
            db.add(item)  # DBS309


    def log(path, line):
        with closing(sqlite3.connect(path)) as conn:
            conn.execute("INSERT INTO log VALUES (?)", (line,))  # DBS309
    ```

    ## Use instead
    ```python
    import sqlite3
    from contextlib import closing

    from core.database import get_db_session
    from sqlalchemy import Engine, text


    def rename(engine: Engine, number, name):
        with engine.begin() as conn:
            conn.execute(
                text("UPDATE items SET name = :name WHERE id = :id"),
                {"name": name, "id": number},
            )


    def add(item):
        with get_db_session() as db:
            db.add(item)
            db.commit()


    def log(path, line):
        with closing(sqlite3.connect(path)) as conn, conn:
            conn.execute("INSERT INTO log VALUES (?)", (line,))
    ```

    ## References
    - [SQLAlchemy: commit as you go](https://docs.sqlalchemy.org/en/20/core/connections.html#commit-as-you-go)
    - [SQLAlchemy: "library level" (but not driver level) autocommit removed](https://docs.sqlalchemy.org/en/20/changelog/migration_20.html#library-level-but-not-driver-level-autocommit-removed-from-both-core-and-orm)
    - [PEP 249: Connection.commit](https://peps.python.org/pep-0249/#commit)
    """

    code = "DBS309"
    name = "uncommitted-write"
    fact = UncommittedWrite

    def check(self, fact: UncommittedWrite, context: Context) -> Iterator[Violation]:
        """Report writes that nothing commits."""
        write = shown(fact.node, longest=_LONGEST)
        is_pooled = taking_of(fact.acquisition.known) is not None
        end = "given back" if is_pooled else "closed"
        yield self.violation(
            fact.node,
            f"nothing commits `{write}`, so that it is undone, without an error, "
            f"when {_what(fact)} is {end}; {_way_out(fact)}",
        )


def _what(fact: UncommittedWrite) -> str:
    if fact.name:
        return f"`{fact.name}`"
    is_session = fact.acquisition.known.resource is Resource.SESSION
    return "the session" if is_session else "the connection"


def _way_out(fact: UncommittedWrite) -> str:
    opened = fact.acquisition
    if not fact.name:
        return "open it under a name, and call its `commit()` afterwards"
    waiting = "await " if opened.known.is_async else ""
    commit, rollback = (f"`{waiting}{fact.name}.{end}()`" for end in ("commit", "rollback"))
    return f"call {commit} after the last write, or {rollback} where nothing is to stay"
