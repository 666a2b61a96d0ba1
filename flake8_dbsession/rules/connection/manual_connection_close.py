"""DBS604."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.lifetime.hand_closes import HandClose
from flake8_dbsession.analysis.library.drivers import driver_of
from flake8_dbsession.analysis.names.values import Resource
from flake8_dbsession.house.model import OpeningPlace, Way
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.leaks import outlives_its_function
from flake8_dbsession.rules.registry import register


@register
class ManualConnectionClose(Rule[HandClose]):
    """A connection is closed by hand where a `with` block would do it.

    ## What it does
    Reports `.close()` on a connection that the function opened, be it for its object, and on one
    that its `with` block gave, with the exceptions of [DBS301](DBS301.md). Off unless asked for:
    plain connections are closed by hand in much good code, and `sqlite3` has no block of its own
    that closes. A connection of `asyncpg` has no other end than `await conn.close()`, and is left
    alone where the policy names no provider.

    ## Why is this bad?
    A close by hand needs a `finally` around everything since the connection was opened. The
    connection provider, or `contextlib.closing`, has it built in.

    ## Example
    ```python
    import sqlite3


    def count(path):
        conn = sqlite3.connect(path)
        try:
            return conn.execute("SELECT count(*) FROM messages").fetchone()[0]
        finally:
            conn.close()  # DBS604
    ```

    ## Use instead
    As for [DBS602](DBS602.md).

    ## Fix safety
    As for [DBS603](DBS603.md).

    ## Options
    - `connections`: the connection provider that the message names

    ## References
    - [Python: contextlib.closing](https://docs.python.org/3/library/contextlib.html#contextlib.closing)
    """

    code = "DBS604"
    name = "manual-connection-close"
    fact = HandClose
    off = True
    level = Level.WARNING
    spares_tests = True

    def check(self, fact: HandClose, context: Context) -> Iterator[Violation]:
        """Report the closes by hand of connections that the code around opened."""
        if fact.known.resource is not Resource.CONNECTION or fact.is_borrowed:
            return
        if outlives_its_function(fact, context):
            return
        if context.may_open(fact.scope, fact.known):
            return
        way = _way(fact, context)
        if way is None and not driver_of(fact.known.library).block:
            return
        way_out = "let `contextlib.closing` or a `with` block close it"
        if way is not None:
            way_out = f"use `{way.written('conn')}`"
        yield self.violation(
            fact.node, f"`{ast.unparse(fact.node)}` closes a connection by hand; {way_out}"
        )


def _way(fact: HandClose, context: Context) -> Way | None:
    """Give the house's way in the place of what opened the connection."""
    call = fact.opened
    opened = context.acquisition_of(call) if isinstance(call, ast.Call) else None
    if opened is not None:
        return context.connection_way(opened)
    return context.house.connection(OpeningPlace(fact.known, fact.scope, "conn"))
