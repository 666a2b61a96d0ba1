"""Runs small programs on real sessions and connections, and watches what becomes of those.

A program is the source of a function ``program``. Whatever it does not decide by itself it asks
for: which branch is taken, how many turns a loop makes, which call fails and how. A run is given
the answers as a list of numbers; 0 is the usual one: no fault, the branch not taken.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import gc
import logging
import sqlite3
import sys
import types
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial, wraps
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from tests.oracle.helpers import MODULES

_MAX_DECISIONS = 16
_MAX_RANDOM_DECISIONS = 40
_SHARES = (0.1, 0.25, 0.5)  # of the answers that are not 0
_NO_SITE = -1  # of what the program was given
_IN_MEMORY = ":memory:"
_QUERY = text("select 1")

OPENERS = frozenset({"AsyncSessionLocal", "SessionLocal", "connect"})
HELPERS = """
import sys
from functools import partial
from typing import NoReturn

class Holder:
    def __init__(self, db):
        self.db = db

    def work(self):
        self.db.execute()

    def close(self):
        self.db.close()

    def finish(self):
        try:
            self.work()
        finally:
            self.close()

def use_it(db):
    db.execute()

def same_as(db):
    return db

def use_then_close(db):
    use_it(db)
    db.close()

def close_after(db):
    try:
        use_it(db)
    finally:
        close_through(db)

def close_through(db):
    close_it(db)

def close_unless(db, keep=False):
    if db is not None and not keep:
        db.close()

def close_in_turns(db, left):
    if left == 0:
        db.close()
        return
    close_in_turns(db, left - 1)

def close_it(db):
    if db is not None:
        db.close()

async def close_slowly(db):
    if db is not None:
        await db.close()

async def use_it_slowly(db):
    await db.execute()

async def use_then_close_slowly(db):
    await use_it_slowly(db)
    await db.close()

async def close_after_slowly(db):
    try:
        await use_it_slowly(db)
    finally:
        await close_through_slowly(db)

async def close_through_slowly(db):
    await close_slowly(db)

async def close_unless_slowly(db, keep=False):
    if db is not None and not keep:
        await db.close()

def keep_it(db):
    keeper.items.append(db)

def wrap_it(db):
    return Holder(db)

def bail() -> NoReturn:
    fail()

def leave() -> NoReturn:
    sys.exit()
"""
"""The functions and the class of the project around a program, as source."""


_FAULTS = frozenset({AssertionError, KeyError, LookupError, OSError, ValueError})


class Cancelled(BaseException):
    """What an await or a yield can raise besides exceptions."""


class House:
    """The database that a program works on.

    Args:
        file: where it lies; None for one in memory, which takes less time.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.database = str(file or _IN_MEMORY)
        pool: dict[str, Any] = {"max_overflow": -1} if file else {"poolclass": StaticPool}
        self.engine = create_engine(f"sqlite:///{self.database}", **pool)


_HOUSE = House()


class Watched:
    """A thin wrapper around a session or connection that notes its uses and closes."""

    def __init__(self, world: World, site: int) -> None:
        self.world = world
        self.site = site
        self.used = False
        self.closed_since = False
        world.opened.append(self)

    @property
    def is_left_open(self) -> bool:
        """Whether it was used, and not closed after its first use."""
        return self.used and not self.closed_since

    def use(self) -> None:
        self.used = True
        if not self.closed_since:
            self._execute()

    def execute(self, *more_faults: type[BaseException]) -> None:
        self.use()
        self.world.may_fail(*more_faults)

    def close(self) -> None:
        self._close()
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
    def __init__(self, world: World, site: int) -> None:
        self._session = Session(world.house.engine)
        super().__init__(world, site)

    def _execute(self) -> None:
        self._session.execute(_QUERY)

    def _close(self) -> None:
        self._session.close()


class WatchedConnection(Watched):
    def __init__(self, world: World, site: int) -> None:
        self._connection = sqlite3.connect(world.house.database)
        super().__init__(world, site)
        self.used = True

    def _execute(self) -> None:
        self._connection.execute("select 1")

    def _close(self) -> None:
        self._connection.close()

    def __exit__(self, *_exception: object) -> None:
        """Leave the connection open, as sqlite3 does."""


class WatchedAsyncSession:
    """A session whose methods are awaited."""

    def __init__(self, world: World, site: int) -> None:
        self.watched = WatchedSession(world, site)

    async def execute(self) -> None:
        self.watched.execute(Cancelled)

    async def close(self) -> None:
        self.watched.close()

    aclose = close

    async def __aenter__(self) -> WatchedAsyncSession:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()


