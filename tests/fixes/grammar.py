"""Generates functions such as houses write: a session opened by hand, and the work done in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import TypeAlias, TypeVar

Lines: TypeAlias = list[str]
_Choice = TypeVar("_Choice")

_IMPORTS = """\
from contextlib import suppress
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session
from sqlalchemy.orm import joinedload
from core.database import AsyncSessionLocal, SessionLocal, engine, get_async_db, get_db
from core.database import borrow, open_session
from core.models import Post, User
"""
_HELPERS = """

def notify(*given):
    probe()
    return len(given)


def to_dict(user):
    probe()
    return {"id": user.id, "name": user.name}


def rename(user):
    user.name = "renamed"
    probe()


def is_known(user):
    user.name = "known"
    probe()
    return True


def as_row(user):
    return [user.id, user.name]


def save(db, name):
    db.add(User(name=name))


def store(db, name):
    db.add(User(name=name))
    db.commit()


def note(db, name):
    try:
        store(db, name)
    except Exception:
        notify()


def count_of(db, name):
    probe()
    return db.query(User).filter(User.name == name).count()


def find(db, name):
    return db.query(User).filter(User.name == name).first()


def put(db, user):
    db.add(user)


class Holder:
    def __init__(self, user):
        self.user = user

    def name(self):
        return self.user.name


class Users:
    def __init__(self, session):
        self.session = session

    def one(self):
        return self.session.get(User, 1)

    def all(self):
        return list(self.session.query(User))

    def count(self):
        probe()
        return len(self.all())

    def make(self, name):
        user = User(name=name)
        self.session.add(user)
        return user

    def add(self, user):
        self.session.add(user)


class Desk:
    def __init__(self, db):
        self.db = db
        self.users = Users(db)

    @classmethod
    def of(cls, db):
        return cls(db)

    def first(self):
        return self.users.all()[0]

    def hire(self, name):
        return self.users.make(name)

    def size(self):
        return self.users.count()

    def store(self, name):
        self.users.make(name)
        self.db.commit()


class Late:
    def __init__(self, db):
        self.db = db
        self.users = None

    def prepare(self):
        self.users = Users(self.db)

    def hire(self, name):
        return self.users.make(name)


def hire_by(users, name):
    return users.make(name)


def size_of(users):
    return users.count()
