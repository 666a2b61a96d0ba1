"""DBS603."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Holder
from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.connection.wording import closing_way_out
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.leaks import (
    CLOSE_THERE,
    goes_on_without_block,
    is_unguarded,
    leaving_line,
)
from flake8_dbsession.rules.registry import register


@register
class ConnectionNotClosedOnEveryPath(Rule[Ending]):
    """A connection is closed on some paths through a function, and left open on another.

    ## What it does
    Reports a connection that some path closes or hands on while another leaves the function with it
    open: by an early return, by running off the end, or by an exception that a call in between can
    raise; the message names that line. `conn.cursor()`, `conn.rollback()`, logging, `print` and
    what libraries have like it, such as `click.echo()`, `len`, `str`, clocks and what only works
    out a path or a text, such as `os.path.join()`, do not raise in practice, and leave no path;
    neither do `begin()` and literal `PRAGMA` statements on a fresh connection, what reads their
    answers or commits them, and functions that do no more than that with it, unless a handler of
    the function awaits their failure. What else a connection or a cursor of it raises is its
    library's `Error` (`DatabaseError` of sqlite3, aiosqlite, psycopg and psycopg2, and SQLAlchemy's
    `SQLAlchemyError`), so that handlers for that class catch all of it. What is done with a row,
    such as `fetchone()[0]`, may raise something else. For what else is meant, see
    [DBS602](DBS602.md). A close that an unguarded `yield` skips is [DBS404](DBS404.md)'s. The
    presets' `tests` layer allows it: there the path that leaks is the failing test.

    ## Why is this bad?
    The path without the close is the one that nobody tries out. Each error then costs a connection,
    and a SQLite database stays locked by a transaction that nobody will end.

    ## Example
    ```python
    import sqlite3


    def count(path):
        conn = sqlite3.connect(path)  # DBS603
        number = conn.execute("SELECT count(*) FROM messages").fetchone()[0]
        conn.close()
        return number
    ```

    ## Use instead
    As for [DBS602](DBS602.md).

    ## Fix safety
    As for [DBS602](DBS602.md); the block ends where the connection was closed.

    Kinds of doubt: `commit`, `patched`, `comment`, `error-path`.

    ## Options
    - `connections`: the connection provider that the message names

    ## References
    - [Python: defining clean-up actions](https://docs.python.org/3/tutorial/errors.html#defining-clean-up-actions)
    - [Python: contextlib.closing](https://docs.python.org/3/library/contextlib.html#contextlib.closing)
    """

    code = "DBS603"
    name = "connection-not-closed-on-every-path"
    fact = Ending

    def check(self, fact: Ending, context: Context) -> Iterator[Violation]:
        """Report connections that only some paths close."""
        opened = fact.acquisition
        if opened.known.resource is not Resource.CONNECTION or fact.is_pooled:
            return
        if opened.holder is Holder.BLOCK:
            return
        if fact.lifetime.is_closed_on_some_paths_only and not is_unguarded(fact, context):
            fits_no_block = goes_on_without_block(fact)
            way_out = CLOSE_THERE if fits_no_block else closing_way_out(opened, context)
            yield self.violation(
                opened.node,
                f"`{opened.text}` is not closed when {leaving_line(fact)}, and keeps the "
                f"connection open; {way_out}",
            )
