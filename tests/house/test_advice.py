"""What is advised for a place: the best way that can be used there, in the words of the file."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flake8_dbsession.analysis.facts.acquisition.acquisitions import Acquisition
from flake8_dbsession.house.advice import Advice
from flake8_dbsession.linter import Linter, PreparedFile, Settings
from flake8_dbsession.policy.loading import forget_policies
from tests.cases import CHOSEN, lint, write_project

FACTORY = """
from contextlib import asynccontextmanager, contextmanager
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

engine = create_engine("postgresql://db/shop")
SessionLocal = sessionmaker(engine)
"""
PROVIDER = """
@contextmanager
def {name}({parameters}):
    with {factory}() as db:
        yield db
        {commit}
"""
USE = """
from core.db import SessionLocal

def work():
    db = SessionLocal()
    db.query(1)
"""


def provider(
    name: str = "scope", parameters: str = "", factory: str = "SessionLocal", commit: str = "pass"
) -> str:
    return PROVIDER.format(name=name, parameters=parameters, factory=factory, commit=commit)


def advised(folder: Path, files: dict[str, str], name: str = "app/work.py") -> list[Advice]:
    """The advice for each acquisition of a file."""
    write_project(folder, files)
    text = (folder / name).read_text(encoding="utf-8")
    prepared = Linter(Settings()).prepare(str(folder / name), text, ast.parse(text))
    assert isinstance(prepared, PreparedFile)
    return [prepared.context.advice(each) for each in prepared.context.file.facts(Acquisition)]


def one(folder: Path, database: str, use: str = USE, policy: str = "", **more: str) -> str:
    files = {"core/__init__.py": "", "core/db.py": database, "app/work.py": use, **more}
    if policy:
        files["dbsession.toml"] = policy
    (advice,) = advised(folder, files)
    return advice.words


OWN_BLOCK = "`with SessionLocal() as db:`"


@pytest.mark.parametrize(
    ("database", "words"),
    [
        (FACTORY, OWN_BLOCK),
        (FACTORY + provider(), "`with scope() as db:`"),
        (FACTORY + provider(parameters="readonly=False"), "`with scope() as db:`"),
        # What cannot be used is not advised.
        (FACTORY + provider(parameters="tenant"), OWN_BLOCK),
        (FACTORY + provider("_scope"), OWN_BLOCK),
        (FACTORY + "def scope():\n    yield SessionLocal()\n", OWN_BLOCK),
        (FACTORY + "def scope():\n    return SessionLocal()\n", OWN_BLOCK),
        # Two databases are two.
        (
            FACTORY
            + 'Archive = sessionmaker(create_engine("postgresql://db/archive"))\n'
            + provider(factory="Archive"),
            OWN_BLOCK,
        ),
        (
            FACTORY + "Other = sessionmaker(engine, autoflush=False)\n" + provider(factory="Other"),
            "`with scope() as db:`",
        ),
        # An asynchronous one is none for a plain session.
        (
            FACTORY
            + "Make = async_sessionmaker()\n@asynccontextmanager\n"
            + "async def scope():\n    async with Make() as db:\n        yield db\n",
            OWN_BLOCK,
        ),
        # Nor is an asynchronous block around a plain one.
        (
            FACTORY
            + "@asynccontextmanager\n"
            + "async def scope():\n    with SessionLocal() as db:\n        yield db\n",
            OWN_BLOCK,
        ),
    ],
)
def test_what_stands_beside_the_factory(database: str, words: str, tmp_path: Path) -> None:
    assert one(tmp_path, database) == words


WORDS = {
    "from core import db as database\n\ndef work():\n    x = database.SessionLocal()\n    x.a()": (
        "`with database.scope() as x:`"
    ),
    "from core.db import SessionLocal, scope as block\n\ndef work():\n    x = SessionLocal()": (
        "`with block() as x:`"
    ),
    "import core.db\n\ndef work():\n    x = core.db.SessionLocal()\n    x.a()": (
        "`with core.db.scope() as x:`"
    ),
}


@pytest.mark.parametrize(("use", "words"), WORDS.items())
def test_the_words_are_the_files(use: str, words: str, tmp_path: Path) -> None:
    assert one(tmp_path, FACTORY + provider(), use) == words


BEGUN = """
from core.db import SessionLocal

