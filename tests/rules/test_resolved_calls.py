"""Leaks found, and not, where what a call runs has to be found out first."""

from __future__ import annotations

from pathlib import Path

from tests.cases import HOUSE, assert_cases

CODES = {"DBS602", "DBS603"}
HEAD = """
import sqlite3
from abc import ABC, abstractmethod
from functools import partial, wraps

def close_it(conn):
    conn.close()

def use_it(conn):
    conn.execute("SELECT 1")
"""


def test_what_is_given_along_with_something(tmp_path: Path) -> None:
    code = """
def get_conn(path):
    conn = sqlite3.connect(path)
    return conn, conn.cursor()

def close_conn(conn, cur):
    cur.close()
    conn.close()

def tuple_ok(path):
    conn, cur = get_conn(path)
    try:
        cur.execute('SELECT 1')
    finally:
        close_conn(conn, cur)

def tuple_leak(path):
    conn, cur = get_conn(path)  # DBS602
    cur.execute('SELECT 1')
    return 1

def tuple_leak_some(path):
    conn, cur = get_conn(path)  # DBS603
    cur.execute('SELECT 1')
    close_conn(conn, cur)
"""
    assert_cases(tmp_path, {"app/work.py": HEAD + code}, CODES)


def test_what_is_awaited_along_with_something(tmp_path: Path) -> None:
    code = """
async def both(dsn):
    conn = await asyncpg.connect(dsn)
    return conn, 1

async def ok(dsn):
    conn, number = await both(dsn)
    try:
        await conn.fetch('SELECT 1')
    finally:
        await conn.close()

async def leaks(dsn):
    conn, number = await both(dsn)  # DBS602
    await conn.fetch('SELECT 1')
    return number

async def leaks_on_some_ways(dsn):
    conn, number = await both(dsn)  # DBS603
    await conn.fetch('SELECT 1')
    await conn.close()

async def hands_on(dsn):
    conn, number = await both(dsn)
    return conn
"""
    user = """
from app.database import both

async def leaks(dsn):
    conn, number = await both(dsn)  # DBS602
    await conn.fetch('SELECT 1')
    return number
"""
    files = {"app/database.py": "import asyncpg\n" + code, "app/user.py": user}
    assert_cases(tmp_path, files, CODES)


def test_decorators_of_the_project(tmp_path: Path) -> None:
    code = """
def with_conn(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        conn = sqlite3.connect('x')
        try:
            return function(conn, *args, **kwargs)
        finally:
            conn.close()
    return wrapper

@with_conn
def decorated(conn, n):
    conn.execute('SELECT 1')

def closing_decorator(function):
    @wraps(function)
    def wrapper(conn, *args):
        try:
            return function(conn, *args)
        finally:
            conn.close()
    return wrapper

@closing_decorator
def uses_then_decorator_closes(conn):
    conn.execute('SELECT 1')

def deco_ok(path):
    conn = sqlite3.connect(path)
    uses_then_decorator_closes(conn)

def logged(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        print('x')
        return function(*args, **kwargs)
    return wrapper

@logged
def uses_logged(conn):
    conn.execute('SELECT 1')

@logged
def closes_logged(conn):
    conn.close()

def deco_leak(path):
    conn = sqlite3.connect(path)  # DBS602
    uses_logged(conn)

def deco_close_ok(path):
    conn = sqlite3.connect(path)
    closes_logged(conn)

@logged
def open_logged(path):
    return sqlite3.connect(path)

def deco_open_leak(path):
    conn = open_logged(path)  # DBS602
    conn.execute('SELECT 1')
    print(1)
"""
    assert_cases(tmp_path, {"app/work.py": HEAD + code}, CODES)


def test_overrides_in_sight(tmp_path: Path) -> None:
    code = """
class Base:
    def work(self, conn):
        conn.execute('SELECT 1')

class Closing(Base):
    def work(self, conn):
        conn.close()

def override_silent(path, base: Base):
    conn = sqlite3.connect(path)
    base.work(conn)

class Base2(ABC):
    @abstractmethod
    def work(self, conn): ...

class Uses2(Base2):
    def work(self, conn):
        conn.execute('SELECT 1')

def override_leak(path, base: Base2):
    conn = sqlite3.connect(path)  # DBS602
    base.work(conn)
"""
    assert_cases(tmp_path, {"app/work.py": HEAD + code}, CODES)


