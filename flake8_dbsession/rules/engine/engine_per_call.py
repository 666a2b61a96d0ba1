"""DBS501."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.acquisition.callers import is_for_others
from flake8_dbsession.analysis.facts.engine.new_pools import NewPool
from flake8_dbsession.analysis.facts.engine.repeated_work import runs_again
from flake8_dbsession.analysis.facts.framework.migrations import is_migration
from flake8_dbsession.analysis.facts.lifetime.process_end import (
    ends_process,
    is_airflow_task,
    is_script,
)
from flake8_dbsession.analysis.names.inference import Inference
from flake8_dbsession.analysis.names.scopes import Scope
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.engine.wording import in_place_of
from flake8_dbsession.rules.registry import register


@register
class EnginePerCall(Rule[NewPool]):
    """A function makes an engine or a connection pool for each call, and lets it go.

    ## What it does
    Reports `create_engine(...)` and `create_async_engine(...)`, and the makers of connection pools
    (psycopg_pool, psycopg2.pool, asyncpg, aiomysql, mysql.connector.pooling), in a function that
    neither returns, yields, stores nor caches the engine or pool, nor disposes of it. A getter that
    makes a new one for each of its callers, by itself or by another getter, is reported where such
    a function calls it, and a class whose `__init__` makes one, or an object that does, where a
    request handler or a task, or in the class's own file what such a one calls, makes an object of
    it. A factory made on the engine counts as the engine does; a session or a connection does not,
    for it does not end the pool, unless an object keeps it, and the engine with it. An engine that
    is handed to code which cannot be found is taken for stored.

    Reported is only what one process is seen to run again and again: a request handler or its
    dependency, a task or job of a queue or scheduler, and what such a one calls, or gives to a
    thread, to a background task or with its arguments to a queue, by itself or by way of other
    functions of the project; and a function of no script that the project names nowhere else, for
    it is there for others, who may call it often. What else runs once may have an engine of its
    own.
    Silent with `NullPool`, which keeps no connection; where the engine never connects
    (`create_engine(url).url`, `.dialect`); in a task of Airflow or a job of RQ, which have a
    process of their own; in test files; and in migrations, by their folder or an import of Alembic.

    ## Why is this bad?
    Each engine has a pool of its own. Made in a function, it is a new pool for every call: no
    connection is ever used twice, and those of the last calls stay open until the garbage collector
    finds them. Under load the server runs out of connections.

    ## Example
    ```python
    from celery import shared_task
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from core.models import Product
    from core.settings import URL


    @shared_task
    def count():
        engine = create_engine(URL)  # DBS501
        with Session(engine) as db:
            return db.query(Product).count()
    ```

    ## Use instead
    ```python
    from celery import shared_task
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from core.models import Product
    from core.settings import URL

    engine = create_engine(URL)


    @shared_task
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
    spares_tests = True

    def check(self, fact: NewPool, context: Context) -> Iterator[Violation]:
        """Report engines and pools that functions let go which run again and again."""
        function = fact.scope.function()
        if fact.is_kept or function is None:
            return
        inference = context.file.inference
        if is_migration(context.file.module, inference.project.root):
            return
        if is_airflow_task(function, inference):
            return
        is_often = runs_again(function, inference)
        if not is_often and (fact.by or not _is_for_others(function, inference)):
            return
        pool = "a new pool of connections" if fact.what == "engine" else f"a new {fact.what}"
        by = f", in `{fact.by}.__init__`," if fact.by else ""
        name = getattr(function.node, "name", "")
        way_out = f"make the {fact.what} once for the process"
        if fact.is_of_argument and fact.what == "engine":
            instead = in_place_of(fact.sizes)
            way_out = "pass `poolclass=NullPool`, which keeps no connection open"
            way_out += f",{instead}" if instead else ""
        elif fact.is_of_call and fact.what == "engine":
            way_out = "call its `dispose()` in a `finally`, for its database is another each time"
        yield self.violation(
            fact.node,
            f"`{fact.text}` makes {pool}{by} each time `{name}` is called, and nothing closes it; "
            f"{way_out}",
        )


def _is_for_others(function: Scope, inference: Inference) -> bool:
    """Tell whether a function is the project's users', and no command or script's main part."""
    is_main = getattr(function.node, "name", "") == "main"
    return (
        not is_main
        and not is_script(function.module.scope)
        and not ends_process(function, inference)
        and is_for_others(function, inference)
    )
