"""DBS605."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.connection.wording import provided_connection
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.leaks import leaving_line
from flake8_dbsession.rules.registry import register


@register
class PooledConnectionNotReturned(Rule[Ending]):
    """A connection is taken from a pool, and does not get back to it on every path.

    ## What it does
    Reports `pool.getconn()` (psycopg2, psycopg_pool), `pool.acquire()` (asyncpg, aiomysql, asyncmy,
    aioodbc, oracledb) and `pool.get_connection()` (mysql.connector, mariadb) where some path leaves
    the function without giving the connection back: by an early return, by running off the end, or
    by an exception that a call in between can raise; the message names that line. What counts as
    handing on does so for [DBS302](DBS302.md) as well. Neither `close()` nor the end of
    `with pool.getconn()` gives anything back to the pools of psycopg2 and psycopg_pool, but for a
    `close()` where psycopg_pool's is made with `close_returns=True`. The block
    of `async with pool.acquire()` is fine, and so is a `close()` where the pool's connections are
    given back by it (mysql.connector, mariadb, oracledb). The presets' `tests` layer allows it.

    ## Why is this bad?
    The pool counts the connection as taken for good. When as many errors have happened as it has
    connections, the next caller waits for ever or is told that the pool is exhausted, and only a
    restart helps.

    ## Example
    ```python
    from psycopg2.pool import ThreadedConnectionPool

    pool = ThreadedConnectionPool(2, 20)


    def count():
        conn = pool.getconn()  # DBS605
        cursor = conn.cursor()
        cursor.execute("SELECT count(*) FROM messages")
        number = cursor.fetchone()[0]
        pool.putconn(conn)
        return number
    ```

    ## Use instead
    ```python
    from psycopg2.pool import ThreadedConnectionPool

    pool = ThreadedConnectionPool(2, 20)


    def count():
        conn = pool.getconn()
        try:
            cursor = conn.cursor()
            cursor.execute("SELECT count(*) FROM messages")
            return cursor.fetchone()[0]
        finally:
            pool.putconn(conn)
    ```

    ## Options
    - `connections`: the connection provider that the message names

    ## References
    - [psycopg2: connections pooling](https://www.psycopg.org/docs/pool.html)
    - [psycopg: connection pools](https://www.psycopg.org/psycopg3/docs/advanced/pool.html)
    - [asyncpg: connection pools](https://magicstack.github.io/asyncpg/current/api/index.html#connection-pools)
    """

    code = "DBS605"
    name = "pooled-connection-not-returned"
    fact = Ending

    def check(self, fact: Ending, context: Context) -> Iterator[Violation]:
        """Report pooled connections that some path does not give back."""
        if fact.taking is None:
            return
        opened, lifetime = fact.acquisition, fact.lifetime
        provided = provided_connection(opened, context)
        where = "on that path too" if fact.is_handed_on_for_good else "in a `finally`"
        giving = f"call `{fact.taking.gives}` {where}"
        way_out = f"use {provided}" if provided is not None else giving
        closes = bool(lifetime.closes) and not fact.taking.close_gives_back
        if closes and not lifetime.hand_ons:
            problem = "is closed but never given back"
        elif lifetime.is_never_closed:
            problem = "is never given back"
        elif lifetime.leaks:
            problem = f"is not given back when {leaving_line(fact)}"
        else:
            return
        message = f"`{opened.text}` {problem}, so that the pool runs dry; {way_out}"
        yield self.violation(opened.node, message)
