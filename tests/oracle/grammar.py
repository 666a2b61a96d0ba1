"""Generates programs for the oracle from the grammar of the constructs that steer control."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from hypothesis import strategies as st

Lines: TypeAlias = list[str]
_Choice = TypeVar("_Choice")

_HANDLED = ["ValueError", "KeyError", "LookupError", "Exception", "(ValueError, KeyError)", ""]
_HANDLED_IN_GROUPS = ["ValueError", "KeyError", "Exception"]
_CLOSES = [
    ["db.close()"],
    ["close_it(db)"],
    ["if db:", "    db.close()"],
    ["if db is not None:", "    db.close()"],
    ["db and db.close()"],
]
_USES = [["db.execute()"], ["use(db)"], ["same = db", "same.execute()"]]
_OTHERS = [
    ["work()"],
    ["x = work()"],
    ["logger.info('working')"],
    ["x = work() if choose() else None"],
    ["x = choose() and work()"],
    ["x = [work() for _ in turns()]"],
    ["x = {n: work() for n in turns() if choose()}"],
    ["x = len([1])"],
    ["if (x := work()):", "    work()"],
    ["assert choose(2) == 0"],
]
_HAND_ONS = [
    ["keeper.db = db"],
    ["keeper.items.append(db)"],
    ["keeper.addCleanup(db.close)"],
    ["keeper.stack.enter_context(db)"],
    ["keeper.db = Holder(db)"],
    ["keeper.db = db if choose() else None"],
    ["box = [db]", "keeper.items.append(box)"],
    ["box = {}", "box['db'] = db", "keeper.box = box"],
]
_KEPT_HERE = [
    ["holder = Holder(db)", "holder.work()"],
    ["holder = Holder(db)", "holder.close()"],
    ["holder = Holder(db)", "keeper.items.append(holder)"],
    ["box = [db]"],
    ["box = []", "box.append(db)"],
    ["same = db", "same.close()"],
    ["other, x = db, work()", "other.close()"],
]
_CLOSURES = [
    ["def close_later():", "    db.close()", "close_later()"],
    ["def use_later():", "    db.execute()", "use_later()"],
    ["def use_later():", "    db.execute()", "keeper.later = use_later"],
    ["keeper.later = lambda: db.execute()"],
    ["keeper.addCleanup(lambda: db.close())"],
]
_REOPENS = [
    ["db = {open}"],
    ["other, db = db, {open}"],
    ["use({open}, work())"],
    ["{open}.execute()"],
    ["{open}.close()"],
    ["keeper.items.append({open})"],
    ["x = [{open} for _ in turns()]"],
    ["x = Holder({open})"],
    ["db = {open} if choose() else db"],
]
_RETURNS = [
    "return",
    "return 1",
    "return work()",
    "return db",
    "return [db]",
    "return Holder(db)",
    "return db.execute()",
    "return db if choose() else None",
    "return {'db': db}",
]
_RAISES = ["raise ValueError", "raise KeyError('x')", "raise RuntimeError", "sys.exit()"]


@dataclass(frozen=True)
class _Place:
    """Where a statement stands.

    Attributes:
        depth: how many more blocks may be opened.
        in_loop: whether ``break`` and ``continue`` may stand here.
        in_handler: whether a bare ``raise`` may.
        may_leave: whether a jump may; not in a handler of ``except*``.
        is_sure: whether ``db`` is surely something that was opened.
    """

    depth: int
    in_loop: bool = False
    in_handler: bool = False
    may_leave: bool = True
    is_sure: bool = True


class _Writer:
    """Writes one program.

    Args:
        draw: draws from a hypothesis strategy.
    """

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._open = self._one_of(["SessionLocal()", "connect()"])
        self._kind = self._one_of(["def", "def", "def", "generator", "async def"])
        self._has_closures = self._chance(4)

    def program(self) -> str:
        skeletons = [self._bare, self._guarded, self._block, self._late, self._flagged]
        skeletons += [self._undone, self._guarded]
        if not self._has_closures:
            skeletons.append(self._repeated)
        body = self._one_of(skeletons)(_Place(depth=2))
        if self._kind == "generator":
            body.append("yield")
        header = "async def program():" if self._kind == "async def" else "def program():"
        return "\n".join([header, *_indented(body)]) + "\n"

    # Skeletons

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
        manager = self._open
        if manager == "connect()" or self._chance(3):
            manager = f"closing({manager})"
        return [f"with {manager} as db:", *_indented(self._body(place))]

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
            *_indented(_indented(self._one_of(_CLOSES))),
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
        if choice < 6:
            return self._about_db(place, _USES)
        if choice < 12:
            return self._pause() or self._one_of(_OTHERS)
        if choice == 12:
            return self._about_db(place, _HAND_ONS)
        if choice == 13:
            return self._about_db(place, _KEPT_HERE)
        if choice == 14:
            return self._about_db(place, _CLOSES)
        if choice == 15 and place.is_sure:
            return self._about_db(place, _CLOSURES if self._has_closures else _REOPENS)
        if choice in (16, 17):
            return self._jump(place)
        return self._about_db(place, _USES)

    def _jump(self, place: _Place) -> Lines:
        jumps = list(_RAISES)
        if place.may_leave:
            jumps += ["return"] if self._kind == "generator" else self._returns(place)
            if place.in_loop:
                jumps += ["break", "continue"] * 3
        if place.in_handler:
            jumps += ["raise"] * 4
        return [self._one_of(jumps)]

    def _returns(self, place: _Place) -> Lines:
        returns = [each for each in _RETURNS if place.is_sure or "db" not in each]
        return [*returns, "return (lambda: db)"] if self._has_closures else returns

    def _pause(self) -> Lines:
        if self._kind == "def" or self._chance(2):
            return []
        if self._kind == "async def":
            return ["await pause()"]
        return [self._one_of(["yield", "yield db", "yield work()"])]

    def _about_db(self, place: _Place, choices: Sequence[Lines]) -> Lines:
        lines = [line.replace("{open}", self._open) for line in self._one_of(choices)]
        if place.is_sure:
            return lines
        return [self._one_of(["if db:", "if db is not None:"]), *_indented(lines)]

    def _close(self, place: _Place) -> Lines:
        closes = _CLOSES if place.is_sure else _CLOSES[1:]
        return self._one_of(closes) if self._chance(6, of=7) else ["work()"]

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
        header = "async for _ in slow_turns():" if is_async else "for _ in turns():"
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
            lines += ["finally:", *_indented(self._body(place))]
        return lines

    def _handlers(self, place: _Place) -> Lines:
        if sys.version_info >= (3, 11) and self._chance(6):
            inside = replace(place, in_handler=True, may_leave=False, in_loop=False)
            handled = self._one_of(_HANDLED_IN_GROUPS)
            return [f"except* {handled}:", *_indented(self._body(inside))]
        inside = replace(place, in_handler=True)
        lines: Lines = []
        for _ in range(self._upto(1, 2)):
            handled = self._one_of(_HANDLED)
            lines += [f"except {handled}".rstrip() + ":", *_indented(self._body(inside))]
            if not handled:
                break
        if self._chance(3):
            lines += ["else:", *_indented(self._body(place))]
        return lines

    def _with(self, place: _Place) -> Lines:
        managers = ["block()", "suppress(ValueError)", "suppress(Exception)", "block(), block()"]
        if place.is_sure:
            managers += ["db", "closing(db)", "closing(db), block()"]
        if self._kind == "async def" and self._chance(2):
            return ["async with slow_block():", *_indented(self._body(place))]
        return [f"with {self._one_of(managers)}:", *_indented(self._body(place))]

    def _match(self, place: _Place) -> Lines:
        lines = ["match choose(3):", "    case 0:", *_indented(_indented(self._body(place)))]
        guard = " if choose()" if self._chance(3) else ""
        lines += [f"    case 1{guard}:", *_indented(_indented(self._body(place)))]
        if self._chance(2):
            lines += ["    case _:", *_indented(_indented(self._body(place)))]
        return lines

    # Drawing

    def _one_of(self, choices: Sequence[_Choice]) -> _Choice:
        return choices[self._draw(st.integers(0, len(choices) - 1))]

    def _upto(self, least: int, most: int) -> int:
        return self._draw(st.integers(least, most))

    def _chance(self, one_in: int, of: int | None = None) -> bool:
        """Draw true one time in some, or some times of so many."""
        if of is None:
            return self._draw(st.integers(1, one_in)) == 1
        return self._draw(st.integers(1, of)) <= one_in


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Draw the source of a program."""
    return _Writer(draw).program()


def _indented(lines: Lines) -> Lines:
    return [f"    {line}" for line in lines]
