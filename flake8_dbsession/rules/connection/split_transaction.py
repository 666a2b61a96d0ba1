"""DBS607."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.connection.split_transactions import SplittingCommit
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class SplitTransaction(Rule[SplittingCommit]):
    """A commit stands between two writes that a function makes on one connection.

    ## What it does
    Reports `commit()` on a connection where a way through the function leads from a write over the
    commit to another write on the same connection. A write is `execute` or `executescript` with a
    literal statement that changes something (`INSERT`, `UPDATE`, `DELETE`, `REPLACE`, `CREATE` and
    the like), and `executemany`, on the connection or a cursor of it. A commit that ends a turn of
    a loop, or a batch of its turns, is not meant, nor is what a handler writes after an exception,
    or a generator after a `yield`. Off unless asked for: what belongs together is the author's to
    say.

    ## Why is this bad?
    When the second write fails, the first stays: money taken from one account and given to none.
    One commit after the last write makes it all or nothing.

    ## Example
    ```python
    import sqlite3


    def transfer(conn: sqlite3.Connection, source, target, amount):
        conn.execute("UPDATE accounts SET sum = sum - ? WHERE id = ?", (amount, source))
        conn.commit()  # DBS607
        conn.execute("UPDATE accounts SET sum = sum + ? WHERE id = ?", (amount, target))
        conn.commit()
    ```

    ## Use instead
    ```python
    import sqlite3


    def transfer(conn: sqlite3.Connection, source, target, amount):
        conn.execute("UPDATE accounts SET sum = sum - ? WHERE id = ?", (amount, source))
        conn.execute("UPDATE accounts SET sum = sum + ? WHERE id = ?", (amount, target))
        conn.commit()
    ```

    ## Options
    None.

    ## References
    - [Python: sqlite3 transaction control](https://docs.python.org/3/library/sqlite3.html#transaction-control)
    - [PEP 249: commit](https://peps.python.org/pep-0249/#commit)
    """

    code = "DBS607"
    name = "split-transaction"
    fact = SplittingCommit
    off = True
    level = Level.WARNING

    def check(self, fact: SplittingCommit, context: Context) -> Iterator[Violation]:
        """Report the commits that part two writes."""
        yield self.violation(
            fact.node,
            f"`{ast.unparse(fact.node)}` comes between the writes of lines {fact.first.lineno} and "
            f"{fact.second.lineno}, so that an error keeps only the first; commit once, at the end",
        )
