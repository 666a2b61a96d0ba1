"""Generates programs for the oracle from the grammar of the constructs that steer control."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import TypeAlias, TypeVar

from hypothesis import strategies as st

from tests.oracle.helpers import Helper, HelperWriter, written

Lines: TypeAlias = list[str]
_Choice = TypeVar("_Choice")

_HANDLED = ["ValueError", "KeyError", "LookupError", "Exception", "(ValueError, KeyError)", ""]
_HANDLED_IN_GROUPS = ["ValueError", "KeyError", "Exception"]
_CLOSES = [
    ["db.close()"],
    ["close_it(db)"],
    ["close_unless(db)"],
    ["close_unless(db, keep=None)"],
    ["close_through(db)"],
    ["if db:", "    db.close()"],
    ["if db is not None:", "    db.close()"],
    ["db and db.close()"],
    ["db is None or db.close()"],
    ["db.close() if db else None"],
    ["if not db:", "    work()", "else:", "    db.close()"],
    ["match db:", "    case None:", "        work()", "    case same:", "        same.close()"],
    ["if db:", "    with suppress(Exception):", "        db.close()"],
]
_USES = [
    ["db.execute()"],
    ["use(db)"],
    ["use_it(db)"],
    ["close_unless(db, keep=True)", "db.execute()"],
    ["x = same_as(db)", "x.execute()"],
    ["Holder(db).work()"],
    ["same = db", "same.execute()"],
    ["if (same := db):", "    same.execute()"],
]
_OTHERS = [
    ["work()"],
    ["x = work()"],
    ["logger.info('working')"],
    ["x = work() if choose() else None"],
    ["x = choose() and work()"],
    ["x = [work() for _ in turns()]"],
    ["x = {work() for _ in turns() for _ in turns()}"],
    ["x = {n: work() for n in turns() if choose()}"],
    ["x = list(work() for _ in turns())"],
    ["x = (work() for _ in turns())"],
    ["x = [db for db in turns() if work()]"],
    ["x = len([1])"],
    ["x = table[choose()]"],
    ["x, y = pair()"],
    ["if (x := work()):", "    work()"],
    ["assert choose(2) == 0"],
    ["assert choose(2) == 0, work()"],
]
_HAND_ONS = [
    ["keeper.db = db"],
    ["x = keeper.db = db"],
    ["shared = db"],
    ["keeper.items.append(db)"],
    ["keeper.items += [db]"],
    ["keeper.addCleanup(db.close)"],
    ["keeper.addfinalizer(db.close)"],
    ["atexit.register(db.close)"],
    ["weakref.finalize(keeper, db.close)"],
    ["keeper.stack.enter_context(db)"],
    ["keeper.stack.callback(db.close)"],
    ["keeper.stack.push(db)"],
    ["keeper.later = partial(use, db)"],
    ["keeper.db = Holder(db)"],
    ["keeper.db = wrap_it(db)"],
    ["keep_it(db)"],
    ["keeper.db = db if choose() else None"],
    ["keeper.all = [db for _ in turns()]"],
    ["box = [db]", "keeper.items.append(box)"],
    ["box = {}", "box['db'] = db", "keeper.box = box"],
]
_KEPT_HERE = [
    ["holder = Holder(db)", "holder.work()"],
    ["holder = Holder(db)", "holder.close()"],
    ["holder = Holder(db)", "holder.finish()"],
    ["Holder(db).finish()"],
    ["use_then_close(db)"],
    ["close_after(db)"],
    ["close_in_turns(db, 2)"],
    ["x = same_as(db)", "x.close()"],
    ["holder = Holder(db)", "keeper.items.append(holder)"],
    ["holder = wrap_it(db)", "holder.close()"],
    ["box = [db]"],
    ["box = []", "box.append(db)"],
    [
        "box = [db, {open}]",
        "try:",
        "    use(db)",
        "finally:",
        "    for each in box:",
        "        each.close()",
    ],
    ["box = list([db])", "keeper.box = box"],
    ["same = db", "same.close()"],
    ["other, x = db, work()", "other.close()"],
    ["other, *x = db, 1", "other.close()"],
    ["end = db.close", "end()"],
    ["later = partial(use, db)", "later()"],
    ["x = (db.execute() for _ in turns())"],
    ["pile = ExitStack()", "pile.callback(db.close)", "work()", "pile.close()"],
    ["pile = ExitStack()", "pile.enter_context(closing(db))"],
    ["pile = ExitStack()", "pile.callback(db.close)", "with pile:", "    work()"],
    ["pile = ExitStack()", "pile.push(closing(db))", "keeper.pile = pile.pop_all()"],
]
_CLOSURES = [
    ["def close_later():", "    db.close()", "close_later()"],
    ["def close_later():", "    nonlocal db", "    db.close()", "close_later()"],
    ["def close_given(given):", "    given.close()", "close_given(db)"],
    ["def close_other(db):", "    db.close()", "keeper.later = close_other"],
    ["def close_default(given=db):", "    given.close()", "close_default()"],
    ["def use_default(given=db):", "    given.execute()", "keeper.later = use_default"],
    ["def close_block():", "    with closing(db):", "        pass", "close_block()"],
    ["def close_if_any():", "    if db is not None:", "        db.close()", "close_if_any()"],
    ["def make():", "    return {open}", "keeper.db = make()"],
    ["def use_later():", "    db.execute()", "use_later()"],
    ["def use_later():", "    db.execute()", "keeper.later = use_later"],
    ["def rows_of():", "    yield db.execute()", "keeper.rows = rows_of()"],
    ["@keeper.addCleanup", "def at_end():", "    db.close()"],
    ["class Local:", "    kept = db", "keeper.kept = Local"],
    ["class Local:", "    kept = db"],
    ["close_now = lambda: db.close()", "close_now()"],
    ["keeper.later = lambda: db.execute()"],
    ["keeper.later = (db.execute() for _ in turns())"],
    ["keeper.later = lambda db: db.execute()"],
    ["keeper.later = lambda given=db: given.execute()"],
    ["keeper.addCleanup(lambda: db.close())"],
]
_REOPENS = [
    ["db = {open}"],
    ["same = db = {open}"],
    ["x: object = {open}"],
    ["other, db = db, {open}"],
    ["use({open}, work())"],
    ["{open}.execute()"],
    ["{open}.close()"],
    ["keeper.items.append({open})"],
    ["x = [{open} for _ in turns()]"],
    ["keeper.all = [{open} for _ in turns()]"],
    ["keeper.all = {n: {open} for n in turns()}"],
    ["keeper.all = list({open} for _ in turns())"],
    ["x = Holder({open})"],
    ["x = {'db': {open}}"],
    ["db = {open} if choose() else db"],
    ["if (x := {open}):", "    x.execute()"],
    ["while choose() and (x := {open}):", "    x.close()"],
    ["with closing({open}) as x, suppress(ValueError):", "    x.execute()"],
]
_RETURNED_LATER = "return (db.execute() for _ in turns())"
_RETURNS = [
    "return",
    "return 1",
    "return work()",
    "return db",
    "return [db]",
    "return (db, work())",
    "return Holder(db)",
    "return wrap_it(db)",
    "return db.execute()",
    "return db or None",
    "return db if choose() else None",
    "return {'db': db}",
    "return partial(use, db)",
    _RETURNED_LATER,
]
_RAISES = [
    "raise ValueError",
    "raise KeyError('x')",
    "raise RuntimeError",
    "raise ValueError from None",
    "sys.exit()",
    "raise SystemExit",
    "bail()",
    "leave()",
]
_BINDS_DB = re.compile(r"\bdb = |\bas db\b|\bfor db in\b")
_NOT_AWAITED = re.compile(
    r"each|ExitStack|Holder|in_turns|def |lambda|wrap_it|closing|stack|for _ in turns"
)
_AWAITED = re.compile(
    r"\b\w+(?:\(\))?\.(?:close|execute)\(\)|\b(?:pause|\w+_slowly)\(db[^)]*\)|^end\(\)"
)
_SLOWLY = {
    "close_it(": "close_slowly(",
    "use(db": "pause(db",
    **{
        f"{name}(": f"{name}_slowly("
        for name in ("use_it", "use_then_close", "close_after", "close_through", "close_unless")
    },
}


@dataclass(frozen=True)
class _Place:
    """Where a statement stands.

    Attributes:
        depth: how many more blocks may be opened.
        in_loop: whether ``break`` and ``continue`` may stand here.
        in_handler: whether a bare ``raise`` may.
        errors: the names of what the handlers around it caught.
        may_leave: whether a jump may; not in a handler of ``except*``.
        is_sure: whether ``db`` is surely something that was opened.
    """

    depth: int
    in_loop: bool = False
    in_handler: bool = False
    errors: tuple[str, ...] = ()
    may_leave: bool = True
    is_sure: bool = True


class _Writer:
    """Writes one program.

    Args:
        random: decides everything.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers = count(1)
        self._open = self._one_of(["SessionLocal()", "connect()"])
        self._kind = self._one_of(["def", "def", "def", "generator", "async def"])
        self._is_awaited = self._kind == "async def" and self._chance(2)
        if self._is_awaited:
            self._open = "AsyncSessionLocal()"
        self._has_closures = self._chance(4) and not self._is_awaited
        self._helpers: list[Helper] = []
        if not self._is_awaited and not self._chance(12):
            number = self._upto(1, 4)
            self._helpers = HelperWriter(random, self._open).helpers(number)
        openers = [helper.opens for helper in self._helpers if helper.opens]
        if openers and self._chance(2):
            self._open = self._one_of(openers)

    def program(self) -> str:
        """Write the program with its helpers."""
        function = self._function()
        return written(self._helpers, function, self._random) if self._helpers else function

    def _function(self) -> str:
        skeletons = [self._bare, self._guarded, self._block, self._late, self._flagged]
        skeletons += [self._undone, self._guarded, self._stacked, self._checked, self._borrowed]
        if not self._has_closures:
            skeletons.append(self._repeated)
        if any(helper.gives for helper in self._helpers):
            skeletons += [self._scoped] * 2
        if any(helper.closes for helper in self._helpers):
            skeletons += [self._helped] * 20
        body = self._shared(self._one_of(skeletons)(_Place(depth=2)))
        if self._kind == "def" and self._chance(12):
            body = ["def inner():", *_indented(body), "keeper.given = inner()"]
        if self._kind == "generator":
            body.append("yield")
        header = "async def program():" if self._kind == "async def" else "def program():"
        return "\n".join([header, *_indented(body)]) + "\n"

    # Skeletons

    def _shared(self, body: Lines) -> Lines:
        return ["global shared", *body] if "shared = db" in "\n".join(body) else body

    def _bare(self, place: _Place) -> Lines:
        return [f"db = {self._open}", *self._body(place), *self._close(place)]

    def _guarded(self, place: _Place) -> Lines:
        return [
            f"db = {self._open}",
            *(self._body(replace(place, depth=0)) if self._chance(4) else []),
            "try:",
            *_indented(self._body(place)),
            *(self._handlers(place) if self._chance(2) else []),
            "finally:",
            *_indented(self._close(place)),
            *(self._body(replace(place, depth=1)) if self._chance(2) else []),
        ]

    def _block(self, place: _Place) -> Lines:
        if self._is_awaited:
            managers = ["{open} as db", "aclosing({open}) as db", "slow_block(), {open} as db"]
            header = f"async with {self._one_of(managers)}:"
        else:
            managers = ["closing({open}) as db", "block(), closing({open}) as db"]
            managers += ["closing({open}) as db, suppress(Exception)"]
            if self._open == "SessionLocal()":
                managers += ["{open} as db", "suppress(ValueError), {open} as db, block()"]
            header = f"with {self._one_of(managers)}:"
        lines = [header.replace("{open}", self._open), *_indented(self._body(place))]
        return [*lines, *(["work()"] if self._chance(2) else [])]

    def _scoped(self, place: _Place) -> Lines:
        """Work in the block of a helper, which opens."""
        headers = [header for helper in self._helpers for header in helper.gives]
        body = ["db.execute()", *self._body(replace(place, depth=1))]
        return [self._one_of(headers), *_indented(body)]

    def _helped(self, place: _Place) -> Lines:
        """Leave the close to a helper."""
        closes = self._one_of([lines for helper in self._helpers for lines in helper.closes])
        ways = [
            [*self._body(place), *closes],
            ["try:", *_indented(self._body(place)), "finally:", *_indented(closes)],
            [*self._simple(replace(place, may_leave=False)), *closes],
            closes,
        ]
        return [f"db = {self._open}", *self._one_of(ways)]

    def _stacked(self, place: _Place) -> Lines:
        """Open on an exit stack."""
        if self._is_awaited:
            opening = [f"db = await stack.enter_async_context({self._open})"]
            return [
                "async with AsyncExitStack() as stack:",
                *_indented(opening + self._body(place)),
            ]
        openings = [
            [f"db = stack.enter_context({self._open})"],
            [f"db = stack.enter_context(closing({self._open}))"],
            [f"db = {self._open}", "stack.callback(db.close)"],
            [f"db = {self._open}", "stack.push(closing(db))"],
        ]
        opening = self._one_of(openings)
        return ["with ExitStack() as stack:", *_indented(opening + self._body(place))]

    def _checked(self, place: _Place) -> Lines:
        """Leave where nothing was opened."""
        return [
            f"db = {self._open} if choose() else None",
            self._one_of(["if db is None:", "if not db:"]),
            f"    {self._one_of(['return', 'raise ValueError'])}",
            "try:",
            *_indented(self._body(place)),
            "finally:",
            *_indented(self._close(place)),
        ]

    def _borrowed(self, place: _Place) -> Lines:
        """Open only where nothing was given, and close only what was opened."""
        ways = [
            ["own = given is None", f"db = given or {self._open}"],
            ["own = not given", f"db = given if given else {self._open}"],
            ["db = given", "own = db is None", "if own:", f"    db = {self._open}"],
            [
                "db = given",
                "own = False",
                "if db is None:",
                f"    db = {self._open}",
                "    own = True",
            ],
        ]
        given = "spare_slowly()" if self._is_awaited else "spare()"
        return [
            f"given = {given}",
            *self._one_of(ways),
            "try:",
            *_indented(self._body(place)),
            "finally:",
            "    if own:",
            *_indented(_indented(self._close(place))),
        ]

    def _late(self, place: _Place) -> Lines:
        unsure = replace(place, is_sure=False)
        return [
            "db = None",
            "try:",
            f"    db = {self._open}",
            *_indented(self._body(place)),
            *(self._handlers(unsure) if self._chance(2) else []),
            "finally:",
            *_indented(self._close(unsure)),
        ]

    def _flagged(self, place: _Place) -> Lines:
        unsure = replace(place, is_sure=False)
        opening = [["db = None", "own = choose()"], ["db = None", "own = False"]]
        first = self._one_of(opening)
        test = "own" if "choose" in first[-1] else "choose()"
        return [
            *first,
            f"if {test}:",
            f"    db = {self._open}",
            "    own = True",
            "try:",
            *_indented(self._body(unsure)),
            "finally:",
            "    if own:",
            *_indented(_indented(self._adapted(self._one_of(_CLOSES)))),
        ]

    def _undone(self, place: _Place) -> Lines:
        return [
            f"db = {self._open}",
            "try:",
            *_indented(self._body(place)),
            f"except{self._one_of(['', ' Exception', ' ValueError'])}:",
            *_indented(self._close(place)),
            f"    {self._one_of(['raise', 'pass', 'raise'])}",
            *self._close(place),
        ]

    def _repeated(self, place: _Place) -> Lines:
        inside = replace(place, in_loop=True, depth=1)
        return [
            "for _ in turns():",
            *_indented(self._one_of([self._guarded, self._bare, self._undone])(inside)),
        ]

    # Statements

    def _body(self, place: _Place) -> Lines:
        return [line for _ in range(self._upto(1, 2)) for line in self._statement(place)]

    def _statement(self, place: _Place) -> Lines:
        if place.depth and self._chance(2):
            inner = replace(place, depth=place.depth - 1)
            compounds = [self._if, self._for, self._while, self._try, self._try, self._with]
            compounds += [self._match, self._endless]
            return self._one_of(compounds)(inner)
        return self._simple(place)

    def _simple(self, place: _Place) -> Lines:
        choice = self._upto(0, 19)
        if self._helpers and self._chance(2) and place.is_sure:
            return self._by_helper(place)
        if choice < 6:
            return self._about_db(place, _USES)
        if choice < 11:
            return self._pause() or self._one_of(_OTHERS)
        if choice == 11:
            return self._about_db(place, _HAND_ONS)
        if choice in (12, 13):
            return self._about_db(place, _KEPT_HERE)
        if choice == 14:
            return self._about_db(place, _CLOSES)
        if choice in (15, 16, 17) and place.is_sure:
            return self._about_db(place, _CLOSURES if self._has_closures else _REOPENS)
        return self._jump(place)

    def _by_helper(self, place: _Place) -> Lines:
        """Do something with the session or connection by a helper."""
        helper = self._one_of(self._helpers)
        ways = [*helper.uses, *helper.uses, *helper.closes, *helper.keeps]
        if helper.enters and place.depth:
            body = _indented(self._body(replace(place, depth=place.depth - 1)))
            return [self._one_of(helper.enters), *body]
        return list(self._one_of(ways)) if ways else self._one_of(_OTHERS)

    def _jump(self, place: _Place) -> Lines:
        jumps = list(_RAISES)
        if place.may_leave:
            jumps += ["return"] if self._kind == "generator" else self._returns(place)
            if place.in_loop:
                jumps += ["break", "continue"] * 3
        if place.in_handler:
            jumps += ["raise"] * 4
        for error in place.errors:
            jumps += [f"raise {error}", f"raise RuntimeError from {error}"] * 2
        return [self._one_of(jumps)]

    def _returns(self, place: _Place) -> Lines:
        returns = [each for each in _RETURNS if place.is_sure or "db" not in each]
        if self._is_awaited:
            returns = [each for each in returns if not _NOT_AWAITED.search(each)]
        returns = [_AWAITED.sub(r"await \g<0>", r) if self._is_awaited else r for r in returns]
        return [*returns, "return (lambda: db)"] if self._has_closures else returns

    def _pause(self) -> Lines:
        if self._kind == "def" or self._chance(2):
            return []
        if self._kind == "async def":
            return [self._one_of(["await pause()", "x = [y async for y in slow_turns()]"])]
        return [self._one_of(["yield", "yield db", "x = yield work()", "yield from rows()"])]

    def _about_db(self, place: _Place, choices: Sequence[Lines]) -> Lines:
        lines = self._adapted(self._one_of(choices))
        if place.is_sure:
            return lines
        tests = ["if db:", "if db is not None:", "if db and choose():", "if not db: pass\nelse:"]
        return [*self._one_of(tests).split("\n"), *_indented(lines)]

    def _close(self, place: _Place) -> Lines:
        closes = _CLOSES if place.is_sure else _CLOSES[1:]
        return self._adapted(self._one_of(closes)) if self._chance(5, of=6) else ["work()"]

    def _adapted(self, lines: Lines) -> Lines:
        """Fill in what opens; for an asynchronous session, await what it does."""
        lines = [line.replace("{open}", self._open) for line in lines]
        if not self._is_awaited:
            return lines
        if any(map(_NOT_AWAITED.search, lines)):
            return ["await db.execute()"]
        for name, slowly in _SLOWLY.items():
            lines = [line.replace(name, slowly) for line in lines]
        return [_AWAITED.sub(r"await \g<0>", line) for line in lines]

    def _if(self, place: _Place) -> Lines:
        lines = ["if choose():", *_indented(self._body(place))]
        if self._chance(3):
            lines += ["elif choose():", *_indented(self._body(place))]
        if self._chance(2):
            lines += ["else:", *_indented(self._body(place))]
        return lines

    def _for(self, place: _Place) -> Lines:
        inside = replace(place, in_loop=True)
        is_async = self._kind == "async def" and self._chance(2)
        header = self._one_of(["for _ in turns():", "for _ in rows():"])
        header = "async for _ in slow_turns():" if is_async else header
        lines = [header, *_indented(self._body(inside))]
        return [*lines, "else:", *_indented(self._body(place))] if self._chance(3) else lines

    def _while(self, place: _Place) -> Lines:
        inside = replace(place, in_loop=True)
        lines = ["while choose():", *_indented(self._body(inside))]
        return [*lines, "else:", *_indented(self._body(place))] if self._chance(3) else lines

    def _endless(self, place: _Place) -> Lines:
        stop = "break" if not place.may_leave else self._one_of(["break", "break", "return"])
        inside = replace(place, in_loop=True)
        return ["while True:", "    if tired():", f"        {stop}", *_indented(self._body(inside))]

    def _try(self, place: _Place) -> Lines:
        lines = ["try:", *_indented(self._body(place))]
        handled = self._chance(2, of=3)
        if handled:
            lines += self._handlers(place)
        if not handled or self._chance(3):
            last = self._body(place)
            if any(map(_BINDS_DB.search, last)):  # which a generator that was returned reads later
                lines = [line.replace(_RETURNED_LATER, "return db.execute()") for line in lines]
            lines += ["finally:", *_indented(last)]
        return lines

    def _handlers(self, place: _Place) -> Lines:
        if sys.version_info >= (3, 11) and self._chance(6):
            inside = replace(place, in_handler=True, may_leave=False, in_loop=False)
            lines: Lines = []
            for _ in range(self._upto(1, 2)):
                handled = self._one_of(_HANDLED_IN_GROUPS)
                lines += [f"except* {handled}:", *_indented(self._body(inside))]
            return lines
        lines = []
        for _ in range(self._upto(1, 2)):
            handled = self._one_of(_HANDLED)
            named = bool(handled) and self._chance(3)
            inside = replace(place, in_handler=True)
            clause = f"except {handled}".rstrip()
            if named:
                # The end of a handler unbinds its name.
                error = f"error_{next(self._numbers)}"
                inside = replace(inside, errors=(*place.errors, error))
                clause += f" as {error}"
            clause += ":"
            lines += [clause, *_indented(self._body(inside))]
            if not handled:
                break
        if self._chance(3):
            lines += ["else:", *_indented(self._body(place))]
        return lines

    def _with(self, place: _Place) -> Lines:
        managers = ["block()", "suppress(ValueError)", "suppress(Exception)", "block(), block()"]
        managers += ["suppress(ValueError, KeyError)", "block(), suppress(Exception)", "suppress()"]
        managers += ["suppress(ValueError), block()"]
        if place.is_sure and not self._is_awaited:
            managers += [
                "db",
                "closing(db)",
                "closing(db), block()",
                "closing(db), suppress(Exception)",
            ]
        if self._kind == "async def" and self._chance(2):
            managers = ["slow_block()", "slow_block(), slow_block()"]
            managers += ["db", "slow_block(), db"] if place.is_sure and self._is_awaited else []
            return [f"async with {self._one_of(managers)}:", *_indented(self._body(place))]
        return [f"with {self._one_of(managers)}:", *_indented(self._body(place))]

    def _match(self, place: _Place) -> Lines:
        lines = ["match choose(4):", "    case 0:", *_indented(_indented(self._body(place)))]
        guard = " if choose()" if self._chance(3) else ""
        second = self._one_of(["1", "1 | 2", "n"]) if guard else self._one_of(["1", "1 | 2"])
        lines += [f"    case {second}{guard}:", *_indented(_indented(self._body(place)))]
        if self._chance(2):
            lines += ["    case _:", *_indented(_indented(self._body(place)))]
        return lines

    # Drawing

    def _one_of(self, choices: Sequence[_Choice]) -> _Choice:
        return self._random.choice(choices)

    def _upto(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def _chance(self, one_in: int, of: int | None = None) -> bool:
        """Draw true one time in some, or some times of so many."""
        if of is None:
            return self._upto(1, one_in) == 1
        return self._upto(1, of) <= one_in


def programs() -> st.SearchStrategy[str]:
    """Draw the source of a program.

    Hypothesis draws what the random decisions start from, and not each of them: programs that
    mutate from each other are much the same, and a small one is found faster by `shrunk`.
    """
    return st.randoms(use_true_random=True).map(lambda random: _Writer(random).program())


def _indented(lines: Lines) -> Lines:
    return [f"    {line}" for line in lines]
