"""DBS506."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_dbsession.analysis.facts.engine.forks import Fork
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register


@register
class EngineAcrossFork(Rule[Fork]):
    """Forked workers use the engine of the process that forked them.

    ## What it does
    Reports `multiprocessing.Process`, `Pool` and `ProcessPoolExecutor` where what they run, or what
    that calls in the project, works on an engine or pool that a module made; and a `Celery` app
    whose tasks do. Silent with `NullPool`, where the workers' function or the pool's `initializer`
    disposes of the engine, where a `worker_process_init` signal is used anywhere in the project,
    and in a file that asks for `spawn` or `forkserver`. Off by default: whether a worker is forked,
    and whether the engine has connections by then, the text does not tell (Python 3.14 forks no
    more of its own accord; nor do Celery's pools of threads).

    ## Why is this bad?
    A fork copies the pool with the connections in it, and both processes talk to the server over
    the same socket: answers get to the wrong one, and fail in odd ways under load only.

    There is no fix: where the workers begin is for the author to say.

    ## Example
    ```python
    from multiprocessing import Pool

    from sqlalchemy import create_engine, text

    engine = create_engine("postgresql://db/shop")


    def count(table):
        with engine.connect() as conn:
            return conn.execute(text(f"SELECT count(*) FROM {table}")).scalar()


    def counts(tables):
        with Pool(4) as pool:  # DBS506
            return pool.map(count, tables)
    ```

    ## Use instead
    ```python
    from multiprocessing import Pool

    from sqlalchemy import create_engine, text

    engine = create_engine("postgresql://db/shop")


    def count(table):
        with engine.connect() as conn:
            return conn.execute(text(f"SELECT count(*) FROM {table}")).scalar()


    def forget_connections():
        engine.dispose(close=False)


    def counts(tables):
        with Pool(4, initializer=forget_connections) as pool:
            return pool.map(count, tables)
    ```

    ## References
    - [SQLAlchemy: using connection pools with multiprocessing or os.fork()](https://docs.sqlalchemy.org/en/20/core/pooling.html#using-connection-pools-with-multiprocessing-or-os-fork)
    """

    code = "DBS506"
    name = "engine-across-fork"
    fact = Fork
    off = True

    def check(self, fact: Fork, context: Context) -> Iterator[Violation]:
        """Report workers that are forked together with an engine's pool."""
        started = ast.unparse(fact.node.func)
        where = (
            "a `worker_process_init` handler" if fact.is_celery else "the worker, or an initializer"
        )
        yield self.violation(
            fact.node,
            f"the workers of `{started}` are forked with the engine's open connections, and both "
            f"processes then use the same ones; call `engine.dispose(close=False)` in {where}",
        )
