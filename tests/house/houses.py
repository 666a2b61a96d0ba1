"""Small houses of every shape, for what has to hold in each."""

from __future__ import annotations

FACTORY = """\
from contextlib import contextmanager

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

SessionLocal = sessionmaker(create_engine("postgresql://db/shop"))
"""
PROVIDER = """

@contextmanager
def get_db_session():
    with SessionLocal() as session:
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise
"""
DEPENDENCY = """

def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()
"""
SERVICE = """\
from core.database import SessionLocal

db = SessionLocal()


class Shop:
    def __init__(self):
        self.db = SessionLocal()

    def items(self):
        return self.db.execute("x").all()


def leaves_open():
    session = SessionLocal()
    return session.execute("x").scalar()


def closes_on_some(flag):
    session = SessionLocal()
    if flag:
        return None
    session.close()


def in_a_finally():
    session = SessionLocal()
    try:
        return session.execute("x").scalar()
    finally:
        session.close()


def dropped():
    return SessionLocal().execute("x").scalar()


def own_block():
    with SessionLocal() as session:
        return session.execute("x").scalar()
"""
ROUTES = """\
from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session

from core.database import SessionLocal, get_db

router = APIRouter()


@router.get("/a")
def a():
    db = SessionLocal()
    try:
        return db.execute("x").scalar()
    finally:
        db.close()


@router.get("/b")
def b(db: Session = Depends(get_db)):
    other = SessionLocal()
    try:
        return other.execute("x").scalar()
    finally:
        other.close()


@router.get("/c")
def c():
    with SessionLocal() as db:
        return db.execute("x").scalar()


def job():
    db = next(get_db())
    return db.execute("x").scalar()
"""
MANAGER = """\
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker


class DatabaseManager:
    def __init__(self, url):
        self.Session = sessionmaker(create_engine(url))

    def get_session(self):
        return self.Session()

    def close_session(self, session):
        session.close()


_manager = None


def get_db_manager():
    global _manager
    if _manager is None:
        _manager = DatabaseManager("sqlite:///shop.db")
    return _manager
"""
VIEWS = """\
from flask import Flask, current_app

from core.manager import DatabaseManager, get_db_manager

app = Flask(__name__)
app.db_manager = DatabaseManager("sqlite:///shop.db")


@app.get("/a")
def a():
    session = current_app.db_manager.get_session()
    try:
        return session.execute("x").scalar()
    finally:
        current_app.db_manager.close_session(session)


def b():
    session = get_db_manager().get_session()
    return session.execute("x").scalar()


def c(flag):
    manager = get_db_manager()
    session = manager.get_session()
    if flag:
        return None
    session.close()
"""
POOL = """\
import psycopg2
from psycopg2.pool import ThreadedConnectionPool

DSN = "dbname=shop"
_pool = ThreadedConnectionPool(1, 5, DSN)


def get_conn():
    return _pool.getconn()


def put_conn(conn):
    _pool.putconn(conn)
"""
POOL_PROVIDER = """

@contextmanager
def connection():
    conn = _pool.getconn()
    try:
        yield conn
        conn.commit()
    except BaseException:
        conn.rollback()
        raise
    finally:
        _pool.putconn(conn)
"""
BILLING = """\
import psycopg2

from core.pool import DSN, get_conn, put_conn


def never():
    conn = get_conn()
    return conn.cursor().fetchone()


def some(flag):
    conn = get_conn()
    if flag:
        return None
    put_conn(conn)


class Ledger:
    def __init__(self):
        self.conn = get_conn()


def by_hand():
    conn = psycopg2.connect(DSN)
    return conn.cursor().fetchone()


def in_a_block():
    with psycopg2.connect(DSN) as conn:
        conn.cursor().execute("INSERT INTO log VALUES (1)")
"""
SQLITE = """\
import sqlite3
from contextlib import closing


class Store:
    def __init__(self, path):
        self.path = path

    def _connect(self):
        return sqlite3.connect(self.path)

    def count(self):
        with closing(self._connect()) as conn:
            return conn.execute("SELECT 1").fetchone()

    def by_block(self):
        with closing(sqlite3.connect(self.path)) as conn:
            return conn.execute("SELECT 1").fetchone()

    def in_a_finally(self):
        conn = sqlite3.connect(self.path)
        try:
            return conn.execute("SELECT 1").fetchone()
        finally:
            conn.close()

    def never(self):
        conn = sqlite3.connect(self.path)
        return conn.execute("SELECT 1").fetchone()

    def transaction_only(self):
        with sqlite3.connect(self.path) as conn:
            conn.execute("INSERT INTO log VALUES (1)")
"""
SQLITE_PROVIDER = """
    @contextmanager
    def transaction(self):
        conn = sqlite3.connect(self.path)
        try:
            yield conn
            conn.commit()
        finally:
            conn.close()

    def add(self):
        with self.transaction() as conn:
            conn.execute("INSERT INTO log VALUES (1)")
"""
TESTS = """\
from core.database import SessionLocal


def test_items():
    session = SessionLocal()
    assert session.execute("x").scalar()
"""
LEGACY = """\
[legacy]
"*manager.get_session" = "core.database:get_db_session"
"""
PSYCOPG = """\
import psycopg

DSN = "postgresql://db/shop"


def count():
    conn = psycopg.connect(DSN)
    return conn.execute("SELECT 1").fetchone()


def add(row):
    conn = psycopg.connect(DSN)
    conn.execute("INSERT INTO log VALUES (%s)", row)
    conn.commit()
    conn.close()


def unclear(work):
    conn = psycopg.connect(DSN)
    conn.execute(work)
"""
PSYCOPG_PROVIDER = """\
from contextlib import contextmanager

import psycopg

DSN = "postgresql://db/shop"


@contextmanager
def transaction():
    with psycopg.connect(DSN) as conn:
        yield conn
"""
TWO_POSTGRES = """\
from contextlib import contextmanager

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

Shop = sessionmaker(create_engine("postgresql://db/shop"))
Archive = sessionmaker(create_engine("postgresql://db/archive"))


@contextmanager
def shop():
    with Shop() as session:
        yield session


@contextmanager
def archive():
    with Archive() as session:
        yield session
"""
SYNC_AND_ASYNC = """\
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker

Shop = sessionmaker(create_engine("postgresql://db/shop"))
AsyncShop = async_sessionmaker(create_async_engine("postgresql+asyncpg://db/shop"))


@contextmanager
def session_scope():
    with Shop() as session:
        yield session


@asynccontextmanager
async def async_scope():
    async with AsyncShop() as session:
        yield session
"""
READ_AND_WRITE = """\
import sqlite3
from contextlib import closing, contextmanager


@contextmanager
def reading():
    with closing(sqlite3.connect("shop.db")) as conn:
        yield conn


@contextmanager
def writing():
    with closing(sqlite3.connect("shop.db")) as conn, conn:
        yield conn
"""
READ_AND_WRITE_USE = """\
import sqlite3


def count():
    conn = sqlite3.connect("shop.db")
    return conn.execute("SELECT 1").fetchone()


def add():
    with sqlite3.connect("shop.db") as conn:
        conn.execute("INSERT INTO log VALUES (1)")
"""
FLASK = """\
from flask import Flask, g
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

app = Flask(__name__)
Session = sessionmaker(create_engine("postgresql://db/shop"))


def get_session():
    if "session" not in g:
        g.session = Session()
    return g.session


@app.teardown_appcontext
def end(error):
    session = g.pop("session", None)
    if session is not None:
        session.close()


@app.route("/items")
def items():
    return get_session().execute("x").scalar()


@app.route("/count")
def count():
    session = Session()
    try:
        return session.execute("x").scalar()
    finally:
        session.close()
"""
_CORE = {"core/__init__.py": "", "app/__init__.py": ""}

