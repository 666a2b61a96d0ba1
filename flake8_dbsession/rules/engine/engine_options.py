"""DBS503."""

from __future__ import annotations

from collections.abc import Iterator

from flake8_dbsession.analysis.facts.engine.engines import Engine
from flake8_dbsession.analysis.library.pools import KEEPS_NONE, SIZES
from flake8_dbsession.policy.model import Level, Scalar
from flake8_dbsession.rules.base import Rule, Violation
from flake8_dbsession.rules.context import Context
from flake8_dbsession.rules.engine.memory_sqlite import lacks_static_pool
from flake8_dbsession.rules.engine.wording import in_place_of
from flake8_dbsession.rules.registry import register

# What `create_engine` takes an option to be that is not given; the pool depends on the database.
_DEFAULTS: dict[str, Scalar] = {
    "echo": False,
    "echo_pool": False,
    "hide_parameters": False,
    "max_overflow": 10,
    "pool_pre_ping": False,
    "pool_recycle": -1,
    "pool_reset_on_return": "rollback",
    "pool_size": 5,
    "pool_timeout": 30,
    "pool_use_lifo": False,
}
# What these pools refuse, or have no use for.
_NOT_TAKEN = {
    KEEPS_NONE: SIZES | {"pool_pre_ping", "pool_recycle", "pool_reset_on_return"},
    "StaticPool": SIZES,
}


@register
class EngineOptions(Rule[Engine]):
    """An engine lacks options that the policy requires.

    ## What it does
    Reports an engine without an option that the policy's `engine` requires for its kind of URL,
    or with another value for it. The kind is known where the URL is literal, at least as far as
    the name of the database's kind; of any other engine only what `any` requires is asked. A value
    that the text does not show is taken for right, and so are all when a mapping is passed on
    (`**options`). What an engine's own `poolclass` does not take (`pool_size` with `NullPool`) is
    not asked. An option that is not given counts as what SQLAlchemy takes it to be. Where
    [DBS502](DBS502.md) asks for `StaticPool`, this rule does not.

    ## Why is this bad?
    The house has found out what its databases need: a server that cuts idle connections needs
    `pool_pre_ping`, a SQLite file without `NullPool` stays locked by idle connections. One engine
    without it fails in production only, and only sometimes.

    ## Example
    ```python
    from sqlalchemy import create_engine

    engine = create_engine("postgresql://db/shop")  # DBS503
    ```

    ## Use instead
    ```python
    from sqlalchemy import create_engine

    engine = create_engine("postgresql://db/shop", pool_pre_ping=True, pool_recycle=3600)
    ```

    ## Options
    - `engine`: the options required, by kind of URL (`any`, `server`, `postgresql`, `mysql`,
      `sqlite-file`, `sqlite-memory`); the name of a class such as `NullPool` stands for the class

    ```toml
    [engine]
    postgresql = { pool_pre_ping = true, pool_recycle = 3600 }
    ```

    ## References
    - [SQLAlchemy: create_engine](https://docs.sqlalchemy.org/en/20/core/engines.html#sqlalchemy.create_engine)
    - [SQLAlchemy: dealing with disconnects](https://docs.sqlalchemy.org/en/20/core/pooling.html#dealing-with-disconnects)
    """

    code = "DBS503"
    name = "engine-options"
    fact = Engine
    level = Level.WARNING

    def check(self, fact: Engine, context: Context) -> Iterator[Violation]:
        """Report engines without the options required of their kind."""
        kind = fact.url.kind if fact.url is not None else None
        required = context.policy.engine_options(kind or "any")
        missing = [
            f"`{name}={_written(value)}`{_instead(fact, name, value)}"
            for name, value in required
            if not _has(fact, name, value) and not self._is_settled(fact, name, context)
        ]
        if missing:
            yield self.violation(
                fact.node, f"`{fact.text}` lacks what the policy requires: {', '.join(missing)}"
            )

    def _is_settled(self, fact: Engine, name: str, context: Context) -> bool:
        """Tell whether an option is another rule's, or one that the engine's pool does not take."""
        if name == "poolclass":
            return lacks_static_pool(fact, context)
        pool = fact.option("poolclass")
        return pool is not None and name in _NOT_TAKEN.get(str(pool.literal), ())


def _instead(engine: Engine, name: str, value: Scalar) -> str:
    """Say which options have to go for a pool's class that is required."""
    is_small = name == "poolclass" and value in _NOT_TAKEN
    return in_place_of(option.name for option in engine.options) if is_small else ""


def _has(engine: Engine, name: str, value: Scalar) -> bool:
    option = engine.option(name)
    if option is not None:
        return option.literal is None or option.literal == value
    return engine.has_more or _default(engine, name) == value


def _default(engine: Engine, name: str) -> Scalar | None:
    return _default_pool(engine) if name == "poolclass" else _DEFAULTS.get(name)


def _default_pool(engine: Engine) -> str | None:
    """Give the pool that SQLAlchemy chooses; None where that depends on its release."""
    kind = engine.url.kind if engine.url is not None else None
    if kind == "sqlite-memory":
        return "StaticPool" if engine.is_async else "SingletonThreadPool"
    if kind == "sqlite-file" and engine.is_async:
        return None
    return "AsyncAdaptedQueuePool" if engine.is_async else "QueuePool"


def _written(value: Scalar) -> str:
    """Write a value as Python has it; a string as the class of that name."""
    return value if isinstance(value, str) else repr(value)
