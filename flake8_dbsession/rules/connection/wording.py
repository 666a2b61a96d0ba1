"""How the rules of this family name the way out."""

from __future__ import annotations

from flake8_dbsession.analysis.facts.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.optional import may_give_none
from flake8_dbsession.policy.model import Sanctioned
from flake8_dbsession.rules.context import Context

# Whose ``with`` block closes the connection.
_CLOSED_BY_BLOCK = frozenset({"MySQLdb", "aiosqlite", "psycopg", "pymysql", "sqlalchemy"})


def closing_way_out(acquisition: Acquisition, context: Context) -> str:
    """Say how to have a connection closed whatever happens.

    Args:
        acquisition: what is opened.
        context: the file and its policy.

    Returns:
        The policy's connection provider; in its own module and where there is none, a ``with``
        block, or a ``finally`` where the library has no block that closes.
    """
    known, inference = acquisition.known, context.file.inference
    name = acquisition.name if acquisition.name.isidentifier() else "conn"
    keyword = "async with" if known.is_async else "with"
    provider = context.policy.connections
    if provider is not None and not context.may_open(acquisition.scope):
        return f"use `{keyword} {Sanctioned.parse(provider).expression}() as {name}:`"
    if may_give_none(acquisition.node, acquisition.scope, inference):
        return "close it in a `finally`"
    if known.name.endswith(".raw_connection"):
        return f"use `with closing({acquisition.text}) as {name}:`"
    if known.library in _CLOSED_BY_BLOCK and not known.is_async:
        return f"use `with {acquisition.text} as {name}:`"
    if known.library == "aiosqlite":
        return f"use `async with {acquisition.text} as {name}:`"
    if known.is_async or known.library not in ("sqlite3", "psycopg2"):
        return "close it in a `finally`"
    return f"use `with closing({acquisition.text}) as {name}:`"
