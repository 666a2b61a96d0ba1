"""Runs small programs on real sessions and connections, and watches what becomes of those.

A program is the source of a function ``program``. Whatever it does not decide by itself it asks
for: which branch is taken, how many turns a loop makes, which call fails and how. A run is given
the answers as a list of numbers; 0 is the usual one: no fault, the branch not taken.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import sqlite3
import sys
import types
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

_MAX_DECISIONS = 12
_ENGINE = create_engine("sqlite://", poolclass=StaticPool)
_QUERY = text("select 1")
_OPAQUE = (type, types.ModuleType, types.BuiltinFunctionType)


class Cancelled(BaseException):
    """What an await or a yield can raise besides exceptions."""


class Watched:
    """A thin wrapper around a session or connection that notes its uses and closes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.used = False
        self.closed_since = False
        self.is_closed = False
        world.opened.append(self)

    def execute(self) -> None:
        self.used = True
        if not self.is_closed:
            self._execute()
        self.world.may_fail()

    def close(self) -> None:
        self._close()
        self.is_closed = True
        self.closed_since = self.used

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __enter__(self) -> Watched:
        return self

    def _execute(self) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError


class WatchedSession(Watched):
    def __init__(self, world: World) -> None:
        self._session = Session(_ENGINE)
        super().__init__(world)

    def _execute(self) -> None:
        self._session.execute(_QUERY)

    def _close(self) -> None:
        self._session.close()


class WatchedConnection(Watched):
    def __init__(self, world: World) -> None:
        self._connection = sqlite3.connect(":memory:")
        super().__init__(world)
        self.used = True

    def _execute(self) -> None:
        self._connection.execute("select 1")

    def _close(self) -> None:
        self._connection.close()

    def __exit__(self, *_exception: object) -> None:
        """Leave the connection open, as sqlite3 does."""


class Holder:
    """An object that keeps what it is made with, and closes it when it is closed."""

    def __init__(self, db: Watched) -> None:
        self.db = db

    def work(self) -> None:
        self.db.execute()

    def close(self) -> None:
        self.db.close()


class Keeper:
    """Something that outlives the program."""

    def __init__(self) -> None:
        self.items: list[object] = []
        self.cleanups: list[object] = []
        self.stack = contextlib.ExitStack()

    def __setattr__(self, name: str, value: object) -> None:
        """Remember everything that was ever stored: a later value does not undo a hand-on."""
        super().__setattr__(name, value)
        self.__dict__.setdefault("history", []).append(value)

    def addCleanup(self, function: object) -> None:  # noqa: N802
        self.cleanups.append(function)


class World:
    """One run: the answers it is given, and what it opens.

    Args:
        answers: what to decide first; 0 is decided after that.
        faults: the classes of exceptions that calls can fail with.
    """

    def __init__(self, answers: tuple[int, ...], faults: list[type[BaseException]]) -> None:
        self._answers = answers
        self._faults = faults
        self.decisions: list[int] = []
        self.options: list[int] = []
        self.opened: list[Watched] = []
        self.keeper = Keeper()

    def decide(self, options: int) -> int:
        number = len(self.decisions)
        if number == _MAX_DECISIONS:
            return 0
        answer = self._answers[number] if number < len(self._answers) else 0
        self.decisions.append(answer)
        self.options.append(options)
        return answer

    @property
    def is_tired(self) -> bool:
        return len(self.decisions) == _MAX_DECISIONS

    def may_fail(self, *more: type[BaseException]) -> None:
        faults = [*self._faults, *more]
        answer = self.decide(len(faults) + 1)
        if answer:
            raise faults[answer - 1]


