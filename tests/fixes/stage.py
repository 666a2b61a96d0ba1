"""A stage on which code runs against real SQLAlchemy, with an error at any call that is wanted."""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from textwrap import dedent
from types import ModuleType, SimpleNamespace
from typing import Any

from sqlalchemy import Engine, Row, event, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from flake8_dbsession.runtime.records import Holder
from flake8_dbsession.runtime.watcher import Watch
from tests.fixes.grammar import HELPERS
from tests.fixes.house import MODELS

_METHODS = ("add", "add_all", "begin", "commit", "delete", "execute", "flush", "get", "merge")
_METHODS += ("query", "refresh", "scalar", "scalars")
_ROWS = "SELECT id, name FROM users UNION ALL SELECT user_id, title FROM posts"
# Sessions made from their class fail as those of the house do.
_FAILING_CLASS = ("from sqlalchemy.orm import Session\n", "from core.database import Session\n")
_WRITING = ("DELETE", "INSERT", "UPDATE")
_PROBED = ("<work>", "<core.helpers>")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class InjectedError(Exception):
    """Stands for whatever can go wrong at a call."""


class InjectedValueError(ValueError):
    """Stands for what code expects to go wrong."""


@dataclass(frozen=True)
class Outcome:
    """What a run left.

    Attributes:
        result: what was returned, the attributes of objects read after the call.
        error: the error raised, as text; empty for none.
        rows: the rows that are committed.
        kept: what was put into the arguments.
        calls: how many calls the code made in which an error can be injected.
        leaks: what it opened and nobody closed; no part of what is compared.
    """

    result: object
    error: str
    rows: list[tuple[Any, ...]]
    kept: object
    calls: int
    leaks: tuple[Holder, ...] = field(compare=False)


