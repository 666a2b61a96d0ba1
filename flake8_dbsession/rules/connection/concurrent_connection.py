"""DBS610."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.scope.handovers import Handover
from flake8_dbsession.analysis.library.drivers import driver_of
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register
from flake8_dbsession.rules.scope.wording import SHARERS


@register
class ConnectionSharedWithConcurrentWork(Rule[Handover]):
    """A connection is given to work that runs at the same time.

    ## What it does
    Reports a connection that is passed to a thread, to an executor, to a task that runs on, or to
    more than one coroutine of an `asyncio.gather` or a `TaskGroup`, by the ways that
    [DBS206](DBS206.md) looks at. Drivers whose connections make their users take turns are left
    alone (psycopg, psycopg2, aiosqlite, oracledb, apsw, snowflake), and so is a connection of
    `sqlite3` with `check_same_thread=False`, which says that the author sees to it. So is one that
    is handed over: the function opened it, one thread is given it, and nobody else works with it
    from then on; of `sqlite3` that is reported, for it serves only the thread that opened it.

    ## Why is this bad?
    A connection runs one statement at a time. A second one fails (asyncpg: "another operation is in
    progress"; sqlite3: "objects created in a thread can only be used in that same thread"), or
    reads the answer to the first. What does work belongs to one transaction, so that the rollback
    of one undoes the other's.

    There is no fix: each piece of work needs a connection of its own, most often from a pool that
    is to be made first.

    ## Example
    ```python
    import asyncio

    import asyncpg


    async def report(pool: asyncpg.Pool):
        async with pool.acquire() as conn:
            return await asyncio.gather(  # DBS610
                conn.fetchval("SELECT count(*) FROM users"),
                conn.fetchval("SELECT count(*) FROM orders"),
            )
    ```

    ## Use instead
    ```python
    import asyncio

    import asyncpg


    async def report(pool: asyncpg.Pool):
        return await asyncio.gather(
            pool.fetchval("SELECT count(*) FROM users"),
            pool.fetchval("SELECT count(*) FROM orders"),
        )
    ```

    ## References
    - [asyncpg: why am I getting "another operation is in progress"?](https://magicstack.github.io/asyncpg/current/faq.html)
    - [Python: sqlite3.connect, check_same_thread](https://docs.python.org/3/library/sqlite3.html#sqlite3.connect)
    """

    code = "DBS610"
    name = "connection-shared-with-concurrent-work"
    fact = Handover

    def check(self, fact: Handover, context: Context) -> Iterator[Violation]:
        """Report connections given to work that runs at the same time."""
        if fact.known.resource is not Resource.CONNECTION or fact.is_told_to_share:
            return
        driver = driver_of(fact.known.library)
        if driver.is_shareable:
            return
        cursor = f"a `{fact.session}.cursor()` of its own"
        own = cursor if driver.gives_cursors_to_each else "its own, from a pool"
        yield self.violation(
            fact.node,
            f"`{fact.callee}` shares the connection `{fact.session}` with {SHARERS[fact.hop]}, but "
            f"a connection runs one statement at a time; give each {own}",
        )
