"""DBS409."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.framework.held_work import HeldWork
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class SessionHeldAcrossSlowWork(Rule[HeldWork]):
    """A session keeps its connection while something else is waited for.

    ## What it does
    Reports an `await` of something that does not mention a session, and a synchronous call that
    waits for something outside the process (requests, httpx, boto3, the clients of models and of
    mail, `subprocess`, `time.sleep`, also inside a function of the project), where a session of the
    function has been used before and has neither committed, rolled back nor been closed since. Off
    by default: it asks for a style that not every house wants.

    ## Why is this bad?
    From its first use to the end of its transaction a session holds a connection of the pool. While
    a slow service is awaited, that connection does nothing, and a few such requests are enough to
    empty the pool for all others.

    ## Example
    ```python
    import requests
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import Session


    async def summarize(db: AsyncSession, agent_id: str) -> str:
        agent = await db.get(Agent, agent_id)
        return await language_model.summarize(agent.text)  # DBS409


    def transcribe(db: Session, media_id: str) -> None:
        media = db.get(Media, media_id)
        reply = requests.post(MODEL, json={"url": media.url}, timeout=600)  # DBS409
        media.text = reply.text
        db.commit()
    ```

    ## Use instead
    ```python
    import requests
    from core.database import get_async_db_session, get_db_session


    async def summarize(agent_id: str) -> str:
        async with get_async_db_session() as db:
            agent = await db.get(Agent, agent_id)
            text = agent.text
        return await language_model.summarize(text)


    def transcribe(media_id: str) -> None:
        with get_db_session() as db:
            url = db.get(Media, media_id).url
        reply = requests.post(MODEL, json={"url": url}, timeout=600)
        with get_db_session() as db:
            db.get(Media, media_id).text = reply.text
            db.commit()
    ```

    ## Options
    - `enable`: add `"DBS409"` to turn the rule on

    ## References
    - [SQLAlchemy: when do I construct a Session?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#when-do-i-construct-a-session-when-do-i-commit-it-and-when-do-i-close-it)
    """

    code = "DBS409"
    name = "session-held-across-slow-work"
    fact = HeldWork
    off = True
    level = Level.WARNING

    def check(self, fact: HeldWork, context: Context) -> Iterator[Violation]:
        """Report work over which a session is held."""
        work = fact.node.value if isinstance(fact.node, ast.Await) else fact.node
        written = ast.unparse(work.func) if isinstance(work, ast.Call) else "..."
        waiting = "await " if isinstance(fact.node, ast.Await) else ""
        yield self.violation(
            fact.node,
            f"`{waiting}{written}` waits while `{fact.session}` holds its connection; "
            f"commit or close `{fact.session}` before",
        )
