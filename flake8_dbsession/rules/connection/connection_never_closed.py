"""DBS602."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Holder
from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.analysis.facts.lifetime.in_tests import needs_no_close
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.connection.wording import closing_way_out
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class ConnectionNeverClosed(Rule[Ending]):
    """A connection is opened, and no path closes it.

    ## What it does
    Reports a connection (sqlite3, psycopg, psycopg2, asyncpg, aiosqlite, pymysql, MySQLdb, or what
    `engine.connect()` gives) that a function opens and never closes: no path through the function
    closes it or hands it on, by what counts as handing on for [DBS302](DBS302.md). A connection has
    to be closed from the moment it is there, used or not. The rule applies everywhere, in owners
    and tests as well; the end of the process is no leak, as there. A test need not close what it
    patches, a database in memory, and what only its own failure would leave open. What a pool's
    `getconn` or `acquire` gives goes back to the pool instead, and is not meant. A function that
    returns a cursor leaves the connection to it: that is reported where the project calls the
    function, and none of its callers asks the cursor for its `connection`. A connection that is
    made for one call of `create_all`, `drop_all` or pandas' `read_sql` is closed by none of them,
    and a session closes no connection that it is bound to. An object of the project that stands for
    a connection, to which its `__getattr__` passes on, is meant as well, where its `close` closes
    that or gives it back.

    ## Why is this bad?
    The server keeps a process or a slot for it, SQLite keeps the file open and its locks held,
    until the garbage collector happens on the connection.

    ## Example
    ```python
    import sqlite3


    def count(path):
        conn = sqlite3.connect(path)  # DBS602
        return conn.execute("SELECT count(*) FROM messages").fetchone()[0]
    ```

    ## Use instead
    ```python
    import sqlite3
    from contextlib import closing


    def count(path):
        with closing(sqlite3.connect(path)) as conn:
            return conn.execute("SELECT count(*) FROM messages").fetchone()[0]
    ```

    ## Fix safety
    The fix puts the block that the message advises around the statements from the opening to the
    last one that uses the connection, or what reads from it: the house's provider, the connection's
    own block where that closes it, else `closing(...)`. Where the provider may do anything else
    (open another database, be without an option of the call, take from a pool that has none left,
    commit what the code does not), it is entered with `--unsafe` only, and the safe fix is the
    block without it. What is not committed is given up as before. The fix is unsafe where the
    connection's own block would commit what the code may not, and where a `finally` does more
    after the close. It is not made where the
    connection or a cursor may be used elsewhere, nor where what opens it may give one that somebody
    else holds, nor for asynchronous connections.

    Kinds of doubt: `commit`, `patched`, `comment`, `error-path`.

    ## Options
    - `connections`: the connection provider that the message names

    ## References
    - [Python: sqlite3.Connection.close](https://docs.python.org/3/library/sqlite3.html#sqlite3.Connection.close)
    - [Python: contextlib.closing](https://docs.python.org/3/library/contextlib.html#contextlib.closing)
    """

    code = "DBS602"
    name = "connection-never-closed"
    fact = Ending

    def check(self, fact: Ending, context: Context) -> Iterator[Violation]:
        """Report connections that are left open and closed nowhere."""
        opened = fact.acquisition
        if opened.known.resource is not Resource.CONNECTION or fact.is_pooled:
            return
        if context.is_test and needs_no_close(fact, context.file.inference):
            return
        if opened.holder is not Holder.BLOCK and fact.lifetime.is_never_closed:
            way_out = closing_way_out(opened, context)
            if fact.leaves_with_its_cursor:
                way_out = "return the connection, not its cursor, so that the caller can close it"
            elif fact.keeps_its_cursor:
                way_out = "keep it beside its cursor, and close it in a `close()` of the class"
            yield self.violation(
                opened.node,
                f"`{opened.text}` is never closed, and stays open until it is garbage-collected; "
                f"{way_out}",
            )
