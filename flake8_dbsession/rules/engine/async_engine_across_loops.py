"""DBS505."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.engine.loops import NewLoop
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.engine.wording import in_place_of
from flake8_dbsession.rules.registry import register


@register
class AsyncEngineAcrossLoops(Rule[NewLoop]):
    """A loop is started again and again over one asynchronous engine.

    ## What it does
    Reports `asyncio.run(...)` (also `anyio.run`, `uvloop.run`, asgiref's `async_to_sync`, and
    `run_until_complete` of a `new_event_loop()`, or `run` of an `asyncio.Runner()`, that the same
    function makes) in what one process runs many times, a Celery or Dramatiq task, a scheduled job,
    a request handler, what one beside it calls, or the turns of a loop, where the coroutine, by
    itself or inside a task, or what it calls in the project, works on an asynchronous engine that a
    module made, or on a factory over it. Silent where the engine has `poolclass=NullPool`,
    where something that runs there disposes of it, for SQLite, and where the engine's making is not
    in sight.

    ## Why is this bad?
    A connection belongs to the event loop that opened it, and the engine's pool keeps it when the
    loop has ended. The next run takes it out of the pool in another loop, and fails: "Task got
    Future attached to a different loop", or "Event loop is closed". The first run always works, so
    that tests do not tell.

    The message names the factory or engine of the project that keeps no connections of the same
    database, where there is one. Else it says which options of the engine `NullPool` does not take:
    SQLAlchemy raises `TypeError` for a `pool_size` beside it.

    There is no fix: an engine without a pool, one that is disposed of, or one loop for the whole
    process are different designs.

    ## Example
    ```python
    import asyncio

    from celery import shared_task
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine("postgresql+asyncpg://db/jobs")


    async def push():
        async with engine.connect() as conn:
            return (await conn.execute(text("SELECT count(*) FROM jobs"))).scalar()


    @shared_task
    def daily_push():
        return asyncio.run(push())  # DBS505
    ```

    ## Use instead
    ```python
    import asyncio

    from celery import shared_task
    from sqlalchemy import NullPool, text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine("postgresql+asyncpg://db/jobs", poolclass=NullPool)


    async def push():
        async with engine.connect() as conn:
            return (await conn.execute(text("SELECT count(*) FROM jobs"))).scalar()


    @shared_task
    def daily_push():
        return asyncio.run(push())
    ```

    ## References
    - [SQLAlchemy: using multiple asyncio event loops](https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#using-multiple-asyncio-event-loops)
    """

    code = "DBS505"
    name = "async-engine-across-loops"
    fact = NewLoop

    def check(self, fact: NewLoop, context: Context) -> Iterator[Violation]:
        """Report loops over an engine whose pool outlives them."""
        name = getattr(fact.function.node, "name", "this loop")
        yield self.violation(
            fact.node,
            f"`{ast.unparse(fact.node.func)}` starts a new event loop each time `{name}` runs, and "
            "the engine's pool keeps connections of the loop before, which fail in this one; "
            f"{_way_out(fact)}, or `await engine.dispose()` before the loop ends",
        )


def _way_out(fact: NewLoop) -> str:
    """Say how to work without a pool: by what the house has for that, or by the engine's own."""
    if fact.instead:
        is_engine = fact.engine.used is Role.ENGINE
        keeps = "which keeps" if is_engine else "whose engine keeps"
        return f"work by `{fact.instead}`, {keeps} no connections"
    return f"give the engine `poolclass=NullPool`{in_place_of(fact.engine.sizes)}"
