"""DBS101."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.names.values import Role
from flake8_dbsession.house.work import is_made_here, is_of_own_factory
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.fallback import is_fallback
from flake8_dbsession.rules.registry import register


@register
class RawSessionFactory(Rule[Acquisition]):
    """A session factory is called by hand.

    ## What it does
    Reports a call of a session factory (a `sessionmaker` or `async_sessionmaker`, under whatever
    name) outside the modules that own the project's sessions, unless a `with` block holds the
    result (that is [DBS102](DBS102.md)). Inside a provider (also one written as a class with
    `__enter__`) or a dependency, in what a decorator makes of a function that it gives the session
    to and closes after, in test files, and where [DBS104](DBS104.md) speaks or a layer's fallback
    stands, the rule is silent. So it is where the next statement is a `with` block over the
    session, or one below is over a function that closes it, and where that is kept on flask's `g`,
    from which a teardown of the project takes it, or on `request.state`, where the same function
    closes it: that makes the request's session. An object that makes the factory in the same
    function and keeps both is at the root, where nobody can pass it a session.

    ## Why is this bad?
    Whoever opens a session by hand has to commit it, roll it back and close it by hand on every
    path, and sooner or later one path is forgotten: the connection stays checked out until the pool
    is empty. The house's provider does all of it in one place.

    ## Example
    ```python
    from core.database import SessionLocal


    def rename(agent_id, name):
        db = SessionLocal()  # DBS101
        try:
            db.get(Agent, agent_id).name = name
            db.commit()
        finally:
            db.close()  # DBS301
    ```

    ## Use instead
    ```python
    from core.database import get_db_session


    def rename(agent_id, name):
        with get_db_session() as db:
            db.get(Agent, agent_id).name = name
    ```

    ## Fix safety
    The fix puts a block of the provider around what works with the session, and takes away the
    closes, the `try` that is there only for them, and handlers that only roll back and raise again.
    It takes a local session only, which is not handed on, bound anew or used after its close. Other
    handlers stay around the block, or in it where they need the session. A provider that commits
    takes over the last commit, where no way leaves the block before it and nothing after it needs
    the session; that comes to stand after the block. A session that is opened within the `try` may
    have a `db = None` above that, which goes. The fix is safe under the
    conditions of [DBS102](DBS102.md), and unsafe where a loaded object gets out of a block that
    closes what was left open, or where an error takes another way. Comments on lines that go stand
    above the block.

    Where the house has no provider, the block is the factory's own, `with SessionLocal() as db:`,
    which closes and does nothing else. A session that is opened where none is given, and closed
    where it was opened, becomes a block that closes only its own:
    `with nullcontext(db) if db is not None else get_db_session() as session:`.

    Kinds of doubt: `commit`, `expire`, `patched`, `helper`, `comment`, `error-path`.

    ## Options
    - `factories`: further names that are factories
    - `owners`: the modules that may open sessions by hand
    - `layers`: what each part of the project uses instead

    ## References
    - [SQLAlchemy: when do I construct a Session?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#when-do-i-construct-a-session-when-do-i-commit-it-and-when-do-i-close-it)
    """

    code = "DBS101"
    name = "raw-session-factory"
    fact = Acquisition
    level = Level.WARNING
    spares_tests = True

    def check(self, fact: Acquisition, context: Context) -> Iterator[Violation]:
        """Report factories called by hand."""
        if fact.known.source is not Role.FACTORY or is_made_here(fact) or is_of_own_factory(fact):
            return
        if fact.holder is Holder.BLOCK or context.may_open(fact.scope, fact.known):
            return
        if context.is_legacy(fact) or is_fallback(fact.node, fact.scope, context):
            return
        if context.is_held_otherwise(fact):
            return
        yield self.violation(
            fact.node, f"`{fact.text}` opens a session by hand; use {context.way_out(fact)}"
        )
