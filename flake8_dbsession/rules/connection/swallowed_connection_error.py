"""DBS611."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.connection.aborted_ways import Sequel
from flake8_dbsession.analysis.facts.connection.swallowed_connection_errors import (
    SwallowedConnectionError,
)
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class SwallowedConnectionErrorWithoutRollback(Rule[SwallowedConnectionError]):
    """A handler swallows a statement's error on a connection, and its transaction goes on.

    ## What it does
    Reports an `except` that catches errors of statements on a connection of psycopg2 or psycopg, or
    on a cursor of one, and neither rolls back nor leaves, where afterwards another statement is run
    in the same transaction, or a commit is made that loses what was changed before the `try`. So
    it does for a connection of SQLAlchemy whose database is known to be PostgreSQL, as
    [DBS308](DBS308.md) tells it. A function of the project counts as a statement where it is given
    the connection or cursor, runs statements by it, or by functions that it calls, and any of their
    errors comes out of it; so do the functions that a loop calls with a cursor. What only asks
    PostgreSQL's catalogue, or the server about itself (`SELECT 1`, `SET statement_timeout = ...`),
    is not taken to fail.

    A connection or cursor that a function is given is one of these drivers where the callers in
    sight give it one. Its handler that returns is reported where one of them, or a caller of that,
    goes on in the transaction: after nothing or what is false, on the ways that are taken then;
    after another answer, before it is looked at. A handler that itself runs a statement before it
    rolls back is reported as well, but for what it does only after a look at the error.

    A connection that an object or a module keeps, with the cursors that are kept beside it, is
    there for the next call as well; a handler around a method of the object, or a function of the
    module, counts as one around its statements. A handler that returns is reported where a caller
    works on by the same connection, or where nobody in the project calls the function, which begins
    with work: a framework calls it for each piece of work (`process_item` of a Scrapy pipeline), or
    the users of the project do. Objects that a function makes for itself and lets go are no reason.

    The message advises a rollback in the handler where that undoes nothing else. Where it may undo
    what was changed, set or locked before, by earlier iterations of a loop, by whoever gave the
    connection, or by other calls where what keeps it commits elsewhere, and inside of a block that
    begins a transaction, it names a savepoint.

    Silent are connections with autocommit, or of which that may be so: their function, the module
    of their class, or what opens them, speaks of autocommit or of an isolation level, their pool is
    made so, or, where nothing shows who opens them, the project turns autocommit on somewhere. So
    is a `try` around a block that rolls back by itself (`conn.transaction()`, `begin_nested()`,
    `with conn:`), a handler that rolls back, to a savepoint or as a whole, or gives the connection
    to what cannot be followed, and one after which any way comes to a rollback first. What stands
    under `if x == 1:` is not taken to come before or after what stands under `if x == 2:`, where
    `x` does not change in the function. Left out are asyncpg, which commits each statement by
    itself outside of `transaction()`, connections of classes of the project, functions that begin
    with a rollback, or with what may open the connection anew, or that a decorator of the project
    is around, and tests.

    ## Why is this bad?
    PostgreSQL aborts a transaction with the first statement that fails. It refuses all others until
    a rollback ("current transaction is aborted, commands ignored until end of transaction block"),
    and turns a commit into a rollback, without an error. What was done before is lost, while the
    program goes on as if it were saved; the error that is seen in the end, if any, is that of a
    later, harmless statement.

    There is no fix: whether what was done before is to be kept is the author's to say.

    ## Example
    ```python
    import psycopg2


    def complete(dsn, order, wallet):
        conn = psycopg2.connect(dsn)
        try:
            with conn.cursor() as cur:
                cur.execute("UPDATE orders SET state = 'done' WHERE id = %s", (order,))
                try:
                    cur.execute("UPDATE wallets SET points = points + 1 WHERE id = %s", (wallet,))
                except psycopg2.Error as error:  # DBS611
                    print("no points:", error)
            conn.commit()
        finally:
            conn.close()
    ```

    ## Use instead
    ```python
    import psycopg2


    def complete(dsn, order, wallet):
        conn = psycopg2.connect(dsn)
        try:
            with conn.cursor() as cur:
                cur.execute("UPDATE orders SET state = 'done' WHERE id = %s", (order,))
                cur.execute("SAVEPOINT points")
                try:
                    cur.execute("UPDATE wallets SET points = points + 1 WHERE id = %s", (wallet,))
                except psycopg2.Error as error:
                    cur.execute("ROLLBACK TO SAVEPOINT points")
                    print("no points:", error)
            conn.commit()
        finally:
            conn.close()
    ```

    With psycopg 3 a savepoint is `with conn.transaction():` inside of the `try`, with SQLAlchemy
    `with conn.begin_nested():`. Where nothing was done before, `conn.rollback()` in the handler is
    enough.

    ## References
    - [PostgreSQL: in_failed_sql_transaction](https://www.postgresql.org/docs/current/errcodes-appendix.html)
    - [PostgreSQL: SAVEPOINT](https://www.postgresql.org/docs/current/sql-savepoint.html)
    - [psycopg2: transactions control](https://www.psycopg.org/docs/usage.html#transactions-control)
    - [psycopg: transactions management](https://www.psycopg.org/psycopg3/docs/basic/transactions.html)
    """

    code = "DBS611"
    name = "swallowed-connection-error"
    fact = SwallowedConnectionError
    spares_tests = True

    def check(self, fact: SwallowedConnectionError, context: Context) -> Iterator[Violation]:
        """Report handlers that go on in an aborted transaction."""
        classes = f" {ast.unparse(fact.node.type)}" if fact.node.type is not None else ""
        yield self.violation(
            fact.node,
            f"`except{classes}` swallows an error of `{fact.work}`, after which PostgreSQL "
            f"{_refusal(fact)}; {_way_out(fact)}",
        )


def _refusal(fact: SwallowedConnectionError) -> str:
    """Say what becomes of what comes next."""
    if fact.sequel is Sequel.COMMITTED:
        what = f"`{fact.then}` on line {fact.line}"
        ending = f"the end of the block over {what}" if fact.is_block else what
        return f"makes {ending} a rollback, which loses line {fact.before}"
    if fact.sequel is Sequel.RETURNED:
        return "refuses all that the caller goes on to do"
    if fact.sequel is Sequel.KEPT:
        return f"refuses all that is done by `{fact.connection}` next"
    return f"refuses `{fact.then}` on line {fact.line}"


def _way_out(fact: SwallowedConnectionError) -> str:
    """Say how to end what failed: with a rollback, unless that ends more than that."""
    waiting = "await " if fact.is_async else ""
    if not fact.needs_savepoint:
        return f"call `{waiting}{fact.connection}.rollback()` in it"
    also = _reason(fact)
    block = {"psycopg": "transaction", "sqlalchemy": "begin_nested"}.get(fact.library)
    if block is None or not fact.connection:
        return f"roll back in it to a `SAVEPOINT` that begins before the `try`{also}"
    keyword = "async with" if fact.is_async else "with"
    return f"put what the `try` does in `{keyword} {fact.connection}.{block}():`{also}"


def _reason(fact: SwallowedConnectionError) -> str:
    """Say what a rollback may undo, where that has not been said."""
    if fact.is_batch:
        return ", for a rollback may undo earlier iterations"
    if fact.before and fact.sequel is not Sequel.COMMITTED:
        return f", for a rollback may undo line {fact.before} as well"
    return ""
