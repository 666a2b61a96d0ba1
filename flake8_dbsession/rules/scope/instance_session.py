"""DBS204."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.facts.scope.keeping import is_closed_by_class
from flake8_dbsession.analysis.facts.scope.lasting_objects import is_kept_till_the_end
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.house.work import is_of_own_factory
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class InstanceSessionNeverClosed(Rule[Acquisition]):
    """An object opens a session for itself and closes it nowhere.

    ## What it does
    Reports `self.db = SessionLocal()`, also as `self.db = db or SessionLocal()` or by the
    `default_factory` of a dataclass's field, in a class that closes the session nowhere: not in
    `close`, `__exit__`, `__aexit__`, `__del__`, a teardown, or any other method. The class's bases
    in the project and its subclasses in the same file count as well, and so does other code of the
    file that closes it from outside. An `__enter__` that opens is reported where its `__exit__`
    does not close, whatever the other methods do. Silent where the project makes all such objects
    at the top level of a script or into a container of a module, as the end of the process closes
    what they keep, and where the same method puts the session into what is a module's or the
    class's, where others take it from.

    ## Why is this bad?
    Nobody else knows that the object holds a connection. It goes back to the pool when the
    garbage collector finds the object, which under load is too late; and as long as the object
    lives, its session keeps a transaction open and old data in its identity map.

    ## Example
    ```python
    from core.database import SessionLocal


    class AgentService:
        def __init__(self, db=None):
            self.db = db or SessionLocal()  # DBS204

        def count(self):
            return self.db.query(Agent).count()
    ```

    ## Use instead
    As for [DBS202](DBS202.md).

    ## Options
    - `factories`: further names that are factories
    - `layers`: what each part of the project uses instead

    ## References
    - [SQLAlchemy: closing](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#closing)
    - [SQLAlchemy: is the Session a cache?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#is-the-session-a-cache)
    """

    code = "DBS204"
    name = "instance-session-never-closed"
    fact = Acquisition

    def check(self, fact: Acquisition, context: Context) -> Iterator[Violation]:
        """Report sessions that an object opens and its class never closes."""
        if fact.holder is not Holder.INSTANCE or fact.known.resource is not Resource.SESSION:
            return
        inference = context.file.inference
        if not is_closed_by_class(fact, inference) and not is_kept_till_the_end(fact, inference):
            way_out = context.way_out(fact, by_others=True)
            other = "" if is_of_own_factory(fact) else f", or use {way_out}"
            yield self.violation(
                fact.node,
                f"`{fact.text}` is kept as `{fact.name}` and the class closes it nowhere; "
                f"close it in a method{other}",
            )
