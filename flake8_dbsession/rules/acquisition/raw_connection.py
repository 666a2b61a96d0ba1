"""DBS107."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition, local_name
from flake8_dbsession.analysis.library import roles
from flake8_dbsession.analysis.names.values import Role, RoleValue
from flake8_dbsession.house.advice import connection_words, place_of
from flake8_dbsession.house.fitting import passed_in
from flake8_dbsession.policy.model import Level
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class RawConnection(Rule[Acquisition]):
    """A database driver's `connect` is called past the connection provider.

    ## What it does
    Reports `sqlite3.connect(...)`, `psycopg2.connect(...)` and the like (psycopg, asyncpg,
    aiosqlite, pymysql, MySQLdb) outside the modules that own the project's connections, where the
    policy names a connection provider. What an engine or a pool gives is not meant.

    A connection to a database that is seen to be another one than the provider's passes nothing by.
    Where it is not known which one it is, and where the provider is not seen to set an option of
    the call, the message says so: there the provider may be no way out.

    ## Why is this bad?
    The provider sets what the house relies on (pragmas, row factories, timeouts, the pool's limit)
    and closes the connection or gives it back. A connection opened beside it has none of that:
    SQLite does not even check foreign keys on it.

    ## Example
    ```python
    import sqlite3


    def count(path):
        conn = sqlite3.connect(path)  # DBS107
        try:
            return conn.execute("SELECT count(*) FROM messages").fetchone()[0]
        finally:
            conn.close()
    ```

    ## Use instead
    ```python
    class Messages:
        def count(self):
            with self._get_connection() as conn:
                return conn.execute("SELECT count(*) FROM messages").fetchone()[0]
    ```

    ## Options
    - `connections`: the connection provider, or several, of which the one that fits is advised
    - `owners`: the modules that may connect by hand

    ```toml
    connections = "self._get_connection"
    ```

    ## References
    - [SQLite: foreign key support](https://www.sqlite.org/foreignkeys.html#fk_enable) is off until
      each connection turns it on.
    """

    code = "DBS107"
    name = "raw-connection"
    fact = Acquisition
    level = Level.WARNING

    def check(self, fact: Acquisition, context: Context) -> Iterator[Violation]:
        """Report a driver's own connect where the policy names a provider."""
        if not is_driver_connect(fact) or context.may_open(fact.scope, fact.known):
            return
        place = place_of(fact, context.file.inference)
        named = context.house.named_connection(place)
        if named is None or named.is_other:
            return
        name = local_name(fact.name, "conn")
        way = context.house.connection(place)
        code = connection_words(way or named, place, name)
        way_out = code if way is not None else passed_in(code)
        yield self.violation(
            fact.node, f"`{fact.text}` bypasses the connection provider; use {way_out}"
        )


def is_driver_connect(acquisition: Acquisition) -> bool:
    """Tell whether a connection comes from a driver itself, not from an engine or a pool."""
    origin = roles.lookup(acquisition.known.name)
    return (
        acquisition.known.source is Role.CONNECT
        and isinstance(origin, RoleValue)
        and origin.role is Role.CONNECT
    )
