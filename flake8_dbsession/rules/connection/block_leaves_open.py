"""DBS601."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder, local_name
from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.analysis.library.drivers import BlockEnd, driver_of
from flake8_dbsession.analysis.names.values import FunctionValue
from flake8_dbsession.analysis.nodes import own_nodes
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.connection.wording import provided_connection
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register

_OWN_CLASS = frozenset({"connection_factory", "factory"})


@register
class WithDoesNotClose(Rule[Ending]):
    """A `with` block is taken to close a connection that it leaves open.

    ## What it does
    Reports `with sqlite3.connect(...)`, and the same of psycopg2, pyodbc and apsw, also by way of a
    function of the project that returns such a connection, where nothing else closes the
    connection or hands it on. Connections of a class of the project's own (`factory=...`) are left
    out, for their block may close them, and so are functions with which the process ends, by what
    counts as that for [DBS302](DBS302.md).

    ## Why is this bad?
    The block of these libraries is about the transaction: it commits, or rolls back on an
    error, and leaves the connection open. The file stays open, or the server's slot taken, until
    the garbage collector happens on it. The other libraries' blocks do close.

    ## Example
    ```python
    import sqlite3


    def add(path, text):
        with sqlite3.connect(path) as conn:  # DBS601
            conn.execute("INSERT INTO messages (text) VALUES (?)", (text,))
    ```

    ## Use instead
    ```python
    import sqlite3
    from contextlib import closing


    def add(path, text):
        with closing(sqlite3.connect(path)) as conn, conn:
            conn.execute("INSERT INTO messages (text) VALUES (?)", (text,))
    ```

    ## Fix safety
    The fix enters the house's provider where the message advises that; where that may do anything
    else, only with `--unsafe`. Otherwise it puts `closing(...)` around the connection, and enters
    the connection after it for the sake of the transaction. Where a file has four blocks or more
    over what one of its functions gives, both are written once, in a context manager beside that
    function. The fix is unsafe where something may need the connection after the block: a cursor
    that is read there or handed out, the connection itself, a function or class that knows it, a
    `yield` of it.

    Kinds of doubt: `patched`.

    ## Options
    - `connections`: the connection provider that the message names

    ## References
    - [Python: how to use the connection context manager](https://docs.python.org/3/library/sqlite3.html#how-to-use-the-connection-context-manager)
    - [psycopg2: with statement](https://www.psycopg.org/docs/usage.html#with-statement)
    """

    code = "DBS601"
    name = "with-does-not-close"
    fact = Ending

    def check(self, fact: Ending, context: Context) -> Iterator[Violation]:
        """Report blocks of connections that nothing closes."""
        opened = fact.acquisition
        if opened.holder is not Holder.BLOCK or fact.is_pooled or not fact.lifetime.leaks:
            return
        ends_transaction_only = driver_of(opened.known.library).block == BlockEnd.COMMITS
        if ends_transaction_only and not _is_of_own_class(opened, context):
            yield self.violation(
                opened.node,
                f"`with {opened.text}` ends the transaction and leaves the connection open; "
                f"{_way_out(opened, context)}",
            )


def _is_of_own_class(opened: Acquisition, context: Context) -> bool:
    """Tell whether a connection is made of a class that is not the library's."""
    callee = context.file.inference.value(opened.node.func, opened.scope)
    nodes = own_nodes(callee.node) if isinstance(callee, FunctionValue) else [opened.node]
    calls = (node for node in nodes if isinstance(node, ast.Call))
    return any(keyword.arg in _OWN_CLASS for call in calls for keyword in call.keywords)


def _way_out(opened: Acquisition, context: Context) -> str:
    provided = provided_connection(opened, context)
    if provided is not None:
        return f"use {provided}"
    name = local_name(opened.name, "conn")
    return f"use `with closing({opened.text}) as {name}, {name}:`, which commits as well"
