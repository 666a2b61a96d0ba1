"""DBS609."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.connection.kept_connections import InstanceConnection
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.connection.wording import provided_connection
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class InstanceConnectionNeverClosed(Rule[InstanceConnection]):
    """An object opens a connection for itself and closes it nowhere.

    ## What it does
    Reports `self.conn = sqlite3.connect(...)`, and the same of every driver and of an engine's or
    pool's connection, in a class that closes it nowhere: not in `close`, `__exit__`, `__aexit__`,
    `__del__`, a teardown, or any other method. The class's bases in the project and its subclasses
    in the same file count as well, and so does other code of the file that closes it from outside.
    An `__enter__` that opens is reported where its `__exit__` does not close, whatever the other
    methods do. A database in memory, which is gone with its object, is left alone, and so are
    tests, objects of which the project makes all at the top level of a script or into a container
    of a module (the end of the process closes what they keep), and a connection that the same
    method puts into what is a module's or the class's, where others take it from.

    ## Why is this bad?
    Nobody else knows that the object holds a connection, so nothing can close it: each object made
    takes one more of the server's connections, or one more open file, until the garbage collector
    happens on it. asyncpg and the other asynchronous drivers cannot close it even then.

    There is no fix: a class that opens has to say when its users are done with it.

    ## Example
    ```python
    import sqlite3


    class Log:
        def __init__(self, path):
            self.conn = sqlite3.connect(path)  # DBS609

        def add(self, text):
            with self.conn:
                self.conn.execute("INSERT INTO log VALUES (?)", (text,))
    ```

    ## Use instead
    ```python
    import sqlite3


    class Log:
        def __init__(self, path):
            self.conn = sqlite3.connect(path)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.conn.close()

        def add(self, text):
            with self.conn:
                self.conn.execute("INSERT INTO log VALUES (?)", (text,))
    ```

    ## References
    - [Python: sqlite3, Connection.close](https://docs.python.org/3/library/sqlite3.html#sqlite3.Connection.close)
    - [asyncpg: connection, close](https://magicstack.github.io/asyncpg/current/api/index.html#asyncpg.connection.Connection.close)
    """

    code = "DBS609"
    name = "instance-connection-never-closed"
    fact = InstanceConnection

    def check(self, fact: InstanceConnection, context: Context) -> Iterator[Violation]:
        """Report connections that an object opens and its class never closes."""
        opened = fact.acquisition
        giving = f"give it back with `{fact.giving}`" if fact.giving else "close it"
        if fact.is_entered:
            problem = "is not closed when the block over the object ends"
            way_out = f"{giving} in `__{'a' if opened.known.is_async else ''}exit__`"
        else:
            problem = "and the class closes it nowhere, so that nobody can"
            way_out = f"{giving} in a `close()` or `__exit__` of the class"
            provided = provided_connection(opened, context)
            if provided is not None:
                way_out += f", or open one for each piece of work, with {provided}"
        yield self.violation(
            opened.node, f"`{opened.text}` is kept as `{opened.name}` {problem}; {way_out}"
        )
