"""Writes the helpers of a generated program: functions, classes and context managers of its own.

Some stand in a module of their own, which the program imports; the others beside it. The first
letters of a name tell what a helper is, for the generator and for what counts the constructs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple, TypeAlias

Lines: TypeAlias = list[str]

MODULES = ("helpers.py", "program.py")
"""A program's source has the helper module first; a text that names each stands before it."""

# What may run before the end of a helper: nothing here closes, or leaves by a return.
_WORKS = [
    ["db.execute()"],
    ["use_it(db)"],
    ["use(db)"],
    ["same = db", "same.execute()"],
    ["if choose():", "    db.execute()"],
    ["for _ in turns():", "    work()"],
    ["try:", "    db.execute()", "except ValueError:", "    work()"],
    ["with suppress(ValueError):", "    db.execute()"],
    ["x = work() if choose() else None"],
    ["if choose():", "    raise ValueError"],
    ["Holder(db).work()"],
    ["with block():", "    work()"],
]
_KEEPS = [
    ["keeper.items.append(db)"],
    ["keeper.db = db"],
    ["if choose():", "    keeper.items.append(db)"],
    ["keep_it(db)"],
    ["keeper.later = partial(use, db)"],
    ["keeper.addCleanup(db.close)"],
]
_ENDS = [
    ["{db}.close()"],
    ["close_it({db})"],
    ["if {db} is not None:", "    {db}.close()"],
    ["with suppress(Exception):", "    {db}.close()"],
    ["close_after({db})"],
    ["close_unless({db})"],
]


class Helper(NamedTuple):
    """A helper, as the rest of the program sees it.

    Attributes:
        name: its name.
        source: its definition.
        uses: statements that work with it on ``db``.
        closes: statements that close ``db`` by it.
        keeps: statements that may let ``db`` go to somebody else, or lose it.
        opens: what may stand for an opening; empty for none.
        enters: ``with`` headers over ``db``.
        gives: ``with`` headers that give a ``db`` of their own.
    """

    name: str
    source: Lines
    uses: Sequence[Lines] = ()
    closes: Sequence[Lines] = ()
    keeps: Sequence[Lines] = ()
    opens: str = ""
    enters: Sequence[str] = ()
    gives: Sequence[str] = ()


