"""DBS205."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.acquisition.joining import joins_a_connection
from flake8_dbsession.analysis.facts.scope.sharing import shared_place
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.house.fitting import in_coroutine, is_local
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class ProcessWideSession(Rule[Acquisition]):
    """A function stores a session where the whole process shares it.

    ## What it does
    Reports a session that a function opens and stores under a `global` name, on an application's
    state (`app.state.db`), as an attribute of a module, or as the result of a function under
    `lru_cache`, `cache` or `st.cache_resource`. A thread-local, a context variable and what lives
    as long as a request (`g`, `request.state`) are places of their own, and so is a registry; what
    a registry gives when it is called is one thread's session, and reported under a `global` name.

    ## Why is this bad?
    A session is for one thread and one piece of work at a time. Shared by all requests it mixes
    their transactions, and the first error leaves it unusable for everybody until it is rolled
    back.

    ## Example
    ```python
    from functools import lru_cache

    from core.database import SessionLocal

    _db = None


    def get_shared():
        global _db
        if _db is None:
            _db = SessionLocal()  # DBS205
        return _db


    @lru_cache
    def get_cached():
        return SessionLocal()  # DBS205
    ```

    ## Use instead
    As for [DBS302](DBS302.md).

    ## Options
    - `factories`: further names that are factories
    - `layers`: what each part of the project uses instead

    ## References
    - [SQLAlchemy: is the Session thread-safe?](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#is-the-session-thread-safe-is-asyncsession-safe-to-share-in-concurrent-tasks)
    - [Python: functools.lru_cache](https://docs.python.org/3/library/functools.html#functools.lru_cache)
    """

    code = "DBS205"
    name = "process-wide-session"
    fact = Acquisition

    def check(self, fact: Acquisition, context: Context) -> Iterator[Violation]:
        """Report sessions stored for the whole process."""
        inference = context.file.inference
        if fact.known.resource is not Resource.SESSION:
            return
        if joins_a_connection(fact.node, fact.scope, inference):
            return
        place = shared_place(fact, inference)
        if place is not None:
            pattern = context.advice(fact, by_others=True).words
            way_out = "" if is_local(pattern, fact.scope) else in_coroutine(pattern, fact.scope)
            yield self.violation(
                fact.node,
                f"`{fact.text}` is one session for the whole process, kept as {place}; "
                f"open one for each piece of work{f', with {way_out}' if way_out else ''}",
            )