class Keeper:
    """Something that outlives the program.

    Args:
        may_fail: what a call does that may fail, but fails only after it took effect.
    """

    def __init__(self, may_fail: Callable[[], None]) -> None:
        self._may_fail = may_fail
        self.items: list[object] = []
        self.cleanups: list[object] = []
        self.stack = contextlib.ExitStack()
        self.slow_stack = contextlib.AsyncExitStack()

    def __setattr__(self, name: str, value: object) -> None:
        """Remember everything that was ever stored: a later value does not undo a hand-on."""
        super().__setattr__(name, value)
        self.__dict__.setdefault("history", []).append(value)

    def addCleanup(self, function: object) -> None:  # noqa: N802
        self.cleanups.append(function)

    def addfinalizer(self, function: object) -> None:
        self.cleanups.append(function)

    def register(self, function: object) -> None:
        self.cleanups.append(function)
        self._may_fail()

    def finalize(self, _owner: object, function: object) -> None:
        self.cleanups.append(function)
        self._may_fail()


class _Table:
    """Something with a subscript that may fail."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def __getitem__(self, _key: int) -> int:
        self._program.may_fail()
        return 1


class World:
    """One run: the answers it is given, and what it opens.

    Args:
        answer: gives the answer to a question, by its number and how many answers there are.
        faults: the classes of exceptions that calls can fail with.
        max_decisions: how many questions are answered; then everything comes to its end.
        house: the database that is worked on.
    """

    def __init__(
        self,
        answer: Callable[[int, int], int],
        faults: list[type[BaseException]],
        max_decisions: int,
        house: House = _HOUSE,
    ) -> None:
        self.house = house
        self._answer = answer
        self._max_decisions = max_decisions
        self._faults = faults
        self.decisions: list[int] = []
        self.options: list[int] = []
        self._lines: list[int] = []
        self.opened: list[Watched] = []
        self.keeper = Keeper(self.may_fail)

    def decide(self, options: int) -> int:
        number = len(self.decisions)
        if number == self._max_decisions:
            return 0
        answer = self._answer(number, options)
        self.decisions.append(answer)
        self.options.append(options)
        self._lines.append(_line_of_program())
        return answer

    def steps(self) -> set[tuple[int, int, int]]:
        """Give the pairs of lines that asked one after the other, each with how often."""
        pairs = Counter(zip([0, *self._lines], self._lines, strict=False))
        return {(before, after, min(often, 3)) for (before, after), often in pairs.items()}

    @property
    def is_tired(self) -> bool:
        return len(self.decisions) == self._max_decisions

    def may_fail(self, *more: type[BaseException]) -> None:
        faults = [*self._faults, *more]
        answer = self.decide(len(faults) + 1)
        if answer:
            raise faults[answer - 1]


def openings(tree: ast.AST) -> list[ast.Call]:
    """Find the calls that open something, in the order in which they are numbered."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and (node.func.id in OPENERS or opens_by_helper(node))
    ]


def opens_by_helper(call: ast.Call) -> bool:
    """Tell whether a call is that of a helper that may give something new."""
    return isinstance(call.func, ast.Name) and call.func.id.startswith("open_")


def parts(tree: ast.Module) -> list[list[ast.stmt]]:
    """Give the statements of a program's modules, the helper module's first where it has one."""
    marks = [n for n, each in enumerate(tree.body) if _is_mark(each)]
    if not marks:
        return [tree.body]
    first, second = marks
    return [tree.body[first + 1 : second], tree.body[second + 1 :]]


def _is_mark(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str() as text)):
            return text in MODULES
    return False