class HelperWriter:
    """Writes the helpers of one program.

    Args:
        random: decides everything.
        opening: what opens something, such as ``SessionLocal()``.
    """

    def __init__(self, random: Random, opening: str) -> None:
        self._random = random
        self._opening = opening
        self._number = 0
        self._known: list[Helper] = []

    def helpers(self, count: int) -> list[Helper]:
        """Write some helpers; later ones may call earlier ones."""
        kinds: list[Callable[[], Helper]] = [
            self._task, self._task, self._ender, self._ender, self._safe, self._giver,
            self._opener, self._opener, self._store, self._store, self._scope, self._guard,
            self._manager, self._runner, self._logged, self._base,
        ]  # fmt: skip
        while len(self._known) < count:
            self._known.append(self._random.choice(kinds)())
        return self._known

    def _name(self, kind: str) -> str:
        self._number += 1
        return f"{kind}_{self._number}"

    def _one_of(self, choices: Sequence[Lines]) -> Lines:
        return self._random.choice(choices)

    def _some_work(self) -> Lines:
        known = [lines for helper in self._known for lines in helper.uses]
        lines = ["work()"]
        for _ in range(self._random.randint(0, 2)):
            lines += self._one_of([*_WORKS, *known])
        return lines

    def _end(self, db: str = "db") -> Lines:
        known = [lines for helper in self._known for lines in helper.closes if db == "db"]
        return [line.format(db=db) for line in self._one_of([*_ENDS, *known])]

    # Functions that are given a session or connection

    def _task(self) -> Helper:
        """Only work with it, or keep it."""
        name = self._name("task")
        kept = self._one_of(_KEEPS) if self._random.random() < 0.3 else []
        body = [*self._some_work(), *kept]
        if self._random.random() < 0.3:
            body.append(self._random.choice(["return work()", "return 1", "return db.execute()"]))
        call = [f"{name}(db)"]
        work = _function(name, "db", body)
        return Helper(name, work, keeps=[call]) if kept else Helper(name, work, uses=[call])

    def _ender(self) -> Helper:
        """Close it, after work that may fail or whatever that does."""
        name = self._name("ender")
        work, end = self._some_work(), self._end()
        ways = [
            [*work, *end],
            ["try:", *_indented(work), "finally:", *_indented(end)],
            ["try:", *_indented(work), "except Exception:", *_indented(end), "    raise", *end],
            ["with closing(db):", *_indented(work)],
        ]
        body = self._one_of(ways)
        if self._random.random() < 0.3:
            flagged = ["if not keep:", *_indented(body), "else:", "    db.execute()"]
            source = _function(name, "db, keep=False", flagged)
            return Helper(
                name, source, uses=[[f"{name}(db, keep=True)"], [f"{name}(db, True)"]],
                closes=[[f"{name}(db)"], [f"{name}(db, keep=False)"]],
            )  # fmt: skip
        return Helper(name, _function(name, "db", body), closes=[[f"{name}(db)"]])

    def _safe(self) -> Helper:
        """Close it, with nothing that may fail."""
        name = self._name("safe")
        ways = [["db.close()"], ["if db is not None:", "    db.close()"], ["close_it(db)"]]
        known = [h.name for h in self._known if h.name.startswith("safe")]
        ways += [[f"{each}(db)"] for each in known]
        return Helper(name, _function(name, "db", self._one_of(ways)), closes=[[f"{name}(db)"]])

    def _giver(self) -> Helper:
        """Give it back, or something that holds it."""
        name = self._name("giver")
        given = self._random.choice(["db", "Holder(db)", "wrap_it(db)", "same_as(db)"])
        source = _function(name, "db", [*self._some_work(), f"return {given}"])
        keeps = [[f"x = {name}(db)", "x.close()"], [f"keeper.db = {name}(db)"], [f"{name}(db)"]]
        return Helper(name, source, keeps=keeps)

    # Functions that open

    def _opener(self) -> Helper:
        name = self._name("open")
        opened = f"db = {self._opening}"
        ways = [
            [f"return {self._opening}"],
            [opened, "work()", "return db"],
            [opened, "try:", "    work()", "except:", "    db.close()", "    raise", "return db"],
            [opened, "if choose():", "    return db", "work()", "return db"],
            [opened, "keeper.items.append(db)", "return db"],
            [f"return {self._opening} if choose() else {self._opening}"],
        ]
        ways += [[f"return {helper.opens}"] for helper in self._known if helper.opens]
        return Helper(name, _function(name, "", self._one_of(ways)), opens=f"{name}()")

    # Classes

    def _store(self) -> Helper:
        """An object that holds it."""
        name = self._name("Store")
        works = [["self.db.execute()"], ["use_it(self.db)"], ["work()", "self.db.execute()"]]
        end = self._end("self.db")
        finish = [
            ["self.work()", *end],
            ["try:", "    self.work()", "finally:", *_indented(end)],
            ["self.work()", "self.close()"],
        ]
        source = [
            f"class {name}:",
            *_indented(_function("__init__", "self, db", ["self.db = db"])),
            *_indented(_function("work", "self", self._one_of(works))),
            *_indented(_function("close", "self", ["self.db.close()"])),
            *_indented(_function("finish", "self", self._one_of(finish))),
        ]
        store = name.lower()
        made = [f"{store} = {name}(db)"]
        return Helper(
            name,
            source,
            uses=[[f"{name}(db).work()"], [*made, f"{store}.work()"]],
            closes=[
                [f"{name}(db).finish()"],
                [*made, f"{store}.close()"],
                [*made, f"{store}.finish()"],
            ],
            keeps=[[*made, f"keeper.items.append({store})"]],
        )

    def _base(self) -> Helper:
        """A class with a subclass that does as it does, or the only thing."""
        name = self._name("Base")
        first = self._random.choice([["raise NotImplementedError"], ["db.execute()"]])
        ends = self._random.random() < 0.5 and first[0].startswith("raise")
        body = self._one_of([["db.execute()", "db.close()"], ["db.close()"]]) if ends else [
            "use_it(db)"
        ]  # fmt: skip
        source = [
            f"class {name}:",
            *_indented(_function("run", "self, db", first)),
            f"class {name}Own({name}):",
            *_indented(_function("run", "self, db", body)),
            *_function(f"task_{name.lower()}", f"it: {name}, db", ["work()", "it.run(db)"]),
        ]
        call = [[f"task_{name.lower()}({name}Own(), db)"]]
        return Helper(name, source, closes=call) if ends else Helper(name, source, uses=call)

    # Context managers

    def _scope(self) -> Helper:
        """A generator that opens it and closes it."""
        name = self._name("scope")
        end = self._end()
        ways = [
            ["try:", "    yield db", "finally:", *_indented(end)],
            ["yield db", *end],
            ["with closing(db):", "    yield db"],
            ["try:", "    yield db", "    work()", "finally:", *_indented(end)],
            ["try:", "    yield db", "except:", *_indented(end), "    raise", *end],
        ]
        body = [f"db = {self._opening}", *self._one_of(ways)]
        source = ["@contextmanager", *_function(name, "", body)]
        return Helper(name, source, gives=[f"with {name}() as db:"])

    def _guard(self) -> Helper:
        """A generator that closes what it is given."""
        name = self._name("guard")
        body = [
            "try:",
            f"    yield {self._random.choice(['db', '1'])}",
            "finally:",
            "    db.close()",
        ]
        source = ["@contextmanager", *_function(name, "db", body)]
        return Helper(name, source, enters=[f"with {name}(db):"])

    def _manager(self) -> Helper:
        """A class whose block opens and closes it."""
        name = self._name("Manager")
        source = [
            f"class {name}:",
            *_indented(
                _function("__enter__", "self", [f"self.db = {self._opening}", "return self.db"])
            ),
            *_indented(_function("__exit__", "self, *error", ["self.db.close()"])),
        ]
        return Helper(name, source, gives=[f"with {name}() as db:"])

    # Callbacks and decorators

    def _runner(self) -> Helper:
        """Run what it is given with it."""
        name = self._name("runner")
        ways = [["work()", "task(db)"], ["try:", "    work()", "finally:", "    task(db)"]]
        source = _function(name, "task, db", self._one_of(ways))
        ends = ["close_it", "lambda each: each.close()"]
        ends += [h.name for h in self._known if h.name.startswith(("safe", "ender"))]
        works = ["use_it", "lambda each: each.execute()"]
        works += [h.name for h in self._known if h.name.startswith("task") and h.uses]
        end, work = self._random.choice(ends), self._random.choice(works)
        return Helper(name, source, uses=[[f"{name}({work}, db)"]], closes=[[f"{name}({end}, db)"]])

    def _logged(self) -> Helper:
        """A function under a decorator that calls it, or that closes as well."""
        name = self._name("task")
        closes = self._random.random() < 0.5
        inner = [
            ["try:", "    return function(db, *more)", "finally:", "    db.close()"],
            ["x = function(db, *more)", "db.close()", "return x"],
        ]
        plain = [["work()", "return function(*more)"], ["return function(*more)"]]
        parameters, wrapped = ("db, *more", inner) if closes else ("*more", plain)
        source = [
            f"def with_{name}(function):",
            "    @wraps(function)",
            *_indented(_function("wrapper", parameters, self._one_of(wrapped))),
            "    return wrapper",
            f"@with_{name}",
            *_function(name, "db", self._some_work()),
        ]
        call = [[f"{name}(db)"]]
        return Helper(name, source, closes=call) if closes else Helper(name, source, uses=call)