class Program:
    """A program that can be run many times.

    Args:
        source: of the function ``program``.
    """

    def __init__(self, source: str) -> None:
        self._world = World((), [])
        self._faults: list[type[BaseException]] = [RuntimeError]
        self._faults += [e for e in (ValueError, KeyError, LookupError) if e.__name__ in source]
        self._namespace = self._helpers()
        self._own = set(self._namespace)
        exec(compile(source, "program", "exec"), self._namespace)

    def leaking_answers(self, max_deviations: int, max_runs: int) -> tuple[int, ...] | None:
        """Find answers that make the program leak; those with the fewest deviations come first.

        Args:
            max_deviations: how many answers other than 0 are given in one run at most.
            max_runs: how often the program is run at most.

        Returns:
            The answers of the first such run; None where there is no such run.
        """
        waiting: deque[tuple[int, ...]] = deque([()])
        for _ in range(max_runs):
            if not waiting:
                return None
            answers = waiting.popleft()
            if self._leaks(answers):
                return tuple(self._world.decisions)
            if sum(map(bool, answers)) == max_deviations:
                continue
            decisions = tuple(self._world.decisions)
            for position in range(len(answers), len(decisions)):
                for other in range(1, self._world.options[position]):
                    waiting.append((*decisions[:position], other))
        return None

    def _leaks(self, answers: tuple[int, ...]) -> bool:
        world = self._world = World(answers, self._faults)
        self._namespace["keeper"] = world.keeper
        self._namespace["shared"] = None
        result: object = None
        try:
            result = self._drive(self._namespace["program"]())
        except SystemExit:
            return False
        except BaseException:
            pass
        left_open = [each for each in world.opened if each.used and not each.closed_since]
        if not left_open:
            return False
        roots = [result, world.keeper, self._namespace["shared"]]
        reached = _reachable(roots, {id(self._namespace), id(world)})
        return any(id(each) not in reached for each in left_open)

    def _drive(self, result: object) -> object:
        """Run a generator as a framework would, or a coroutine to its end."""
        if isinstance(result, types.CoroutineType):
            try:
                result.send(None)
            except StopIteration as stop:
                return stop.value
            raise AssertionError("nothing in a program suspends")
        if isinstance(result, types.GeneratorType) and result.gi_code.co_name == "program":
            with contextlib.suppress(StopIteration):
                self._step_through(result)
            return None
        return result

    def _step_through(self, generator: types.GeneratorType[Any, Any, Any]) -> None:
        """Use what a generator yields; then go on, or throw a fault or a close into it."""
        thrown = [*self._faults, GeneratorExit]
        yielded = next(generator)
        while True:
            if isinstance(yielded, Watched):
                yielded.used = True
            answer = self._world.decide(len(thrown) + 1)
            yielded = generator.throw(thrown[answer - 1]) if answer else next(generator)

    def _helpers(self) -> dict[str, Any]:
        def opener(watched: Callable[[World], Watched]) -> Callable[[], Watched]:
            def open_() -> Watched:
                self._world.may_fail()
                return watched(self._world)

            return open_

        def work(*_arguments: object) -> int:
            self._world.may_fail()
            return 1

        def use(*given: object) -> None:
            for each in given:
                if isinstance(each, Watched):
                    each.used = True
            self._world.may_fail()

        def close_it(db: Watched | None) -> None:
            if db is not None:
                db.close()

        def choose(options: int = 2) -> int:
            return self._world.decide(options)

        def tired() -> bool:
            return self._world.is_tired or bool(self._world.decide(2))

        def turns() -> range:
            return range(self._world.decide(3))

        async def pause() -> None:
            self._world.may_fail(Cancelled)

        @contextlib.contextmanager
        def block() -> Iterator[None]:
            self._world.may_fail()
            yield

        async def slow_turns() -> AsyncIterator[int]:
            for turn in turns():
                await pause()
                yield turn

        @contextlib.asynccontextmanager
        async def slow_block() -> AsyncIterator[None]:
            self._world.may_fail()
            yield

        return {
            "SessionLocal": opener(WatchedSession),
            "connect": opener(WatchedConnection),
            "Holder": Holder,
            "block": block,
            "choose": choose,
            "close_it": close_it,
            "closing": contextlib.closing,
            "logger": logging.getLogger("oracle"),
            "pause": pause,
            "slow_block": slow_block,
            "slow_turns": slow_turns,
            "suppress": contextlib.suppress,
            "sys": sys,
            "tired": tired,
            "turns": turns,
            "use": use,
            "work": work,
        }


def _reachable(roots: list[object], apart_from: set[int]) -> set[int]:
    """Find what can be reached from some objects, by the references that the collector sees."""
    seen = set(apart_from)
    waiting = list(roots)
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, _OPAQUE):
            continue
        seen.add(id(each))
        if not isinstance(each, Watched):
            waiting += gc.get_referents(each)
    return seen