class Program:
    """A program that can be run many times.

    Args:
        source: of the function ``program``, with its helpers.
        house: the database that it works on.

    Attributes:
        sites: the numbers of its openings.
        reached: those that some run got to.
    """

    def __init__(self, source: str, house: House = _HOUSE) -> None:
        self._house = house
        self._world = World(lambda *_: 0, [], 0)
        self._faults = _faults_for(source)
        tree = ast.parse(source)
        calls = openings(tree)
        for site, call in enumerate(calls):
            number = ast.copy_location(ast.Constant(site), call)
            if opens_by_helper(call):
                call.args = [number, call.func]
                call.func = ast.copy_location(ast.Name("opened_by", ast.Load()), call)
            else:
                call.args = [number]
        self.sites = frozenset(range(len(calls)))
        self.reached: set[int] = set()
        self._namespaces = []
        for part in parts(tree):
            namespace = {"__name__": "program", **self._helpers()}
            exec(_HELPERS_CODE, namespace)
            for earlier in self._namespaces:
                namespace |= {name: earlier[name] for name in _imported(part)}
            module = ast.Module([n for n in part if not isinstance(n, ast.ImportFrom)], [])
            shown = ast.fix_missing_locations(_Sharing().visit(module))
            exec(compile(shown, "program", "exec"), namespace)
            self._namespaces.append(namespace)
        self._namespace = self._namespaces[-1]

    def leaks(
        self,
        max_deviations: int,
        max_runs: int,
    ) -> dict[int, tuple[int, ...]]:
        """Find which openings leak; answers with the fewest deviations are tried first.

        Args:
            max_deviations: how many answers other than 0 are given in one run at most.
            max_runs: how often the program is run at most.

        Returns:
            The numbers of the openings, each with the first answers that make it leak.
        """
        found: dict[int, tuple[int, ...]] = {}
        waiting: deque[tuple[int, ...]] = deque([()])
        for _ in range(max_runs):
            if not waiting or self.sites <= found.keys():
                break
            answers = waiting.popleft()
            lost = self._lost(partial(_given, answers), _MAX_DECISIONS)
            decisions = tuple(self._world.decisions)
            for site in lost:
                found.setdefault(site, decisions)
            if sum(map(bool, answers)) == max_deviations:
                continue
            for position in range(len(answers), len(decisions)):
                for other in range(1, self._world.options[position]):
                    waiting.append((*decisions[:position], other))
        return found

    def leaks_found_by_chance(
        self, wanted: frozenset[int], max_runs: int
    ) -> dict[int, tuple[int, ...]]:
        """Find which openings leak, in runs that go on at random from where earlier ones got to.

        Args:
            wanted: the openings after which there is nothing more to look for.
            max_runs: how often the program is run at most.

        Returns:
            As `leaks`.
        """
        random = Random(0)
        found: dict[int, tuple[int, ...]] = {}
        seen: set[tuple[int, int, int]] = set()
        telling: list[tuple[int, ...]] = [()]
        for _ in range(max_runs):
            if wanted <= found.keys():
                break
            begun = random.choice(telling)
            begun = begun[: random.randint(0, len(begun))]
            answer = partial(_random, random, random.choice(_SHARES), begun)
            lost = self._lost(answer, _MAX_RANDOM_DECISIONS)
            for site in lost:
                found.setdefault(site, tuple(self._world.decisions))
            steps = self._world.steps()
            if not steps <= seen:
                seen |= steps
                telling.append(tuple(self._world.decisions))
        return found

    def may_fail(self) -> None:
        """Ask the run under way whether something fails now."""
        self._world.may_fail()

    def left_open(self, answers: tuple[int, ...]) -> list[Watched]:
        """Run once; give all that was used and not closed, what can still be reached included.

        Args:
            answers: those that are given; 0 to what is asked after them.
        """
        self._run(partial(_given, answers), _MAX_RANDOM_DECISIONS)
        return self._left_open()

    def _lost(self, answer: Callable[[int, int], int], max_decisions: int) -> set[int]:
        """Run once; tell which openings gave something that nobody closes any more."""
        has_exited, result = self._run(answer, max_decisions)
        left_open = self._left_open()
        if has_exited or not left_open:
            return set()
        roots = [result, self._world.keeper]
        apart = {id(self._world), *map(id, self._namespaces)}
        reached = _reachable(roots, apart)
        return {each.site for each in left_open if id(each) not in reached} - {_NO_SITE}

    def _run(self, answer: Callable[[int, int], int], max_decisions: int) -> tuple[bool, object]:
        """Run once; tell whether it ended the process, and give its result."""
        world = self._world = World(answer, self._faults, max_decisions, self._house)
        for namespace in self._namespaces:
            namespace["keeper"] = namespace["atexit"] = namespace["weakref"] = world.keeper
        try:
            return False, self._drive(self._namespace["program"]())
        except SystemExit:
            return True, None
        except (AttributeError, NameError, TypeError) as error:
            raise AssertionError("a program names and calls only what is there") from error
        except BaseException:
            return False, None

    def _left_open(self) -> list[Watched]:
        return [each for each in self._world.opened if each.is_left_open]

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
            _use(yielded)
            answer = self._world.decide(len(thrown) + 1)
            yielded = generator.throw(thrown[answer - 1]) if answer else next(generator)

    def _helpers(self) -> dict[str, Any]:
        def opener(watched: Callable[[World, int], object]) -> Callable[[int], object]:
            def open_(site: int) -> object:
                self.reached.add(site)
                self._world.may_fail()
                return watched(self._world, site)

            return open_

        def opened_by(site: int, helper: Callable[[], Watched]) -> Watched:
            self.reached.add(site)
            before = len(self._world.opened)
            given = helper()
            if given in self._world.opened[before:]:
                given.site = site
            return given

        def work(*_arguments: object) -> int:
            self._world.may_fail()
            return 1

        def use(*given: object) -> None:
            _use(*given)
            self._world.may_fail()

        def fail() -> None:
            faults = [*self._faults, Cancelled]
            raise faults[self._world.decide(len(faults))]

        def choose(options: int = 2) -> int:
            return self._world.decide(options)

        def tired() -> bool:
            return self._world.is_tired or bool(self._world.decide(2))

        def turns() -> range:
            return range(self._world.decide(4))

        def rows() -> Iterator[int]:
            self._world.may_fail()
            for turn in turns():
                yield turn
                self._world.may_fail()

        def remembered(value: object) -> object:
            self._world.keeper.items.append(value)
            return value

        def pair() -> tuple[int, int]:
            self._world.may_fail()
            return 1, 2

        def spare() -> Watched | None:
            return WatchedSession(self._world, _NO_SITE) if choose() else None

        def spare_slowly() -> WatchedAsyncSession | None:
            return WatchedAsyncSession(self._world, _NO_SITE) if choose() else None

        async def pause(*given: object) -> None:
            _use(*given)
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
            "AsyncExitStack": contextlib.AsyncExitStack,
            "AsyncSessionLocal": opener(WatchedAsyncSession),
            "ExitStack": contextlib.ExitStack,
            "SessionLocal": opener(WatchedSession),
            "aclosing": getattr(contextlib, "aclosing", None),
            "block": block,
            "choose": choose,
            "closing": contextlib.closing,
            "connect": opener(WatchedConnection),
            "contextmanager": contextlib.contextmanager,
            "fail": fail,
            "logger": logging.getLogger("oracle"),
            "opened_by": opened_by,
            "pair": pair,
            "partial": partial,
            "pause": pause,
            "remembered": remembered,
            "rows": rows,
            "slow_block": slow_block,
            "slow_turns": slow_turns,
            "spare": spare,
            "spare_slowly": spare_slowly,
            "suppress": contextlib.suppress,
            "sys": sys,
            "table": _Table(self),
            "tired": tired,
            "turns": turns,
            "use": use,
            "work": work,
            "wraps": wraps,
        }


