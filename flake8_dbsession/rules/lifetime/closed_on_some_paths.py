"""DBS303."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Holder
from flake8_dbsession.analysis.facts.lifetime.endings import Ending, keeping_leaks
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.leaks import (
    CLOSE_THERE,
    goes_on_without_block,
    is_unguarded,
    leaving_line,
)
from flake8_dbsession.rules.lifetime.wording import closing_way_out
from flake8_dbsession.rules.registry import register


@register
class SessionNotClosedOnEveryPath(Rule[Ending]):
    """A session is closed on some paths through a function, and left open on another.

    ## What it does
    Reports a session that some path closes or hands on while another leaves the function with it
    open: by an early return, by running off the end, or by an exception that a call in between can
    raise; the message names that line. What is followed as a hand-on is listed with
    [DBS302](DBS302.md). `if db: db.close()` with `db = None` before the `try` closes the session,
    and so does a close under a flag that was set where the session was opened. Calls that do not
    raise in practice (logging, warnings, `print` and `click.echo()`, `len`, `str`, clocks, what
    only works out a path or a text, such as `os.path.join()`, `db.add()`, a written key of a
    dictionary's `get()`, listeners, `asyncio.create_task()`, functions of the project that only
    note something in memory) leave no path. Nor does `rollback()`: it gives its connection up even
    where it fails; nor a `connection()` that is the session's first and fails. What else a session
    raises, or a query or result that it gives, is `SQLAlchemyError`, so that handlers for that
    class catch all of it. In a pytest fixture a `yield` does not raise. A close that an unguarded
    `yield` skips is [DBS404](DBS404.md)'s, a use after the close [DBS305](DBS305.md)'s. The
    presets' `tests` layer allows it: there the path that leaks is the failing test.

    ## Why is this bad?
    The path without the close is the one that nobody tries out: the error, the early return. Each
    time it is taken, a connection stays checked out with its transaction open.

    ## Example
    ```python
    from core.database import SessionLocal


    def count():
        db = SessionLocal()  # DBS303
        number = db.query(Agent).count()
        db.close()
        return number
    ```

    ## Use instead
    As for [DBS302](DBS302.md).

    ## Fix safety
    The fix is that of [DBS101](DBS101.md), a block of the provider, under the same conditions. A
    layer's fallback, in its place, is closed in a `finally` instead, and the session of a
    factory that is made on the spot by a block of its own.

    Kinds of doubt: `commit`, `expire`, `patched`, `helper`, `comment`, `error-path`.

    ## Options
    - `factories`: further names that are factories
    - `layers`: what each part of the project uses instead

    ## References
    - [SQLAlchemy: closing](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#closing)
    - [Python: defining clean-up actions](https://docs.python.org/3/tutorial/errors.html#defining-clean-up-actions)
    """

    code = "DBS303"
    name = "session-not-closed-on-every-path"
    fact = Ending

    def check(self, fact: Ending, context: Context) -> Iterator[Violation]:
        """Report sessions that only some paths close."""
        opened = fact.acquisition
        if opened.known.resource is not Resource.SESSION or opened.holder is Holder.BLOCK:
            return
        if fact.lifetime.reopenings:
            return  # DBS305 speaks of it
        if fact.lifetime.is_closed_on_some_paths_only and not is_unguarded(fact, context):
            fits_no_block = goes_on_without_block(fact)
            way_out = CLOSE_THERE if fits_no_block else closing_way_out(opened, context)
            leaks = keeping_leaks(fact, context.file.tree, context.file.inference)
            keeps = ", and keeps its connection" if leaks else ""
            yield self.violation(
                opened.node,
                f"`{opened.text}` is not closed when {leaving_line(fact, leaks)}{keeps}; {way_out}",
            )
