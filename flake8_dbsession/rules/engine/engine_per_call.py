"""DBS501."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.callers import is_called_by_commands_only
from flake8_dbsession.analysis.facts.engine.new_pools import NewPool
from flake8_dbsession.analysis.facts.framework.migrations import is_migration
from flake8_dbsession.analysis.facts.lifetime.process_end import (
    ends_process,
    is_airflow_task,
    is_step_of_a_script,
)
from flake8_dbsession.analysis.names.functions import decorator_names
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class EnginePerCall(Rule[NewPool]):
    """A function makes an engine or a connection pool for each call, and lets it go.

    ## What it does
    Reports `create_engine(...)` and `create_async_engine(...)`, and the makers of connection pools
    (psycopg_pool, psycopg2.pool, asyncpg, aiomysql, mysql.connector.pooling), in a function that
    neither returns, yields, stores nor caches the engine or pool, nor disposes of it. A getter that
    makes a new one for each of its callers is reported where such a function calls it, and a class
    whose `__init__` makes one where a request handler or a task makes an object of it. A factory
    made on the engine counts as the engine does; a session or a connection does not, for it does
    not end the pool. An engine that is handed to code which cannot be found is taken for stored.
    Silent with `NullPool`, which keeps no connection; in a script's main part (a function `main`,
    what the script calls at its end, what that calls once and nothing else calls, a command of
    click, typer or flask, and what in the whole project only those call); in a task of Airflow,
    which has a process of its own; in what FastAPI runs once (`on_event`); in test files; and in
    migrations, by their folder or an import of Alembic.

    ## Why is this bad?
    Each engine has a pool of its own. Made in a function, it is a new pool for every call: no
    connection is ever used twice, and those of the last calls stay open until the garbage collector
    finds them. Under load the server runs out of connections.

    ## Example
    ```python
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from core.models import Product


    def count(url):
        engine = create_engine(url)  # DBS501
        with Session(engine) as db:
            return db.query(Product).count()
    ```

    ## Use instead
    ```python
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from core.models import Product
    from core.settings import URL

    engine = create_engine(URL)


    def count():
        with Session(engine) as db:
            return db.query(Product).count()
    ```

    ## References
    - [SQLAlchemy: engine disposal](https://docs.sqlalchemy.org/en/20/core/connections.html#engine-disposal)
    - [SQLAlchemy: basic usage of an engine](https://docs.sqlalchemy.org/en/20/core/connections.html#basic-usage)
    """

    code = "DBS501"
    name = "engine-per-call"
    fact = NewPool

    def check(self, fact: NewPool, context: Context) -> Iterator[Violation]:
        """Report engines and pools that their functions let go."""
        function = fact.scope.function()
        if fact.is_kept or function is None or context.is_test:
            return
        inference = context.file.inference
        node = function.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if node.name == "main" or ends_process(function, inference):
            return
        if is_step_of_a_script(function) or "on_event" in decorator_names(node):
            return
        if is_migration(context.file.module, inference.project.root):
            return
        if is_airflow_task(function, inference) or is_called_by_commands_only(function, inference):
            return
        pool = "a new pool of connections" if fact.what == "engine" else f"a new {fact.what}"
        by = f", in `{fact.by}.__init__`," if fact.by else ""
        ending = "dispose of it" if fact.what == "engine" else "close it"
        yield self.violation(
            fact.node,
            f"`{fact.text}` makes {pool}{by} each time `{node.name}` is called; "
            f"make the {fact.what} once for the process, or {ending}",
        )
