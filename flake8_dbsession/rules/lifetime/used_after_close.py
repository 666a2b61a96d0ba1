"""DBS305."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.analysis.lifetimes import Closing
from flake8_dbsession.analysis.names.scopes import last_segment
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register

_LONGEST = 60  # characters of the use that the message repeats


@register
class SessionUsedAfterClose(Rule[Ending]):
    """A session is used after it was closed.

    ## What it does
    Reports the first use of a session that a path reaches after a `close()` on it, or after it was
    given to a function of the project that closes it, where nothing closes it again on that path:
    a session that is closed to empty it, used on and closed in the end is fine. A `commit()` is a
    use, a second `close()` is none, and what stands after a `with` block is
    [DBS207](DBS207.md)'s.

    ## Why is this bad?
    A closed session is not dead: the next use silently takes another connection and begins a new
    transaction, which nothing closes. It works in every test, and costs a connection each time. A
    `commit()` after the close saves nothing: the close has given up what there was to save.

    ## Example
    ```python
    from core.database import SessionLocal


    def rename(agent_id, name):
        db = SessionLocal()
        try:
            db.get(Agent, agent_id).name = name
            db.commit()
        finally:
            db.close()
        return db.get(Agent, agent_id).state  # DBS305
    ```

    ## Use instead
    ```python
    from core.database import get_db_session


    def rename(agent_id, name):
        with get_db_session() as db:
            agent = db.get(Agent, agent_id)
            agent.name = name
            return agent.state
    ```

    Values leave the block here. A mapped object that the provider expires could not be read
    after it ([DBS210](DBS210.md)).

    ## Options
    None.

    ## References
    - [SQLAlchemy: closing](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#closing): a
      closed session may be used again, as if it were new.
    """

    code = "DBS305"
    name = "session-used-after-close"
    fact = Ending

    def check(self, fact: Ending, context: Context) -> Iterator[Violation]:
        """Report the uses that find a session closed."""
        if fact.acquisition.known.resource is not Resource.SESSION:
            return
        if all(close.how is Closing.BLOCK for close in fact.lifetime.closes):
            return
        for use in fact.lifetime.reopenings:
            written = ast.unparse(use)
            shown = written if len(written) <= _LONGEST else f"{written[:_LONGEST]}..."
            problem = "uses the session after it was closed, in a transaction that nothing closes"
            if last_segment(use) == "commit":
                problem = "saves nothing, because the close before it has given up all changes"
            yield self.violation(use, f"`{shown}` {problem}; move it before the close")
