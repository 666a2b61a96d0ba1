"""DBS310."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.dispatch.early_dispatches import EarlyDispatch
from flake8_dbsession.analysis.facts.dispatch.later_commits import Commit
from flake8_dbsession.analysis.nodes import shown
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register

_LONGEST = 60  # characters of the call that the message repeats


@register
class DispatchedBeforeCommit(Rule[EarlyDispatch]):
    """A worker is told of a row before that is committed.

    ## What it does
    Reports a task that is sent to another process (Celery's `delay`, `apply_async` and `send_task`,
    `enqueue` of RQ, `enqueue_job` of arq, `send` of dramatiq, `kiq` of taskiq, the call of a task
    of huey) with the key of a row that the session has written, and that is committed only
    afterwards: by the function, by the end of its block, by a dependency when the request ends, by
    a decorator of the project's, or by a caller. A row is written by `add` and the like, by an
    `insert` or `update` whose key is seen, and by changing a loaded object; functions that are
    given the session, or that send the task, are followed. A key is a primary key, `id` and the
    like, or a unique column whose name ends with `id`.

    Left alone are tasks sent for later (`countdown`, `eta`), tasks that are told only the values of
    other columns, texts for people, and, of rows that are changed, dictionaries that tell more than
    the key; what is committed on one of the ways to the task; deletes; what runs in the same
    process; and tests.

    ## Why is this bad?
    The worker can begin before the commit. It does not find the row, or finds it as it was; and
    where the transaction is rolled back after all, the task runs for what never was. In tests, and
    on a quiet machine, the commit most often wins, so that it is seen under load alone.

    There is no fix: what belongs into the transaction is for the author to say. Where the commit
    is somebody else's, SQLAlchemy's `after_commit` event sends what was noted until then.

    ## Example
    ```python
    from celery import shared_task
    from core.database import get_db_session


    @shared_task
    def process(number): ...


    def create(name):
        with get_db_session() as db:
            job = Job(name=name)
            db.add(job)
            db.flush()
            process.delay(job.id)  # DBS310
            db.commit()
    ```

    ## Use instead
    ```python
    from celery import shared_task
    from core.database import get_db_session


    @shared_task
    def process(number): ...


    def create(name):
        with get_db_session() as db:
            job = Job(name=name)
            db.add(job)
            db.commit()
            process.delay(job.id)
    ```

    ## References
    - [Celery: database transactions](https://docs.celeryq.dev/en/stable/userguide/tasks.html#database-transactions)
    - [SQLAlchemy: SessionEvents.after_commit](https://docs.sqlalchemy.org/en/20/orm/events.html#sqlalchemy.orm.SessionEvents.after_commit)
    """

    code = "DBS310"
    name = "dispatched-before-commit"
    fact = EarlyDispatch
    spares_tests = True

    def check(self, fact: EarlyDispatch, context: Context) -> Iterator[Violation]:
        """Report tasks that are sent before the commit of what they are told of."""
        call = shown(fact.node, longest=_LONGEST)
        risk = "may not find it" if fact.is_new else "may find it as it was"
        yield self.violation(
            fact.node,
            f"`{call}` tells a worker of `{fact.row}` before {_when(fact.commit)} "
            f"(the worker {risk}): commit first",
        )


def _when(commit: Commit) -> str:
    if commit.by:
        return f"`{commit.by}` commits it"
    if commit.is_block:
        return f"the commit at the end of the block of line {commit.line}"
    return f"the commit on line {commit.line}"
