"""What callables from outside the project do with what they are given.

Sources: the reference documentation of asyncio, concurrent.futures, contextlib, threading, AnyIO,
Starlette and asgiref, each named beside its entries. What is not listed here is taken to use what
it is given, and to leave its closing to the caller: a library does not end what it was lent.
"""

from __future__ import annotations

from flake8_dbsession.analysis.names.library import APPLICATIONS

RUNNERS = frozenset(
    {
        # https://docs.python.org/3/library/asyncio-runner.html
        "asyncio.run",
        "asyncio.runners.run",
        "asyncio.get_event_loop().run_until_complete",
        "asyncio.new_event_loop().run_until_complete",
        # https://docs.python.org/3/library/asyncio-task.html
        "asyncio.wait_for",
        "asyncio.shield",
        "asyncio.gather",
        "anyio.run",
    }
)
"""What runs the coroutines that it is given to their end."""

HOLDERS = frozenset(
    {
        # https://docs.python.org/3/library/functools.html#functools.partial
        "functools.partial",
        # https://docs.python.org/3/library/itertools.html#itertools.repeat
        "itertools.repeat",
    }
)
"""What gives an object that holds what it is given."""

RECORDS = frozenset(
    {
        # https://docs.python.org/3/library/typing.html#typing.NamedTuple
        "typing.NamedTuple()",
        # https://docs.python.org/3/library/collections.html#collections.namedtuple
        "collections.namedtuple()",
        # https://docs.python.org/3/library/types.html#types.SimpleNamespace
        "types.SimpleNamespace",
    }
)
"""What makes an object of nothing but its arguments."""

CACHES = frozenset({"cache", "lru_cache", "cached", "cache_resource", "singleton"})
"""Decorators whose function runs once for the same arguments: functools, cachetools, Streamlit."""

READERS = frozenset(
    {
        # https://pandas.pydata.org/docs/reference/api/pandas.read_sql.html and the two beside it
        "pandas.read_sql",
        "pandas.read_sql_query",
        "pandas.read_sql_table",
        # https://docs.sqlalchemy.org/en/20/core/inspection.html
        "sqlalchemy.inspect",
    }
)
"""What only reads by a session or connection."""

MUTATORS = frozenset(
    {"add", "append", "appendleft", "extend", "insert", "put", "put_nowait", "setdefault", "update"}
)
"""The methods of Python's containers and queues that put something into them."""

KEEPING = MUTATORS | {"set"}
"""The methods that keep what they are given: those, and a context variable's."""

OBJECTS = tuple(f"{name}." for name in (*sorted(APPLICATIONS), "flask.g", "quart.g"))
"""The beginnings of the names of what a project hangs on a library's objects."""
