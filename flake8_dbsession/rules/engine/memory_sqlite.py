"""DBS502."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.analysis.facts.acquisition.joining import joins_a_connection
from flake8_dbsession.analysis.facts.engine.engines import Engine, entries
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.engine.wording import in_place_of
from flake8_dbsession.rules.registry import register

# With any of these the engine does not choose the pool, or not what it connects to.
_OWN_WAYS = ("creator", "pool")
# What a test file has in it whose database other threads come to: FastAPI runs plain functions in a
# pool of threads, and is given the database as a dependency.
_THREADS = (
    "Thread(",
    "ThreadPoolExecutor(",
    "dependency_overrides",
    "run_in_executor",
    "run_in_threadpool",
    "to_thread",
)


@register
class MemorySqliteWithoutStaticPool(Rule[Engine]):
    """An in-memory SQLite database is shared between threads, but not its connection.

    ## What it does
    Reports an engine whose URL is literally that of an in-memory SQLite database, opened by
    Python's own `sqlite3` with `check_same_thread=False`, and whose pool is not `StaticPool`.
    `aiosqlite` has that pool by default and is not meant, nor is a database that connections share
    by `cache=shared`. In a test file the rule speaks only where the file has to do with threads, or
    hands the database to an application by `dependency_overrides` (other tests run in one thread),
    and not where a session is bound to a connection, which all threads then use.

    ## Why is this bad?
    An in-memory database lives in its connection. `check_same_thread=False` says that threads are
    to share it, but without `StaticPool` each thread is given a connection of its own, and with it
    an empty database: `no such table`, in every thread but the first.

    ## Example
    ```python
    from sqlalchemy import create_engine

    engine = create_engine("sqlite://", connect_args={"check_same_thread": False})  # DBS502
    ```

    ## Use instead
    ```python
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    engine = create_engine(
        "sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool
    )
    ```

    ## References
    - [SQLAlchemy: using a memory database in multiple threads](https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#using-a-memory-database-in-multiple-threads)
    """

    code = "DBS502"
    name = "memory-sqlite-without-staticpool"
    fact = Engine

    def check(self, fact: Engine, context: Context) -> Iterator[Violation]:
        """Report in-memory databases that threads are to share and cannot."""
        if lacks_static_pool(fact, context):
            yield self.violation(
                fact.node,
                f"`{fact.text}` gives each thread an empty database of its own; "
                f"pass `poolclass=StaticPool`{in_place_of(each.name for each in fact.options)}",
            )


def lacks_static_pool(engine: Engine, context: Context) -> bool:
    """Tell whether an engine is for a shared in-memory database and cannot share it.

    Args:
        engine: the engine.
        context: the file that makes it.
    """
    text, url = context.file.module.text, engine.url
    if context.is_test and not any(word in text for word in _THREADS):
        return False
    if context.is_test and _hands_out_a_connection(context):
        return False
    if url is None or not url.is_pysqlite or url.kind != "sqlite-memory":
        return False
    if url.option("cache") == "shared" or any(engine.option(name) for name in _OWN_WAYS):
        return False
    return _allows_threads(engine) and _has_other_pool(engine)


def _hands_out_a_connection(context: Context) -> bool:
    """Tell whether a session of a file is bound to a connection, which all threads then share."""
    return any(
        joins_a_connection(opened.node, opened.scope, context.file.inference)
        for opened in context.file.facts(Acquisition)
    )


def _has_other_pool(engine: Engine) -> bool:
    pool = engine.option("poolclass")
    if pool is None:
        return not engine.has_more
    return pool.literal not in (None, "StaticPool")


def _allows_threads(engine: Engine) -> bool:
    """Tell whether ``check_same_thread`` is literally off, in the arguments or in the URL."""
    arguments = engine.option("connect_args")
    for name, value in entries(arguments.node) if arguments is not None else ():
        if name == "check_same_thread":
            return isinstance(value, ast.Constant) and value.value is False
    in_url = engine.url.option("check_same_thread") if engine.url is not None else None
    return in_url is not None and in_url.lower() in ("0", "false")
