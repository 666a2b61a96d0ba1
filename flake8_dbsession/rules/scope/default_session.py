"""DBS203."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, Holder
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class DefaultArgumentSession(Rule[Acquisition]):
    """A parameter's default opens a session.

    ## What it does
    Reports a session that is opened in the default of a parameter, or of a dataclass's field, which
    is one of its constructor (`field(default=...)`, attrs' fields too). `Depends(get_db)` opens
    none: FastAPI calls the dependency for each request. A `default_factory` is
    [DBS204](DBS204.md)'s.

    ## Why is this bad?
    Python evaluates a default once, when it reads the `def`. Every call that leaves the argument
    out gets that same session, which nothing closes.

    ## Example
    ```python
    from core.database import SessionLocal


    def count(db=SessionLocal()):  # DBS203
        return db.query(Agent).count()
    ```

    ## Use instead
    As for [DBS302](DBS302.md).

    ## Options
    - `factories`: further names that are factories
    - `layers`: what each part of the project uses instead

    ## References
    - [Python: function definitions](https://docs.python.org/3/reference/compound_stmts.html#function-definitions)
    - [FastAPI: dependencies with yield](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/)
    """

    code = "DBS203"
    name = "default-argument-session"
    fact = Acquisition

    def check(self, fact: Acquisition, context: Context) -> Iterator[Violation]:
        """Report sessions held by parameters' defaults."""
        if fact.holder is Holder.DEFAULT and fact.known.resource is Resource.SESSION:
            yield self.violation(
                fact.node,
                f"`{fact.text}` as a default is opened at import, and all calls share it; "
                f"open one in the function, with {context.way_out(fact)}",
            )
