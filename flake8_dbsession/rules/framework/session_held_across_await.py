"""DBS409."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.held_awaits import HeldAwait
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class SessionHeldAcrossAwait(Rule[HeldAwait]):
    """A session keeps its connection while something else is awaited.

    ## What it does
    Reports an `await` of something that does not mention a session, where a session of the function
    has been used before and has neither committed, rolled back nor been closed since. Off by
    default: it asks for a style that not every house wants.

    ## Why is this bad?
    From its first use to the end of its transaction a session holds a connection of the pool. While
    a slow service is awaited, that connection does nothing, and a few such requests are enough to
    empty the pool for all others.

    ## Example
    ```python
    from sqlalchemy.ext.asyncio import AsyncSession


    async def summarize(db: AsyncSession, agent_id: str) -> str:
        agent = await db.get(Agent, agent_id)
        return await language_model.summarize(agent.text)  # DBS409
    ```

    ## Use instead
    ```python
    from core.database import get_async_db_session


    async def summarize(agent_id: str) -> str:
        async with get_async_db_session() as db:
            agent = await db.get(Agent, agent_id)
            text = agent.text
        return await language_model.summarize(text)
    ```

    ## Options
    - `enable`: add `"DBS409"` to turn the rule on

    ## References
    - [SQLAlchemy: when do I construct a Session?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#when-do-i-construct-a-session-when-do-i-commit-it-and-when-do-i-close-it)
    """

    code = "DBS409"
    name = "session-held-across-await"
    fact = HeldAwait
    off = True

    def check(self, fact: HeldAwait, context: Context) -> Iterator[Violation]:
        """Report awaits over which a session is held."""
        awaited = fact.node.value
        written = ast.unparse(awaited.func) if isinstance(awaited, ast.Call) else "..."
        yield self.violation(
            fact.node,
            f"`await {written}` waits while `{fact.session}` holds a connection that others need; "
            f"commit or close `{fact.session}` first",
        )