"""
_NAMED = re.findall(r"^(?:def|class) (\w+)", _HELPERS, re.MULTILINE)
HELPERS = {"core/helpers.py": "from core.models import Post, User\n" + _HELPERS}
"""The functions that programs call, for those that import them."""

_ENTITIES = [
    "db.get(User, 1)",
    "db.get(User, 9)",
    "db.query(User).first()",
    "db.query(User).filter_by(name=name).one()",
    "db.query(User).filter(User.name == name).one_or_none()",
    "db.query(User).options(joinedload(User.posts)).first()",
    "db.scalars(select(User).where(User.name == name)).first()",
    "db.scalar(select(User).order_by(User.id))",
    "db.execute(select(User)).scalars().first()",
    "db.execute(select(User, Post.title).join(Post)).first()[0]",
    "db.query(Post).first().author",
    "db.merge(User(id=1, name=name))",
    "find(db, name)",
    "User(name=name)",
    "user or db.get(User, 2)",
    "Users(db).one()",
    "Users(db).make(name)",
    "Desk(db).first()",
    "Desk.of(db).users.one()",
]
_LISTS = [
    "db.query(User).all()",
    "db.query(User).order_by(User.name.desc()).limit(1).all()",
    "db.scalars(select(User)).all()",
    "db.execute(select(User)).scalars().all()",
    "list(db.query(User))",
    "[each for each in db.scalars(select(User))]",
    "[each for each, in db.execute(select(User))]",
    "{each.id: each for each in db.query(User)}",
    "db.get(User, 1).posts",
    "db.query(User, Post).join(Post).all()",
    "sorted(db.query(User).all(), key=lambda each: each.name)",
    "Users(db).all()",
    "[Users(db).one(), Desk(db).first()]",
]
_VALUES = [
    "db.query(User).count()",
    "db.query(User.name).first()",
    "db.query(User.id, User.name).all()",
    "db.query(func.max(User.id)).scalar()",
    "db.scalar(select(func.count(User.id)))",
    "db.scalars(select(User.name)).all()",
    "db.execute(select(User.id, User.name)).all()",
    "db.execute(text('SELECT name FROM users')).fetchall()",
    "[each.name for each in db.query(User)]",
    "{each.id: each.name for each in db.scalars(select(User))}",
    "len(db.query(User).all())",
    "db.query(User).filter(User.name == name).exists() is not None",
    "to_dict(db.get(User, 1))",
    "Users(db).count()",
    "len(Desk(db).users.all())",
    "Desk(db).size()",
    "size_of(Users(db))",
    "len(sorted(db.query(User), key=as_row))",
    "getattr(db.get(User, 1), 'name', None)",
    "db.query(User).filter(User.name == name).delete()",
    "db.query(User).update({'name': name})",
    "db.execute(update(User).where(User.id == 1).values(name=name)).rowcount",
]
_WRITES = [
    ["db.add(User(name=name))"],
    ["db.add(User(name=name))", "db.commit()"],
    ["db.add(User(name=name))", "db.flush()"],
    ["db.add(User(id=1, name=name))"],
    ["db.add_all([User(name=name), Post(title=name)])"],
    ["user = User(name=name)", "db.add(user)", "db.commit()", "db.refresh(user)"],
    ["user = User(name=name)", "db.add(user)", "db.flush()", "cache['id'] = user.id"],
    ["user.name = name"],
    ["user.name += 'x'", "db.commit()"],
    ["user.name, count = name, 2"],
    ["setattr(user, 'name', name)"],
    ["rename(user)"],
    ["count = is_known(user)"],
    ["users = sorted(users, key=is_known)"],
    ["users = list(map(as_row, users))"],
    ["users = [as_row(each) for each in users]"],
    ["posts = user.posts", "posts.append(Post(title=name))"],
    ["posts = user.posts", "del posts[0]"],
    ["for user.name in (name, 'x'):", "    notify()"],
    ["db.execute(text('WITH a AS (SELECT 1) DELETE FROM posts'))"],
    ["db.execute(text('WITH a AS (SELECT 1) SELECT max(id) FROM users'))"],
    ["store(db, name)"],
    ["note(db, name)"],
    ["count = count_of(db, name)"],
    ["rename(user)", "db.commit()"],
    ["save(db, name)"],
    ["save(db, name)", "db.commit()"],
    ["user.posts.append(Post(title=name))"],
    ["user.posts.clear()", "db.commit()"],
    ["db.delete(user)"],
    ["db.delete(user)", "db.commit()"],
    ["db.execute(delete(User).where(User.name == name))"],
    ["db.execute(text('DELETE FROM users'))", "db.commit()"],
    ["db.execute(update(User).values(name=name))", "db.commit()"],
    ["for each in users:", "    each.name = name"],
    ["for each in db.query(User):", "    db.delete(each)", "db.commit()"],
    ["with db.begin_nested():", "    db.add(User(name=name))"],
    ["with db.no_autoflush:", "    user = db.get(User, 2)"],
    ["statement = update(User).values(name=name)", "db.execute(statement)"],
    ["getattr(db, 'add')(User(name=name))"],
    ["user = User(name=name)", "put(db, user)", "db.commit()"],
    ["user = User(name=name)", "Users(db).add(user)", "db.commit()"],
    ["kept = Users(db)", "user = kept.make(name)", "db.commit()"],
    ["kept = Desk(db)", "kept.hire(name)"],
    ["Desk(db).store(name)"],
    ["hire_by(Users(db), name)"],
    ["kept = Users(db)", "hire_by(kept, name)", "db.commit()"],
    ["kept = [Users(db)]", "kept[0].make(name)"],
    ["make = Users(db).make", "make(name)"],
    ["kept = Late(db)", "kept.prepare()", "kept.hire(name)"],
    ["found = {}", "for each in db.query(User):", "    found.setdefault(1, []).append(each)"],
    ["found = {1: user.posts}", "found[1].append(Post(title=name))"],
    ["user = Desk.of(db).hire(name)", "db.commit()"],
    ["user = User(name=name)", "db.add(Post(title=name, author=user))", "db.commit()"],
    ["query = db.query(User)", "query = query.filter(User.id == 1)", "query.delete()"],
]
_ENDS = [["db.commit()"], ["db.commit()"], ["db.commit()"], ["db.rollback()"], ["db.flush()"]]
_ENDS += [["db.expunge_all()"], ["db.refresh(user)"], ["db.expunge(user)"], ["db.expire_all()"]]
_PLAIN = [
    ["notify(name)"],
    ["notify()"],
    ["count = notify(user)"],
    ["cache['count'] = count"],
    ["cache['user'] = user"],
    ["cache['name'] = user.name"],
    ["cache.setdefault('all', []).append(user)"],
    ["cache.update(user=user)"],
    ["self.name = name"],
    ["self.user = user"],
    ["self.users = users"],
    ["name = user.name"],
    ["other = user", "cache['other'] = other.name"],
    ["holder = Holder(user)"],
    ["count = len(users)"],
    ["str(name)", "repr(user)"],
    ["assert user is not None, name"],
    ["names = [each.name for each in users]"],
    ["found = (each.name for each in users)"],
    ["def later():", "    return user.name", "self.later = later"],
    ["first, *others = users"],
    ["pass"],
]
_RESULTS = [
    "",
    "True",
    "name",
    "user",
    "users",
    "count",
    "user.id",
    "user.name",
    "user.posts",
    "user and user.name",
    "user or None",
    "user is not None",
    "len(users)",
    "users[0]",
    "[each.name for each in users]",
    "[to_dict(each) for each in users]",
    "(each.name for each in users)",
    "{'user': user}",
    "{'name': user.name, 'count': count}",
    "(count, user)",
    "(count, user.name)",
    "to_dict(user)",
    "as_row(user)",
    "lambda: user.name",
    "Holder(user).name()",
    "Holder(user).name",
    "[user]",
    "dict(user=user)",
    "next(iter(users), None)",
    "f'{user.name}'",
    "user if name else None",
    "user.posts[0].title",
    "list(map(to_dict, users))",
    "map(to_dict, users)",
    "notify(name)",
]
_GIVING = [
    "",
    "",
    "def work(self, name, cache: dict):",
    "    if not name:",
    "        return inner(self, name, cache)",
    "    with SessionLocal() as given:",
    "        given.add(User(name='given'))",
    "        found = inner(self, name, cache, given)",
    "        cache['pending'] = len(given.new)",
    "        return found",
]
_TESTS = ["name", "not name", "user", "user is None", "not users", "notify(name)", "count"]
_HANDLED = ["Exception", "Exception", "ValueError", "(ValueError, LookupError)", "RuntimeError"]
_AWAITED = re.compile(
    r"\bdb\.(?:close|commit|rollback|flush|refresh|delete|get|merge|execute|scalars|scalar)"
    r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
)
# What an asynchronous session cannot do, or would be a coroutine's where it stands.
_NOT_ASYNC = re.compile(
    r"query|find\(|store\(|note\(|count_of|Users|Desk|Late|begin_nested|db\.no_|getattr|posts"
    r"|for each,? in await"
)


class _Writer:
    """Writes one function.

    Args:
        random: decides everything.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._is_async = self._chance(5)
        self._is_generator = self._chance(12)
        openings = ["SessionLocal()"] * 8 + ["open_session()", "borrow()"]
        self._open = "AsyncSessionLocal()" if self._is_async else self._one_of(openings)

    def program(self) -> str:
        """Write the module."""
        forms = [self._block, self._block, self._guarded, self._guarded, self._guarded]
        forms += [self._straight, self._straight, self._late, self._taken, self._gone_through]
        forms += [self._repeated, self._transaction, self._of_engine]
        is_shared = self._chance(12) and not self._is_async and not self._is_generator
        body = self._around(self._one_of(forms)()) if not is_shared else self._shared()
        start = [["user = users = count = None"], ["count = 0"], []]
        body = [*self._one_of(start), *body, *(self._late_result() if self._chance(2) else [])]
        if self._is_generator:
            body.append("yield name")
        head = "async def" if self._is_async else "def"
        lines = [f"{head} work(self, name, cache: dict):", *_indented(body)]
        if is_shared:
            lines = ["def inner(self, name, cache, given=None):", *_indented(body), *_GIVING]
        named = f"from core.helpers import {', '.join(_NAMED)}\n"
        helpers = named if self._chance(3) else _HELPERS
        return _IMPORTS + helpers + "\n\n" + "\n".join(lines) + "\n"

    # Forms

    def _block(self) -> Lines:
        return [f"{self._with} {self._open} as db:", *_indented(self._body())]

    def _transaction(self) -> Lines:
        opening = f"{'Async' if self._is_async else ''}SessionLocal.begin()"
        return [f"{self._with} {opening} as db:", *_indented(self._body())]

    def _of_engine(self) -> Lines:
        opening = self._open if self._is_async else "Session(engine)"
        return [f"{self._with} {opening} as db:", *_indented(self._body())]

    def _guarded(self) -> Lines:
        before = self._one_of(_PLAIN) if self._chance(4) else []
        handlers = self._handlers() if self._chance(2, of=3) else []
        orelse = ["else:", *_indented(self._body(depth=0))] if handlers and self._chance(5) else []
        close = self._one_of([["db.close()"], ["db.close()"], ["if db:", "    db.close()"]])
        after = self._one_of(_PLAIN) if self._chance(4) else []
        return [
            f"db = {self._open}",
            *before,
            "try:",
            *_indented(self._body()),
            *handlers,
            *orelse,
            "finally:",
            *_indented([*self._adapted(close), *(["notify()"] if self._chance(3) else [])]),
            *after,
        ]

    def _shared(self) -> Lines:
        """Write a session that is opened where none is given, and closed where it was opened."""
        choices = [
            ["own = given is None", f"db = given or {self._open}"],
            ["db = given", "own = not db", "if own:", f"    db = {self._open}"],
            [f"db = given if given is not None else {self._open}", "own = given is None"],
        ]
        handlers = self._handlers() if self._chance(2) else []
        body = ["try:", *_indented(self._body()), *handlers]
        return [*self._one_of(choices), *body, "finally:", "    if own:", "        db.close()"]

    def _straight(self) -> Lines:
        close = self._adapted(["db.close()"]) if self._chance(3, of=4) else []
        return [f"db = {self._open}", *self._body(), *close]

    def _late(self) -> Lines:
        return [
            "db = None",
            "try:",
            *_indented([f"db = {self._open}", *self._body()]),
            *(self._handlers() if self._chance(2) else []),
            "finally:",
            *_indented(["if db is not None:", *_indented(self._adapted(["db.close()"]))]),
        ]

    def _taken(self) -> Lines:
        if self._is_async:  # a loop ends a dropped generator at a time of its own
            return self._gone_through()
        body = self._one_of([self._body(), self._closing(self._body())])
        return [f"db = {self._one_of(['next(get_db())', 'get_db().__next__()'])}", *body]

    def _gone_through(self) -> Lines:
        header = "async for db in get_async_db():" if self._is_async else "for db in get_db():"
        return [header, *_indented(self._body())]

    def _repeated(self) -> Lines:
        first = self._one_of([self._block, self._guarded, self._straight])()
        return [*first, *self._one_of([self._block, self._guarded, self._straight])()]

    def _closing(self, body: Lines) -> Lines:
        return ["try:", *_indented(body), "finally:", "    db.close()"]

    @property
    def _with(self) -> str:
        return "async with" if self._is_async else "with"

    def _around(self, lines: Lines) -> Lines:
        """Put what works with a session into a loop, a test or a ``try``, or leave it as it is."""
        around: list[Lines] = [
            ["for each in (name, 'x'):"],
            ["if name:"],
            ["try:"],
            ["with suppress(ValueError):"],
            *([[]] * 6),
        ]
        header = self._one_of(around)
        if not header:
            return lines
        after = self._handlers(is_outside=True) if header == ["try:"] else []
        return [*header, *_indented(lines), *after]

    # Statements

    def _body(self, depth: int = 2) -> Lines:
        lines = self._loads() if self._chance(5, of=6) else []
        for _ in range(self._random.randint(0, 3)):
            lines += self._statement(depth)
        if self._chance(2, of=3):
            lines += self._adapted(["db.commit()"])
        if self._chance(2, of=5):
            lines += self._result()
        return lines or ["pass"]

    def _statement(self, depth: int) -> Lines:
        simple = [self._write, self._write, self._end, self._plain, self._plain, self._loads]
        nested = [self._if, self._for, self._try, self._while] if depth else []
        if self._chance(2, of=5) and nested:
            return self._one_of(nested)(depth - 1)
        return self._one_of(simple)()

    def _loads(self) -> Lines:
        line = self._one_of(
            [
                f"user = {self._one_of(_ENTITIES)}",
                f"users = {self._one_of(_LISTS)}",
                f"count = {self._one_of(_VALUES)}",
            ]
        )
        return self._adapted([line])

    def _write(self) -> Lines:
        return self._adapted(self._one_of(_WRITES))

    def _end(self) -> Lines:
        return self._adapted(self._one_of(_ENDS))

    def _plain(self) -> Lines:
        return list(self._one_of(_PLAIN))

    def _if(self, depth: int) -> Lines:
        lines = [f"if {self._one_of(_TESTS)}:", *_indented(self._small(depth))]
        return [*lines, "else:", *_indented(self._small(depth))] if self._chance(3) else lines

    def _for(self, depth: int) -> Lines:
        headers = ["for each in (name, 'x'):", "for user in users:"]
        headers += ["for user in db.scalars(select(User)).all():"]
        headers += [] if self._is_async else ["for user in db.query(User):"]
        jump = [["if not name:", f"    {self._one_of(['break', 'continue'])}"], []]
        body = [*self._one_of(jump), *self._small(depth)]
        return [*self._adapted([self._one_of(headers)]), *_indented(body)]

    def _while(self, depth: int) -> Lines:
        return ["while count:", *_indented([*self._small(depth), "count = 0"])]

    def _try(self, depth: int) -> Lines:
        handlers = self._handlers() if self._chance(3, of=4) else []
        final = [] if handlers and self._chance(2) else ["finally:", *_indented(self._plain())]
        return ["try:", *_indented(self._small(depth)), *handlers, *final]

    def _handlers(self, *, is_outside: bool = False) -> Lines:
        named = self._chance(3)
        header = f"except {self._one_of(_HANDLED)}{' as error' if named else ''}:"
        does = self._one_of([["notify()"], ["cache['failed'] = name"], [], []])
        rolls = self._adapted(["db.rollback()"]) if self._chance(2, of=3) and not is_outside else []
        if rolls and self._chance(4):
            rolls = ["try:", *_indented(rolls), "except Exception:", *_indented(["pass"])]
        ends = [["raise"], ["raise"], self._result(), [], ["raise ValueError(name)"]]
        ends += [["raise RuntimeError('x') from error"]] if named else []
        body = [*rolls, *does, *self._one_of(ends)]
        return [header, *_indented(body or ["pass"])]

    def _small(self, depth: int) -> Lines:
        lines = [part for _ in range(self._random.randint(1, 2)) for part in self._statement(depth)]
        return [*lines, *(self._result() if self._chance(6) else [])]

    def _result(self) -> Lines:
        if self._is_generator:
            return self._late_result()
        loaded = [*_ENTITIES, *_LISTS, *_VALUES] if self._chance(4) else _RESULTS
        if "db" in (result := self._one_of(loaded)):
            return self._adapted([f"return {result}"])
        return [f"return {result}".strip()]

    def _late_result(self) -> Lines:
        word = "yield" if self._is_generator else "return"
        return [f"{word} {self._one_of(_RESULTS)}".strip()]

    def _adapted(self, lines: Lines) -> Lines:
        """For an asynchronous session, await what it does."""
        if not self._is_async:
            return list(lines)
        if any(map(_NOT_ASYNC.search, lines)):
            return ["user = await db.get(User, 1)"]
        return [
            f"await {line}" if _AWAITED.fullmatch(line) else _AWAITED.sub(r"(await \g<0>)", line)
            for line in lines
        ]

    # Drawing

    def _one_of(self, choices: Sequence[_Choice]) -> _Choice:
        return self._random.choice(choices)

    def _chance(self, one_in: int, of: int | None = None) -> bool:
        """Draw true one time in some, or some times of so many."""
        if of is None:
            return self._random.randint(1, one_in) == 1
        return self._random.randint(1, of) <= one_in


def program(number: int) -> str:
    """Write a program.

    Args:
        number: what the random decisions start from; the same number gives the same program.
    """
    return _Writer(Random(number)).program()


def _indented(lines: Lines) -> Lines:
    return [f"    {line}" for line in lines]