def work(user):
    with SessionLocal.begin() as db:
        {}
"""


@pytest.mark.parametrize(
    ("work", "commit", "words"),
    [
        ("db.add(user)", "db.commit()", "`with scope() as db:`"),
        ("db.add(user)", "pass", "`with SessionLocal.begin() as db:`"),
        ("helper(db)", "pass", "`with SessionLocal.begin() as db:`"),
        ("db.add(user); db.commit()", "pass", "`with scope() as db:`"),
        ("db.get(user, 1)", "pass", "`with scope() as db:`"),
    ],
)
def test_no_write_is_lost(work: str, commit: str, words: str, tmp_path: Path) -> None:
    assert one(tmp_path, FACTORY + provider(commit=commit), BEGUN.format(work)) == words


SEVERAL = """
[[layers]]
name = "services"
paths = ["app/"]
use = ["core.db:reading", "core.db:writing"]
"""


@pytest.mark.parametrize(
    ("work", "name"),
    [("db.add(1)", "writing"), ("db.get(1, 2)", "reading"), ("helper(db)", "reading")],
)
def test_of_several_ways_the_one_that_fits(work: str, name: str, tmp_path: Path) -> None:
    database = FACTORY + provider("reading") + provider("writing", commit="db.commit()")
    use = USE.replace("db.query(1)", work)
    assert one(tmp_path, database, use, SEVERAL) == f"`with {name}() as db:`"


@pytest.mark.parametrize(
    ("work", "name"),
    [("db.add(1)", "writing"), ("db.query(1)", "reading"), ("helper(db)", "writing")],
)
def test_of_several_that_are_found_the_one_that_fits(work: str, name: str, tmp_path: Path) -> None:
    database = FACTORY + provider("writing", commit="db.commit()") + provider("reading")
    assert one(tmp_path, database, USE.replace("db.query(1)", work)) == f"`with {name}() as db:`"


MODEL = """
from core.db import SessionLocal

class Agent(Base):
    __tablename__ = "agents"
    id = Column(Integer, primary_key=True)

def find(key):
    with SessionLocal() as db:
        return {}
"""


@pytest.mark.parametrize(
    ("value", "ending"),
    [
        ("db.get(Agent, key)", ", and return values: the block's commit expires objects"),
        ("db.query(Agent).all()", ", and return values: the block's commit expires objects"),
        ("db.get(Agent, key).id", ""),
        ("db.query(Agent.id).all()", ""),
    ],
)
def test_a_commit_that_expires_what_is_returned(tmp_path: Path, value: str, ending: str) -> None:
    use = MODEL.replace("{}", value)
    committing = FACTORY + provider(commit="db.commit()")
    for folder, database, said in [
        ("a", committing, ending),
        ("b", FACTORY + provider(), ""),
        ("c", committing.replace("(engine)", "(engine, expire_on_commit=False)"), ""),
    ]:
        files = {"core/__init__.py": "", "core/db.py": database, "app/work.py": use}
        write_project(tmp_path / folder, CHOSEN | files)
        (message,) = [m for *_, m in lint(tmp_path / folder, "app/work.py")]
        assert message.partition("; use ")[2] == f"`with scope() as db:`{said}"


LAYER = """
[[layers]]
name = "services"
paths = ["app/"]
use = "{}"
"""


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ("core.db:scope", "`with scope() as db:`"),
        ("elsewhere:scope", "`with scope() as db:`"),  # taken on trust
        ("self.manager.scope", OWN_BLOCK),  # there is no instance
        ("core.db:needy", OWN_BLOCK),
        ("core.db:foreign", OWN_BLOCK),
    ],
)
def test_what_a_policy_names_has_to_be_usable(use: str, words: str, tmp_path: Path) -> None:
    database = (
        FACTORY
        + 'Archive = sessionmaker(create_engine("postgresql://db/archive"))\n'
        + provider("_hidden")
        + provider("needy", "tenant")
        + provider("foreign", factory="Archive")
    )
    if use == "core.db:scope":
        database += provider()
    assert one(tmp_path, database, USE, LAYER.format(use)) == words


MANAGER = """
from contextlib import contextmanager
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

