"""DBS307."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.redundant_calls import RedundantCall
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class HandTransaction(Rule[RedundantCall]):
    """A transaction is ended by hand in a block that ends it by itself.

    ## What it does
    Reports, in the `with` block of a provider that commits at its end and rolls back on an error, a
    `commit()` that ends the block, and a `rollback()` in an `except` that goes on to raise. The
    provider's own code has to be found and always to commit; the block of a factory's `begin()`
    does so too. A commit is left alone where anything but a plain `return` follows, or where a
    handler turns its error into another one; so is a rollback whose handler swallows the error, for
    then the provider would commit. Off unless asked for.

    ## Why is this bad?
    It is done twice, and read twice: whoever comes across it has to find out whether the provider
    can be trusted. The next block without it looks as if it had forgotten something.

    ## Example
    ```python
    from contextlib import contextmanager

    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    from core.models import Product

    SessionLocal = sessionmaker(create_engine("sqlite:///shop.db"))


    @contextmanager
    def get_db_session():
        with SessionLocal() as db:
            try:
                yield db
                db.commit()
            except Exception:
                db.rollback()
                raise


    def add(name):
        with get_db_session() as db:
            db.add(Product(name=name))
            db.commit()  # DBS307
    ```

    ## Use instead
    ```python
    from contextlib import contextmanager

    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    from core.models import Product

    SessionLocal = sessionmaker(create_engine("sqlite:///shop.db"))


    @contextmanager
    def get_db_session():
        with SessionLocal() as db:
            try:
                yield db
                db.commit()
            except Exception:
                db.rollback()
                raise


    def add(name):
        with get_db_session() as db:
            db.add(Product(name=name))
    ```

    ## Fix safety
    The fix takes the call away. It is safe but for a commit in a `try`, whose handlers would not
    see its error any more, and for a rollback after which the handler, or a `try` further out, goes
    on with the session.

    Kinds of doubt: `error-path`.

    ## Options
    None.

    ## References
    - [SQLAlchemy: framing out a begin, commit and rollback block](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#framing-out-a-begin-commit-rollback-block)
    """

    code = "DBS307"
    name = "hand-transaction"
    fact = RedundantCall
    off = True
    level = Level.NOTE

    def check(self, fact: RedundantCall, context: Context) -> Iterator[Violation]:
        """Report the calls that the block repeats."""
        when = "when it fails" if _method(fact) == "rollback" else "at its end"
        yield self.violation(
            fact.node,
            f"`{ast.unparse(fact.node)}` repeats what the block of `{_short(fact.block)}` does "
            f"{when} anyway; leave it out",
        )


def _method(fact: RedundantCall) -> str:
    assert isinstance(fact.node.func, ast.Attribute)
    return fact.node.func.attr


def _short(block: ast.expr) -> str:
    written = ast.unparse(block)
    is_long = len(written) > 40 and isinstance(block, ast.Call)
    return f"{ast.unparse(block.func)}(...)" if is_long else written  # type: ignore[attr-defined]
