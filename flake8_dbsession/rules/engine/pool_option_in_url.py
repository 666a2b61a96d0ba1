"""DBS504."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.engine.engines import Engine
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.registry import register

_POOL_OPTIONS = ("pool_size", "max_overflow", "pool_recycle", "pool_pre_ping", "pool_timeout")
# MySQL's own driver has a pool of its own, of which this is an option.
_DRIVERS_OWN = {"mysqlconnector": frozenset({"pool_size"})}


@register
class PoolOptionInUrl(Rule[Engine]):
    """A pool's option stands in the URL, where the pool does not see it.

    ## What it does
    Reports `pool_size`, `max_overflow`, `pool_recycle`, `pool_pre_ping` and `pool_timeout` in the
    query of an engine's literal URL, that of `URL.create(query=...)` included, and of one that
    stands as the default of `os.getenv` or the like. `pool_size` is silent with `mysqlconnector`, a
    driver that has an option of that name itself.

    ## Why is this bad?
    What stands in a URL's query goes to the driver. A server's driver does not know these options
    and fails at the first connection. Python's own `sqlite3` failed as well before SQLAlchemy 2.1;
    since then SQLAlchemy only warns, and leaves them out. Either way the pool keeps its defaults.

    ## Example
    ```python
    from sqlalchemy import create_engine

    engine = create_engine("postgresql://db/shop?pool_size=20&max_overflow=10")  # DBS504
    ```

    ## Use instead
    ```python
    from sqlalchemy import create_engine

    engine = create_engine("postgresql://db/shop", pool_size=20, max_overflow=10)
    ```

    ## References
    - [SQLAlchemy: custom DBAPI connect() arguments](https://docs.sqlalchemy.org/en/20/core/engines.html#custom-dbapi-connect-arguments-on-connect-routines)
    - [SQLAlchemy: create_engine](https://docs.sqlalchemy.org/en/20/core/engines.html#sqlalchemy.create_engine)
    """

    code = "DBS504"
    name = "pool-option-in-url"
    fact = Engine

    def check(self, fact: Engine, context: Context) -> Iterator[Violation]:
        """Report pool options in literal URLs."""
        url = fact.url or fact.default_url
        if url is None:
            return
        own = _DRIVERS_OWN.get(url.driver, frozenset())
        found = [name for name, _ in url.query if name in _POOL_OPTIONS and name not in own]
        if found:
            options = ", ".join(f"`{name}`" for name in dict.fromkeys(found))
            maker = "create_async_engine" if fact.is_async else "create_engine"
            yield self.violation(
                fact.node,
                f"{options} in a URL is passed to the driver, which does not know it; "
                f"pass it to `{maker}` as an argument",
            )