class Manager:
    def __init__(self):
        self.engine = create_engine("postgresql://db/shop")
        self.Session = sessionmaker(self.engine)

    @contextmanager
    def session(self):
        with self.Session() as db:
            yield db
"""


def test_a_method_needs_an_object_at_hand(tmp_path: Path) -> None:
    use = """
        from core.db import Manager

        class Service:
            def __init__(self):
                self.manager = Manager()

            def work(self):
                db = self.manager.Session()
                db.query(1)

        def outside(manager: Manager):
            db = manager.Session()
            db.query(1)
    """
    files = {"core/__init__.py": "", "core/db.py": MANAGER, "app/work.py": dedent(use)}
    words = [advice.words for advice in advised(tmp_path, files)]
    assert words == ["`with self.manager.session() as db:`", "`with manager.Session() as db:`"]


def test_a_provider_of_an_imported_module_counts_for_its_own_factory(tmp_path: Path) -> None:
    scopes = (
        "from contextlib import contextmanager\nfrom core.db import SessionLocal\n" + provider()
    )
    use = USE.replace("\n\ndef", "\nfrom core.scopes import anything\n\ndef")
    assert one(tmp_path, FACTORY, use, **{"core/scopes.py": scopes}) == "`with scope() as db:`"
    assert one(tmp_path, FACTORY, USE, **{"core/scopes.py": scopes}) == OWN_BLOCK


def test_a_provider_that_only_its_own_module_uses_is_a_helper_of_that(tmp_path: Path) -> None:
    scopes = (
        "from contextlib import contextmanager\nfrom core.db import SessionLocal\n" + provider()
    )
    own = scopes + "\ndef run():\n    with scope() as db:\n        db.query(1)\n"
    use = USE.replace("\n\ndef", "\nfrom core.jobs import run\n\ndef")
    files = {"core/jobs.py": own, "core/alike.py": own}
    assert one(tmp_path, FACTORY, use, **files) == OWN_BLOCK
    files["core/other.py"] = "from core.jobs import scope\n\nwith scope() as db:\n    pass\n"
    assert one(tmp_path / "shared", FACTORY, use, **files) == "`with scope() as db:`"
    files = {"core/jobs.py": scopes}
    assert one(tmp_path / "new", FACTORY, use, **files) == "`with scope() as db:`"


def test_a_handler_is_given_its_session(tmp_path: Path) -> None:
    database = (
        FACTORY + provider() + "def get_db():\n    with SessionLocal() as db:\n        yield db\n"
    )
    use = """
        from fastapi import APIRouter
        from core.db import SessionLocal

        router = APIRouter()

        @router.get("/")
        def show():
            db = SessionLocal()
            return db.query(1)
    """
    assert one(tmp_path, database, use) == "the parameter `db = Depends(get_db)`"
    flask = use.replace("fastapi", "flask").replace("APIRouter()", "Blueprint('a', __name__)")
    flask = flask.replace("APIRouter", "Blueprint").replace("router.get", "router.route")
    assert one(tmp_path, database, flask) == "`with scope() as db:`"


def test_a_handler_that_returns_a_stream_opens_its_session_itself(tmp_path: Path) -> None:
    database = (
        FACTORY + provider() + "def get_db():\n    with SessionLocal() as db:\n        yield db\n"
    )
    use = """
        from fastapi import APIRouter
        from fastapi.responses import StreamingResponse
        from core.db import SessionLocal

        router = APIRouter()

        @router.get("/")
        def show():
            db = SessionLocal()
            allowed = db.scalar("SELECT 1")
            db.close()
            return StreamingResponse(events(allowed))
    """
    assert one(tmp_path, database, use) == "`with scope() as db:`"


def test_a_name_that_the_file_gives_to_its_own_function(tmp_path: Path) -> None:
    own = USE + "\n\ndef scope():\n    return 1\n"
    assert one(tmp_path, FACTORY + provider(), own) == OWN_BLOCK
    reached = own.replace("from core.db import SessionLocal", "from core import db as core_db")
    reached = reached.replace("SessionLocal()", "core_db.SessionLocal()")
    words = one(tmp_path / "other", FACTORY + provider(), reached)
    assert words == "`with core_db.scope() as db:`"


def test_the_file_s_own_dependency_goes_before_one_of_that_name(tmp_path: Path) -> None:
    dependency = "def get_db():\n    with SessionLocal() as db:\n        yield db\n"
    use = """
        from fastapi import FastAPI
        from core.db import SessionLocal

        app = FastAPI()

        def get_db():
            with SessionLocal() as db:
                yield db

        @app.get("/")
        def show():
            db = SessionLocal()
            return db.query(1)
    """
    files = {"core/db.py": FACTORY + provider() + dependency, "app/work.py": use}
    words = [each.words for each in advised(tmp_path, files)]
    assert words[-1] == "the parameter `db = Depends(get_db)`"


@pytest.mark.parametrize(
    ("required", "words"),
    [
        ("sqlalchemy~=1.3.24", "`with closing(SessionLocal()) as db:`"),
        ("sqlalchemy<1.4", "`with closing(SessionLocal()) as db:`"),
        ("sqlalchemy<2", OWN_BLOCK),
        ("sqlalchemy", OWN_BLOCK),
    ],
)
def test_a_session_before_it_was_a_context_manager(
    required: str, words: str, tmp_path: Path
) -> None:
    assert one(tmp_path, FACTORY, **{"requirements.txt": f"{required}\n"}) == words


def test_a_line_that_has_to_stand_before_is_told(tmp_path: Path) -> None:
    policy = LAYER.format("manager.session") + 'bind = "manager = current_app.manager"\n'
    assert one(tmp_path, FACTORY, USE, policy) == (
        "`with manager.session() as db:` after `manager = current_app.manager`"
    )


def test_a_way_that_cannot_be_read_is_what_the_policy_says(tmp_path: Path) -> None:
    ways = '[[ways]]\nname = "acme_db:session"\ncommits = {}\n'
    policy = LAYER.format("acme_db:session")
    begun = BEGUN.format("db.add(user)")
    assert one(tmp_path, FACTORY, begun, policy + ways.format("true")) == (
        "`with session() as db:`"
    )
    forget_policies()
    assert one(tmp_path, FACTORY, begun, policy + ways.format("false")) == (
        "`with SessionLocal.begin() as db:`"
    )


OBJECTS = """
from contextlib import contextmanager
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

