"""DBS404."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.late_closes import LateClose
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class UnguardedYield(Rule[LateClose]):
    """A dependency or context manager closes its session only when all goes well.

    ## What it does
    Reports a `yield` in a dependency or in a function decorated with `@contextmanager` or
    `@asynccontextmanager`, where the close stands after it and neither a `finally` nor a `with`
    block sees to it. A generator counts as a dependency where it yields a session or connection,
    and where a `Depends` of the same file names it. A handler that closes as well, or that catches
    everything and lets the code go on, is a guard. In pytest fixtures a `yield` does not raise, so
    they are left alone.

    ## Why is this bad?
    When the caller's code fails, the error is raised at the `yield`, and what stands after it does
    not run: each failing request costs a connection.

    ## Example
    ```python
    def get_db():
        db = SessionLocal()
        yield db  # DBS404
        db.close()
    ```

    ## Use instead
    ```python
    def get_db():
        db = SessionLocal()
        try:
            yield db
        finally:
            db.close()
    ```

    ## Fix safety
    The fix puts a `try` around the `yield` and what follows it up to the close, and the close into
    its `finally`; a `try` that stands there already gets the `finally`. It is safe: a commit before
    the close is still made only when all goes well. A close in another block is left alone.

    ## Options
    None.

    ## References
    - [FastAPI: dependencies with yield and try](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/#a-dependency-with-yield-and-try)
    - [Python: contextlib.contextmanager](https://docs.python.org/3/library/contextlib.html#contextlib.contextmanager)
    """

    code = "DBS404"
    name = "unguarded-yield"
    fact = LateClose

    def check(self, fact: LateClose, context: Context) -> Iterator[Violation]:
        """Report the yields after which a close may not run."""
        yield self.violation(
            fact.node,
            f"`{ast.unparse(ast.Expr(fact.node))}` raises what the caller's code raises, and then "
            f"`{ast.unparse(fact.close)}` does not run; put that into a `finally`",
        )