_HELPERS_CODE = compile(HELPERS, "helpers", "exec")


class _Sharing(ast.NodeTransformer):
    """Lets the keeper remember what a global name stands for: a later value undoes no hand-on."""

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        if "shared" in names:
            node.value = ast.Call(ast.Name("remembered", ast.Load()), [node.value], [])
        return node


def _imported(part: list[ast.stmt]) -> list[str]:
    return [alias.name for n in part if isinstance(n, ast.ImportFrom) for alias in n.names]


def _faults_for(source: str) -> list[type[BaseException]]:
    """Choose the exceptions that calls fail with: an unexpected one, and those it speaks of."""
    named = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    classes = [getattr(builtins, name, None) for name in sorted(named)]
    return [RuntimeError] + [each for each in classes if each in _FAULTS]


def _line_of_program() -> int:
    """Tell which line of the program is running; 0 between the steps of a generator."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename != "program":
        frame = frame.f_back  # type: ignore[assignment]
    return frame.f_lineno if frame is not None else 0


def _given(answers: tuple[int, ...], number: int, _options: int) -> int:
    return answers[number] if number < len(answers) else 0


def _random(random: Random, share: float, begun: tuple[int, ...], number: int, options: int) -> int:
    if number < len(begun):
        return min(begun[number], options - 1)
    return random.randrange(1, options) if options > 1 and random.random() < share else 0


def _use(*given: object) -> None:
    for each in given:
        if isinstance(each, WatchedAsyncSession):
            each.watched.use()
        elif isinstance(each, Watched):
            each.use()


def _reachable(roots: list[object], apart_from: set[int]) -> set[int]:
    """Find what can be reached from some objects, by the references that the collector sees."""
    seen = apart_from | {id(vars(builtins))}
    waiting = list(roots)
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, _OPAQUE) or _is_foreign_class(each):
            continue
        seen.add(id(each))
        if isinstance(each, types.FunctionType):
            # Its globals are the program's namespace, or those of a library.
            waiting += [each.__closure__, each.__defaults__, each.__kwdefaults__]
        elif not isinstance(each, Watched):
            waiting += gc.get_referents(each)
    return seen


def _is_foreign_class(each: object) -> bool:
    return isinstance(each, type) and each.__module__ != "program"


_OPAQUE = (Program, World, types.BuiltinFunctionType, types.CodeType, types.ModuleType)