class Manager:
    def __init__(self, url):
        self.engine = create_engine(url)
        self.Session = sessionmaker(self.engine)

    def get_session(self):
        return self.Session()

class Wrapper:
    def __init__(self, manager: Manager):
        self.manager = manager

    @contextmanager
    def scope(self):
        with self.manager.get_session() as db:
            yield db

main = Manager("sqlite:///main.db")
archive = Manager("sqlite:///archive.db")
wrapper = Wrapper(main)

@contextmanager
def get_db_session():
    with main.Session() as db:
        yield db
"""


@pytest.mark.parametrize(
    ("opening", "words"),
    [
        ("main.get_session()", "`with get_db_session() as db:`"),
        ("main.Session()", "`with get_db_session() as db:`"),
        ("archive.get_session()", "`with archive.get_session() as db:`"),
        ("archive.Session()", "`with archive.Session() as db:`"),
        ("given.get_session()", "`with given.get_session() as db:`"),
        ("Manager('x').get_session()", "`with Manager('x').get_session() as db:`"),
    ],
)
def test_each_object_has_a_database_of_its_own(opening: str, words: str, tmp_path: Path) -> None:
    use = f"""
from core.db import Manager, archive, get_db_session, main

def work(given: Manager):
    db = {opening}
    db.query(1)
"""
    assert one(tmp_path, OBJECTS, use) == words


def test_an_object_that_holds_another_has_its_database(tmp_path: Path) -> None:
    use = """
from core.db import archive, main, wrapper

def work():
    db = main.get_session()
    db.query(1)

def other():
    db = archive.get_session()
    db.query(1)
