"""DBS302."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Holder
from flake8_dbsession.analysis.facts.lifetime.endings import Ending, keeping_leaks
from flake8_dbsession.analysis.facts.lifetime.in_tests import needs_no_close
from flake8_dbsession.analysis.lifetimes import Leaving
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.leaks import leaving_line
from flake8_dbsession.rules.lifetime.wording import closing_way_out
from flake8_dbsession.rules.registry import register


@register
class SessionNeverClosed(Rule[Ending]):
    """A session is opened and used, and no path closes it.

    ## What it does
    Reports a session that a function opens, uses and never closes: on no path through the function
    is it closed, and on none is it handed on. Handed on is what is returned, stored on an object or
    in a container that outlives the function, captured by a closure that leaves, given to an object
    that leaves, or registered with `ExitStack`, `addCleanup`, `addfinalizer`, `atexit`; so is what
    is given to a function of the project that closes or keeps it. The rule applies everywhere:
    in owners, providers and tests as well. A session that is never used takes no connection, and
    the end of the process is no leak: a script's top level, and the functions that its main guard
    calls, are left alone, and so is its last step: a function that these call once, after which
    they only compute from what is there and print. A `scoped_session` that a function makes for
    itself and works with is a new session as well. A test need not close what it patches, a
    database in memory, a session that never runs a statement, and what only its own failure would
    leave open.

    ## Why is this bad?
    From its first use on, the session holds a connection and an open transaction. They come back
    when the garbage collector finds the session, which under load is too late: the pool runs dry,
    and requests wait for a connection until they time out. A commit or rollback gives the
    connection back as well, but not where an error comes before it, and only until the next use,
    which may be that of an object that the commit expired.

    ## Example
    ```python
    from core.database import SessionLocal


    def count():
        db = SessionLocal()  # DBS302
        return db.query(Agent).count()
    ```

    ## Use instead
    ```python
    from core.database import get_db_session


    def count():
        with get_db_session() as db:
            return db.query(Agent).count()
    ```

    ## Fix safety
    The fix is that of DBS101: a block of the provider, which ends with the last statement that uses
    the session or what it loaded, under the same conditions. A layer's fallback, in its place, is
    closed in a `finally` instead, and the session of a factory that is made on the spot by a block
    of its own. Such a block gives up what is not committed, so that it is unsafe where something
    may be.

    Kinds of doubt: `commit`, `expire`, `patched`, `helper`, `comment`, `error-path`.

    ## Options
    - `factories`: further names that are factories
    - `layers`: what each part of the project uses instead

    ## References
    - [SQLAlchemy: closing](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#closing)
    - [SQLAlchemy: QueuePool limit reached](https://docs.sqlalchemy.org/en/20/errors.html#queuepool-limit-of-size-x-overflow-y-reached-connection-timed-out-timeout-z)
    """

    code = "DBS302"
    name = "session-never-closed"
    fact = Ending

    def check(self, fact: Ending, context: Context) -> Iterator[Violation]:
        """Report sessions that are left open and closed nowhere."""
        opened = fact.acquisition
        if opened.known.resource is not Resource.SESSION or opened.holder is Holder.BLOCK:
            return
        if context.is_test and needs_no_close(fact, context.file.inference):
            return
        if fact.lifetime.is_never_closed and not fact.is_discarded:
            yield self.violation(
                opened.node,
                f"`{opened.text}` is never closed{_keeps(fact, context)}; "
                f"{closing_way_out(opened, context)}",
            )


def _keeps(ending: Ending, context: Context) -> str:
    """Say when the session keeps its connection: not where the last use of it is a commit."""
    leaks = keeping_leaks(ending, context.file.tree, context.file.inference)
    if any(leak.how is not Leaving.RAISES for leak in leaks):
        return ", and keeps its connection"
    return f", and keeps its connection when {leaving_line(ending, leaks)}" if leaks else ""
