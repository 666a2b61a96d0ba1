"""DBS210."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.scope.expired_objects import ExpiredObject, ExpiredUse
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register
from flake8_dbsession.rules.scope.wording import shortened

_WHEN = {
    ExpiredUse.RETURNED: "when the caller reads it",
    ExpiredUse.READ: "here",
    ExpiredUse.KEPT: "when somebody reads it",
    ExpiredUse.GIVEN: "when the task reads it",
}
_INSTEAD = {
    ExpiredUse.RETURNED: "return its values",
    ExpiredUse.READ: "read it inside the block",
    ExpiredUse.KEPT: "keep its values",
    ExpiredUse.GIVEN: "pass its id",
}


@register
class ExpiredObjectEscapesBlock(Rule[ExpiredObject]):
    """A mapped object leaves a block that has committed, and is expired by then.

    ## What it does
    Reports a mapped object, or a list of them, that was expired by a commit and is read where its
    session is gone: returned out of the session's `with` block, read after it, kept in a container
    that outlives it, or given to a background task. The commit is the function's own, that of
    `with SessionLocal.begin()`, or the one with which a provider ends. An object is what `get`,
    `merge`, `first`, `one`, `all`, `scalar_one` and the like give, and what was added to the
    session; one that is refreshed or read after the commit is loaded again. The rule speaks only
    where the factory is found and made without `expire_on_commit=False`; a block that expunges is
    left alone. Off by default: whether the caller reads an attribute is not looked at.

    ## Why is this bad?
    The commit expires every object of the session, and the provider closes it right after. The
    first attribute that the caller reads is to be loaded again, and there is no session to load it
    with: DetachedInstanceError.

    ## Example
    ```python
    from contextlib import contextmanager

    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker(create_engine(URL))


    @contextmanager
    def get_db_session():
        db = SessionLocal()
        try:
            yield db
            db.commit()
        except Exception:
            db.rollback()
            raise
        finally:
            db.close()


    def find(agent_id):
        with get_db_session() as db:
            return db.get(Agent, agent_id)  # DBS210
    ```

    ## Use instead
    ```python
    from contextlib import contextmanager

    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker(create_engine(URL), expire_on_commit=False)


    @contextmanager
    def get_db_session():
        db = SessionLocal()
        try:
            yield db
            db.commit()
        except Exception:
            db.rollback()
            raise
        finally:
            db.close()


    def find(agent_id):
        with get_db_session() as db:
            return db.get(Agent, agent_id)
    ```

    ## Options
    - `enable`: add `"DBS210"` to turn the rule on

    ## References
    - [SQLAlchemy: committing](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#committing)
    - [SQLAlchemy: DetachedInstanceError](https://docs.sqlalchemy.org/en/20/errors.html#error-bhk3)
    """

    code = "DBS210"
    name = "expired-object-escapes-block"
    fact = ExpiredObject
    off = True

    def check(self, fact: ExpiredObject, context: Context) -> Iterator[Violation]:
        """Report mapped objects that are expired when the caller gets them."""
        commit = f"the commit of line {fact.commit}"
        if fact.commit is None:
            commit = f"the commit at the end of the `with` block of line {fact.block}"
        yield self.violation(
            fact.node,
            f"`{shortened(fact.written)}` is expired by {commit}, and its session closed "
            f"{_WHEN[fact.way]}; {_INSTEAD[fact.way]}, or make the factory with "
            "`expire_on_commit=False`",
        )