class Stage:
    """A house in a database of its own, on which code is run again and again.

    Args:
        folder: an empty folder.
        database: the source of the house's ``core.database``.
        server: the address of a PostgreSQL server; empty for SQLite.
    """

    def __init__(self, folder: Path, database: str, server: str = "") -> None:
        self._calls = 0
        self._failing = 0
        self._commits = True
        self._error: type[Exception] = InjectedError
        url = f'"sqlite:///{folder}/stage.db", poolclass=QueuePool'
        source = database.replace('"sqlite://", poolclass=StaticPool', url)
        source = source.replace("StaticPool", "QueuePool")
        source = source.replace('"sqlite+aiosqlite://"', f'"sqlite+aiosqlite:///{folder}/stage.db"')
        if server:
            address = server.replace("postgresql:", "postgresql+psycopg:", 1)
            source = re.sub(r"sqlite(\+aiosqlite)?:///[^\"]*", address, source)
        self._is_server = bool(server)
        source = source.replace("bind=engine", "bind=engine, class_=Session")
        source = source.replace("bind=async_engine", "bind=async_engine, class_=AsyncSession")
        self.modules = {"core": ModuleType("core")}
        self.load("core.models", MODELS)
        classes = {base.__name__: self._failing_class(base) for base in (Session, AsyncSession)}
        self.load("core.database", source, **classes)
        for path, helpers in HELPERS.items():
            self.load(path.removesuffix(".py").replace("/", "."), helpers, probe=self._probe)
        self.engine = self.modules["core.database"].__dict__["engine"]
        self._async_engine = self.modules["core.database"].__dict__.get("async_engine")
        event.listen(Engine, "before_cursor_execute", self._before_statement)
        self._loop = asyncio.new_event_loop() if self._async_engine else None
        self.modules["core.models"].__dict__["Base"].metadata.create_all(self.engine)
        self._watch = Watch()
        self._watch.install()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *error: object) -> None:
        """Watch no longer, and give back the threads of asynchronous connections."""
        event.remove(Engine, "before_cursor_execute", self._before_statement)
        self._watch.remove()
        self.engine.dispose()
        if self._loop:
            self._loop.run_until_complete(self._async_engine.dispose())
            self._loop.close()

    def run(
        self,
        source: str,
        name: str,
        failing: int = 0,
        error: type[Exception] = InjectedError,
        *,
        commits: bool = True,
    ) -> Outcome:
        """Run a module's ``work`` on fresh rows.

        Args:
            source: the module.
            name: the argument.
            failing: the number of the call in which an error is raised; 0 for none.
            error: its class.
            commits: whether it may be raised in a commit; not where the provider's took its place.
        """
        self._reset()
        self._watch.ledger.reset()
        sys.modules.update(self.modules)
        module: dict[str, Any] = {"__name__": "work", "probe": self._probe}
        source = dedent(source).replace(*_FAILING_CLASS)
        exec(compile(source, "<work>", "exec"), module)
        self._calls, self._failing, self._error = 0, failing, error
        self._commits = commits
        this, cache = SimpleNamespace(), {}  # type: ignore[var-annotated]
        result, message = None, ""
        try:
            result = read(self._finished(module["work"](this, name, cache)))
        except Exception as raised:
            message = _told(raised)
        calls, self._failing = self._calls, 0
        kept = read([vars(this), cache])
        with self.engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(text(_ROWS))]
        return Outcome(result, message, rows, kept, calls, self._leaks())

    def load(self, name: str, source: str, **given: object) -> None:
        """Set up a module of the house.

        Args:
            name: its name.
            source: its source.
            given: what it has from the beginning.
        """
        module = self.modules[name] = ModuleType(name)
        module.__dict__.update(given)
        sys.modules.update(self.modules)
        exec(compile(dedent(source), f"<{name}>", "exec"), module.__dict__)

    def _leaks(self) -> tuple[Holder, ...]:
        """Give what nobody closed, once the garbage collector has given it back.

        Reading the result may take up again what was closed.
        """
        if self._watch.open_now():
            gc.collect()
            if self._loop:
                self._loop.run_until_complete(_settled())
        return tuple(leak for leak in self._watch.report().leaks if leak.closed_before is None)

    def _reset(self) -> None:
        if self._is_server:
            self.engine.dispose()
        with self.engine.begin() as connection:
            if self._is_server:
                connection.execute(text("SET lock_timeout = '5s'"))
                connection.execute(text("TRUNCATE users, posts RESTART IDENTITY CASCADE"))
                connection.execute(text("SELECT setval('users_id_seq', 2)"))
                connection.execute(text("SELECT setval('posts_id_seq', 1)"))
            connection.execute(text("DELETE FROM posts"))
            connection.execute(text("DELETE FROM users"))
            connection.execute(text("INSERT INTO users VALUES (1, 'a'), (2, 'b')"))
            connection.execute(text("INSERT INTO posts VALUES (1, 'p', 1)"))

    def _probe(self) -> None:
        self._calls += 1
        if self._calls == self._failing:
            raise self._error(f"at call {self._calls}")

    def _before_statement(self, _connection: object, _cursor: object, sql: str, *_: object) -> None:
        """Let a flush fail where it writes, after which the session itself takes no more work."""
        if sql.startswith(_WRITING):
            self._probe()

    def _finished(self, result: Any) -> Any:
        """Run what an asynchronous function gives, or gather what its generator yields."""
        if inspect.isasyncgen(result):
            result = _gathered(result)
        return self._loop.run_until_complete(result) if inspect.iscoroutine(result) else result

    def _failing_class(self, base: type) -> type:
        def failing(method: str) -> Callable[..., Any]:
            real = getattr(base, method)

            def call(session: Any, *args: Any, **options: Any) -> Any:
                is_probed = method != "commit" or self._commits
                if is_probed and sys._getframe(1).f_code.co_filename in _PROBED:
                    self._probe()
                return real(session, *args, **options)

            return call

        methods = filter(partial(hasattr, base), _METHODS)
        return type("Failing", (base,), {method: failing(method) for method in methods})


def same_commits(before: str, after: str) -> bool:
    """Tell whether code commits as often by itself as before, and leaves none to a provider."""
    return before.count(".commit()") == after.count(".commit()")


def _told(error: Exception) -> str:
    if "MissingGreenlet" in f"{type(error)} {error}":
        return "MissingGreenlet"  # where it is noticed depends on the pool
    return _ADDRESS.sub("", f"{type(error).__name__}: {error}")


async def _settled() -> None:
    """Wait for what the garbage collector had the loop close."""
    await asyncio.sleep(0)
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


async def _gathered(results: AsyncIterator[object]) -> list[object]:
    return [result async for result in results]


def read(value: Any) -> object:
    """Read a result as its receiver would: objects by their attributes, all else by value."""
    if hasattr(type(value), "__table__"):
        return type(value).__name__, *_attributes(value)
    if isinstance(value, (list, tuple, Row)):
        return [read(part) for part in value]
    if isinstance(value, dict):
        return {str(key): read(part) for key, part in value.items()}
    if type(value).__module__ == "work":
        return read(vars(value))
    if callable(value):
        return _safely(value)
    return read(list(value)) if isinstance(value, Iterator) else value


def _attributes(value: Any) -> Iterator[object]:
    for column in value.__table__.columns:
        yield _safely(lambda column=column: getattr(value, column.name))
    for relation in value.__mapper__.relationships:
        yield _safely(lambda key=relation.key: str(type(getattr(value, key))))


def _safely(get: Callable[[], object]) -> object:
    try:
        return get()
    except Exception as error:
        return type(error).__name__