def written(helpers: Sequence[Helper], program: str, random: Random) -> str:
    """Write the whole program: some helpers in a module of their own, the others beside it.

    Args:
        helpers: the helpers, each of which may call those before it.
        program: the function ``program``.
        random: decides how many stand apart.
    """
    helpers = list(_used(helpers, program))
    apart = random.randint(0, len(helpers))
    names = list(_defined(helpers[:apart]))
    lines = [f"'{MODULES[0]}'"]
    for helper in helpers[:apart]:
        lines += helper.source
    lines.append(f"'{MODULES[1]}'")
    if names:
        lines.append(f"from helpers import {', '.join(names)}")
    for helper in helpers[apart:]:
        lines += helper.source
    return "\n".join([*lines, program])


def _used(helpers: Sequence[Helper], program: str) -> Iterator[Helper]:
    """Give the helpers that a program uses, by itself or in another."""
    texts, kept = [program], []
    for helper in reversed(helpers):
        names = list(_defined([helper]))
        if any(f"{name}(" in text or f"({name}," in text for text in texts for name in names):
            texts.append("\n".join(helper.source))
            kept.append(helper)
    return reversed(kept)


def _defined(helpers: Sequence[Helper]) -> Iterator[str]:
    for helper in helpers:
        for line in helper.source:
            if line.startswith(("def ", "class ")):
                yield line.split(" ", 1)[1].partition("(")[0].rstrip(":")


def _function(name: str, parameters: str, body: Lines) -> Lines:
    return [f"def {name}({parameters}):", *_indented(body)]


def _indented(lines: Lines) -> Lines:
    return [f"    {line}" for line in lines]
