"""DBS209."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.scope.expired_objects import gives_objects
from flake8_dbsession.analysis.facts.scope.lazy_results import LazyResult
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import RETURN_VALUES, Context
from flake8_dbsession.rules.registry import register
from flake8_dbsession.rules.scope.wording import shortened


@register
class LazyResultEscapesBlock(Rule[LazyResult]):
    """A result that still needs its session is returned out of, or used after, the session's block.

    ## What it does
    Reports a `Query`, a synchronous `scalars()` or `execute()` of mapped classes, or a `stream()`
    that is returned out of the `with` block that closes its session, by itself or by a name, or
    used after the block: read there, stepped through, passed on. So is what a function of the
    project gives that is handed the session and returns such a thing. What has been fetched
    (`.all()`, `.first()`, `.one()`, ...) is free, and so is what an `AsyncSession`'s `execute()`
    and `scalars()` give: they are buffered before they are returned.

    The same holds for the result of a Core connection, from `with engine.connect() as conn:` or
    `with engine.begin() as conn:`, where its statement is known to select or its rows are fetched
    after the block; not in tests, whose pool keeps their one connection. What a result knows
    without its rows (`rowcount`, `keys()`, `inserted_primary_key`) is free.

    ## Why is this bad?
    The block closes the session before the caller has read a row. A result fails then; a `Query`
    opens a new transaction on the closed session instead, which nothing closes. A Core result
    works as long as the pool keeps its connection open, and fails where that is closed at the end
    of the block: with `NullPool`, with a server-side cursor, and under load, when the connection is
    one beyond `pool_size`.

    ## Example
    ```python
    from core.database import SessionLocal
    from core.models import Agent
    from sqlalchemy import select


    def find(name):
        with SessionLocal() as db:
            return db.query(Agent).filter(Agent.name == name)  # DBS209


    def everything():
        with SessionLocal() as db:
            return db.scalars(select(Agent))  # DBS209
    ```

    ## Use instead
    ```python
    from core.database import get_db_session
    from core.models import Agent
    from sqlalchemy import select


    def find(name):
        with get_db_session() as db:
            return db.query(Agent.id).filter(Agent.name == name).all()


    def everything():
        with get_db_session() as db:
            return db.scalars(select(Agent.name)).all()
    ```

    ## Options
    - `factories`: further names that are factories

    ## References
    - [SQLAlchemy: what a result fetches, and when](https://docs.sqlalchemy.org/en/20/core/connections.html#sqlalchemy.engine.CursorResult)
    - [SQLAlchemy: Query](https://docs.sqlalchemy.org/en/20/orm/queryguide/query.html)
    - [SQLAlchemy: AsyncSession.stream](https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#sqlalchemy.ext.asyncio.AsyncSession.stream)
    """

    code = "DBS209"
    name = "lazy-result-escapes-block"
    fact = LazyResult

    def check(self, fact: LazyResult, context: Context) -> Iterator[Violation]:
        """Report lazy results returned out of their sessions' blocks."""
        if context.is_test and fact.block.known.resource is Resource.CONNECTION:
            return
        code, block = shortened(ast.unparse(fact.result)), fact.block
        yield self.violation(
            fact.node,
            f"`{code}` is a {fact.kind} that still needs `{block.name}`, which the `with` block of "
            f"line {block.node.lineno} closes; fetch the rows inside the block, as with `.all()`"
            f"{RETURN_VALUES * _expires(fact, context)}",
        )


def _expires(fact: LazyResult, context: Context) -> bool:
    """Tell whether the block's end expires the objects that the result gives."""
    block, inference = fact.block, context.file.inference
    if not block.known.commits or block.known.keeps_loaded is not False:
        return False
    return gives_objects(fact.result, block.name, block.scope, inference)
