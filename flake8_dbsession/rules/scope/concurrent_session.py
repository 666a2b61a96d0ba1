"""DBS206."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.scope.handovers import Handover, Hop
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register
from flake8_dbsession.rules.scope.wording import SHARERS, own_session

_TURNS = frozenset({Hop.GATHER, Hop.GROUP, Hop.TASK})


@register
class SessionSharedWithConcurrentWork(Rule[Handover]):
    """A session is given to work that runs at the same time.

    ## What it does
    Reports a session that is passed to a `threading.Thread`, a `multiprocessing.Process`, a method
    of an executor or of a `multiprocessing` pool, to `loop.run_in_executor`, to
    `asyncio.create_task` or `ensure_future`, or to more than one coroutine of an `asyncio.gather`,
    `wait` or `as_completed`, or of a task group (anyio's too): as an argument, in `args=(...)`, as
    the receiver of a bound method, or captured by a lambda or a nested function. A hop that is
    awaited where it is made (`await run_in_threadpool(work, db)`, `await asyncio.to_thread(work,
    db)`, `await loop.run_in_executor(None, work, db)`) hands the session over and is left alone,
    and so is a task that the same function awaits later, by itself or in a list, and that has the
    session to itself till then, and work that each gets a session of its own, or that is done with
    a plain `Session` before its first `await`: until then no other coroutine runs. So is a session
    that is handed over: the function opened it, one thread is given it, and nobody else works with
    it from then on; and one that goes to a function which does no work by it: which only reads its
    `info`, say, or removes a listener.

    ## Why is this bad?
    A session is one transaction on one connection, and it keeps no lock. Two threads or two tasks
    in it at once interleave their flushes, see half of each other's work, and fail with
    "concurrent operations are not permitted" or worse, silently. Coroutines that share a plain
    `Session` take turns at their awaits, but still share its transaction: the commit of one saves
    what another has only half done, and its rollback undoes it.

    ## Example
    ```python
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import Session


    def scan(db: Session, agents):
        with ThreadPoolExecutor() as executor:
            executor.submit(scan_all, db, agents)  # DBS206


    async def load(db: AsyncSession):
        return await asyncio.gather(load_agents(db), load_jobs(db))  # DBS206
    ```

    ## Use instead
    ```python
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from core.database import get_db_session
    from sqlalchemy.orm import Session


    def scan_all(agents):
        with get_db_session() as db:
            for agent in agents:
                scan_agent(db, agent)


    def scan(agents):
        with ThreadPoolExecutor() as executor:
            executor.submit(scan_all, agents)


    async def count(db: Session):
        return await asyncio.to_thread(count_agents, db)
    ```

    ## Options
    - `layers`: what each part of the project uses to open a session

    ## References
    - [SQLAlchemy: is the Session thread-safe? Is AsyncSession safe to share in concurrent tasks?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#is-the-session-thread-safe-is-asyncsession-safe-to-share-in-concurrent-tasks)
    - [SQLAlchemy: using AsyncSession with concurrent tasks](https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#using-asyncsession-with-concurrent-tasks)
    """

    code = "DBS206"
    name = "session-shared-with-concurrent-work"
    fact = Handover

    def check(self, fact: Handover, context: Context) -> Iterator[Violation]:
        """Report sessions given to work that runs at the same time."""
        if fact.known.resource is not Resource.SESSION:
            return
        way_out = own_session(fact.known, fact.session, fact.scope, context)
        fault = _fault(fact)
        yield self.violation(
            fact.node,
            f"`{fact.callee}` shares the session `{fact.session}` with {SHARERS[fact.hop]}, "
            f"and {fault}; let each open its own{way_out}",
        )


def _fault(fact: Handover) -> str:
    """Say what goes wrong with a session that is shared so."""
    if fact.hop not in _TURNS or fact.known.is_async:
        return "a session can serve only one at a time"
    # Coroutines take turns at their awaits, so that no two are in a plain session at once.
    if fact.may_commit:
        return "the `commit()` of one saves what the others have only half done"
    if fact.hop is Hop.TASK:
        return "it may be closed before that is done"
    return "an error of one spoils the transaction of all"
