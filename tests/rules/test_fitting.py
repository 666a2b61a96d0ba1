"""The way out that a message names fits the place that it speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_dbsession.house.house import WRITE_ONE
from tests.cases import CHOSEN, lint, write_project

CORE = """
    from contextlib import contextmanager

    from sqlalchemy import create_engine
    from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker(create_engine(URL))
    AsyncSessionLocal = async_sessionmaker(create_async_engine(URL))

    @contextmanager
    def get_db_session():
        with SessionLocal() as db:
            yield db

    async def get_async_db():
        async with AsyncSessionLocal() as db:
            yield db
"""
HEADER = "import sqlite3\nfrom core import AsyncSessionLocal, SessionLocal, get_async_db\n"
BLOCK = "use `with get_db_session() as db:`"
GIVEN = "use `with nullcontext(db)"
OWN = "get_db_session()"
EACH = "use one for each piece of work, opened by `with get_db_session() as db:`"
PASSED = "use one that is passed in, opened by `with get_db_session() as db:`"


@pytest.mark.parametrize(
    ("text", "code", "way_out"),
    [
        ("def f():\n    db = SessionLocal()\n", "DBS101", f"; {BLOCK}"),
        (
            "def f(db=None):\n    db = db or SessionLocal()\n",
            "DBS101",
            f"{GIVEN} if db else {OWN} as db:`",
        ),
        (
            "def f(db=None):\n    if db is None:\n        db = SessionLocal()\n",
            "DBS101",
            f"{GIVEN} if db is not None else {OWN} as db:`",
        ),
        (
            "def f(db=None):\n    session = db or SessionLocal()\n",
            "DBS101",
            f"{GIVEN} if db else {OWN} as session:`",
        ),
        (
            "def f(db=None):\n    session = db if db is not None else SessionLocal()\n",
            "DBS101",
            f"{GIVEN} if db is not None else {OWN} as session:`",
        ),
        (
            "def f(db=None):\n    own = db is None\n    if own:\n        db = SessionLocal()\n",
            "DBS101",
            f"{GIVEN} if db is not None else {OWN} as db:`",
        ),
        (
            "def f(db=None):\n    session = db or SessionLocal()\n    own = db is None\n"
            "    try:\n        session.execute(1)\n    finally:\n        if own:\n"
            "            session.close()\n",
            "DBS101",
            f"{GIVEN} if db is not None else {OWN} as session:`",
        ),
        (
            "class A:\n    def f(self):\n        db = self.db or SessionLocal()\n",
            "DBS101",
            f"use `with nullcontext(self.db) if self.db else {OWN} as db:`",
        ),
        (
            "def f(context):\n    db = context.get(1)\n    if not db:\n"
            "        db = SessionLocal()\n    db.execute(1)\n",
            "DBS302",
            f"{GIVEN} if db else {OWN} as db:`",
        ),
        (
            "async def f(db=None):\n    db = db or AsyncSessionLocal()\n",
            "DBS101",
            "use `async with nullcontext(db) if db else AsyncSessionLocal() as db:`",
        ),
        (
            "def f(db=None):\n    db = db or AsyncSessionLocal()\n",
            "DBS101",
            "use `async with nullcontext(db) if db else AsyncSessionLocal() as db:` "
            "in an `async def`",
        ),
        (
            "def f(db=None):\n    with db or SessionLocal() as session:\n"
            "        session.execute(1)\n",
            "DBS102",
            f"{GIVEN} if db else {OWN} as session:`",
        ),
        (
            "def f(db=None):\n    session = db or SessionLocal(autoflush=False)\n",
            "DBS101",
            f"{GIVEN} if db else {OWN} as session:`, which does not take `autoflush=False`",
        ),
        (
            "def f(db=None):\n    if db is None:\n        log(1)\n        db = SessionLocal()\n",
            "DBS101",
            f"{BLOCK} where none was passed in",
        ),
        (
            "def f(given=None):\n    db = given\n    if db is None:\n        log(1)\n"
            "        db = SessionLocal()\n",
            "DBS101",
            f"{BLOCK} where none was passed in",
        ),
        (
            "class A:\n    def f(self):\n        count(self.db or SessionLocal())\n",
            "DBS101",
            f"{BLOCK} where none was passed in",
        ),
        (
            "def f(x):\n    db = None\n    for y in x:\n        if db is None:\n"
            "            db = SessionLocal()\n        db.execute(y)\n",
            "DBS101",
            f"{BLOCK} around the work",
        ),
        (
            "class A:\n    def f(self):\n        db = self.db or SessionLocal()\n"
            "        self.db = db\n",
            "DBS101",
            f"{BLOCK} where none was passed in",
        ),
        ("def f(x):\n    if x:\n        db = SessionLocal()\n", "DBS101", f"; {BLOCK}"),
        (
            "def f():\n    with SessionLocal(autoflush=False) as db:\n        db.execute(1)\n",
            "DBS102",
            f"{BLOCK}, which does not take `autoflush=False`",
        ),
        (
            "from functools import lru_cache\n@lru_cache\ndef f():\n    return SessionLocal()\n",
            "DBS205",
            "with `with get_db_session() as db:`",
        ),
        (
            "class A:\n    def __enter__(self):\n        self.db = SessionLocal()\n"
            "        return self\n    def __exit__(self, *e):\n        self.db.rollback()\n",
            "DBS204",
            PASSED,
        ),
        ("def f():\n    global db\n    db = SessionLocal()\n", "DBS101", EACH),
        (
            "def f():\n    global kept\n    db = SessionLocal()\n    kept = db\n    db = None\n",
            "DBS101",
            EACH,
        ),
        (
            "def f(x):\n    if x:\n        db = SessionLocal()\n    else:\n        db = x()\n"
            "    db.execute(x)\n",
            "DBS101",
            f"{BLOCK} around the work",
        ),
        (
            "def f(x):\n    if x:\n        db = SessionLocal()\n        db.close()\n"
            "    db = other()\n    db.execute(x)\n",
            "DBS101",
            f"; {BLOCK}",
        ),
        (
            "def f(c=None):\n    if c is None:\n        c = sqlite3.connect(x)\n    c.execute(x)\n",
            "DBS602",
            "; set `own = c is None` before it, and close it in a `finally` if `own`",
        ),
        (
            "def f(a):\n    try:\n        c = a.cursor()\n    except OSError:\n"
            "        c = sqlite3.connect(x).cursor()\n    c.execute(x)\n",
            "DBS602",
            "; close it in a `finally` where it was opened here",
        ),
        (
            "def f(x):\n    c = x.connection\n    while True:\n        try:\n"
            "            c.execute(x)\n        except OSError:\n"
            "            c = sqlite3.connect(x)\n",
            "DBS602",
            "; close it before the next one is opened, and in a `finally` around the loop",
        ),
        (
            "def f(db, x):\n    for y in x:\n        db.execute(y)\n"
            "        if db.is_old:\n            other, db = db, SessionLocal()\n",
            "DBS101",
            f"; {BLOCK}",
        ),
        (
            "def f(x):\n    c = None\n    for y in x:\n        if c is None:\n"
            "            c = sqlite3.connect(x)\n        c.execute(y)\n",
            "DBS602",
            "; close it in a `finally` where it was opened here",
        ),
        (
            "class A:\n    def __init__(self, db=None):\n        self.db = db or SessionLocal()\n",
            "DBS204",
            f"close it in a method, or {PASSED}",
        ),
        (
            "class A:\n    def __init__(self):\n        self.b = B(SessionLocal())\n",
            "DBS101",
            f"; {PASSED}",
        ),
        ("def f():\n    return B(SessionLocal())\n", "DBS101", f"; {PASSED}"),
        (
            "def f():\n    db = SessionLocal()\n    return Service(B(db), other=1)\n",
            "DBS101",
            f"; {PASSED}",
        ),
        ("def f():\n    return count(SessionLocal())\n", "DBS101", f"; {BLOCK}"),
        ("def f():\n    B(SessionLocal()).run()\n", "DBS101", f"; {BLOCK}"),
        (
            "def f():\n    db = next(get_async_db())\n",
            "DBS105",
            "use `async with AsyncSessionLocal() as db:` in an `async def`",
        ),
        (
            "def f(path):\n    c = sqlite3.connect(path)\n    c.execute(PRAGMA)\n    return c\n",
            "DBS603",
            "when line 5 raises, and keeps the connection open; close it on that path too",
        ),
        (
            "def f(x):\n    c = sqlite3.connect(x)\n    try:\n        c.execute(x)\n"
            "    except OSError:\n        c.close()\n        c = sqlite3.connect(x)\n    try:\n"
            "        c.execute(x)\n    finally:\n        c.close()\n",
            "DBS603",
            "when line 6 raises, and keeps the connection open; close it on that path too",
        ),
        (
            "def f(x):\n    db = SessionLocal()\n    db.execute(x)\n    return db\n",
            "DBS303",
            "when line 5 raises, and keeps its connection; close it on that path too",
        ),
    ],
)
def test_the_way_out_fits(tmp_path: Path, text: str, code: str, way_out: str) -> None:
    write_project(tmp_path, {**CHOSEN, "core.py": CORE, "service.py": HEADER + text})
    (message,) = [m for *_, found, m in lint(tmp_path, "service.py") if found == code]
    assert message.endswith(way_out)


@pytest.mark.parametrize(
    "body", ["return SessionLocal()", "db = SessionLocal()\n    db.info['a'] = 1\n    return db"]
)
def test_what_is_returned_is_opened_by_the_callers(tmp_path: Path, body: str) -> None:
    """A block in the function would end before they have it."""
    policy = 'owners = ["core.py"]\n'
    text = f"{HEADER}def f():\n    {body}\n"
    write_project(tmp_path, {"core.py": CORE, "dbsession.toml": policy, "old.py": text})
    (message,) = [m for *_, found, m in lint(tmp_path, "old.py") if found == "DBS101"]
    assert message.endswith(f"; {BLOCK} in its callers")


def test_a_session_in_an_object_that_is_kept(tmp_path: Path) -> None:
    text = """
        from db import url
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        class Checker:
            def __init__(self, session):
                self.session = session

        class Dashboard:
            def initialize(self):
                self.factory = sessionmaker(bind=create_engine(url()))
                session = self.factory()
                self.checker = Checker(session)
    """
    write_project(tmp_path, {**CHOSEN, "db.py": DATABASE, "app.py": text})
    (message,) = (m for *_, code, m in lint(tmp_path, "app.py") if code == "DBS103")
    assert message.endswith("; make it once for the process, and use one that is passed in")


@pytest.mark.parametrize(
    ("body", "way_out"),
    [
        ("kept[1] = Service(db)", PASSED),
        ("kept.append(Service(db))", PASSED),
        ("service = Service(db)\n    service.start()\n    return service", PASSED),
        ("return {'a': Service(db)}", PASSED),
        ("global shared\n    shared = Service(db)\n    shared.start()", EACH),
        ("global shared\n    service = Service(db)\n    shared = service", EACH),
        ("global shared\n    service = Service(SessionLocal())\n    shared = service", EACH),
        ("global shared\n    shared = Service(SessionLocal())", EACH),
        (
            "global shared\n    try:\n        shared = Service(db)\n"
            "    except Exception:\n        db.close()\n        raise",
            EACH,
        ),
        ("service = Service(db)\n    service.start()\n    db.close()", BLOCK),
        ("global shared\n    shared = Service(db).count()\n    db.close()", BLOCK),
        ("kept.append(Service(db).name)\n    db.close()", BLOCK),
        ("stack.callback(db.close)\n    db.add(1)", BLOCK),
    ],
)
def test_an_object_that_outlives_the_function_needs_more_than_a_block(
    tmp_path: Path, body: str, way_out: str
) -> None:
    opened = "" if "SessionLocal()" in body else "db = SessionLocal()\n    "
    text = f"{HEADER}kept = []\n\ndef f(stack):\n    {opened}{body}\n"
    write_project(tmp_path, {**CHOSEN, "core.py": CORE, "service.py": text})
    (message,) = [m for *_, found, m in lint(tmp_path, "service.py") if found == "DBS101"]
    assert message.endswith(f"; {way_out}")


@pytest.mark.parametrize(
    ("text", "code", "way_out"),
    [
        (
            "class A:\n    def __init__(self):\n        Local = sessionmaker(ENGINE)\n"
            "        self.db = Local()\n",
            "DBS204",
            "; close it in a method, or use one that is passed in",
        ),
        (
            "class A:\n    def __init__(self, engine):\n        self.db = Session(engine)\n",
            "DBS204",
            "; close it in a method, or use one that is passed in",
        ),
        (
            "class A:\n    def __init__(self):\n        from core import SessionLocal as Local\n"
            "        self.db = Local()\n",
            "DBS204",
            "; close it in a method, or use one that is passed in, opened by `with Local() as db:`",
        ),
        (
            "def f():\n    Local = sessionmaker(ENGINE)\n    global db\n    db = Local()\n",
            "DBS205",
            "; open one for each piece of work",
        ),
        (
            "class A:\n    def __init__(self):\n        self.make = sessionmaker(ENGINE)\n"
            "    def f(self):\n        return self.make()\n",
            "DBS101",
            f"; use {WRITE_ONE}",
        ),
    ],
)
def test_others_are_told_nothing_that_they_cannot_name(
    tmp_path: Path, text: str, code: str, way_out: str
) -> None:
    core = """
        from sqlalchemy import create_engine
        from sqlalchemy.orm import sessionmaker

        ENGINE = create_engine("sqlite:///x.db")
        SessionLocal = sessionmaker(ENGINE)
    """
    head = "from sqlalchemy.orm import Session, sessionmaker\nfrom core import ENGINE\n"
    policy = 'owners = ["core.py"]\n'
    write_project(tmp_path, {"core.py": core, "dbsession.toml": policy, "service.py": head + text})
    (message,) = [m for *_, found, m in lint(tmp_path, "service.py") if found == code]
    assert message.endswith(way_out)


DATABASE = """
    from sqlalchemy import create_engine
    from sqlalchemy.orm import sessionmaker

    SessionLocal = sessionmaker(create_engine("sqlite:///x.db"))

    def url():
        return "sqlite:///x.db"
"""


def test_a_registry_that_is_named_as_a_factory_is(tmp_path: Path) -> None:
    text = """
        from core import SessionLocal
        from sqlalchemy.orm import scoped_session

        def work():
            Session = scoped_session(SessionLocal)
            Session.execute(1)
    """
    write_project(tmp_path, {"core.py": CORE, "app.py": text})
    (message,) = [m for *_, code, m in lint(tmp_path, "app.py") if code == "DBS302"]
    assert message.endswith("use `with SessionLocal() as db:`")
