"""DBS306."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.borrowed_closes import does_harm
from flake8_dbsession.analysis.facts.lifetime.hand_closes import HandClose, Origin
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register

_OWNERS = {
    Origin.PARAMETER: "came in as a parameter and may be in use; leave the close to the caller",
    Origin.EITHER: "may be the caller's; close it only where this function opened it",
    Origin.DEPENDENCY: "was injected; leave the close to its dependency",
    Origin.REQUEST: "belongs to the request and may be in use; leave the close to its teardown",
}


@register
class ClosingABorrowedSession(Rule[HandClose]):
    """A function closes a session that somebody else owns.

    ## What it does
    Reports `.close()` on a session that came in as a parameter, by `Depends`, or from an accessor
    that gives the session of the request, and on one that may have (`db = db or SessionLocal()`),
    unless a flag decides (`if own_session: db.close()`). It fires where writes are lost that
    nothing committed, where the dependency, or a caller in the same file, works with the session
    afterwards (an empty `commit()` is no work), and where neither is in sight. Right after a
    `commit()` or `rollback()` a close lets the session go on purpose, and is left alone, and so it
    does where nothing else is done with a session whose dependency is not in sight. Silent in
    a function whose work is closing it (`close_session(db)`, one that does nothing else, a context
    manager around it), in one that the session is handed over to (a worker, one that is started
    elsewhere or called with a new session), and in tests. The session of a registry, such as
    `db.session` of Flask-SQLAlchemy, is another one afterwards: in a request handler its close is
    reported where writes are lost, and where a relationship of a loaded object is read after it.

    ## Why is this bad?
    The caller goes on with the session: what it loaded is detached, what it had not committed is
    rolled back, and its next query silently begins a transaction of its own.

    ## Example
    ```python
    from sqlalchemy.orm import Session


    def count(db: Session) -> int:
        number = db.query(Agent).count()
        db.close()  # DBS306
        return number
    ```

    ## Use instead
    ```python
    from sqlalchemy.orm import Session


    def count(db: Session) -> int:
        return db.query(Agent).count()
    ```

    ## Fix safety
    The fix takes the close away, and with it an `if` that only asks whether there is a session, and
    a `finally` that has nothing else to do. It is safe where the session is injected from a
    dependency that closes it, or belongs to the request, and no work is left uncommitted: the close
    would have given that up. It is unsafe for a plain parameter, since a caller elsewhere may count
    on the close. A close that is a part of another statement is left alone.

    Kinds of doubt: `patched`.

    ## Options
    None.

    ## References
    - [SQLAlchemy: when do I construct a Session?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#when-do-i-construct-a-session-when-do-i-commit-it-and-when-do-i-close-it)
    """

    code = "DBS306"
    name = "closing-a-borrowed-session"
    fact = HandClose

    def check(self, fact: HandClose, context: Context) -> Iterator[Violation]:
        """Report the closes of sessions that somebody else closes."""
        if fact.known.resource is not Resource.SESSION or not fact.is_borrowed:
            return
        if does_harm(fact, context.file.tree, context.file.inference):
            giver = fact.giver
            yield self.violation(
                fact.node,
                f"`{ast.unparse(fact.node)}` closes `{giver}`, which {_OWNERS[fact.origin]}",
            )