"""
    database = OBJECTS.partition("@contextmanager\ndef get_db_session")[0]
    files = {"core/__init__.py": "", "core/db.py": database, "app/work.py": use}
    assert [advice.words for advice in advised(tmp_path, files)] == [
        "`with wrapper.scope() as db:`",
        "`with archive.get_session() as db:`",
    ]


def test_a_preset_s_name_is_advised_only_where_its_module_has_it(tmp_path: Path) -> None:
    files = {
        "dbsession.toml": 'preset = "dbapi"\n',
        "core/__init__.py": "",
        "core/db.py": 'DSN = "x"\n',
        "app/work.py": """
            import psycopg2
            from core import db

            def work():
                conn = psycopg2.connect(db.DSN)
                conn.close()
        """,
    }
    write_project(tmp_path, files)
    found = lint(tmp_path, "app/work.py", selected=frozenset({"DBS107"}))
    assert [code for _, _, code, _ in found if code == "DBS107"] == []


CONNECTIONS = """
import sqlite3
from contextlib import contextmanager

class Manager:
    @contextmanager
    def connection(self):
        conn = sqlite3.connect("shop.db")
        try:
            yield conn
        finally:
            conn.close()

manager = Manager()
"""


def test_a_dotted_name_of_the_policy_is_imported_from_its_module(tmp_path: Path) -> None:
    """``import core.manager`` stands nowhere, so that nobody could write the whole name."""
    use = """
        import sqlite3

        def count(path):
            conn = sqlite3.connect(path)
            return conn.execute("x").fetchone()
    """
    files = {"core/__init__.py": "", "core/manager.py": CONNECTIONS, "app/work.py": use}
    for written in ("core.manager:manager.connection", "core.manager.manager.connection"):
        write_project(tmp_path, files | {"dbsession.toml": f'connections = "{written}"'})
        forget_policies()
        messages = [message for *_, message in lint(tmp_path, "app/work.py")]
        assert len(messages) == 2
        assert all("`with manager.connection() as conn:`" in message for message in messages)


def test_a_block_that_leaves_a_connection_open_is_no_way(tmp_path: Path) -> None:
    use = """
        import psycopg2

        def get_connection():
            return psycopg2.connect("dbname=shop")

        def count():
            conn = get_connection()
            return conn.cursor().fetchone()
    """
    policy = 'connections = "get_connection"'
    write_project(tmp_path, {"dbsession.toml": policy, "app/work.py": use})
    (message,) = [message for *_, message in lint(tmp_path, "app/work.py")]
    assert message.endswith("use `with closing(get_connection()) as conn:`")


OPTIONAL = """
@contextmanager
def optional():
    if engine is None:
        yield None
        return
    with SessionLocal() as db:
        yield db
        db.commit()
"""
AGAIN = """
@contextmanager
def again():
    try:
        with SessionLocal() as db:
            yield db
            db.commit()
    except Exception:
        with SessionLocal() as db:
            yield db
"""


@pytest.mark.parametrize("first", [OPTIONAL, AGAIN], ids=["optional", "again"])
def test_what_may_give_none_or_yields_again_is_no_way(first: str, tmp_path: Path) -> None:
    """Not even where it commits, as the code asks for; another one comes in its place."""
    use = USE.replace("db.query(1)", "db.add(1)")
    assert one(tmp_path, FACTORY + first, use) == OWN_BLOCK
    assert one(tmp_path, FACTORY + first + provider(), use) == "`with scope() as db:`"


@pytest.mark.parametrize("name", ["optional", "again"])
def test_a_policy_s_way_of_that_kind_is_not_written(name: str, tmp_path: Path) -> None:
    policy = f'[[layers]]\nname = "all"\npaths = ["app/**"]\nuse = "core.db:{name}"\n'
    database = FACTORY + OPTIONAL + AGAIN
    assert one(tmp_path, database, policy=policy) == OWN_BLOCK


POOLED = """
import os
from contextlib import contextmanager
from psycopg2.pool import PoolError, ThreadedConnectionPool

pool = ThreadedConnectionPool(1, 9, os.environ["URL"])

@contextmanager
def optional():
    conn = None
    try:
        conn = pool.getconn()
        yield conn
        conn.commit()
    except PoolError:
        yield None
    finally:
        pool.putconn(conn)

@contextmanager
def connection():
    conn = pool.getconn()
    try:
        yield conn
    finally:
        pool.putconn(conn)

