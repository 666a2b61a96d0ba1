"""A stage on which code runs against real SQLAlchemy, with an error at any call that is wanted."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from types import ModuleType, SimpleNamespace
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.fixes.house import MODELS

_METHODS = ("add", "begin", "commit", "delete", "execute", "flush", "get", "query", "scalars")


class InjectedError(Exception):
    """Stands for whatever can go wrong at a call."""


@dataclass(frozen=True)
class Outcome:
    """What a run left.

    Attributes:
        result: what was returned, the attributes of objects read after the call.
        error: the error raised, as text; empty for none.
        rows: the rows that are committed.
        kept: what was put into the arguments.
        calls: how many calls the code made in which an error can be injected.
    """

    result: object
    error: str
    rows: list[tuple[Any, ...]]
    kept: object
    calls: int


class Stage:
    """A house in a database of its own, on which code is run again and again.

    Args:
        folder: an empty folder.
        database: the source of the house's ``core.database``.
    """

    def __init__(self, folder: Path, database: str) -> None:
        self._calls = 0
        self._failing = 0
        url = f'"sqlite:///{folder}/stage.db", poolclass=QueuePool'
        source = database.replace('"sqlite://", poolclass=StaticPool', url)
        source = source.replace("StaticPool", "QueuePool")
        source = source.replace("bind=engine", "bind=engine, class_=Session")
        self.modules = {"core": ModuleType("core")}
        self._load("core.models", MODELS)
        self._load("core.database", source, Session=self._session_class())
        self.engine = self.modules["core.database"].__dict__["engine"]
        self.modules["core.models"].__dict__["Base"].metadata.create_all(self.engine)

    def run(self, source: str, name: str, failing: int = 0) -> Outcome:
        """Run a module's ``work`` on fresh rows.

        Args:
            source: the module.
            name: the argument.
            failing: the number of the call in which an error is raised; 0 for none.
        """
        self._reset()
        sys.modules.update(self.modules)
        module: dict[str, Any] = {"__name__": "work", "probe": self._probe}
        exec(compile(dedent(source), "<work>", "exec"), module)
        self._calls, self._failing = 0, failing
        this, cache = SimpleNamespace(), {}  # type: ignore[var-annotated]
        result, error = None, ""
        try:
            result = read(module["work"](this, name, cache))
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        calls, self._failing = self._calls, 0
        kept = read([vars(this), cache])
        with self.engine.connect() as connection:
            rows = list(map(tuple, connection.execute(text("SELECT id, name FROM users"))))
        return Outcome(result, error, rows, kept, calls)

    def left_open(self) -> int:
        """Count the connections that are still out."""
        count: int = self.engine.pool.checkedout()
        return count

    def give_up(self) -> None:
        """Take back the connections that nothing but the garbage collector gives back."""
        if self.left_open():
            gc.collect()

    def _load(self, name: str, source: str, **given: object) -> None:
        module = self.modules[name] = ModuleType(name)
        module.__dict__.update(given)
        sys.modules.update(self.modules)
        exec(compile(dedent(source), f"<{name}>", "exec"), module.__dict__)

    def _reset(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM posts"))
            connection.execute(text("DELETE FROM users"))
            connection.execute(text("INSERT INTO users VALUES (1, 'a'), (2, 'b')"))
            connection.execute(text("INSERT INTO posts VALUES (1, 'p', 1)"))

    def _probe(self) -> None:
        self._calls += 1
        if self._calls == self._failing:
            raise InjectedError(f"at call {self._calls}")

    def _session_class(self) -> type[Session]:
        def failing(method: str) -> Callable[..., Any]:
            real = getattr(Session, method)

            def call(session: Session, *args: Any, **options: Any) -> Any:
                if sys._getframe(1).f_code.co_filename == "<work>":
                    self._probe()
                return real(session, *args, **options)

            return call

        return type("Failing", (Session,), {method: failing(method) for method in _METHODS})


def read(value: Any) -> object:
    """Read a result as its receiver would: objects by their attributes, all else by value."""
    if hasattr(type(value), "__table__"):
        return type(value).__name__, *_attributes(value)
    if isinstance(value, (list, tuple)):
        return [read(part) for part in value]
    if isinstance(value, dict):
        return {str(key): read(part) for key, part in value.items()}
    if callable(value):
        return _safely(value)
    return list(value) if isinstance(value, Iterator) else value


def _attributes(value: Any) -> Iterator[object]:
    for column in value.__table__.columns:
        yield _safely(lambda column=column: getattr(value, column.name))


def _safely(get: Callable[[], object]) -> object:
    try:
        return get()
    except Exception as error:
        return type(error).__name__