def test_overrides_in_other_modules(tmp_path: Path) -> None:
    code = """
class Using:
    def work(self, conn):
        conn.execute('SELECT 1')

class Final:
    def work(self, conn):
        conn.execute('SELECT 1')

class Abstract(ABC):
    @abstractmethod
    def work(self, conn): ...

def may_be_closed(path, using: Using):
    conn = sqlite3.connect(path)
    using.work(conn)

def leaks(path, final: Final):
    conn = sqlite3.connect(path)  # DBS602
    final.work(conn)

def leaks_in_all_that_there_are(path, abstract: Abstract):
    conn = sqlite3.connect(path)  # DBS602
    abstract.work(conn)
"""
    other = """
from app.work import Abstract, Using

class Between(Using): ...

class Concrete(Abstract):
    def work(self, conn):
        conn.execute('SELECT 2')
"""
    third = """
from app import other

class Closing(other.Between):
    def work(self, conn):
        conn.close()
"""
    double = """
from app.work import Final

class Closing(Final):
    def work(self, conn):
        conn.close()
"""
    files = {"app/other.py": other, "app/third.py": third, "tests/test_work.py": double}
    assert_cases(tmp_path, {"app/work.py": HEAD + code, **files}, CODES)


def test_callbacks(tmp_path: Path) -> None:
    code = """
def run_with(callback, conn):
    callback(conn)

def callback_ok(path):
    conn = sqlite3.connect(path)
    run_with(close_it, conn)

def callback_leak(path):
    conn = sqlite3.connect(path)  # DBS602
    run_with(use_it, conn)

def callback_lambda(path):
    conn = sqlite3.connect(path)
    run_with(lambda c: c.close(), conn)
"""
    assert_cases(tmp_path, {"app/work.py": HEAD + code}, CODES)


def test_partials(tmp_path: Path) -> None:
    code = """
def partial_ok(path):
    conn = sqlite3.connect(path)
    end = partial(close_it, conn)
    end()

def partial_leak(path):
    conn = sqlite3.connect(path)  # DBS602
    use = partial(use_it, conn)
    use()

opener = partial(sqlite3.connect, 'x')

def partial_open():
    conn = opener()  # DBS602
    conn.execute('SELECT 1')
"""
    assert_cases(tmp_path, {"app/work.py": HEAD + code}, CODES)


def test_objects_made_on_the_spot(tmp_path: Path) -> None:
    code = """
class Service:
    def __init__(self, db):
        self.db = db

    def run(self):
        self.db.execute('SELECT 1')

    def end(self):
        self.db.close()

def service_leak(path):
    conn = sqlite3.connect(path)  # DBS602
    Service(conn).run()

def service_ok(path):
    conn = sqlite3.connect(path)
    try:
        conn.execute('SELECT 1')
    finally:
        Service(conn).end()

def service_nested_leak(path):
    Service(sqlite3.connect(path)).run()  # DBS602

def service_nested_ok(path):
    Service(sqlite3.connect(path)).end()
"""
    assert_cases(tmp_path, {"app/work.py": HEAD + code}, CODES)


def test_properties_that_open_anew(tmp_path: Path) -> None:
    code = """
        import threading
        from functools import cached_property

        from core.database import SessionLocal

        class Repo:
            @property
            def session(self):
                return SessionLocal()

            @cached_property
            def kept(self):
                return SessionLocal()

            def closes(self):
                db = self.session
                try:
                    db.query(1)
                finally:
                    db.close()  # DBS301

            def threads(self):
                for _ in range(3):
                    threading.Thread(target=work, args=(self.session,)).start()

            def threads_with_the_kept(self):
                for _ in range(3):
                    threading.Thread(target=work, args=(self.kept,)).start()  # DBS206

            def starts(self):
                for _ in range(3):
                    threading.Thread(target=self.run).start()

            def run(self):
                work(self.session)

            def given(self):
                return self.session

        def work(db):
            db.query(1)

        def leaks():
            db = Repo().given()  # DBS302
            db.query(1)
        """
    assert_cases(
        tmp_path, {**HOUSE, "repo.py": code}, {"DBS206", "DBS301", "DBS302", "DBS303", "DBS304"}
    )
