"""What callables from outside the project do with what they are given.

Sources: the reference documentation of asyncio, concurrent.futures, contextlib, threading, AnyIO,
Starlette and asgiref, each named beside its entries. What is not listed here is taken to use what
it is given, and to leave its closing to the caller: a library does not end what it was lent.
"""

from __future__ import annotations

THREAD_HOPS = {
    # https://docs.python.org/3/library/asyncio-task.html#asyncio.to_thread
    "asyncio.to_thread": 0,
    "asyncio.threads.to_thread": 0,
    # https://anyio.readthedocs.io/en/stable/threads.html
    "anyio.to_thread.run_sync": 0,
    # https://www.starlette.io/threadpool/
    "starlette.concurrency.run_in_threadpool": 0,
    "fastapi.concurrency.run_in_threadpool": 0,
    # https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.run_in_executor
    "asyncio.get_running_loop().run_in_executor": 1,
    "asyncio.get_event_loop().run_in_executor": 1,
    # https://docs.djangoproject.com/en/stable/topics/async/#sync-to-async
    "asgiref.sync.sync_to_async()": 0,
    # https://greenback.readthedocs.io and SQLAlchemy's own bridge
    "sqlalchemy.util.greenlet_spawn": 0,
}
"""What runs a function elsewhere and gives its result: the position of the function."""

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

CACHES = frozenset({"cache", "lru_cache", "cached", "cache_resource", "singleton"})
"""Decorators whose function runs once for the same arguments: functools, cachetools, Streamlit."""
