"""DBS202."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class ClassAttributeSession(Rule[Acquisition]):
    """A class body holds a session.

    ## What it does
    Reports a session that is opened in the body of a class and held by a class attribute. A
    factory or a registry as a class attribute is right.

    ## Why is this bad?
    A class body runs once, when its module is imported. All instances, in all threads, work on
    that one session, and nothing ever closes it.

    ## Example
    ```python
    from core.database import SessionLocal


    class AgentService:
        db = SessionLocal()  # DBS202

        def count(self):
            return self.db.query(Agent).count()
    ```

    ## Use instead
    ```python
    from core.database import get_db_session


    class AgentService:
        def count(self):
            with get_db_session() as db:
                return db.query(Agent).count()
    ```

    ## Options
    - `factories`: further names that are factories
    - `layers`: what each part of the project uses instead

    ## References
    - [Python: class and instance variables](https://docs.python.org/3/tutorial/classes.html#class-and-instance-variables)
    - [SQLAlchemy: when do I construct a Session?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#when-do-i-construct-a-session-when-do-i-commit-it-and-when-do-i-close-it)
    """

    code = "DBS202"
    name = "class-attribute-session"
    fact = Acquisition

    def check(self, fact: Acquisition, context: Context) -> Iterator[Violation]:
        """Report sessions held by class attributes."""
        if fact.holder is Holder.CLASS and fact.known.resource is Resource.SESSION:
            yield self.violation(
                fact.node,
                f"`{fact.text}` is opened at import, and all instances share it as `{fact.name}`; "
                f"open one in the method, with {context.way_out(fact)}",
            )
