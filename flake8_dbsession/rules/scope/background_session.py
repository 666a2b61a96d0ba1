"""DBS211."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.scope.background import BackgroundSession
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register
from flake8_dbsession.rules.scope.wording import own_session

# What becomes of it, by whether the dependency ends before the task runs.
_FATES = {
    True: "is closed before the task runs after the response",
    False: "keeps its connection until the task has ended",
    None: "may be closed before the task runs after the response",
}


@register
class SessionInBackgroundTask(Rule[BackgroundSession]):
    """A request's session is handed to a background task.

    ## What it does
    Reports a session that a function was given and that it passes on to FastAPI's
    `BackgroundTasks.add_task` or to Starlette's `BackgroundTask`. This rule is off by default: it
    depends on the version of FastAPI which of the two harms below is done. The message says which,
    where the dependency's `scope` or the version that the project requires tells.

    ## Why is this bad?
    A background task runs when the response has been sent. Under `Depends(..., scope="function")`,
    and in FastAPI 0.106 to 0.117, the dependency has closed the session by then, and the task
    silently opens a new transaction that nothing closes. Otherwise the request's connection stays
    checked out until the task has ended.

    ## Example
    ```python
    from fastapi import BackgroundTasks, Depends
    from sqlalchemy.orm import Session

    from core.database import get_db


    def create(tasks: BackgroundTasks, db: Session = Depends(get_db)):
        tasks.add_task(send_mails, db)  # DBS211
    ```

    ## Use instead
    ```python
    from fastapi import BackgroundTasks

    from core.database import get_db_session


    def send_mails():
        with get_db_session() as db:
            for agent in db.query(Agent):
                send_mail(agent)


    def create(tasks: BackgroundTasks):
        tasks.add_task(send_mails)
    ```

    ## Options
    - `enable`: off rules to turn on, such as this one

    ## References
    - [FastAPI: release notes of 0.106.0](https://fastapi.tiangolo.com/release-notes/#01060)
    - [FastAPI: background tasks](https://fastapi.tiangolo.com/tutorial/background-tasks/)
    """

    code = "DBS211"
    name = "session-in-background-task"
    fact = BackgroundSession
    off = True
    level = Level.WARNING

    def check(self, fact: BackgroundSession, context: Context) -> Iterator[Violation]:
        """Report requests' sessions handed to background tasks."""
        way_out = own_session(fact.known, fact.session, fact.scope, context)
        yield self.violation(
            fact.node,
            f"`{fact.session}` is the request's session, which {_FATES[fact.ends_early]}; pass an "
            f"id, and let the task open its own session{way_out}",
        )
