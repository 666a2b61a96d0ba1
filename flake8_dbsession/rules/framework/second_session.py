"""DBS406."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.openings import Opening
from flake8_dbsession.house.advice import advice_beside
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class SecondSession(Rule[Opening]):
    """A function that was given a session opens another.

    ## What it does
    Reports a session that a function opens, by a factory, a session class, an accessor or a
    provider's `with` block, although it is given one of the same factory or engine: by a `Depends`
    that is followed to its factory, or by a plain parameter, where the module of the other's
    factory makes no second one. Where that parameter is optional, or the second session is its
    fallback (`db = db or SessionLocal()`, `if not db:`), the rule is silent. So it is where the
    given session was committed, rolled back or closed just before, in a handler of what may be an
    error of that session and behind one, where a registry gives the same one again, in a function
    whose work is to hand out the other, in tests, which look from outside on purpose, for functions
    nested in the one that was given the session, and for an async session beside a sync one.

    ## Why is this bad?
    The two sessions are two transactions: the second does not see what the first has not
    committed, waits for locks that the first one holds, and stays when the first is rolled back. It
    also takes a second connection, and a pool in which every request needs two runs dry.

    ## Example
    ```python
    from fastapi import Depends
    from sqlalchemy.orm import Session, sessionmaker

    SessionLocal = sessionmaker(engine)


    def get_db():
        with SessionLocal() as db:
            yield db


    def rename(agent_id: str, name: str, db: Session = Depends(get_db)) -> None:
        db.get(Agent, agent_id).name = name
        with SessionLocal() as other:  # DBS406
            other.add(AuditEntry(agent_id))
            other.commit()
    ```

    ## Use instead
    ```python
    from fastapi import Depends
    from sqlalchemy.orm import Session

    from core.database import get_db


    def rename(agent_id: str, name: str, db: Session = Depends(get_db)) -> None:
        db.get(Agent, agent_id).name = name
        db.add(AuditEntry(agent_id))
    ```

    ## Options
    - `factories`: further names that are factories

    ## References
    - [SQLAlchemy: when do I construct a Session?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#when-do-i-construct-a-session-when-do-i-commit-it-and-when-do-i-close-it)
    """

    code = "DBS406"
    name = "second-session"
    fact = Opening
    level = Level.WARNING

    def check(self, fact: Opening, context: Context) -> Iterator[Violation]:
        """Report sessions opened beside one that was given."""
        if fact.is_second and not context.is_test:
            yield self.violation(
                fact.node,
                f"`{fact.text}` opens a second transaction, which does not see what `{fact.given}` "
                f"has not committed; use {advice_beside(fact).words}",
            )
