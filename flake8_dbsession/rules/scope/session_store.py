"""DBS208."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.scope.stores import ClassStore
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class SharedSessionStore(Rule[ClassStore]):
    """All instances of a session manager share one container.

    ## What it does
    Reports a mutable container (a dict, list, set and the like) in the body of a class that manages
    sessions, by its name: `*SessionManager`, `*SessionStore`, `*SessionBackend`, `*SessionCache`.
    It is silent where every instance makes its own in a method, where all access is by the class
    itself (`cls._open`), and for a filled container that is never changed.

    ## Why is this bad?
    A class body runs once. The container looks like the instance's own and is one for all of them:
    what one manager stores, another one reads, so that one user's or tenant's context bleeds into
    the next, and tests depend on their order.

    ## Example
    ```python
    class MemorySessionStore:
        sessions = {}  # DBS208

        def put(self, key, session):
            self.sessions[key] = session
    ```

    ## Use instead
    ```python
    class MemorySessionStore:
        def __init__(self):
            self.sessions = {}

        def put(self, key, session):
            self.sessions[key] = session
    ```

    ## Options
    This rule has no options.

    ## References
    - [Python: class and instance variables](https://docs.python.org/3/tutorial/classes.html#class-and-instance-variables)
    """

    code = "DBS208"
    name = "shared-session-store"
    fact = ClassStore

    def check(self, fact: ClassStore, context: Context) -> Iterator[Violation]:
        """Report containers that all instances of a session manager share."""
        yield self.violation(
            fact.node,
            f"`{fact.name}` is one container for all instances of `{fact.cls}`, so that their "
            f"sessions mix; make it in `__init__`, as `self.{fact.name}`",
        )
