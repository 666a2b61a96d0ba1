"""DBS304."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.endings import Ending
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.lifetime.wording import closing_way_out
from flake8_dbsession.rules.registry import register


@register
class DiscardedSession(Rule[Ending]):
    """A session is opened and used in one expression, with nothing left to close it by.

    ## What it does
    Reports `SessionLocal().query(User).all()` and the like: the session is used where it is opened,
    and no name, object or block ever holds it. The same goes for one that is handed to a function
    of the project which neither closes nor keeps it. The presets' `tests` layer allows it.

    ## Why is this bad?
    Nothing can close the session any more, so its connection stays checked out until the garbage
    collector finds it, and objects that were loaded refer to a session that nobody manages.

    ## Example
    ```python
    from core.database import SessionLocal


    def users():
        return SessionLocal().query(User.name).all()  # DBS304
    ```

    ## Use instead
    ```python
    from core.database import get_db_session


    def users():
        with get_db_session() as db:
            return db.query(User.name).all()
    ```

    Values leave the block here. A mapped object that the provider expires could not be read
    after it ([DBS210](DBS210.md)).

    ## Options
    - `factories`: further names that are factories
    - `layers`: what each part of the project uses instead

    ## References
    - [SQLAlchemy: closing](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#closing)
    """

    code = "DBS304"
    name = "discarded-session"
    fact = Ending

    def check(self, fact: Ending, context: Context) -> Iterator[Violation]:
        """Report sessions that nothing ever holds."""
        opened = fact.acquisition
        if opened.known.resource is Resource.SESSION and fact.is_discarded:
            yield self.violation(
                opened.node,
                f"`{opened.text}` is used and dropped, so that nothing can close it; "
                f"{closing_way_out(opened, context)}",
            )