def write():
    conn = pool.getconn()
    with conn.cursor() as cursor:
        cursor.execute("insert into t values (1)")
    conn.commit()
    pool.putconn(conn)
"""


def test_a_connection_that_may_be_none_is_no_way(tmp_path: Path) -> None:
    write_project(tmp_path, {"db.py": POOLED})
    (message,) = (message for _, _, code, message in lint(tmp_path, "db.py") if code == "DBS605")
    assert "`with connection() as conn:`" in message


DEPENDENCY = """
def {name}():
    with SessionLocal() as db:
        yield db
"""
ROUTE = """
from fastapi import APIRouter, Depends
from core.db import SessionLocal

router = APIRouter()

@router.get("/")
def show():
    db = SessionLocal()
    return db.query(1)
"""
OTHERS = """
from typing import Annotated
from fastapi import APIRouter, Depends
{imports}

Db = Annotated[Session, Depends({name})]
router = APIRouter()

@router.get("/users")
def users(db{of}):
    return db.query(1)

@router.get("/agents")
def agents(db{of}):
    return db.query(1)
"""


@pytest.mark.parametrize(
    "of", [": Db", "=Depends({name})", ": Annotated[Session, Depends({name})]"]
)
def test_the_dependency_that_routes_use_goes_before_one_that_none_does(
    of: str, tmp_path: Path
) -> None:
    """Wherever it stands: beside the factory, in a module that the file imports, or elsewhere."""
    beside = FACTORY + DEPENDENCY.format(name="get_db") + DEPENDENCY.format(name="get_used")
    imports = "from core.db import get_used"
    other = OTHERS.format(imports=imports, name="get_used", of=of.format(name="get_used"))
    words = "the parameter `db = Depends(get_used)`"
    assert one(tmp_path / "a", beside, ROUTE, **{"app/users.py": other}) == words
    deps = "from core.db import SessionLocal\n" + DEPENDENCY.format(name="get_used")
    database = FACTORY + DEPENDENCY.format(name="get_db")
    files = {"app/__init__.py": "", "app/deps.py": deps}
    files["app/users.py"] = other.replace("core.db", "app.deps")
    assert one(tmp_path / "b", database, ROUTE, **files) == words
    importing = ROUTE.replace("\nrouter", "from app.deps import anything\n\nrouter")
    assert one(tmp_path / "c", database, importing, **files) == words
    # Nothing is injected: the one beside the factory.
    files["app/users.py"] = ""
    unused = one(tmp_path / "d", database, importing, **files)
    assert unused == "the parameter `db = Depends(get_db)`"


def test_the_dependency_that_most_routes_use(tmp_path: Path) -> None:
    database = FACTORY + DEPENDENCY.format(name="get_db") + DEPENDENCY.format(name="get_used")
    imports = "from core.db import get_db, get_used"
    once = "\n@router.get('/')\ndef once(db=Depends(get_db)):\n    return db\n"
    other = OTHERS.format(imports=imports, name="get_used", of=": Db") + once
    words = one(tmp_path, database, ROUTE, **{"app/users.py": other})
    assert words == "the parameter `db = Depends(get_used)`"


def test_a_dependency_of_another_database_is_none_however_often_it_is_used(tmp_path: Path) -> None:
    archive = 'Archive = sessionmaker(create_engine("postgresql://db/archive"))\n'
    of_archive = DEPENDENCY.format(name="get_used").replace("SessionLocal", "Archive")
    database = FACTORY + archive + DEPENDENCY.format(name="get_db") + of_archive
    other = OTHERS.format(imports="from core.db import get_used", name="get_used", of=": Db")
    words = one(tmp_path, database, ROUTE, **{"app/users.py": other})
    assert words == "the parameter `db = Depends(get_db)`"


def test_of_two_providers_the_one_that_is_used(tmp_path: Path) -> None:
    database = FACTORY + provider("first") + provider("second")
    other = "from core.db import second\n\ndef f():\n    with second() as db:\n        db.a()\n"
    assert one(tmp_path, database) == "`with first() as db:`"
    assert one(tmp_path, database, **{"app/other.py": other}) == "`with second() as db:`"
