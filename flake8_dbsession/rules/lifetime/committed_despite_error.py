"""DBS311."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.commits_despite_errors import CommitDespiteError
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class CommittedDespiteError(Rule[CommitDespiteError]):
    """A context manager or dependency commits although the code in it has failed.

    ## What it does
    Reports the commit of a session or connection that also runs where the block of a context
    manager, or the route of a dependency, has raised: in the `finally` around a `yield`, after a
    handler that swallows every error, or in an `__exit__` that does not look at the error it is
    given. A method of the object that always commits counts as one. What a generator commits counts
    where it gives that to the code, or an object that is made with it, or where it is the module's.

    Left alone is a commit that a test decides of (`if exc_type is None:`), but for one of whether
    there is a connection; one after a rollback; one that a handler of some errors makes, for its
    author has chosen them; one of what the object opens when it is entered and never closes, of
    which [DBS204](DBS204.md) and [DBS609](DBS609.md) speak; pytest fixtures; and tests.

    ## Why is this bad?
    Whoever writes `with get_session() as session:` expects all of it or nothing. When the block
    fails in the middle, the first half is saved: money is taken from one account and put into no
    other. Where it was the database that failed, a session refuses the commit, and the error that
    is seen is not the one that happened.

    There is no fix: code may have come to rely on what is saved.

    ## Example
    ```python
    from contextlib import contextmanager


    @contextmanager
    def get_session():
        session = SessionLocal()
        try:
            yield session
        finally:
            session.commit()  # DBS311
            session.close()
    ```

    ## Use instead
    ```python
    from contextlib import contextmanager


    @contextmanager
    def get_session():
        with SessionLocal() as session:
            yield session
            session.commit()
    ```

    A class does the same by what its `__exit__` is given: it commits where that is `None`, and
    rolls back otherwise.

    ## References
    - [SQLAlchemy: framing out a begin / commit / rollback block](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#framing-out-a-begin-commit-rollback-block)
    - [Python: contextlib.contextmanager](https://docs.python.org/3/library/contextlib.html#contextlib.contextmanager)
    - [Python: with statement context managers](https://docs.python.org/3/reference/datamodel.html#with-statement-context-managers)
    """

    code = "DBS311"
    name = "committed-despite-error"
    fact = CommitDespiteError
    spares_tests = True

    def check(self, fact: CommitDespiteError, context: Context) -> Iterator[Violation]:
        """Report commits that run whether or not what they are for has failed."""
        commit = f"`{ast.unparse(fact.node.func)}()`"
        failed = "the block has failed"
        way_out = f"commit only where `{fact.function}` is given no error"
        if fact.handing is not None:
            failed = f"the code that `{fact.function}()` is for has failed"
            way_out = "commit right after the `yield`, which an error skips"
        yield self.violation(
            fact.node,
            f"{commit} runs also where {failed}, and saves the half that was done; {way_out}",
        )
