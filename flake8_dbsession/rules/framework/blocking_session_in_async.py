"""DBS408."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.framework.blocking_calls import BlockingCall
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class BlockingSessionInAsync(Rule[BlockingCall]):
    """A synchronous session works inside an `async def`.

    ## What it does
    Reports the calls of a synchronous session that talk to the database (`query`, `execute`,
    `scalars`, `get`, `commit`, ...) in the own body of an `async def`. Functions nested in it, such
    as one that is handed to a thread, are left alone, and so are calls that are awaited. Off by
    default, because many houses accept it where the load is small.

    ## Why is this bad?
    While the driver waits for the database, the event loop stands still: no other request is served
    and no timeout fires.

    ## Example
    ```python
    from sqlalchemy.orm import Session


    async def count(db: Session) -> int:
        return db.query(Agent).count()  # DBS408
    ```

    ## Use instead
    ```python
    from sqlalchemy import func, select
    from sqlalchemy.ext.asyncio import AsyncSession


    async def count(db: AsyncSession) -> int:
        return await db.scalar(select(func.count()).select_from(Agent))
    ```

    ## Options
    - `enable`: add `"DBS408"` to turn the rule on

    ## References
    - [SQLAlchemy: asyncio](https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html)
    - [FastAPI: concurrency and async / await](https://fastapi.tiangolo.com/async/)
    """

    code = "DBS408"
    name = "blocking-session-in-async"
    fact = BlockingCall
    off = True
    level = Level.WARNING

    def check(self, fact: BlockingCall, context: Context) -> Iterator[Violation]:
        """Report blocking calls."""
        yield self.violation(
            fact.node,
            f"`{ast.unparse(fact.node.func)}(...)` stops all other requests while it waits, in "
            f"`async def {fact.function}`; use an async session, or a plain `def`",
        )