HOUSES: dict[str, dict[str, str]] = {
    "a factory alone": {
        "core/database.py": FACTORY,
        "app/shop.py": SERVICE,
    },
    "a factory and a provider": {
        "core/database.py": FACTORY + PROVIDER,
        "app/shop.py": SERVICE,
        "tests/test_shop.py": TESTS,
    },
    "a factory and a dependency": {
        "core/database.py": FACTORY + DEPENDENCY,
        "app/shop.py": SERVICE,
        "api/shop.py": ROUTES,
    },
    "a factory, a provider and a dependency": {
        "core/database.py": FACTORY + PROVIDER + DEPENDENCY,
        "app/shop.py": SERVICE,
        "api/shop.py": ROUTES,
        "tests/test_shop.py": TESTS,
    },
    "an asynchronous factory": {
        "core/database.py": FACTORY.replace("create_engine", "create_async_engine")
        .replace("sqlalchemy import", "sqlalchemy.ext.asyncio import")
        .replace(
            "sqlalchemy.orm import sessionmaker", "sqlalchemy.ext.asyncio import async_sessionmaker"
        )
        .replace("= sessionmaker", "= async_sessionmaker"),
        "app/shop.py": """\
from core.database import SessionLocal


async def leaves_open():
    session = SessionLocal()
    return await session.execute("x")


async def own_block():
    async with SessionLocal() as session:
        return (await session.execute("x")).all()
""",
    },
    "a manager": {"core/manager.py": MANAGER, "app/views.py": VIEWS},
    "a manager that is given up": {
        "core/manager.py": MANAGER,
        "core/database.py": FACTORY + PROVIDER,
        "app/views.py": VIEWS,
        "dbsession.toml": LEGACY,
    },
    "a preset of another house": {
        "core/manager.py": MANAGER,
        "app/views.py": VIEWS,
        "dbsession.toml": 'preset = "unified"\n',
    },
    "a pool": {"core/pool.py": POOL, "app/billing.py": BILLING},
    "a pool and a provider": {
        "core/pool.py": "from contextlib import contextmanager\n\n" + POOL + POOL_PROVIDER,
        "app/billing.py": BILLING,
    },
    "a pool and a declared provider": {
        "core/pool.py": "from contextlib import contextmanager\n\n" + POOL + POOL_PROVIDER,
        "app/billing.py": BILLING,
        "dbsession.toml": 'connections = "core.pool:connection"\n',
    },
    "a file": {"app/store.py": SQLITE},
    "a file and a provider": {
        "app/store.py": SQLITE.replace("import closing", "import closing, contextmanager")
        + SQLITE_PROVIDER
    },
    "connections of psycopg 3": {"app/shop.py": PSYCOPG},
    "connections of psycopg 3 and a provider": {
        "core/database.py": PSYCOPG_PROVIDER,
        "app/shop.py": PSYCOPG.replace(
            'DSN = "postgresql://db/shop"', "from core.database import DSN"
        ),
        "dbsession.toml": 'connections = "core.database:transaction"\n',
    },
    "two databases of PostgreSQL": {
        "core/database.py": TWO_POSTGRES,
        "app/shop.py": """\
from core.database import Archive, Shop


def both():
    session = Shop()
    old = Archive()
    rows = session.execute("x").all(), old.execute("x").all()
    old.close()
    session.close()
    return rows


def kept():
    with Archive() as session:
        return session.execute("x").all()


def open_shop():
    session = Shop()
    return session.execute("x").all()
""",
    },
    "one database, plain and asynchronous": {
        "core/database.py": SYNC_AND_ASYNC,
        "app/shop.py": """\
from core.database import AsyncShop, Shop


def plain():
    session = Shop()
    return session.execute("x").all()


async def waiting():
    session = AsyncShop()
    return (await session.execute("x")).all()
""",
    },
    "connections to read and to write": {
        "core/database.py": READ_AND_WRITE,
        "app/shop.py": READ_AND_WRITE_USE,
        "dbsession.toml": 'connections = ["core.database:reading", "core.database:writing"]\n',
    },
    "a Flask accessor": {"app/shop.py": FLASK},
    "a registry": {
        "core/database.py": FACTORY.replace(
            "import sessionmaker", "import scoped_session, sessionmaker"
        )
        + "Session = scoped_session(SessionLocal)\n",
        "app/shop.py": "from core.database import Session\n\n\n"
        "def items():\n    session = Session()\n    return session.execute('x').all()\n",
    },
    "session classes": {
        "core/database.py": "from sqlalchemy import create_engine\n\n"
        'engine = create_engine("postgresql://db/shop")\n',
        "app/shop.py": """\
from sqlalchemy.orm import Session

from core.database import engine


def leaves_open():
    session = Session(engine)
    return session.execute("x").scalar()


def own_block():
    with Session(engine) as session:
        return session.execute("x").scalar()
""",
    },
}
"""Each house's files, by path."""

for _files in HOUSES.values():
    for _name, _text in _CORE.items():
        _files.setdefault(_name, _text)
