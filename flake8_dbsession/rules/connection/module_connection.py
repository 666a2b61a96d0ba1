"""DBS608."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.connection.kept_connections import ModuleConnection
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.connection.wording import opening_way_out
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class ModuleGlobalConnection(Rule[ModuleConnection]):
    """A module-level name holds a connection that the whole process works on.

    ## What it does
    Reports a connection that is opened at the top level of a module and held by a name there, also
    inside a top-level `if`, `try` or `for`. One that a function keeps under a `global` name, in a
    container of the module, on an application's state or as a cached result, is reported where
    `check_same_thread=False` says that threads use it, or functions do in a module that has request
    handlers, unless the module has a lock. One connection for the run is right in a script: a
    module with a main guard, or one whose last statement works (a call, a loop). It is reported
    there only where functions use it in a module that has request handlers, or where
    `check_same_thread=False` says that threads do. A database in memory, which lives in its one
    connection, is left alone, and so are tests and notebooks.

    ## Why is this bad?
    The connection is opened when the module is first imported, and never again: when the server
    closes it, every later call fails until the process is started anew. All threads and requests
    work in its one transaction, so one commits what another has half done, and one failed statement
    makes the others fail until somebody rolls back. A connection of `sqlite3` raises
    `ProgrammingError` in any thread but the one that opened it.

    There is no fix: where to open it, and what belongs into one transaction, is for the author to
    say.

    ## Example
    ```python
    import sqlite3

    conn = sqlite3.connect("sensors.db")  # DBS608


    def last():
        return conn.execute("SELECT * FROM readings ORDER BY at DESC").fetchone()
    ```

    ## Use instead
    ```python
    import sqlite3
    from contextlib import closing


    def last():
        with closing(sqlite3.connect("sensors.db")) as conn:
            return conn.execute("SELECT * FROM readings ORDER BY at DESC").fetchone()
    ```

    ## Options
    - `connections`: the connection provider that the message names

    ## References
    - [Python: sqlite3.connect, check_same_thread](https://docs.python.org/3/library/sqlite3.html#sqlite3.connect)
    - [psycopg2: thread and process safety](https://www.psycopg.org/docs/usage.html#thread-and-process-safety)
    """

    code = "DBS608"
    name = "module-global-connection"
    fact = ModuleConnection
    is_of_imports = True

    def check(self, fact: ModuleConnection, context: Context) -> Iterator[Violation]:
        """Report connections of modules that are no scripts."""
        if fact.is_of_script and not fact.is_served:
            return
        opened = fact.acquisition
        yield self.violation(
            opened.node,
            f"`{opened.text}` is one connection for the whole process, held by {fact.place}: "
            "all threads share its transaction, and nothing opens it again when it breaks; "
            f"open one where it is needed: {opening_way_out(opened, context)}",
        )
